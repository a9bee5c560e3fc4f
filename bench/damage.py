"""Made damages of real images, from none to ruin: what a metric of quality has to put in order.

Each takes uint8 images (N, C, H, W) and a generator of random numbers, and gives as many of the
same shape. The list is that of bench/rank.py.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import grid_sample, interpolate

Pixels = NDArray[np.uint8]
Damage = Callable[[Pixels, np.random.Generator], Pixels]


def bytes_of(values: NDArray[np.floating]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def resized(x: Pixels, side: tuple[int, int], mode: str) -> Pixels:
    y = interpolate(torch.from_numpy(x).float(), side, mode=mode, antialias=mode != "nearest")
    return bytes_of(y.numpy())


def blur(sigma: float) -> Damage:
    def apply(x: Pixels, draw: np.random.Generator) -> Pixels:
        radius = int(np.ceil(3 * sigma))
        weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        weights /= weights.sum()
        y = x.astype(np.float64)
        for axis in (2, 3):
            pad = [(0, 0)] * 4
            pad[axis] = (radius, radius)
            wide, size = np.pad(y, pad, mode="edge"), y.shape[axis]
            y = sum(w * wide.take(range(i, i + size), axis) for i, w in enumerate(weights))
        return bytes_of(y)

    return apply


def noise(deviation: float) -> Damage:
    return lambda x, draw: bytes_of(x + deviation * draw.standard_normal(x.shape))


def jpeg(quality: int) -> Damage:
    def one(image: Pixels) -> Pixels:
        shown = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        file = io.BytesIO()
        Image.fromarray(shown).save(file, "JPEG", quality=quality)
        back = np.asarray(Image.open(file))
        return back[None] if back.ndim == 2 else back.transpose(2, 0, 1)

    return lambda x, draw: np.stack([one(image) for image in x])


def tiles(parts: int) -> Damage:
    """Cut into parts x parts tiles, which are put back in another order, one for each image."""

    def apply(x: Pixels, draw: np.random.Generator) -> Pixels:
        n, c, h, w = x.shape
        a, b = h // parts, w // parts
        y = x[:, :, : a * parts, : b * parts].reshape(n, c, parts, a, parts, b)
        y = y.transpose(0, 2, 4, 1, 3, 5).reshape(n, parts * parts, c, a, b)
        y = np.stack([tile[draw.permutation(parts * parts)] for tile in y])
        y = y.reshape(n, parts, parts, c, a, b).transpose(0, 3, 1, 4, 2, 5)
        found = x.copy()
        found[:, :, : a * parts, : b * parts] = y.reshape(n, c, a * parts, b * parts)
        return found

    return apply


def quadrants(x: Pixels, draw: np.random.Generator) -> Pixels:
    return np.roll(x, (x.shape[2] // 2, x.shape[3] // 2), (2, 3))


def repeated(different: int) -> Damage:
    return lambda x, draw: x[np.arange(len(x)) % different]


def halved(x: Pixels, draw: np.random.Generator) -> Pixels:
    """Only the darker half of the images, each twice: a part of the variety is gone."""
    darker = np.argsort(x.mean((1, 2, 3)), kind="stable")[: len(x) // 2]
    return x[np.resize(np.sort(darker), len(x))]


def upsampled(x: Pixels, draw: np.random.Generator) -> Pixels:
    h, w = x.shape[2:]
    return resized(resized(x, (h // 4, w // 4), "bilinear"), (h, w), "bicubic")


def swapped(x: Pixels, draw: np.random.Generator) -> Pixels:
    """Red and blue changed over; grey images become negatives."""
    return x[:, ::-1].copy() if x.shape[1] == 3 else 255 - x


def mixed(x: Pixels, draw: np.random.Generator) -> Pixels:
    return bytes_of((x.astype(np.float64) + np.roll(x, 1, 0)) / 2)


def zoomed(x: Pixels, draw: np.random.Generator) -> Pixels:
    """The middle three quarters of each side, enlarged."""
    h, w = x.shape[2:]
    a, b = h // 8, w // 8
    return resized(x[:, :, a : h - a, b : w - b], (h, w), "bicubic")


def dead_rows(x: Pixels, draw: np.random.Generator) -> Pixels:
    y = x.copy()
    y[:, :, 3::8] = 0
    return y


def mush(x: Pixels, draw: np.random.Generator) -> Pixels:
    """The mean image with soft clouds: what an early or collapsed generator gives."""
    h, w = x.shape[2:]
    coarse = torch.from_numpy(draw.standard_normal((len(x), x.shape[1], 4, 4)))
    clouds = interpolate(coarse, (h, w), mode="bicubic", align_corners=False).numpy()
    return bytes_of(x.mean(0, keepdims=True) + 0.3 * x.std() * clouds)


def dots(x: Pixels, draw: np.random.Generator) -> Pixels:
    """The checkerboard that transposed convolutions leave."""
    sign = 1 - 2 * (np.indices(x.shape[2:]).sum(0) % 2)
    return bytes_of(x + 14.0 * sign)


def melted(x: Pixels, draw: np.random.Generator) -> Pixels:
    """Bent by a smooth random field of about a twelfth of the side: the parts no longer fit."""
    n, _, h, w = x.shape
    coarse = torch.from_numpy(draw.standard_normal((n, 2, 5, 5))).float()
    field = interpolate(coarse, (h, w), mode="bicubic", align_corners=False) / 6
    y, z = torch.meshgrid(torch.linspace(-1, 1, h), torch.linspace(-1, 1, w), indexing="ij")
    grid = torch.stack([z, y], -1) + field.permute(0, 2, 3, 1)
    x = torch.from_numpy(x).float()
    return bytes_of(grid_sample(x, grid, padding_mode="reflection", align_corners=True).numpy())


DAMAGES: dict[str, Damage] = {
    "fresh": lambda x, draw: x,
    "mirrored": lambda x, draw: x[..., ::-1].copy(),
    "brighter by 12": lambda x, draw: bytes_of(x.astype(np.float64) + 12),
    "blur 0.7": blur(0.7),
    "blur 2": blur(2.0),
    "noise 8": noise(8.0),
    "noise 25": noise(25.0),
    "JPEG 30": jpeg(30),
    "JPEG 10": jpeg(10),
    "up from a quarter": upsampled,
    "posterised": lambda x, draw: (x & 0xC0) + 32,
    "dots": dots,
    "dead rows": dead_rows,
    "channels swapped": swapped,
    "mix of two": mixed,
    "zoomed": zoomed,
    "melted": melted,
    "quadrants swapped": quadrants,
    "tiles shuffled": tiles(4),
    "half of the kinds": halved,
    "a quarter repeated": lambda x, draw: repeated(len(x) // 4)(x, draw),
    "collapsed to 8": repeated(8),
    "mush": mush,
}
