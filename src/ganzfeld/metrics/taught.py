"""What Inception would see in an image, foretold from its first layers: 0.5 MB in place of 81.

The first five convolutions of Inception look at the image at about 64 pixels. Mean, root mean
square and unevenness of what they find foretell, by a linear map, what Inception's `Mixed_6e` finds
in the same image enlarged, along its widest directions. The map was fitted to images that are drawn
by rule and damaged at random; `bench/teach.py` makes the file again. The convolutions are those of
Inception-v3 (The TensorFlow Authors, Apache-2.0; see NOTICE), folded and rounded to 16 bits.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, max_pool2d

from ganzfeld.core.store import Arrays, kept
from ganzfeld.errors import DataError

FILE = Path(__file__).parent / "taught.safetensors"
SIDE = 64  # px, that images are brought near to
STRIDES = (2, 1, 1, 1, 1)  # of each convolution
PADDED = (0, 0, 1, 0, 0)  # px
POOLED = 3  # the convolution before which the largest of 3 x 3 are taken


class Taught(nn.Module):
    """Images (N, C, H, W) in [-1, 1], of any size, to features (N, D).

    tensors: "weight.i" and "bias.i" of five convolutions, and "map" (992, D) and "offset" (D,).
    """

    def __init__(self, tensors: Arrays) -> None:
        super().__init__()
        numbers = range(len(STRIDES))
        self.weights = nn.ParameterList(single(tensors[f"weight.{i}"]) for i in numbers)
        self.biases = nn.ParameterList(single(tensors[f"bias.{i}"]) for i in numbers)
        self.map = single(tensors["map"])
        self.offset = single(tensors["offset"])

    def forward(self, x: Tensor) -> Tensor:
        return self.found(x) @ self.map + self.offset

    def found(self, x: Tensor) -> Tensor:
        """Mean and root mean square of each map, and how much the last differ by quarters."""
        x = as_taught(x)
        told = []
        layers = zip(self.weights, self.biases, STRIDES, PADDED, strict=True)
        for number, (weight, bias, stride, padded) in enumerate(layers):
            if number == POOLED:
                x = max_pool2d(x, 3, 2)
            x = conv2d(x, weight, bias, stride, padded).relu_()
            told += [x.mean((2, 3)), x.square().mean((2, 3)).sqrt()]
        return torch.cat([*told, unevenness(x)], 1)


def single(array: NDArray[np.float16]) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(array.astype(np.float32)), requires_grad=False)


def as_taught(x: Tensor) -> Tensor:
    """Three channels and about 64 x 64 pixels: grey is repeated, transparent parts lie on white."""
    if x.shape[1] in (2, 4):
        share = (x[:, -1:] + 1) / 2
        x = x[:, :-1] * share + (1 - share)
    if x.shape[1] != 3:
        x = x.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    height, width = (near(side) for side in x.shape[2:])
    if (height, width) != x.shape[2:]:
        x = interpolate(x, (height, width), mode="bilinear", antialias=True, align_corners=False)
    return x


def near(side: int) -> int:
    """Pixels that a side is brought to: 64 if it is longer, else a whole multiple of it.

    28 pixels become 56, since 64 would be a pattern of sharp and soft columns.
    """
    return SIDE if side > SIDE else side * round(SIDE / side)


def unevenness(x: Tensor) -> Tensor:
    """Deviation of the means of the four quarters of each map, (N, C)."""
    half = x.shape[2] // 2
    sides = (slice(None, half), slice(half, None))
    return torch.stack([x[:, :, a, b].mean((2, 3)) for a in sides for b in sides]).std(0)


@cache
def taught() -> Arrays:
    """The tensors of the package's file. Raises DataError where it is not as it should be."""
    path = FILE
    if (found := kept(path)) is None:
        raise DataError(
            f"{path} is missing or damaged",
            safe="nothing was measured",
            fix="pip install --force-reinstall --no-deps ganzfeld",
        )
    return found[0]
