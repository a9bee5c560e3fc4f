"""How much of a sample's power lies in its finest details: one number each for a set of samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 16  # of a side, below which there is no octave to speak of
MOST = 64  # of a side: a window of so much is looked at


def fine_power(x: NDArray[Any]) -> dict[str, float]:
    """Shares of the power of samples (N, C, H, W) that lie in the top octave and on the grid.

    "fine": between half and all of the highest frequency along either axis. "grid": at the highest
    frequency itself, which is where layers that double the size leave a chessboard (Odena et al.
    2016). {} for small samples.
    """
    if x.ndim != 4 or min(x.shape[2:]) < LEAST:
        return {}
    height, width = (min(side, MOST) // 2 * 2 for side in x.shape[2:])
    window = np.asarray(x[:, :, :height, :width], np.float64)
    window = window - window.mean((2, 3), keepdims=True)
    power = (np.abs(np.fft.rfft2(window)) ** 2).mean((0, 1))  # (H, W / 2 + 1)
    along = np.abs(np.fft.fftfreq(height))[:, None] * 2
    across = np.fft.rfftfreq(width)[None] * 2
    highest = np.maximum(along, across)
    total = float(power.sum())
    if total <= 0:
        return {}
    fine, grid = power[highest > 0.5].sum(), power[highest > 1 - 1e-9].sum()
    return {"fine": float(fine) / total, "grid": float(grid) / total}
