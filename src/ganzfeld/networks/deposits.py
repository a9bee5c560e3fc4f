"""A generator of deposits: what falls into each cell of a detector, and how much in all.

The sums of the channels come from a head of their own and the maps say where they fall, as a
simulation draws an energy before its places: a sum over hundreds of cells would else have to be
right to a per cent by the agreement of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganzfeld.networks.conditions import JoinNumbers
from ganzfeld.networks.dcgan import DCGANGenerator
from ganzfeld.networks.dimensions import Padding
from ganzfeld.networks.layers import SLOPE, initialise
from ganzfeld.networks.side_inputs import expectation, per_channel

HIDDEN = 64
START = 0.3  # of the sums' logarithm round the line, before training


class DepositGenerator(nn.Module):
    """Latents (N, latent) to fields (N, C, ...) that are not negative.

    shape, latent, classes, width, most, norm, refine, conditions, padding, noise, uneven: as
        `DCGANGenerator` takes them.
    unit, scale: of each channel, or of all: a sample is log(1 + deposit / unit) / scale.
    expected: [a, b, ...]: the logarithm of (sum / mean unit) begins near a + b c + ...
    quanta: deposits are whole numbers of units; else those below half a unit are zero. The
        gradient passes as if they were not rounded.
    """

    unit: Tensor
    scale: Tensor
    expected: Tensor

    def __init__(
        self,
        shape: Sequence[int],
        *,
        latent: int = 64,
        classes: int = 0,
        width: int = 32,
        most: int = 256,
        refine: int = 0,
        conditions: int = 0,
        padding: Padding = "zeros",
        noise: int = 0,
        unit: Sequence[float] = (1.0,),
        scale: Sequence[float] = (1.0,),
        expected: Sequence[float] = (0.0,),
        quanta: bool = False,
        uneven: bool = False,
    ) -> None:
        super().__init__()
        channels, *sides = shape
        self.maps = DCGANGenerator(
            shape,
            latent=latent,
            classes=classes,
            width=width,
            most=most,
            norm="none",
            refine=refine,
            conditions=conditions,
            padding=padding,
            output="identity",
            noise=noise,
            uneven=uneven,
        )
        self.latent, self.own, self.quanta = self.maps.latent, latent, quanta
        self.numbers = JoinNumbers(conditions)
        self.head = nn.Sequential(
            initialise(nn.Linear(latent + self.maps.labels.width + self.numbers.width, HIDDEN)),
            nn.LeakyReLU(SLOPE),
            initialise(nn.Linear(HIDDEN, HIDDEN)),
            nn.LeakyReLU(SLOPE),
            initialise(nn.Linear(HIDDEN, channels + 1), START),
        )
        self.register_buffer("unit", per_channel(unit, channels, len(sides)), persistent=False)
        self.register_buffer("scale", per_channel(scale, channels, len(sides)), persistent=False)
        self.register_buffer(
            "expected", torch.tensor([float(value) for value in expected]), persistent=False
        )

    def forward(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        told = self.numbers(self.maps.labels(z[:, : self.own], y), c)
        whole, parts = self.head(told).split([1, self.unit.shape[1]], 1)
        whole = (whole + expectation(self.expected, c)).clamp(max=30.0).exp() * self.unit.mean()
        maps = self.maps(z, y, c)
        where = (maps * self.scale).flatten(2).softmax(2).view_as(maps)
        sums = (whole * parts.softmax(1)).view(len(z), *self.unit.shape[1:])
        quanta: Tensor = where * sums / self.unit
        with torch.no_grad():
            round_to = quanta.round() if self.quanta else quanta * (quanta >= 0.5)
        quanta = quanta + (round_to - quanta).detach()
        seen: Tensor = quanta.clamp(min=0).log1p() / self.scale
        return seen
