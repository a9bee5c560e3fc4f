"""Residual networks without normalisation (Huang et al. 2024, "The GAN is dead", section 4)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, pixel_shuffle, pixel_unshuffle

from ganzfeld.networks.conditions import JoinNumbers, NumberProjection
from ganzfeld.networks.layers import GAIN, SLOPE, JoinLabels, Verdict, initialise, pyramid


class Block(nn.Module):
    """1x1, grouped 3x3, 1x1 with twice the width inside, added to its input.

    depth: residual blocks in the whole network. The first two convolutions start at
    depth^(-1/4) of the usual scale and the last at zero (Zhang et al. 2019, "Fixup", with
    three layers a block): the network starts as its skip path, and its updates stay bounded.
    """

    def __init__(self, width: int, *, group: int, depth: int) -> None:
        super().__init__()
        inner = 2 * width
        gain = GAIN * depth**-0.25
        self.widen = initialise(nn.Conv2d(width, inner, 1), gain)
        self.mix = initialise(
            nn.Conv2d(inner, inner, 3, padding=1, groups=max(inner // group, 1)), gain
        )
        self.narrow = initialise(nn.Conv2d(inner, width, 1, bias=False), 0.0)
        self.activation = nn.LeakyReLU(SLOPE, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.narrow(self.activation(self.mix(self.activation(self.widen(x)))))
        return x + y


class Stage(nn.Module):
    """Blocks of one size. A change of width comes first where maps grow, last where they
    shrink, on the side of the smaller map."""

    def __init__(
        self, before: int, width: int, behind: int, *, blocks: int, group: int, depth: int
    ) -> None:
        super().__init__()
        self.enter = one_by_one(before, width)
        self.blocks = nn.Sequential(
            *(Block(width, group=group, depth=depth) for _ in range(blocks))
        )
        self.leave = one_by_one(width, behind)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.leave(self.blocks(self.enter(x)))
        return y


def one_by_one(before: int, behind: int) -> nn.Module:
    if before == behind:
        return nn.Identity()
    return initialise(nn.Conv2d(before, behind, 1, bias=False), 1.0)


def resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps (N, C, H, W) in another size, bilinear; smaller ones without aliasing.

    Halvings are means of 2x2, a box in place of the published triangle of 4x4: a fifth of the
    training was spent in the latter on a CPU.
    """
    height, width = x.shape[2:]
    if (height, width) == size:
        return x
    if (height, width) == (2 * size[0], 2 * size[1]):
        return avg_pool2d(x, 2)
    if size[0] < height:  # which has no kernel for bfloat16 on a CPU
        y = interpolate(x.float(), size, mode="bilinear", align_corners=False, antialias=True)
        return y.to(x.dtype)
    return interpolate(x, size, mode="bilinear", align_corners=False)


def patches(shape: Sequence[int], patch: int) -> tuple[int, int, int]:
    """(C, H, W) of images whose squares of patch x patch pixels have become channels."""
    channels, height, width = shape
    if height % patch or width % patch:
        raise ValueError(f"{height}x{width} pixels do not divide into patches of {patch}")
    return channels * patch**2, height // patch, width // patch


def stage_widths(levels: int, width: int, most: int) -> list[int]:
    """Channels of each map from the smallest to the full one, doubling towards the smallest."""
    return [min(width * 2 ** (levels - 1 - level), most) for level in range(levels)]


class ResidualGenerator(nn.Module):
    """Latents (N, latent) to images (N, C, H, W), linear at the end.

    A learned map, scaled channel by channel by z, then stages of residual blocks with bilinear
    upsampling between them.

    width: channels of the largest map; twice as many at each halving, at most `most`.
    blocks: residual blocks a stage. group: channels in a group of a block's 3x3 convolution.
    patch: the largest map has one place for so many pixels a side; 1 as published. At 28 px, 2
        with twice the width took half of the time.
    conditions: how many numbers c (N, conditions) a sample is asked for by; 0 for none.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        latent: int = 64,
        classes: int = 0,
        width: int = 32,
        most: int = 768,
        blocks: int = 2,
        group: int = 16,
        patch: int = 1,
        conditions: int = 0,
    ) -> None:
        super().__init__()
        channels, height, full_width = patches(shape, patch)
        self.latent, self.patch = latent, patch
        self.sizes = pyramid(height, full_width)
        self.labels = JoinLabels(classes, latent)
        self.numbers = JoinNumbers(conditions)
        widths = stage_widths(len(self.sizes), width, most)
        depth = blocks * len(widths)
        self.basis = nn.Parameter(torch.randn(widths[0], *self.sizes[0]))
        inputs = latent + self.labels.width + self.numbers.width
        self.scale = initialise(nn.Linear(inputs, widths[0], bias=False), 1.0)
        self.stages = nn.ModuleList(
            Stage(before, w, w, blocks=blocks, group=group, depth=depth)
            for before, w in zip([widths[0], *widths[:-1]], widths, strict=True)
        )
        self.picture = initialise(nn.Conv2d(widths[-1], channels, 1), 1.0)

    def forward(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        x = self.scale(self.numbers(self.labels(z, y), c))[:, :, None, None] * self.basis
        x = x.contiguous(memory_format=torch.channels_last)
        for stage, size in zip(self.stages, self.sizes, strict=True):
            x = stage(resized(x, size))
        return pixel_shuffle(self.picture(x), self.patch)


class ResidualDiscriminator(nn.Module):
    """Images (N, C, H, W) to logits (N,): the generator's stages mirrored.

    classes: number of labels, which enter by projection; 0 for none. conditions: likewise, of
    numbers c (N, conditions). Others: as the generator's.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        classes: int = 0,
        width: int = 32,
        most: int = 768,
        blocks: int = 2,
        group: int = 16,
        patch: int = 1,
        conditions: int = 0,
    ) -> None:
        super().__init__()
        channels, height, full_width = patches(shape, patch)
        self.patch = patch
        self.sizes = pyramid(height, full_width)[::-1]
        widths = stage_widths(len(self.sizes), width, most)[::-1]
        depth = blocks * len(widths)
        self.stem = initialise(nn.Conv2d(channels, widths[0], 1), 1.0)
        self.stages = nn.ModuleList(
            Stage(w, w, behind, blocks=blocks, group=group, depth=depth)
            for w, behind in zip(widths, [*widths[1:], widths[-1]], strict=True)
        )
        # one weight a channel and place: a depthwise convolution over the whole smallest map
        area = math.prod(self.sizes[-1])
        self.gather = nn.Parameter(torch.randn(widths[-1], *self.sizes[-1]) / math.sqrt(area))
        self.verdict = Verdict(widths[-1], classes)
        self.numbers = NumberProjection(conditions, widths[-1]) if conditions else None

    def forward(self, x: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        x = self.stem(pixel_unshuffle(x, self.patch))
        for stage, size in zip(self.stages, self.sizes, strict=True):
            x = stage(resized(x, size))
        # as channels lie in memory: so does the gradient, through all residual paths
        gathered = (x.permute(0, 2, 3, 1) * self.gather.permute(1, 2, 0).contiguous()).sum((1, 2))
        logits: Tensor = self.verdict(gathered, y)
        return logits if self.numbers is None else logits + self.numbers(gathered, c)
