"""Deep convolutions of small maps as products of matrices.

Where a layer has millions of weights and its maps few places, oneDNN's convolution waits for the
weights, of which it uses each a few times only; a product with all places of all samples as rows
does not, and gathering these rows costs little. Which is faster depends on the processor and its
libraries: `product_cost` tries it.
"""

from __future__ import annotations

import functools
import time
from typing import Any

import torch
from torch import Tensor, nn

from ganzfeld.process import threads

LEAST = 1 << 20  # weights
MOST = 16  # places of the smaller map


class Conv2d(nn.Conv2d):
    """As `torch.nn.Conv2d`; what suits goes by a product, to the same accuracy."""

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() != 4 or any(side % 2 for side in input.shape[2:]):
            return super().forward(input)
        height, width = (side // 2 for side in input.shape[2:])
        if not suits(self, input, height * width):
            return super().forward(input)
        rows = Gather.apply(input)  # type: ignore[no-untyped-call]
        weight = self.weight.permute(0, 2, 3, 1).flatten(1)
        y = nn.functional.linear(rows, weight, self.bias)
        return y.view(len(input), height, width, -1).permute(0, 3, 1, 2)


class ConvTranspose2d(nn.ConvTranspose2d):
    """As `torch.nn.ConvTranspose2d`; what suits goes by a product, to the same accuracy."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        if output_size or input.dim() != 4:
            return super().forward(input, output_size)
        height, width = input.shape[2:]
        if not suits(self, input, height * width):
            return super().forward(input, output_size)
        places = input.permute(0, 2, 3, 1).flatten(0, 2)
        rows = places @ self.weight.permute(0, 2, 3, 1).flatten(1)
        shape = (len(input), self.out_channels, 2 * height, 2 * width)
        y: Tensor = Scatter.apply(rows, shape)  # type: ignore[no-untyped-call]
        return y if self.bias is None else y + self.bias.view(-1, 1, 1)


OURS = {nn.Conv2d: Conv2d, nn.ConvTranspose2d: ConvTranspose2d}


def deep_layers(network: nn.Module) -> list[nn.Conv2d | nn.ConvTranspose2d]:
    """Plain layers of a network with many weights, which halve or double maps by 4x4 of them."""
    return [
        layer
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        and type(layer) in OURS
        and (layer.kernel_size, layer.stride, layer.padding) == ((4, 4), (2, 2), (1, 1))
        and (layer.dilation, layer.output_padding, layer.groups) == ((1, 1), (0, 0), 1)
        and layer.padding_mode == "zeros"
        and layer.weight.numel() >= LEAST
    ]


def as_products(network: nn.Module) -> None:
    """Let its deep layers go by products, where their maps are small."""
    for layer in deep_layers(network):
        layer.__class__ = OURS[type(layer)]


def suits(layer: nn.Conv2d | nn.ConvTranspose2d, x: Tensor, places: int) -> bool:
    """Whether it is in float32 on a CPU, has few places, and is not being compiled."""
    single = x.dtype == layer.weight.dtype == torch.float32 and x.device.type == "cpu"
    if not single or not 0 < places <= MOST or not len(x) or torch.is_autocast_enabled("cpu"):
        return False
    return not torch.compiler.is_compiling()


@functools.cache
def product_cost() -> float:
    """Time of a deep convolution and its derivatives by products, in times of PyTorch's own.

    0.6 to 0.7 on an Intel Xeon with AVX-512 at 256 to 512 channels, 8x8 to 4x4. On an AMD EPYC,
    where MKL keeps to half of the vectors, more than 1.
    """
    layer = nn.Conv2d(256, 512, 4, 2, 1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.ones(16, 256, 8, 8).contiguous(memory_format=torch.channels_last).requires_grad_()
    times: dict[type[nn.Module], list[float]] = {nn.Conv2d: [], Conv2d: []}
    with threads(1):  # others may hold the other cores
        for kind, taken in [*times.items()] * 4:
            layer.__class__ = kind
            start = time.thread_time()
            with torch.enable_grad():
                torch.autograd.grad(layer(x).sum(), (x, *layer.parameters()))
            taken.append(time.thread_time() - start)
    return min(times[Conv2d]) / min(times[nn.Conv2d])


class Gather(torch.autograd.Function):
    """Maps (N, C, H, W) to rows (N H/2 W/2, 16 C): what each place of the half map is made from."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        padded = x.new_zeros(n, height + 2, width + 2, channels)
        padded[:, 1:-1, 1:-1] = x.permute(0, 2, 3, 1)
        sample, row, column, _ = padded.stride()
        size = (n, height // 2, width // 2, 4, 4 * channels)
        windows = padded.as_strided(size, (sample, 2 * row, 2 * column, row, 1))
        return windows.reshape(-1, 16 * channels)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.shape = inputs[0].shape

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        result: Tensor = Scatter.apply(gradient, ctx.shape)  # type: ignore[no-untyped-call]
        return result


class Scatter(torch.autograd.Function):
    """Rows (N H/2 W/2, 16 C) to maps (N, C, H, W), their sums where they meet: `Gather` turned."""

    @staticmethod
    def forward(rows: Tensor, shape: tuple[int, int, int, int]) -> Tensor:
        n, channels, height, width = shape
        height, width = height // 2, width // 2
        padded = rows.new_zeros(n, height + 1, 2, width + 1, 2, channels)
        windows = rows.view(n, height, width, 2, 2, 2, 2, channels)
        for down in range(2):
            for right in range(2):
                part = padded[:, down : down + height, :, right : right + width]
                part += windows[:, :, :, down, :, right].transpose(2, 3)
        padded = padded.view(n, 2 * height + 2, 2 * width + 2, channels)
        maps = padded[:, 1:-1, 1:-1].permute(0, 3, 1, 2)
        return maps.contiguous(memory_format=torch.channels_last)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Any], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        rows: Tensor = Gather.apply(gradient)  # type: ignore[no-untyped-call]
        return rows, None
