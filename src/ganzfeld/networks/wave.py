"""Networks for raw sound: WaveGAN (Donahue et al. 2019), with a look at the spectrogram."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganzfeld.modalities.audio.codec import magnitude
from ganzfeld.networks.conditions import JoinNumbers, NumberProjection
from ganzfeld.networks.layers import SLOPE, JoinLabels, Verdict, initialise

KERNEL, STRIDE = 25, 4  # of all convolutions over time, as published
PAD = 11  # so that a stride of 4 divides or multiplies the length by 4 exactly
LEAST = 8  # samples of the shortest map
QUIET = 0.02  # added to magnitudes before the logarithm


def stages_of(length: int) -> int:
    """How often a length is divided by 4: five times at most, to 8 samples or more."""
    stages = 0
    while stages < 5 and length % STRIDE == 0 and length // STRIDE >= LEAST:
        stages, length = stages + 1, length // STRIDE
    if not stages:
        raise ValueError(f"waves of {length} samples: a multiple of 4 from 32 on was expected")
    return stages


def widths_of(stages: int, width: int, most: int) -> list[int]:
    """Channels of the maps from the shortest on, half as many at each step."""
    return [min(width * 2 ** (stages - 1 - level), most) for level in range(stages)]


class WaveGenerator(nn.Module):
    """Latents (N, latent) to waves (N, 1, L) in [-1, 1]: transposed convolutions of stride 4.

    shape: (1, L). classes, conditions: labels and numbers to depend on; 0 for none. width:
    channels of the longest map; twice as many at each step before it, at most `most`.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        latent: int = 100,
        classes: int = 0,
        conditions: int = 0,
        width: int = 24,
        most: int = 192,
    ) -> None:
        super().__init__()
        channels, length = shape
        self.latent = latent
        stages = stages_of(length)
        self.labels = JoinLabels(classes, 32)
        self.numbers = JoinNumbers(conditions)
        widths = widths_of(stages, width, most)
        start = length // STRIDE**stages
        self.first = nn.Unflatten(1, (widths[0], start))
        self.linear = initialise(
            nn.Linear(latent + self.labels.width + self.numbers.width, widths[0] * start)
        )
        self.activation = nn.LeakyReLU(SLOPE)
        self.ups = nn.ModuleList(
            initialise(nn.ConvTranspose1d(before, behind, KERNEL, STRIDE, PAD, 1), gain)
            for before, behind, gain in zip(
                widths, [*widths[1:], channels], [1.0] * (stages - 1) + [0.3], strict=True
            )
        )

    def forward(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        x = self.first(self.linear(self.numbers(self.labels(z, y), c)))
        for up in self.ups:
            x = up(self.activation(x))
        wave: Tensor = x.tanh()
        return wave


def shuffled(x: Tensor, most: int) -> Tensor:
    """Maps (N, C, L) moved in time by one random number of samples from -most to most.

    "Phase shuffle": D cannot tell fakes by the phase of the artefacts that transposed
    convolutions leave. What comes in at an end is a reflection; the length stays.
    """
    move = int(torch.randint(-most, most + 1, (1,)))
    if move == 0:
        return x
    length = x.shape[2]
    padded = nn.functional.pad(x, (max(move, 0), max(-move, 0)), mode="reflect")
    return padded[:, :, max(-move, 0) :][:, :, :length]


class WaveDiscriminator(nn.Module):
    """Waves (N, 1, L) to logits (N,): convolutions of stride 4 with phase shuffle between them.

    A second head looks at log |STFT|, which knows no phase: its gradients say what should sound,
    not when (the discriminators of BigVGAN, in one resolution). Classes and numbers by projection.

    shuffle: most samples of a move, 0 for none; while it trains only. size, hop: of the second
        head's windows; size 0: no second head. head: its channels.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        classes: int = 0,
        conditions: int = 0,
        width: int = 24,
        most: int = 192,
        shuffle: int = 2,
        size: int = 256,
        hop: int = 64,
        head: int = 24,
    ) -> None:
        super().__init__()
        before, length = shape
        stages = stages_of(length)
        self.shuffle, self.size, self.hop = shuffle, size, hop
        layers: list[nn.Module] = []
        for behind in widths_of(stages, width, most)[::-1]:
            layers.append(initialise(nn.Conv1d(before, behind, KERNEL, STRIDE, PAD)))
            before = behind
        self.layers = nn.ModuleList(layers)
        self.activation = nn.LeakyReLU(SLOPE)
        features = before * (length // STRIDE**stages)
        self.verdict = Verdict(features, classes)
        self.numbers = NumberProjection(conditions, features) if conditions else None
        self.head = nn.Sequential()
        if size:
            channels = [1, head, 2 * head, 4 * head, 4 * head]
            for into, out in itertools.pairwise(channels):
                self.head.append(initialise(nn.Conv2d(into, out, 4, 2, 1)))
                self.head.append(nn.LeakyReLU(SLOPE))
            area = (size // 2 // 16) * (length // hop // 16)
            self.head_verdict = Verdict(4 * head * area, classes)
            self.head_numbers = (
                NumberProjection(conditions, 4 * head * area) if conditions else None
            )

    def spectrogram(self, x: Tensor) -> Tensor:
        """Log magnitudes (N, 1, size / 2, L / hop), about as large as images are."""
        found = magnitude(x[:, 0], self.size, self.hop)[:, :-1, :-1]
        return ((found + QUIET).log() / 3).unsqueeze(1)

    def forward(self, x: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        maps = x
        for number, layer in enumerate(self.layers):
            if number and self.shuffle and self.training:
                maps = shuffled(maps, self.shuffle)
            maps = self.activation(layer(maps))
        seen = maps.flatten(1)
        logits: Tensor = self.verdict(seen, y)
        if self.numbers is not None:
            logits = logits + self.numbers(seen, c)
        if self.size:
            heard = self.head(self.spectrogram(x)).flatten(1)
            logits = logits + self.head_verdict(heard, y)
            if self.head_numbers is not None:
                logits = logits + self.head_numbers(heard, c)
        return logits
