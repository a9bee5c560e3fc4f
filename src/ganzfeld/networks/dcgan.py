"""Deep convolutional networks (Radford et al. 2016) for images of any height and width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from ganzfeld.networks.conditions import JoinNumbers, NumberProjection
from ganzfeld.networks.layers import (
    SLOPE,
    Condition,
    JoinLabels,
    JoinPlanes,
    Verdict,
    add_spectral_norm,
    initialise,
    pyramid,
)


class DCGANGenerator(nn.Module):
    """Latents (N, latent) to images (N, C, H, W) in [-1, 1].

    A linear layer makes the smallest map; 4x4 transposed convolutions of stride 2 double it.
    Sizes that are not a power of two times the smallest map are cropped by one row or column
    on the way, so that any shape works.

    shape: (C, H, W).
    classes: number of labels; 0 for none. Their embedding is joined to z.
    width: channels of the last map before the image; each map before it has twice as many.
    most: no map has more channels than this.
    norm: batch normalisation after each map, or none.
    refine: channels of one more map, as large as the image, from which a 3x3 convolution makes
        it; 0: the last transposed convolution makes the image, as in the paper. That has weights
        of its own for each of the four places of its 2x2 steps, which leaves dots in flat areas.
    conditions: how many numbers c (N, conditions) a sample is asked for by; 0 for none.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        latent: int = 100,
        classes: int = 0,
        width: int = 64,
        most: int = 512,
        norm: Literal["batch", "none"] = "batch",
        refine: int = 0,
        conditions: int = 0,
    ) -> None:
        super().__init__()
        channels, height, full_width = shape
        self.latent = latent
        self.sizes = pyramid(height, full_width)
        self.labels = JoinLabels(classes, 32)
        self.numbers = JoinNumbers(conditions)
        ups = len(self.sizes) - 1
        widths = [min(width * 2 ** max(ups - 1 - level, 0), most) for level in range(max(ups, 1))]
        self.first = nn.Unflatten(1, (widths[0], *self.sizes[0]))
        area = self.sizes[0][0] * self.sizes[0][1]
        inputs = latent + self.labels.width + self.numbers.width
        self.linear = initialise(nn.Linear(inputs, widths[0] * area))
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(w) if norm == "batch" else nn.Identity() for w in widths
        )
        self.activation = nn.LeakyReLU(SLOPE, inplace=True)
        after = [*widths[1:], refine or channels]
        self.ups = nn.ModuleList(
            initialise(nn.ConvTranspose2d(before, behind, 4, 2, 1))
            for before, behind in zip(widths, after, strict=True)
        )
        if not ups:  # an image no larger than the smallest map
            self.ups = nn.ModuleList([initialise(nn.Conv2d(widths[0], after[0], 3, 1, 1), 1.0)])
        self.refine = nn.Sequential()
        if refine:
            self.refine.append(nn.LeakyReLU(SLOPE, inplace=True))
            self.refine.append(initialise(nn.Conv2d(refine, channels, 3, 1, 1)))

    def forward(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        x = self.first(self.linear(self.numbers(self.labels(z, y), c)))
        x = x.contiguous(memory_format=torch.channels_last)
        sizes = self.sizes[1:] or self.sizes
        for norm, up, (height, width) in zip(self.norms, self.ups, sizes, strict=True):
            x = up(self.activation(norm(x)))
            if x.shape[2:] != (height, width):  # to slice all of it costs a copy of its gradient
                x = x[:, :, :height, :width]
        picture: Tensor = self.refine(x).tanh()
        return picture


class DCGANDiscriminator(nn.Module):
    """Images (N, C, H, W) to logits (N,): 4x4 convolutions of stride 2, then a linear layer.

    width: channels of the first map; each map after it has twice as many, at most `most`.
    norm: batch normalisation in all maps but the first, or none.
    condition: how labels enter: as planes joined to the image, or by projection.
    dropout: probability of zeroing a channel's entry after each map.
    spectral: divide weights by their largest singular value.
    conditions: how many numbers c (N, conditions) a sample was asked for by; by projection.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        classes: int = 0,
        width: int = 64,
        most: int = 512,
        norm: Literal["batch", "none"] = "none",
        condition: Condition = "projection",
        dropout: float = 0.0,
        spectral: bool = False,
        conditions: int = 0,
    ) -> None:
        super().__init__()
        channels, height, full_width = shape
        self.planes = JoinPlanes(classes if condition == "concat" else 0)
        downs = max(len(pyramid(height, full_width)) - 1, 0)
        widths = [min(width * 2**level, most) for level in range(max(downs, 1))]
        layers: list[nn.Module] = []
        before = channels + self.planes.classes
        for level, behind in enumerate(widths):
            kernel = (4, 2, 1) if downs else (3, 1, 1)
            layers.append(initialise(nn.Conv2d(before, behind, *kernel)))
            if norm == "batch" and level:
                layers.append(nn.BatchNorm2d(behind))
            layers.append(nn.LeakyReLU(SLOPE, inplace=True))
            if dropout:
                layers.append(nn.Dropout(dropout))
            before = behind
        self.layers = nn.Sequential(*layers)
        features = before * (height >> downs) * (full_width >> downs)
        self.verdict = Verdict(features, classes if condition == "projection" else 0)
        self.numbers = NumberProjection(conditions, features) if conditions else None
        if spectral:
            add_spectral_norm(self)

    def forward(self, x: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        features = self.planes.through(self.layers, x, y)
        logits: Tensor = self.verdict(features, y)
        if self.numbers is not None:
            logits = logits + self.numbers(features.flatten(1), c)
        return logits
