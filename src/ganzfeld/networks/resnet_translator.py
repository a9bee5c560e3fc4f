"""The residual translator of CycleGAN, and what images of any size need to pass through it."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

Norm = Literal["instance", "batch", "none"]


class ResidualTranslator(nn.Module):
    """Images (N, inputs, H, W) to images (N, outputs, H, W) in [-1, 1], of any size.

    A 7x7 convolution, two that halve the map, residual blocks, two that double it and a 7x7
    convolution, reflected at the edges (Johnson et al. 2016; Zhu et al. 2017, section 7.2).
    Sizes that are not multiples of four are padded inside and cut off again.

    width: channels at full size; twice and four times as many below.
    blocks: residual blocks of two 3x3 convolutions; published: 9 from 256 px on, 6 below.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int = 64,
        blocks: int = 9,
        norm: Norm = "instance",
    ) -> None:
        super().__init__()
        self.channels = (inputs, outputs)
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(3),
            *convolve(nn.Conv2d(inputs, width, 7, bias=norm != "batch"), norm),
            *convolve(
                nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=norm != "batch"), norm
            ),
            *convolve(
                nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1, bias=norm != "batch"), norm
            ),
            *(Block(4 * width, norm) for _ in range(blocks)),
            *convolve(double(4 * width, 2 * width, norm), norm),
            *convolve(double(2 * width, width, norm), norm),
            nn.ReflectionPad2d(3),
            start(nn.Conv2d(width, outputs, 7)),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        y: Tensor = self.layers(pad_to_multiple(x, 4, least=8))
        return y[:, :, :height, :width]


class Block(nn.Module):
    """Two 3x3 convolutions, added to their input."""

    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            *convolve(nn.Conv2d(width, width, 3, bias=norm != "batch"), norm),
            nn.ReflectionPad2d(1),
            *convolve(nn.Conv2d(width, width, 3, bias=norm != "batch"), norm)[:-1],
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + cast(Tensor, self.layers(x))


def double(before: int, behind: int, norm: Norm) -> nn.Module:
    """Twice the height and width."""
    return nn.ConvTranspose2d(
        before, behind, 3, stride=2, padding=1, output_padding=1, bias=norm != "batch"
    )


def convolve(layer: nn.Module, norm: Norm) -> list[nn.Module]:
    """A convolution, its normalisation, and a ReLU."""
    width = cast(int, layer.out_channels)
    return [start(layer), *normalise(width, norm), nn.ReLU(inplace=True)]


def normalise(width: int, norm: Norm, *, affine: bool = False) -> list[nn.Module]:
    """affine: instance normalisation with a scale and a shift, as batch normalisation has."""
    if norm == "batch":
        layer: nn.Module = nn.BatchNorm2d(width)
    elif norm == "instance":
        layer = nn.InstanceNorm2d(width, affine=affine)
    else:
        return []
    if norm == "batch" or affine:
        nn.init.normal_(cast(Tensor, layer.weight), mean=1.0, std=0.02)
    return [layer]


def start(layer: nn.Module) -> nn.Module:
    """Weights of deviation 0.02 and zero biases (Isola et al. 2017, appendix 6.2)."""
    nn.init.normal_(cast(Tensor, layer.weight), std=0.02)
    if isinstance(layer.bias, Tensor):
        nn.init.zeros_(layer.bias)
    return layer


def pad_to_multiple(x: Tensor, multiple: int, least: int = 1) -> Tensor:
    """Repeat the last row and column until both sides divide and reach `least`.

    In an exported graph the padding is always there, of no rows where none are needed: a branch
    would be fixed to the size that it was traced at. Sides must then be `least` or more.
    """
    height, width = x.shape[2:]
    if torch.compiler.is_exporting():
        return pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")
    high, wide = (-(-max(side, least) // multiple) * multiple for side in (height, width))
    if (high, wide) == (height, width):
        return x
    return pad(x, (0, wide - width, 0, high - height), mode="replicate")
