"""A discriminator of whole lines, for rows of symbols that a gradient goes through."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from ganzfeld.networks.layers import SLOPE, Verdict, initialise
from ganzfeld.networks.recurrent import Cell, Given


class TextCritic(nn.Module):
    """Convolutions and a recurrent reader over a row, to one logit (N,): for relaxed rows.

    x: tokens (N, T), or rows (N, T, V) that a gradient goes through. No normalisation.
    """

    def __init__(
        self,
        shape: list[int] | tuple[int, ...],
        *,
        symbols: int,
        classes: int = 0,
        conditions: int = 0,
        width: int = 128,
        embedding: int = 48,
        hidden: int = 96,
    ) -> None:
        super().__init__()
        (self.length,) = shape
        self.symbols = symbols
        self.embedding = nn.Parameter(torch.randn(symbols, embedding) / math.sqrt(embedding))
        self.register_buffer("places", sinusoids(self.length, 8), persistent=False)
        self.first = convolution(embedding + 8, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                activation(),
                convolution(width, width),
                activation(),
                convolution(width, width, gain=0.1),
            )
            for _ in range(2)
        )
        self.shrink = convolution(width, width, stride=2)
        self.given = Given(0, classes, conditions, width)
        self.inputs = nn.Linear(width, 3 * hidden)
        self.cell = Cell(hidden)
        self.verdict = Verdict(2 * width + hidden)

    def forward(self, x: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        return self.judge(self.embedded(x), y, c)

    def embedded(self, x: Tensor) -> Tensor:
        """Rows (N, T, embedding), on which slopes are measured."""
        if x.dim() == 3:
            return x @ self.embedding
        return nn.functional.embedding(x.long(), self.embedding)

    def judge(self, e: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """Logits (N,) of embedded rows."""
        places = cast(Tensor, self.places).to(e).expand(len(e), -1, -1)
        v = self.first(torch.cat([e, places], 2).transpose(1, 2))
        v = v + self.given(None, y, c).to(v)[:, :, None]
        for block in self.blocks:
            v = v + block(v)
        v = nn.functional.leaky_relu(self.shrink(nn.functional.leaky_relu(v, SLOPE)), SLOPE)
        given = self.inputs(v.transpose(1, 2))
        state = v.new_zeros(len(v), self.cell.width)
        for t in range(given.shape[1]):
            state = self.cell(given[:, t], state)
        return cast(Tensor, self.verdict(torch.cat([v.mean(2), v.amax(2), state], 1), None))


def activation() -> nn.Module:
    return nn.LeakyReLU(SLOPE)


def convolution(
    before: int, after: int, *, stride: int = 1, gain: float | None = None
) -> nn.Module:
    layer = nn.Conv1d(before, after, 3, stride=stride, padding=1)
    return initialise(layer) if gain is None else initialise(layer, gain=gain)


def sinusoids(length: int, width: int) -> Tensor:
    """Places as (length, width) sines and cosines of falling frequency (Vaswani et al. 2017)."""
    place = torch.arange(length)[:, None]
    if place.is_meta:  # shapes alone are asked for
        return torch.empty(length, width // 2 * 2)
    rates = 10.0 ** -(torch.arange(width // 2) * 4 / width)
    return torch.cat([torch.sin(place * rates), torch.cos(place * rates)], 1)
