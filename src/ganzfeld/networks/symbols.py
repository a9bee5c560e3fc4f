"""Networks that map lines of symbols to lines: a table of odds, and a judge of short windows."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, leaky_relu, one_hot, pad

from ganzfeld.networks.layers import SLOPE

Shape = list[int] | tuple[int, ...]


class SymbolMap(nn.Module):
    """Each symbol becomes another, by a table of odds for each place of a period (CipherGAN).

    It solves ciphers: period 1 holds any substitution of letters, longer ones the ciphers of
    Vigenere. END stays END, so that lines keep their length.

    shape: (T,) of a row. symbols: V, END among them. period: places in a line after which the
    table is the same again.

    It maps tokens (N, T), int64, or rows (N, T, V) that a gradient goes through, to rows
    (N, T, V): the probabilities of each symbol at each place (Gomez et al. 2018, section 3).

    Example::

        import torch
        from ganzfeld.networks import NETWORKS

        table = NETWORKS["symbol-map"]((8,), symbols=5)
        assert table(torch.zeros(2, 8, dtype=torch.int64)).shape == (2, 8, 5)
    """

    def __init__(self, shape: Shape, *, symbols: int, period: int = 1) -> None:
        super().__init__()
        (self.length,) = shape
        if not 1 <= period <= self.length:
            raise ValueError(f"period: 1 to {self.length} places, not {period}")
        self.symbols, self.period = symbols, period
        self.odds = nn.Parameter(0.01 * torch.randn(period, symbols - 1, symbols - 1))

    def tables(self) -> Tensor:
        """Probabilities (period, V, V): of each symbol, by the one that stands there."""
        found = pad(self.odds.softmax(2), (1, 0, 1, 0))
        end = one_hot(torch.zeros((), dtype=torch.int64), self.symbols).to(found)
        return torch.cat([end.expand(self.period, 1, -1), found[:, 1:]], 1)

    def forward(self, x: Tensor) -> Tensor:
        tables = self.tables()
        if self.period == 1:
            return embedding(x, tables[0]) if x.dim() == 2 else x @ tables[0]
        found = x.new_empty(*x.shape[:2], self.symbols, dtype=tables.dtype)
        for place in range(self.period):
            here = x[:, place :: self.period]
            table = tables[place]
            found[:, place :: self.period] = (
                embedding(here, table) if x.dim() == 2 else here @ table
            )
        return found


class SymbolJudge(nn.Module):
    """Logits (N, T - window + 1) of all short windows of a line, from embedded symbols.

    shape, symbols, period: as of `SymbolMap`; with a period the judge knows the place in it.
    x: tokens (N, T), or rows (N, T, V) that a gradient goes through. window: symbols that one
    logit sees. width: of its layers.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        symbols: int,
        period: int = 1,
        window: int = 4,
        width: int = 64,
        embedding: int = 32,
    ) -> None:
        super().__init__()
        (length,) = shape
        self.symbols = symbols
        window = min(window, length)
        self.embedding = nn.Parameter(torch.randn(symbols, embedding) / math.sqrt(embedding))
        places = one_hot(torch.arange(length) % period, period).float()
        self.register_buffer("places", places if period > 1 else places[:, :0], persistent=False)
        self.first = nn.Conv1d(embedding + cast(Tensor, self.places).shape[1], width, window)
        self.second = nn.Conv1d(width, width, 1)
        self.last = nn.Conv1d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.judge(self.embedded(x))

    def embedded(self, x: Tensor) -> Tensor:
        """Rows (N, T, embedding), on which slopes are measured."""
        if x.dim() == 3:
            return x @ self.embedding
        return embedding(x.long(), self.embedding)

    def judge(self, e: Tensor) -> Tensor:
        """Logits of embedded rows."""
        places = cast(Tensor, self.places).to(e).expand(len(e), -1, -1)
        h = self.first(torch.cat([e, places], 2).transpose(1, 2))
        h = self.second(leaky_relu(h, SLOPE))
        return cast(Tensor, self.last(leaky_relu(h, SLOPE))[:, 0])
