"""Networks for series (C, T): a recurrent generator, and a discriminator that reads along time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ganzfeld.networks.conditions import NumberProjection
from ganzfeld.networks.layers import SLOPE, Verdict, initialise
from ganzfeld.networks.recurrent import Given
from ganzfeld.networks.side_inputs import SideVerdict
from ganzfeld.networks.text_critic import sinusoids

ALWAYS = 16  # numbers from what the whole series depends on, an input of every step
PLACES = 8  # sines and cosines that tell a network in which step it is


class Recurrent(nn.Module):
    """Inputs (N, T, before) to states (N, T, width) by a gated recurrent unit.

    PyTorch's own, which takes half the time of one written out. On a GPU it has no second
    derivative (cuDNN), so penalties on slopes go by finite differences, `difference` of the game.
    """

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.unit = nn.GRU(before, width, batch_first=True)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        """state: (N, width), the first."""
        with torch.autocast(x.device.type, enabled=False):  # many steps of sums, in float32
            kept = cast(Tensor, self.unit.weight_hh_l0).dtype
            states, _ = self.unit(x.to(kept), state.to(kept)[None].contiguous())
        return cast(Tensor, states)


class SeriesGenerator(nn.Module):
    """Latents to series (N, C, T): a recurrent network with noise of its own in every step.

    static: entries of a latent that the whole series depends on. noise: entries for each step, T
    times as many behind them. A step is a mean and a scale times its noise, both from the state:
    what is random in every step needs not grow out of the state.
    hidden: width of the state. classes, conditions: labels and numbers to depend on; 0 for none.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        static: int = 32,
        noise: int = 8,
        classes: int = 0,
        conditions: int = 0,
        hidden: int = 96,
    ) -> None:
        super().__init__()
        channels, self.length = shape
        self.static, self.noise = static, noise
        self.latent = static + noise * self.length
        self.register_buffer("places", sinusoids(self.length, PLACES), persistent=False)
        self.start = Given(static, classes, conditions, hidden)
        self.always = Given(static, classes, conditions, ALWAYS)
        self.recurrent = Recurrent(noise + PLACES + ALWAYS, hidden)
        self.head = nn.Sequential(
            initialise(nn.Linear(hidden, hidden)),
            nn.LeakyReLU(SLOPE),
            initialise(nn.Linear(hidden, 2 * channels), 0.5),
        )
        self.mixed = initialise(nn.Linear(noise, channels, bias=False), 1.0)

    def forward(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        static, rest = torch.split(z, [self.static, self.noise * self.length], 1)
        noise = rest.view(len(z), self.length, self.noise)
        places = cast(Tensor, self.places).to(z).expand(len(z), -1, -1)
        always = self.always(static, y, c)[:, None].expand(-1, self.length, -1)
        state = self.start(static, y, c).tanh()
        states = self.recurrent(torch.cat([noise, places, always], 2), state)
        mean, scale = self.head(states).chunk(2, 2)
        series: Tensor = (mean + (0.5 + scale) * self.mixed(noise)).transpose(1, 2)
        return series


class SeriesDiscriminator(nn.Module):
    """Series (N, C, T) to logits (N,): convolutions along time, then a recurrent reader.

    It is told how much its features differ within the batch (Karras et al. 2018, "minibatch
    standard deviation"), by which a collapse is seen; when it does not train, the usual value
    stands for that, so that a logit depends on its own series alone.
    width: channels of the maps. hidden: of the reader's state. sides: what it is told beside:
    names in `networks.side_inputs.SIDES`. classes, conditions: by projection.
    """

    usual: Tensor
    whole_batch = "how much the samples of a batch differ"

    def __init__(
        self,
        shape: Sequence[int],
        *,
        classes: int = 0,
        conditions: int = 0,
        width: int = 48,
        hidden: int = 64,
        sides: Sequence[str] = ("power", "memory"),
    ) -> None:
        super().__init__()
        channels, length = shape
        strides = [2 if length >= 16 * 2**level else 1 for level in range(3)]
        layers: list[nn.Module] = []
        before = channels + PLACES
        for stride in strides:
            layers.append(initialise(nn.Conv1d(before, width, 5, stride, 2)))
            layers.append(nn.LeakyReLU(SLOPE))
            before = width
        self.layers = nn.Sequential(*layers)
        self.register_buffer("places", sinusoids(length, PLACES), persistent=False)
        self.recurrent = Recurrent(width, hidden)
        features = hidden + 2 * width
        self.register_buffer("usual", torch.zeros(()))
        self.verdict = Verdict(features + 1, classes)
        self.numbers = NumberProjection(conditions, features + 1) if conditions else None
        self.sides = nn.ModuleList(SideVerdict(side, shape, conditions, {}) for side in sides)

    def forward(self, x: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        places = cast(Tensor, self.places).to(x).expand(len(x), -1, -1).transpose(1, 2)
        maps = self.layers(torch.cat([x, places], 1))
        state = maps.new_zeros(len(x), self.recurrent.width)
        states = self.recurrent(maps.transpose(1, 2), state)
        features = torch.cat([states[:, -1], maps.mean(2), maps.amax(2)], 1)
        features = torch.cat([features, self.spread(features)], 1)
        logits: Tensor = self.verdict(features, y)
        if self.numbers is not None:
            logits = logits + self.numbers(features, c)
        for side in self.sides:
            logits = logits + side(x, c)
        return logits

    def spread(self, features: Tensor) -> Tensor:
        """How much features (N, F) differ within the batch, (N, 1), the same for all of it."""
        if not self.training or len(features) < 2:
            return self.usual.to(features).expand(len(features), 1)
        found = (features.var(0) + 1e-8).sqrt().mean()
        with torch.no_grad():
            self.usual.lerp_(found.detach().to(self.usual), 0.02)
        return found.expand(len(features), 1)
