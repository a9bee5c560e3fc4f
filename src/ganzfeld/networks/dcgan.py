"""Deep convolutional networks (Radford et al. 2016) for images of any height and width.

The same networks make fields: arrays of one, two or three dimensions, periodic or not, of any
range, and conditioned on numbers.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from itertools import islice, pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ganzfeld.networks.conditions import JoinNumbers, NumberGains, NumberProjection
from ganzfeld.networks.dimensions import (
    NORMS,
    Padding,
    as_laid,
    convolution,
    cut,
    halving,
    transposed,
)
from ganzfeld.networks.layers import (
    SLOPE,
    Condition,
    JoinLabels,
    JoinPlanes,
    Verdict,
    add_spectral_norm,
    begin_small,
    initialise,
    levels,
    uneven_levels,
)
from ganzfeld.networks.side_inputs import SideVerdict
from ganzfeld.networks.smooth import Blur, Smooth

Output = Literal["tanh", "identity", "relu"]


class DCGANGenerator(nn.Module):
    """Latents (N, latent) to images (N, C, H, W) in [-1, 1].

    A linear layer makes the smallest map; 4x4 transposed convolutions of stride 2 double it.
    Sizes that are not a power of two times the smallest map are cropped by one row or column
    on the way, so that any shape works.

    shape: (C, H, W), or (C, L), or (C, D, H, W).
    classes: number of labels; 0 for none. Their embedding is joined to z.
    width: channels of the last map before the image; each map before it has twice as many.
    most: no map has more channels than this.
    norm: batch normalisation after each map, or none.
    refine: channels of one more map, as large as the image, from which a 3x3 convolution makes
        it; 0: the last transposed convolution makes the image, as in the paper. That has weights
        of its own for each of the four places of its 2x2 steps, which leaves dots in flat areas.
    conditions: how many numbers c (N, conditions) a sample is asked for by; 0 for none.
    padding: what lies beyond the border of a map: zeros, or its opposite side ("circular"), for
        periodic fields. Sides should then be powers of two times the smallest map: what is
        cropped is a seam.
    output: what makes the range: tanh for [-1, 1], relu for what is not negative, identity.
    noise: planes of noise that join each map, from entries of z of their own, so that what is
        random everywhere need not come out of the first map: `latent` grows by as many.
    gains: the numbers c multiply each channel and plane of noise by factors of their own, too. How
        strong a scale is need not then pass through all maps before it.
    uneven: halve each side by itself, for maps such as 1 x 100,000, whose smallest map would be
        as large as they are: the shortest side alone says else how often all are halved.
    smooth: a fixed filter before the output, which takes off a checkerboard of single pixels
        (`networks.smooth`).
    blur: how many transposed convolutions, counted from the image, have a fixed filter behind
        them that stops what changes with each entry of their map (`networks.smooth.Blur`). Without
        `refine` it is the image itself that the last one filters.
    init_std: standard deviation of the first weights of all layers, 0.02 in the paper; 0: one
        that keeps the variance through each layer (`networks.layers.initialise`).
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
        padding: Padding = "zeros",
        output: Output = "tanh",
        noise: int = 0,
        gains: bool = False,
        uneven: bool = False,
        smooth: bool = False,
        blur: int = 0,
        init_std: float = 0.0,
    ) -> None:
        super().__init__()
        channels, *sides = shape
        n = len(sides)
        self.output = output
        if blur < 0:
            raise ValueError(f"blur counts layers, so it is 0 or more, not {blur}")
        if smooth and n != 2:
            raise ValueError(f"smooth is for samples (C, H, W), not for {list(shape)}")
        self.smooth = Smooth(channels, *sides) if smooth else nn.Identity()
        self.sizes = uneven_levels(sides) if uneven else levels(sides)
        self.labels = JoinLabels(classes, 32)
        self.numbers = JoinNumbers(conditions)
        ups = len(self.sizes) - 1
        widths = [min(width * 2 ** max(ups - 1 - level, 0), most) for level in range(max(ups, 1))]
        at = self.sizes[: len(widths)] + ([self.sizes[-1]] if refine else [])
        self.planes = [noise * math.prod(size) for size in at]
        self.latent, self.own = latent + sum(self.planes), latent
        self.first = nn.Unflatten(1, (widths[0], *self.sizes[0]))
        inputs = latent + self.labels.width + self.numbers.width
        self.linear = initialise(nn.Linear(inputs, widths[0] * math.prod(self.sizes[0])))
        self.norms = nn.ModuleList(
            NORMS[n](w) if norm == "batch" else nn.Identity() for w in widths
        )
        self.activation = nn.LeakyReLU(SLOPE, inplace=True)
        after = [*widths[1:], refine or channels]
        kernels = list(map(halving, self.sizes, self.sizes[1:])) or [halving((1,), (2,))]
        filtered = [ups - level <= blur for level in range(len(kernels))] if ups else [False]
        if padding == "zeros":  # the filter takes the border that such layers cut off
            own = zip(kernels, filtered, strict=True)
            kernels = [(*kernel[:2], 0) if more else kernel for kernel, more in own]
        self.ups = nn.ModuleList(
            initialise(transposed(n, before + noise, behind, *kernel, padding=padding))
            for before, behind, kernel in zip(widths, after, kernels, strict=True)
        )
        self.blurs = nn.ModuleList(
            Blur(behind, n, padding) if more else nn.Identity()
            for behind, more in zip(after, filtered, strict=True)
        )
        if not ups:  # an image no larger than the smallest map
            last = convolution(n, widths[0] + noise, after[0], 3, 1, 1, padding=padding)
            self.ups = nn.ModuleList([initialise(last, 1.0)])
        self.refine = nn.Sequential()
        if refine:
            self.refine.append(nn.LeakyReLU(SLOPE, inplace=True))
            last = convolution(n, refine + noise, channels, 3, 1, 1, padding=padding)
            self.refine.append(initialise(last))
        inputs_of = [w + noise for w in [*widths, *([refine] if refine else [])]]
        self.gains = nn.ModuleList(
            NumberGains(conditions, inputs) for inputs in inputs_of if gains and conditions
        )
        if init_std:
            begin_small(self, init_std)

    def forward(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        z, *planes = torch.split(z, [self.own, *self.planes], 1)
        x = as_laid(self.first(self.linear(self.numbers(self.labels(z, y), c))))
        sizes = self.sizes[1:] or self.sizes
        gains = iter(self.gains)
        for norm, up, blur, size in zip(self.norms, self.ups, self.blurs, sizes, strict=True):
            x = joined(self.activation(norm(x)), planes)
            for gain in islice(gains, 1):
                x = gain(x, c)
            x = cut(blur(up(x)), size)
        if self.refine:
            x = joined(self.refine[0](x), planes)
            for gain in gains:
                x = gain(x, c)
            x = self.refine[1](x)
        image: Tensor = self.smooth(x)
        if self.output == "tanh":
            return image.tanh()
        return image.relu() if self.output == "relu" else image


def joined(x: Tensor, planes: list[Tensor]) -> Tensor:
    """Maps (N, C, ...) with the first of the planes of noise (N, ...) behind them; it is taken."""
    plane = planes.pop(0)
    if not plane.shape[1]:
        return x
    return as_laid(torch.cat([x, plane.view(len(x), -1, *x.shape[2:])], 1))


class DCGANDiscriminator(nn.Module):
    """Images (N, C, H, W) to logits (N,): 4x4 convolutions of stride 2, then a linear layer.

    Fields (N, C, L) and (N, C, D, H, W) likewise.

    width: channels of the first map; each map after it has twice as many, at most `most`.
    norm: batch normalisation in all maps but the first, or none.
    condition: how labels enter: as planes joined to the image, or by projection.
    dropout: probability of zeroing a channel's entry after each map.
    spectral: divide weights by their largest singular value.
    conditions: how many numbers c (N, conditions) a sample was asked for by; by projection.
    padding: "zeros", or "circular" for periodic fields.
    side: what it is told of a sample beside its maps: a name in `networks.side_inputs.SIDES`, or
        "none". side_options: its arguments.
    uneven, init_std: as the generator's options of these names.
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
        padding: Padding = "zeros",
        side: str = "none",
        side_options: dict[str, Any] | None = None,
        uneven: bool = False,
        init_std: float = 0.0,
    ) -> None:
        super().__init__()
        channels, *sides = shape
        n = len(sides)
        self.planes = JoinPlanes(classes if condition == "concat" else 0)
        sizes = (uneven_levels(sides) if uneven else levels(sides))[::-1]  # the largest first
        downs = len(sizes) - 1
        widths = [min(width * 2**level, most) for level in range(max(downs, 1))]
        layers: list[nn.Module] = []
        before = channels + self.planes.classes
        for level, behind in enumerate(widths):
            kernel = halving(sizes[level + 1], sizes[level]) if downs else (3, 1, 1)
            layers.append(initialise(convolution(n, before, behind, *kernel, padding=padding)))
            if norm == "batch" and level:
                layers.append(NORMS[n](behind))
            layers.append(nn.LeakyReLU(SLOPE, inplace=True))
            if dropout:
                layers.append(nn.Dropout(dropout))
            before = behind
        self.layers = nn.Sequential(*layers)
        halved = [sum(a != b for a, b in pairwise(side)) for side in zip(*sizes, strict=True)]
        features = before * math.prod(map(operator.rshift, sides, halved))
        self.verdict = Verdict(features, classes if condition == "projection" else 0)
        self.numbers = NumberProjection(conditions, features) if conditions else None
        self.side = None
        if side != "none":
            self.side = SideVerdict(side, shape, conditions, side_options or {})
        if init_std:
            begin_small(self, init_std)
        if spectral:
            add_spectral_norm(self)

    def forward(self, x: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        features = self.planes.through(self.layers, x, y)
        logits: Tensor = self.verdict(features, y)
        if self.numbers is not None:
            logits = logits + self.numbers(features.flatten(1), c)
        return logits if self.side is None else logits + self.side(x, c)
