"""Numbers as conditions: a network is told the slope, the energy or the temperature it is to make.

Numbers come scaled to about [-1, 1]. Sines and cosines beside them let a network tell values
apart that lie close together (Tancik et al. 2020).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ganzfeld.networks.layers import SLOPE, initialise

OCTAVES = 4  # of sines and cosines: periods of 4, 2, 1 and 1/2
WIDTH = 32  # of an embedding


class NumberEmbedding(nn.Module):
    """Numbers c (N, count) to features (N, width): one hidden step over Fourier features."""

    def __init__(self, count: int, width: int = WIDTH) -> None:
        super().__init__()
        self.count, self.width = count, width
        self.linear = initialise(nn.Linear(count * (1 + 2 * OCTAVES), width))
        self.activation = nn.LeakyReLU(SLOPE)

    def forward(self, c: Tensor | None) -> Tensor:
        c = need_numbers(c, self.count)
        turns = math.pi / 2 * c[:, :, None] * 2.0 ** torch.arange(OCTAVES, device=c.device)
        waves = turns.flatten(1)
        found: Tensor = self.activation(self.linear(torch.cat([c, waves.sin(), waves.cos()], 1)))
        return found


class JoinNumbers(nn.Module):
    """Latents with an embedding of their numbers behind them: (N, latent + width)."""

    def __init__(self, count: int, width: int = WIDTH) -> None:
        super().__init__()
        self.width = width if count else 0
        self.embedding = NumberEmbedding(count, width) if count else None

    def forward(self, z: Tensor, c: Tensor | None) -> Tensor:
        return z if self.embedding is None else torch.cat([z, self.embedding(c)], 1)


class NumberGains(nn.Module):
    """Maps (N, channels, ...), each channel times a factor that numbers c decide; at first 1.

    Its logarithm is a linear function of c: one that bends more made amplitudes waver.
    """

    def __init__(self, count: int, channels: int) -> None:
        super().__init__()
        self.count = count
        self.linear = nn.Linear(count, channels)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        factors = self.linear(need_numbers(c, self.count)).exp()
        found: Tensor = x * factors.view(len(x), -1, *[1] * (x.dim() - 2))
        return found


class NumberProjection(nn.Module):
    """What numbers c (N, count) add to the logits of features (N, width): an inner product.

    As a projection discriminator adds an embedding of the class (Miyato, Koyama 2018).
    """

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.embedding = NumberEmbedding(count)
        self.direction = nn.Linear(WIDTH, width)
        initialise(self.direction, 1 / math.sqrt(width))

    def forward(self, features: Tensor, c: Tensor | None) -> Tensor:
        found: Tensor = (features * self.direction(self.embedding(c))).sum(1)
        return found


def need_numbers(c: Tensor | None, count: int) -> Tensor:
    if c is None or c.shape[1:] != (count,):
        got = "none" if c is None else f"{tuple(c.shape)}"
        raise ValueError(
            f"this network was built for {count} numbers as conditions: it needs c, "
            f"(N, {count}) float32, not {got}"
        )
    return c
