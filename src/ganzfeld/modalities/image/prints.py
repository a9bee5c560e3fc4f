"""Images as a check of a data set compares them: prints for near copies, and traits of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, affine_grid, grid_sample

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)

SIDE, COMPARED = 32, 16  # px of a print, and of what is compared
SCALES = (0.95, 0.9, 0.85)  # of the side that a crop leaves
PLACES = (-1, 0, 1)  # of the crop: at either edge, or in the middle
CHUNK = 2_048  # images turned together

Floats = NDArray[np.float32]


def grey(pixels: NDArray[np.uint8]) -> Tensor:
    """Images (N, C, H, W) as brightness (N, 1, H, W) in [0, 255]; without their transparency."""
    colours = 1 if pixels.shape[1] < 3 else 3
    x = torch.from_numpy(pixels[:, :colours].astype(np.float32))  # a copy: a pack is read-only
    return x.mean(1, keepdim=True)


def prints(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A small grey image of each, at most 32 px: (N, h, w)."""
    x = grey(pixels)
    small = adaptive_avg_pool2d(x, (min(SIDE, x.shape[2]), min(SIDE, x.shape[3])))
    found: NDArray[np.uint8] = small[:, 0].round().to(torch.uint8).numpy()
    return found


def views(found: NDArray[np.uint8], *, all_of_them: bool = True) -> Iterator[tuple[str, Floats]]:
    """Prints as they are, mirrored, and as a crop would leave them: (what, (N, 256))."""
    yield "", turned(found, 1.0, 0, 0)
    yield "mirrored", turned(found[:, :, ::-1], 1.0, 0, 0)
    for scale in SCALES if all_of_them else ():
        for down in PLACES:
            for right in PLACES:
                yield "cropped", turned(found, scale, down, right)


def turned(found: NDArray[np.uint8], scale: float, down: int, right: int) -> Floats:
    """A part of each print, this share of its sides, brought to 16 x 16: (N, 256)."""
    parts = []
    for low in range(0, len(found), CHUNK):
        x = torch.from_numpy(np.ascontiguousarray(found[low : low + CHUNK])).float()[:, None]
        if scale < 1:
            matrix = torch.tensor(
                [[scale, 0, right * (1 - scale)], [0, scale, down * (1 - scale)]]
            ).expand(len(x), 2, 3)
            grid = affine_grid(matrix, list(x.shape), align_corners=False)
            x = grid_sample(x, grid, align_corners=False, padding_mode="border")
        parts.append(adaptive_avg_pool2d(x, (COMPARED, COMPARED)).flatten(1).numpy())
    return np.concatenate(parts) if parts else np.zeros((0, COMPARED**2), np.float32)


def traits(pixels: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Of images (N, C, H, W): the brightest and the darkest twentieth, contrast, and fine detail.

    "detail" is the logarithm of second differences over first ones: blur takes more of the former.
    """
    x = grey(pixels)[:, 0].numpy() / np.float32(255)
    flat = np.sort(x.reshape(len(x), -1), axis=1)
    edge = max(flat.shape[1] // 20, 1)
    found = {"bright": flat[:, -edge], "dim": flat[:, edge - 1], "contrast": flat.std(1)}
    if min(x.shape[1:]) < 8:
        return found
    middle = x[:, 1:-1, 1:-1]
    around = x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]
    second = ((4 * middle - around) ** 2).mean((1, 2))
    first = (np.diff(x, axis=1) ** 2).mean((1, 2)) + (np.diff(x, axis=2) ** 2).mean((1, 2))
    detail = 0.5 * (np.log10(second + 1e-6) - np.log10(first + 1e-5))
    return found | {"detail": detail}
