"""Images as a few hundred numbers each, without a network: means of pixels, and thumbnails."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

SIDE = 16  # of a thumbnail
CUT = 3  # px
PIXEL_SIDE = 32  # of the comparison of plain pixels


def small(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels as features (n, d) in [0, 1]; larger images are averaged down to about 32 px."""
    n, _, h, w = pixels.shape
    step = math.ceil(max(h, w) / PIXEL_SIDE)
    x = torch.from_numpy(pixels).float() / 255
    x = avg_pool2d(x, step, ceil_mode=True) if step > 1 else x
    flat: NDArray[np.float32] = x.reshape(n, -1).numpy()
    return flat


def thumbnails(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Images (N, C, H, W) as 16 x 16 means of pixels in [0, 1], less each channel's mean."""
    x = torch.from_numpy(np.ascontiguousarray(pixels)).float() / 255
    if max(x.shape[2:]) > SIDE:
        x = adaptive_avg_pool2d(x, (min(SIDE, x.shape[2]), min(SIDE, x.shape[3])))
    flat: NDArray[np.float32] = (x - x.mean((2, 3), keepdim=True)).flatten(1).numpy()
    return flat


def variants_of(pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Thumbnails of the images as a copy may hide them, undone.

    Mirrored; smaller, as if 3 px had been cut off at each side; and, where thumbnails are nearly
    as large as the images, one pixel to each side.
    """
    side = min(pixels.shape[2:])
    found = [np.ascontiguousarray(pixels[:, :, :, ::-1])]
    if side > 4 * CUT:
        edge = round(CUT * side / (side - 2 * CUT))
        found.append(np.pad(pixels, ((0, 0), (0, 0), (edge, edge), (edge, edge)), mode="edge"))
    if side < 3 * SIDE:
        found += [np.roll(pixels, step, axis) for axis in (2, 3) for step in (1, -1)]
    return [thumbnails(images) for images in found]
