"""Deep convolutions of small maps as products of matrices.

Where a layer has many weights and its maps few places, oneDNN's convolution waits for the
weights, each of which it uses a few times only; a product with all places of all samples as rows
does not, and gathering these rows costs little. Which is faster depends on the processor and its
libraries: `product_cost` tries it.
"""

from __future__ import annotations

import functools
import time
from typing import Any, cast

import torch
from torch import Tensor, nn

from ganzfeld.core.runtime import threads

Pair = tuple[int, int]

FEW, MANY = 1 << 19, 1 << 20  # weights
PLACES = 16  # of the smaller map, for layers of many weights
ROWS = 128  # places in all samples, for layers of fewer


class Conv2d(nn.Conv2d):
    """As `torch.nn.Conv2d`; what suits goes by a product, to the same accuracy."""

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() != 4:
            return super().forward(input)
        kernel, stride, padding = steps(self)
        height, width = (
            (side + 2 * p - k) // s + 1
            for side, k, s, p in zip(input.shape[2:], kernel, stride, padding, strict=True)
        )
        if not suits(self, input, height, width):
            return super().forward(input)
        rows = Gather.apply(input, kernel, stride, padding)  # type: ignore[no-untyped-call]
        y = nn.functional.linear(rows, weight_rows(self), self.bias)
        return y.view(len(input), height, width, -1).permute(0, 3, 1, 2)


class ConvTranspose2d(nn.ConvTranspose2d):
    """As `torch.nn.ConvTranspose2d`; what suits goes by a product, to the same accuracy."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        if output_size or input.dim() != 4 or not suits(self, input, *input.shape[2:]):
            return super().forward(input, output_size)
        kernel, stride, padding = steps(self)
        height, width = (
            (side - 1) * s - 2 * p + k
            for side, k, s, p in zip(input.shape[2:], kernel, stride, padding, strict=True)
        )
        rows = input.permute(0, 2, 3, 1).flatten(0, 2) @ weight_rows(self)
        shape = (len(input), self.out_channels, height, width)
        y: Tensor = Scatter.apply(rows, shape, kernel, stride, padding)  # type: ignore[no-untyped-call]
        return y if self.bias is None else y + self.bias.view(-1, 1, 1)


OURS = {nn.Conv2d: Conv2d, nn.ConvTranspose2d: ConvTranspose2d}


def deep_layers(network: nn.Module) -> list[nn.Conv2d | nn.ConvTranspose2d]:
    """Plain layers of a network with many weights, each of which several places share."""
    return [
        layer
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        and type(layer) in OURS
        and (layer.dilation, layer.output_padding, layer.groups) == ((1, 1), (0, 0), 1)
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
        and layer.kernel_size != (1, 1)
        and layer.weight.numel() >= FEW
    ]


def as_products(network: nn.Module) -> None:
    """Let its deep layers go by products, where their maps are small."""
    for layer in deep_layers(network):
        layer.__class__ = OURS[type(layer)]


def suits(layer: nn.Conv2d | nn.ConvTranspose2d, x: Tensor, height: int, width: int) -> bool:
    """Whether it is in float32 on a CPU, its smaller map has few places, and it is not compiled."""
    if not x.dtype == layer.weight.dtype == torch.float32 or x.device.type != "cpu":
        return False
    if torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():
        return False
    places = max(height, 0) * max(width, 0)
    many = layer.weight.numel() >= MANY and places <= PLACES
    return len(x) * places > 0 and (many or len(x) * places <= ROWS)


def steps(layer: nn.Conv2d | nn.ConvTranspose2d) -> tuple[Pair, Pair, Pair]:
    """Kernel, stride and padding."""
    return cast(tuple[Pair, Pair, Pair], (layer.kernel_size, layer.stride, layer.padding))


def weight_rows(layer: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    """Weights (M, C, h, w) as (M, h w C): as they lie, in `channels_last`."""
    return layer.weight.permute(0, 2, 3, 1).flatten(1)


@functools.cache
def product_cost() -> float:
    """Time of a deep convolution and its derivatives by products, in times of PyTorch's own.

    0.6 to 0.7 on an Intel Xeon with AVX-512 at 256 to 512 channels, 8x8 to 4x4. On an AMD EPYC,
    where MKL keeps to half of the vectors, more than 1; 0.5 on one that has AVX2 only.
    """
    with torch.random.fork_rng(devices=[]):
        layer = nn.Conv2d(256, 512, 4, 2, 1)
    layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.ones(16, 256, 8, 8).contiguous(memory_format=torch.channels_last).requires_grad_()
    times: dict[type[nn.Conv2d], list[float]] = {nn.Conv2d: [], Conv2d: []}
    with threads(1):  # others may hold the other cores
        for kind, taken in [*times.items()] * 4:
            layer.__class__ = kind
            start = time.thread_time()
            with torch.enable_grad():
                torch.autograd.grad(layer(x).sum(), (x, *layer.parameters()))
            taken.append(time.thread_time() - start)
    return min(times[Conv2d]) / min(times[nn.Conv2d])


class Gather(torch.autograd.Function):
    """Maps (N, C, H, W) to rows (N H' W', h w C): what each place of a convolution sees."""

    @staticmethod
    def forward(x: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
        (down, right), (high, wide) = padding, kernel
        padded = nn.functional.pad(x.permute(0, 2, 3, 1), (0, 0, right, right, down, down))
        windows = padded.unfold(1, high, stride[0]).unfold(2, wide, stride[1])
        return windows.permute(0, 1, 2, 4, 5, 3).reshape(-1, high * wide * x.shape[1])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, *ctx.steps = inputs
        ctx.shape = x.shape

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x: Tensor = Scatter.apply(gradient, ctx.shape, *ctx.steps)  # type: ignore[no-untyped-call]
        return x, None, None, None


class Scatter(torch.autograd.Function):
    """Rows (N H' W', h w C) to maps (N, C, H, W), their sums where they meet: `Gather` turned."""

    @staticmethod
    def forward(
        rows: Tensor, shape: tuple[int, int, int, int], kernel: Pair, stride: Pair, padding: Pair
    ) -> Tensor:
        (n, channels, height, width), (down, right) = shape, padding
        padded = rows.new_zeros(n, height + 2 * down, width + 2 * right, channels)
        windows = padded.unfold(1, kernel[0], stride[0]).unfold(2, kernel[1], stride[1])
        parts = rows.reshape(n, *windows.shape[1:3], *kernel, channels)
        for i in range(kernel[0]):
            for j in range(kernel[1]):
                windows[..., i, j] += parts[:, :, :, i, j]
        maps = padded[:, down : down + height, right : right + width].permute(0, 3, 1, 2)
        return maps.contiguous(memory_format=torch.channels_last)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, _, *ctx.steps = inputs

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows: Tensor = Gather.apply(gradient, *ctx.steps)  # type: ignore[no-untyped-call]
        return rows, None, None, None, None
