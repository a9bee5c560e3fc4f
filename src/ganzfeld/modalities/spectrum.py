"""How much of a sample's power lies in its finest details: one number each for a set of samples."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)

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
    window = torch.from_numpy(np.asarray(x[:, :, :height, :width], np.float32))
    waves = torch.view_as_real(torch.fft.rfft2(window - window.mean((2, 3), keepdim=True)))
    # of all samples first: twenty times as fast as together with both parts of a wave
    power = waves.square_().sum((0, 1), dtype=torch.float64).sum(2).numpy()  # (H, W / 2 + 1)
    total = float(power.sum())
    if total <= 0:
        return {}
    return {name: float(power[where].sum()) / total for name, where in parts(height, width).items()}


@lru_cache(maxsize=4)
def parts(height: int, width: int) -> dict[str, NDArray[np.bool_]]:
    """Where waves (H, W / 2 + 1) are fine, and where they are the finest."""
    along = np.abs(np.fft.fftfreq(height))[:, None] * 2
    across = np.fft.rfftfreq(width)[None] * 2
    highest = np.maximum(along, across)
    return {"fine": highest > 0.5, "grid": highest > 1 - 1e-9}
