"""Convolutions of 1, 2 or 3 dimensions, with zeros or the opposite side beyond the border."""

from __future__ import annotations

from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

Padding = Literal["zeros", "circular"]
Sides = int | tuple[int, ...]

CONVOLUTIONS: dict[int, type[nn.Conv1d | nn.Conv2d | nn.Conv3d]] = {
    1: nn.Conv1d,
    2: nn.Conv2d,
    3: nn.Conv3d,
}
NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


class CircularTranspose1d(nn.ConvTranspose1d):
    """A transposed convolution on a circle."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return nn.functional.conv_transpose1d(
            wrapped(input), self.weight, self.bias, self.stride, shifted(self)
        )


class CircularTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution on a torus."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return nn.functional.conv_transpose2d(
            wrapped(input), self.weight, self.bias, self.stride, shifted(self)
        )


class CircularTranspose3d(nn.ConvTranspose3d):
    """A transposed convolution on a torus of three dimensions."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return nn.functional.conv_transpose3d(
            wrapped(input), self.weight, self.bias, self.stride, shifted(self)
        )


class CircularConv1d(nn.Conv1d):
    """A convolution on a circle, with one entry of the opposite side beyond each border."""

    def forward(self, input: Tensor) -> Tensor:
        return nn.functional.conv1d(wrapped(input), self.weight, self.bias, self.stride)


class CircularConv2d(nn.Conv2d):
    """A convolution on a torus likewise."""

    def forward(self, input: Tensor) -> Tensor:
        return nn.functional.conv2d(wrapped(input), self.weight, self.bias, self.stride)


class CircularConv3d(nn.Conv3d):
    """A convolution on a torus of three dimensions likewise."""

    def forward(self, input: Tensor) -> Tensor:
        return nn.functional.conv3d(wrapped(input), self.weight, self.bias, self.stride)


CIRCULAR: dict[int, type[nn.Conv1d | nn.Conv2d | nn.Conv3d]] = {
    1: CircularConv1d,
    2: CircularConv2d,
    3: CircularConv3d,
}
TRANSPOSED = {
    "zeros": {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d},
    "circular": {1: CircularTranspose1d, 2: CircularTranspose2d, 3: CircularTranspose3d},
}


def wrapped(x: Tensor) -> Tensor:
    """Maps with one row of the opposite side beyond each border."""
    if x.requires_grad and not torch.compiler.is_compiling():
        found: Tensor = Wrap.apply(x)  # type: ignore[no-untyped-call]
        return found
    return nn.functional.pad(x, (1, 1) * (x.dim() - 2), mode="circular")


class Wrap(torch.autograd.Function):
    """`wrapped` with its own gradient: PyTorch's takes four times as long, to the same bits."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return nn.functional.pad(x, (1, 1) * (x.dim() - 2), mode="circular")

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        found: Tensor = Fold.apply(gradient)  # type: ignore[no-untyped-call]
        return found


class Fold(torch.autograd.Function):
    """Maps without their borders, which are added to the opposite sides: `Wrap` turned."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        for axis in range(2, x.dim()):
            last = x.shape[axis] - 1
            inner = x.narrow(axis, 1, last - 1).clone()
            inner.select(axis, 0).add_(x.select(axis, last))
            inner.select(axis, -1).add_(x.select(axis, 0))
            x = inner
        return x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        found: Tensor = Wrap.apply(gradient)  # type: ignore[no-untyped-call]
        return found


def shifted(layer: nn.Module) -> tuple[int, ...]:
    """Its padding, after `wrapped` put one entry more in front, which is `stride` in the output."""
    padding, stride = cast(tuple[int, ...], layer.padding), cast(tuple[int, ...], layer.stride)
    return tuple(p + s for p, s in zip(padding, stride, strict=True))


def convolution(
    dimensions: int, before: int, behind: int, *kernel: Sides, padding: Padding = "zeros"
) -> nn.Module:
    """A convolution; kernel: its side, stride and padding, alike in all dimensions or of each."""
    kinds = CIRCULAR if padding == "circular" else CONVOLUTIONS
    make = cast(type[nn.Module], kinds[dimensions])
    return make(before, behind, *kernel, padding_mode=padding)


def transposed(
    dimensions: int, before: int, behind: int, *kernel: Sides, padding: Padding = "zeros"
) -> nn.Module:
    """A transposed convolution likewise."""
    make = cast(type[nn.Module], TRANSPOSED[padding][dimensions])
    return make(before, behind, *kernel)


def halving(small: tuple[int, ...], large: tuple[int, ...]) -> tuple[Sides, Sides, Sides]:
    """Side, stride and padding of a kernel between maps of these sizes.

    4x4 kernels of stride 2 where all sides differ; along a side that stays, 3 and a stride of 1.
    """
    if all(a != b for a, b in zip(small, large, strict=True)):
        return 4, 2, 1
    steps = [2 if a != b else 1 for a, b in zip(small, large, strict=True)]
    return tuple(step + 2 for step in steps), tuple(steps), 1


def cut(x: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Maps (N, C, ...) without what lies beyond these sizes."""
    if tuple(x.shape[2:]) == tuple(sizes):  # to slice all of it costs a copy of its gradient
        return x
    for axis, size in enumerate(sizes, 2):
        x = x.narrow(axis, 0, size)
    return x


def as_laid(x: Tensor) -> Tensor:
    """Maps of two dimensions in `channels_last`, others as they are."""
    return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x
