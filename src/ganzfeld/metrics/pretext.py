"""Image changes that a network learns to recognise, and so learns image features.

A network that names what was done to an image has to know how the parts of an image lie, how sharp
its edges are and which colours go together: Gidaris et al. 2018, "Unsupervised representation
learning by predicting image rotations"; Jenni, Jin and Favaro 2020, "Steering self-supervised
feature learning beyond local pixel statistics". Every change has a random strength.
All take and give float32 images (N, C, H, W) in [-1, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, interpolate

Draw = np.random.Generator
Change = Callable[[Tensor, Draw], Tensor]


def normal(draw: Draw, *shape: int) -> Tensor:
    return torch.from_numpy(draw.standard_normal(shape, np.float32))


def uniform(draw: Draw, n: int, low: float, high: float) -> Tensor:
    """(n, 1, 1, 1), evenly spread over the logarithm."""
    values = np.exp(draw.uniform(math.log(low), math.log(high), (n, 1, 1, 1)))
    return torch.from_numpy(values.astype(np.float32))


def local_mean(x: Tensor, side: int) -> Tensor:
    return avg_pool2d(x, side, 1, side // 2, count_include_pad=False)


def turned(quarters: int) -> Change:
    """By quarters of a turn; images that are not square by half turns alone."""

    def apply(x: Tensor, draw: Draw) -> Tensor:
        square = x.shape[2] == x.shape[3]
        return torch.rot90(x, quarters if square else 2, (2, 3))

    return apply


def shuffled(x: Tensor, draw: Draw) -> Tensor:
    """2 x 2 to 4 x 4 tiles in another order."""
    n, c, h, w = x.shape
    parts = int(draw.integers(2, 5))
    a, b = max(1, h // parts), max(1, w // parts)
    rows, columns = h // a, w // b
    y = x[:, :, : a * rows, : b * columns].reshape(n, c, rows, a, columns, b)
    y = y.permute(0, 2, 4, 1, 3, 5).reshape(n, rows * columns, c, a, b)
    orders: NDArray[np.int64] = np.argsort(draw.random((n, rows * columns)), 1)
    y = y[torch.arange(n)[:, None], torch.from_numpy(orders)]
    y = y.reshape(n, rows, columns, c, a, b).permute(0, 3, 1, 4, 2, 5)
    found = x.clone()
    found[:, :, : a * rows, : b * columns] = y.reshape(n, c, a * rows, b * columns)
    return found


def warped(x: Tensor, draw: Draw) -> Tensor:
    """Bent by a smooth field."""
    n, _, h, w = x.shape
    knots = int(draw.integers(3, 7))
    coarse = normal(draw, n, 2, knots, knots) * uniform(draw, n, 0.06, 0.25)
    field = interpolate(coarse, (h, w), mode="bilinear", align_corners=True)
    y, z = torch.meshgrid(torch.linspace(-1, 1, h), torch.linspace(-1, 1, w), indexing="ij")
    grid = torch.stack([z, y], -1) + field.permute(0, 2, 3, 1)
    return grid_sample(x, grid, padding_mode="border", align_corners=True)


def mixed(x: Tensor, draw: Draw) -> Tensor:
    """With the next image, by a share that is the same everywhere or changes over the image."""
    n, _, h, w = x.shape
    coarse = normal(draw, n, 1, 3, 3) * float(draw.integers(2)) * 3
    share = torch.sigmoid(interpolate(coarse, (h, w), mode="bilinear", align_corners=True))
    return x * share + x.roll(1, 0) * (1 - share)


def smoothed(x: Tensor, draw: Draw) -> Tensor:
    """Blurred, or made coarse."""
    side = int(draw.choice([3, 3, 5, 7]))
    if draw.random() < 0.5:
        return x + (local_mean(x, side) - x) * uniform(draw, len(x), 0.4, 1.0)
    step = min(int(draw.integers(2, 5)), *x.shape[2:])
    small = avg_pool2d(x, step, ceil_mode=True, count_include_pad=False)
    mode = str(draw.choice(["nearest", "bilinear"]))
    return interpolate(small, x.shape[2:], mode=mode)


def sharpened(x: Tensor, draw: Draw) -> Tensor:
    return (x + (x - local_mean(x, 3)) * uniform(draw, len(x), 0.5, 2.0)).clamp(-1, 1)


def noisy(x: Tensor, draw: Draw) -> Tensor:
    """Noise of one pixel or of a few, in each channel or in all alike."""
    n, c, h, w = x.shape
    step = int(draw.choice([1, 1, 2, 4]))
    shape = (n, int(draw.choice([1, c])), -(-h // step), -(-w // step))
    grain = interpolate(normal(draw, *shape), (h, w), mode="nearest")
    return (x + grain * uniform(draw, n, 0.03, 0.3)).clamp(-1, 1)


def patterned(x: Tensor, draw: Draw) -> Tensor:
    """A pattern that repeats every 2 to 8 pixels, as upsampling networks leave."""
    n, _, h, w = x.shape
    a, b = (int(v) for v in draw.choice([1, 2, 2, 3, 4, 8], 2))
    tile = normal(draw, n, 1, max(a, 2 if b == 1 else a), b)
    tile = tile - tile.mean((2, 3), keepdim=True)
    tall, wide = -(-h // tile.shape[2]), -(-w // tile.shape[3])
    pattern = tile.repeat(1, 1, tall, wide)[:, :, :h, :w]
    return (x + pattern * uniform(draw, n, 0.05, 0.4)).clamp(-1, 1)


def coloured(x: Tensor, draw: Draw) -> Tensor:
    """Other colours: channels mixed, or of other contrast."""
    n, c = x.shape[:2]
    matrix = torch.eye(c) + normal(draw, n, c, c) * uniform(draw, n, 0.15, 0.6)[:, 0]
    shift = normal(draw, n, c, 1, 1) * 0.1
    return (torch.einsum("nij,njhw->nihw", matrix, x) + shift).clamp(-1, 1)


def quantised(x: Tensor, draw: Draw) -> Tensor:
    """Few levels; or the fine part of blocks in few levels, which leaves block edges."""
    n = len(x)
    step = uniform(draw, n, 0.15, 0.6)
    if draw.random() < 0.5:
        return torch.round(x / step) * step
    side = min(int(draw.choice([4, 8])), *x.shape[2:])
    small = avg_pool2d(x, side, ceil_mode=True, count_include_pad=False)
    coarse = interpolate(small, scale_factor=side, mode="nearest")[:, :, : x.shape[2], : x.shape[3]]
    return (coarse + torch.round((x - coarse) / step) * step).clamp(-1, 1)


CHANGES: tuple[Change, ...] = (
    lambda x, draw: x,
    turned(1),
    turned(2),
    turned(3),
    shuffled,
    warped,
    mixed,
    smoothed,
    sharpened,
    noisy,
    patterned,
    coloured,
    quantised,
)


def changed(x: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """The images with one change each, and which it was, int64 (N,). The images must be shuffled.

    They are changed in groups, each of one kind, since that is faster.
    """
    found = torch.empty_like(x)
    kinds = torch.empty(len(x), dtype=torch.int64)
    order = draw.permutation(len(CHANGES))
    for part, kind in zip(np.array_split(np.arange(len(x)), len(CHANGES)), order, strict=True):
        if len(part):
            found[part] = CHANGES[kind](x[part], draw)
            kinds[part] = int(kind)
    return found, kinds
