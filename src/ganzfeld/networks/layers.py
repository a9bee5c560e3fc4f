"""Pieces that several networks share: shapes of a pyramid, initialisation, labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrizations import spectral_norm

SLOPE = 0.2  # of every leaky ReLU below zero
GAIN = math.sqrt(2 / (1 + SLOPE**2))  # keeps the variance through a leaky ReLU (He et al. 2015)

Condition = Literal["concat", "projection"]


def pyramid(height: int, width: int, smallest: int = 4) -> list[tuple[int, int]]:
    """Sizes (height, width) from small to full, each at most twice the one before.

    The shorter side is halved while at least `smallest` remains; odd sizes are rounded up, so
    that any image has a pyramid: 28 -> 7, 14, 28; 50 -> 7, 13, 25, 50.
    """
    return [(high, wide) for high, wide in levels((height, width), smallest)]


def levels(sides: Sequence[int], smallest: int = 4) -> list[tuple[int, ...]]:
    """The same of any number of sides."""
    halvings = max(0, int(math.log2(max(min(sides) / smallest, 1))))
    return [tuple(-(-side // 2**level) for side in sides) for level in range(halvings, -1, -1)]


def uneven_levels(sides: Sequence[int], smallest: int = 4) -> list[tuple[int, ...]]:
    """The same, each side halved as often as it allows by itself: short ones hardly or never."""
    times = [max(0, int(math.log2(max(side / smallest, 1)))) for side in sides]
    return [
        tuple(-(-side // 2 ** min(level, most)) for side, most in zip(sides, times, strict=True))
        for level in range(max(times), -1, -1)
    ]


def initialise(layer: nn.Module, gain: float = GAIN) -> nn.Module:
    """Normal weights of standard deviation gain / sqrt(fan in), and zero biases.

    Fan in counts the inputs that meet in one output: a transposed convolution of stride s
    meets 1 / s^2 of its kernel.
    """
    weight = cast(Tensor, layer.weight)
    fan_in = weight[0].numel()
    if isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d):
        fan_in = weight.shape[0] * math.prod(layer.kernel_size) // math.prod(layer.stride)
    nn.init.normal_(weight, std=gain / math.sqrt(fan_in))
    if isinstance(layer.bias, Tensor):
        nn.init.zeros_(layer.bias)
    return layer


def begin_small(network: nn.Module, std: float) -> None:
    """Normal weights of one standard deviation in all linear layers and convolutions; zero biases.

    DCGAN begins so, with 0.02 (Radford et al. 2016). Where that is less than `initialise` gives,
    Adam's steps are larger beside the weights, and features change sooner.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Linear | _ConvNd):
            nn.init.normal_(layer.weight, std=std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def add_spectral_norm(network: nn.Module) -> None:
    """Divide each weight by its largest singular value (Miyato et al. 2018)."""
    for module in list(network.modules()):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.Embedding):
            spectral_norm(module)


class JoinLabels(nn.Module):
    """Latents with an embedding of their labels behind them: (N, latent + width)."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.classes = classes
        self.width = width if classes else 0
        self.embedding = nn.Embedding(classes, width) if classes else None

    def forward(self, z: Tensor, y: Tensor | None) -> Tensor:
        if self.embedding is None:
            return z
        return torch.cat([z, self.embedding(need_labels(y))], 1)


MANY = 64  # classes from which their planes are not made


class JoinPlanes(nn.Module):
    """Images with one plane a class behind them, ones in the plane of the label.

    This is the conditional discriminator of the tutorials (Mirza and Osindero 2014).
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        if not self.classes:
            return x
        one_hot = nn.functional.one_hot(need_labels(y), self.classes).to(x.dtype)
        shape = (len(x), self.classes, *x.shape[2:])
        planes = one_hot.view(len(x), self.classes, *[1] * (x.dim() - 2))
        return torch.cat([x, planes.expand(shape)], 1)

    def through(self, layers: nn.Sequential, x: Tensor, y: Tensor | None) -> Tensor:
        """`layers` of the images with their planes.

        With many classes the planes are not made: of 1,500 classes they would take 1.5 GB for 64
        images of 64 px, all zeros but for one plane an image. The first convolution of that one
        is added to the first convolution of the image, which is the same but for rounding.
        """
        first = layers[0] if len(layers) else None
        plain = isinstance(first, nn.Conv2d) and first.groups == 1 and first.padding != "same"
        if self.classes < MANY or not plain:
            return cast(Tensor, layers(self(x, y)))
        x = convolve_with_labels(cast(nn.Conv2d, first), x, need_labels(y))
        for layer in list(layers)[1:]:
            x = layer(x)
        return x


def convolve_with_labels(layer: nn.Conv2d, x: Tensor, y: Tensor) -> Tensor:
    """A convolution, with zeros for padding, of images (N, C, H, W) and the planes of labels (N,).

    A plane of ones gives at each place the sum of the kernel's weights that lie in the image.
    """
    channels = x.shape[1]
    weight, (stride, padding, dilation) = layer.weight, how(layer)
    own = nn.functional.conv2d(x, weight[:, :channels], layer.bias, stride, padding, dilation)
    kernels = weight[:, channels:].index_select(1, y).transpose(0, 1).flatten(2)
    ones = torch.ones(1, 1, *x.shape[2:], dtype=weight.dtype, device=x.device)
    inside = nn.functional.unfold(ones, layer.kernel_size, dilation, padding, stride)[0]
    labels: Tensor = (kernels @ inside).view(len(x), -1, *own.shape[2:])
    return own + labels


def how(layer: nn.Conv2d) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Stride, padding and dilation."""
    assert not isinstance(layer.padding, str)
    return layer.stride, layer.padding, layer.dilation


class Verdict(nn.Module):
    """Features (N, width), or maps (N, C, H, W) of as many numbers, to logits (N,).

    With classes, by projection (Miyato, Koyama 2018).
    """

    def __init__(self, width: int, classes: int = 0) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)
        initialise(self.linear, gain=1.0)
        self.embedding = nn.Embedding(classes, width) if classes else None
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(width))

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        def rows(weight: Tensor) -> Tensor:
            return as_they_lie(weight.view(-1, *x.shape[1:]))

        features = as_they_lie(x)
        logits = nn.functional.linear(features, rows(self.linear.weight), self.linear.bias)
        if self.embedding is None:
            return logits.squeeze(1)
        # The rows that are needed first: of 1,500 classes, turning all takes most of a step.
        directions = rows(self.embedding(need_labels(y)))
        return logits.squeeze(1) + (features * directions).sum(1)


def as_they_lie(x: Tensor) -> Tensor:
    """Maps (N, C, H, W) as rows in the order of `channels_last`, so that neither forward nor
    backward needs a transpose; maps of one or three dimensions as they lie, and 2-D input
    unchanged."""
    return x.permute(0, 2, 3, 1).flatten(1) if x.dim() == 4 else x.flatten(1)


def need_labels(y: Tensor | None) -> Tensor:
    if y is None:
        raise ValueError("this network was built for labelled data: it needs labels y, (N,) int64")
    return y


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
