"""Prepare images for the Inception network: three conventions.

Scores under different ones are different numbers: Parmar et al. 2022, "On aliased resizing and
surprising subtleties in GAN evaluation". All take uint8 (N, C, H, W) and give (N, 3, 299, 299).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import interpolate

SIDE = 299  # px


def to_rgb(pixels: Tensor) -> Tensor:
    """uint8 (N, C, H, W) to uint8 (N, 3, H, W): grey is repeated, alpha is laid on white."""
    channels = pixels.shape[1]
    if channels in (2, 4):
        colour, alpha = pixels[:, :-1].int(), pixels[:, -1:].int()
        # rounded to nearest, in whole numbers, so that every machine agrees
        pixels = ((colour * alpha + 255 * (255 - alpha) + 127) // 255).byte()
    return pixels.expand(-1, 3, -1, -1) if channels in (1, 2) else pixels


def tf1(pixels: Tensor) -> Tensor:
    """TensorFlow 1's bilinear: corners at corners, no half pixel, no antialiasing; (x-128)/128.

    It is that of the original FID (Heusel et al. 2017) and of torch-fidelity.
    """
    x = to_rgb(pixels).float()
    x = stretched(stretched(x, 3), 2)
    return (x - 128) / 128


def stretched(x: Tensor, axis: int) -> Tensor:
    """One axis to `SIDE` samples: number i of them lies at i * old / new."""
    old = x.shape[axis]
    # float32 throughout, since TensorFlow's positions are
    place = torch.arange(SIDE, dtype=torch.float32, device=x.device) * (old / SIDE)
    low = place.floor().long()
    high = (low + 1).clamp(max=old - 1)
    share = (place - low).reshape([-1 if i == axis else 1 for i in range(4)])
    first, second = x.index_select(axis, low), x.index_select(axis, high)
    return first.lerp_(second, share.expand_as(first))


def pytorch_fid(pixels: Tensor) -> Tensor:
    """PyTorch's bilinear, with half pixels and without antialiasing, of x/255; then 2x - 1."""
    x = to_rgb(pixels).float() / 255
    return 2 * interpolate(x, (SIDE, SIDE), mode="bilinear", align_corners=False) - 1


def clean(pixels: Tensor) -> Tensor:
    """Pillow's bicubic with antialiasing on float channels, clipped to [0, 255]; (x-128)/128."""
    x = to_rgb(pixels).double()  # as Pillow computes: float32 positions are off by 0.006 of 255
    x = interpolate(x, (SIDE, SIDE), mode="bicubic", antialias=True, align_corners=False)
    return (x.float().clamp_(0, 255) - 128) / 128


Prepare = Callable[[Tensor], Tensor]

PROTOCOLS: dict[str, Prepare] = {"tf1": tf1, "pytorch-fid": pytorch_fid, "clean": clean}
RESIZES = {
    "tf1": "bilinear of TensorFlow 1 to 299 x 299",
    "pytorch-fid": "half-pixel bilinear to 299 x 299",
    "clean": "antialiased bicubic to 299 x 299",
}
RANGES = {"tf1": "(x - 128) / 128", "pytorch-fid": "2 x / 255 - 1", "clean": "(x - 128) / 128"}
CHANNELS = "grey repeated, alpha on white"
