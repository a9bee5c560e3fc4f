"""Images as a few hundred numbers each, without a network: means of pixels."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import avg_pool2d

PIXEL_SIDE = 32  # of the comparison of plain pixels


def small(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels as features (n, d) in [0, 1]; larger images are averaged down to about 32 px."""
    n, _, h, w = pixels.shape
    step = math.ceil(max(h, w) / PIXEL_SIDE)
    x = torch.from_numpy(np.ascontiguousarray(pixels)).float().div_(255)
    x = avg_pool2d(x, step, ceil_mode=True) if step > 1 else x
    flat: NDArray[np.float32] = x.reshape(n, -1).numpy()
    return flat
