"""Images as a few hundred numbers each, without a network: means of pixels."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

PIXEL_SIDE = 32  # of the comparison of plain pixels
MOST_STEP = 11  # whose square times 255 is an int16


def small(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels as features (n, d) in [0, 1]; larger images are averaged down to about 32 px."""
    n, _, h, w = pixels.shape
    step = math.ceil(max(h, w) / PIXEL_SIDE)
    x = torch.from_numpy(np.ascontiguousarray(pixels))
    if step == 1 or step > MOST_STEP or h % step or w % step:
        x = x.float().div_(255)
        x = avg_pool2d(x, step, ceil_mode=True) if step > 1 else x
    else:  # whole numbers are added up in a quarter of the time, and without rounding
        x = sum_of(sum_of(x.to(torch.int16), 2, step), 3, step).float().div_(255 * step * step)
    flat: NDArray[np.float32] = x.reshape(n, -1).numpy()
    return flat


def sum_of(x: Tensor, axis: int, step: int) -> Tensor:
    """Sums of so many neighbours along an axis."""
    every = [slice(None)] * x.dim()
    total: Tensor | None = None
    for n in range(step):
        part = x[(*every[:axis], slice(n, None, step))]
        total = part.clone() if total is None else total.add_(part)
    assert total is not None
    return total
