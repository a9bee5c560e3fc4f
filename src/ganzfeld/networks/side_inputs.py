"""What a discriminator is told of a field beside its maps: spectra, sums and counts.

Convolutions see such numbers badly, and they are what a simulation is judged by. Each is a
differentiable function of the sample in the network's units, so the generator learns from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from ganzfeld.errors import did_you_mean
from ganzfeld.networks.conditions import NumberEmbedding
from ganzfeld.networks.layers import SLOPE, initialise
from ganzfeld.networks.series_inputs import Memory

FLOOR = 1e-6  # below the squared amplitudes, against a logarithm of zero
SHRINK = 0.25  # of logarithms, which reach from about -8 to 8
HIDDEN = 64
MOST_ENTRIES = 1 << 24  # of the matrix from waves to shells, above which shells are summed without


class RadialPower(nn.Module):
    """Fields (N, C, ...) to the logarithm of their mean power by the length of the wave vector.

    Gives (N, C * shells), shells 1, 2, ... up to half of the shortest side, in waves a side.
    """

    membership: Tensor
    shell: Tensor
    share: Tensor

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        channels, *sides = shape
        shells = max(min(sides) // 2, 1)
        waves = [torch.fft.fftfreq(side, 1 / side) for side in sides[:-1]]
        waves.append(torch.fft.rfftfreq(sides[-1], 1 / sides[-1]))
        count = math.prod(len(k) for k in waves)
        self.dimensions, self.shells = len(sides), shells
        self.width = channels * shells
        self.as_matrix = count * shells <= MOST_ENTRIES
        if waves[0].is_meta:  # shapes alone are asked for
            shaped = {"shell": torch.empty(count).long(), "share": torch.empty(count)}
            if self.as_matrix:
                shaped = {"membership": torch.empty(count, shells)}
            for name, buffer in shaped.items():
                self.register_buffer(name, buffer, persistent=False)
            return
        length = sum(k.square() for k in torch.meshgrid(*waves, indexing="ij"))
        shell = cast(Tensor, length).sqrt().round().flatten().long()
        weight = torch.full_like(waves[-1], 2.0)  # a real field's other half is its mirror image
        weight[0] = 1.0
        if sides[-1] % 2 == 0:
            weight[-1] = 1.0
        each = weight.expand([len(k) for k in waves]).flatten()
        if self.as_matrix:
            inside = shell[:, None] == torch.arange(1, shells + 1)
            member = torch.where(inside, each[:, None], 0.0)
            member = member / member.sum(0).clamp(min=1.0)
            self.register_buffer("membership", member / math.prod(sides), persistent=False)
            return
        shell = shell.clamp(max=shells + 1)
        totals = torch.zeros(shells + 2).index_add(0, shell, each).clamp(min=1.0)
        self.register_buffer("shell", shell, persistent=False)
        self.register_buffer("share", each / totals[shell] / math.prod(sides), persistent=False)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        axes = tuple(range(-self.dimensions, 0))
        waves = torch.fft.rfftn(x.float(), dim=axes)
        power = (waves.real.square() + waves.imag.square()).flatten(2)
        if self.as_matrix:
            power = power @ self.membership
        else:
            sums = power.new_zeros(*power.shape[:2], self.shells + 2)
            power = sums.index_add(2, self.shell, power * self.share)[..., 1:-1]
        logs: Tensor = SHRINK * (power + FLOOR).log().flatten(1)
        return logs


class Sums(nn.Module):
    """Fields that are not negative, to logarithms of their sums and counts, (N, 2 C + 3).

    For each channel the sum, then the number of cells that are not zero; the whole sum; and twice
    how far its logarithm lies from what c lets one expect, the second time in deviations of a
    Poisson variable of as many units: large sums are known to a few per cent.

    unit, scale: of each channel, or of all. A sample in the network's units is
        log(1 + deposit / unit) / scale. Counts take tanh(deposit / unit) for one cell.
    expected: [a, b, ...]: log(sum / mean unit) is a + b c + ... in the mean.
    """

    unit: Tensor
    scale: Tensor
    expected: Tensor

    def __init__(
        self,
        shape: Sequence[int],
        unit: Sequence[float] = (1.0,),
        scale: Sequence[float] = (1.0,),
        expected: Sequence[float] = (0.0,),
    ) -> None:
        super().__init__()
        channels, *sides = shape
        self.register_buffer("unit", per_channel(unit, channels, len(sides)), persistent=False)
        self.register_buffer("scale", per_channel(scale, channels, len(sides)), persistent=False)
        self.register_buffer(
            "expected", torch.tensor([float(value) for value in expected]), persistent=False
        )
        self.width = 2 * channels + 3

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        quanta = (x.float() * self.scale).clamp(max=20.0).expm1()
        deposits = (quanta * self.unit).flatten(2).sum(2)
        counts = quanta.tanh().flatten(2).sum(2).clamp(min=0).log1p()
        sums = (deposits / self.unit.flatten(1)).clamp(min=0).log1p()
        whole = (deposits.sum(1, keepdim=True) / self.unit.mean()).clamp(min=0.5).log()
        usual = expectation(self.expected, c)
        beside = whole - usual
        shrunk = SHRINK * torch.cat([sums, counts, whole], 1)
        return torch.cat([shrunk, beside, (beside * (usual / 2).exp()).asinh()], 1)


def expectation(line: Tensor, c: Tensor | None) -> Tensor:
    """a + b c + ... of a line [a, b, ...], (N, 1), or (1,) without numbers."""
    return line[:1] if c is None or len(line) == 1 else line[:1] + (c @ line[1:])[:, None]


SIDES: dict[str, Callable[..., nn.Module]] = {
    "power": RadialPower,
    "sums": Sums,
    "memory": Memory,
}


class SideVerdict(nn.Module):
    """What such numbers add to the logits, (N,): two hidden layers over them and over c."""

    def __init__(
        self, side: str, shape: Sequence[int], conditions: int, options: dict[str, Any]
    ) -> None:
        super().__init__()
        if side not in SIDES:
            raise ValueError(f"no side input is called {side!r}. {did_you_mean(side, SIDES)}")
        self.numbers = SIDES[side](shape, **options)
        width = cast(int, self.numbers.width)
        self.embedding = NumberEmbedding(conditions) if conditions else None
        inputs = width + (self.embedding.width if self.embedding is not None else 0)
        self.layers = nn.Sequential(
            initialise(nn.Linear(inputs, HIDDEN)),
            nn.LeakyReLU(SLOPE),
            initialise(nn.Linear(HIDDEN, HIDDEN)),
            nn.LeakyReLU(SLOPE),
            initialise(nn.Linear(HIDDEN, 1), 1.0),
        )

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):  # logarithms of sums need all digits
            found = self.numbers(x, c)
        if self.embedding is not None:
            found = torch.cat([found, self.embedding(c)], 1)
        logits: Tensor = self.layers(found)
        return logits.squeeze(1)


def per_channel(values: Sequence[float], channels: int, dimensions: int) -> Tensor:
    """Values (channels,), or one for all of them, as (1, channels, 1, ...)."""
    row = torch.tensor([float(value) for value in values]).expand(channels)
    return row.reshape(1, channels, *[1] * dimensions).clone()
