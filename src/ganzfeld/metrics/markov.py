"""A Markov chain over symbols: the opponent every text model must beat, and the judge of its lines.

Rows are tokens (N, T) of `modalities.symbols`: symbols from 1, then END (0) to the end of the row.
Contexts are padded with END at the front, so that a chain knows where a line starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[Any]  # (N, T) of any integers
Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """Counts of contexts and of (context, symbol), as sorted codes."""

    contexts: Codes
    totals: Floats
    kinds: Floats  # different symbols that follow each context
    pairs: Codes
    counts: Floats


def events(tokens: Tokens, order: int, symbols: int) -> tuple[Codes, Codes]:
    """Codes of the contexts, and the symbols that follow: one entry a symbol, END included.

    tokens: (N, T). Row by row, in order. Raises ValueError where codes would not fit 63 bits.
    """
    if (order + 1) * np.log2(symbols + 1) > 62:
        raise ValueError(f"order {order} of {symbols:,} symbols is more than 63 bits hold")
    rows = np.asarray(tokens, np.int64)
    padded = np.pad(rows, ((0, 0), (order, 0)))
    context = np.zeros(rows.shape, np.int64)
    for back in range(order, 0, -1):
        start = order - back
        context = context * symbols + padded[:, start : start + rows.shape[1]]
    inside = mask_of(rows)
    return context[inside], rows[inside]


def mask_of(tokens: Tokens) -> NDArray[np.bool_]:
    """True up to and with the first END of each row, (N, T)."""
    before = np.cumsum(np.asarray(tokens) == 0, axis=1)
    mask: NDArray[np.bool_] = (before == 0) | ((before == 1) & (np.asarray(tokens) == 0))
    return mask


def table_of(tokens: Tokens, order: int, symbols: int) -> Table:
    context, symbol = events(tokens, order, symbols)
    pairs, counts = np.unique(context * symbols + symbol, return_counts=True)
    contexts, first, kinds = np.unique(pairs // symbols, return_index=True, return_counts=True)
    totals = np.add.reduceat(counts, first) if len(counts) else counts
    return Table(
        contexts,
        totals.astype(np.float64),
        kinds.astype(np.float64),
        pairs,
        counts.astype(np.float64),
    )


def looked_up(keys: Codes, values: Floats, wanted: Codes) -> Floats:
    """The values of these keys; 0 for others. Keys are sorted."""
    if not len(keys):
        return np.zeros(len(wanted))
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found: Floats = np.where(keys[at] == wanted, values[at], 0.0)
    return found


class MarkovChain:
    """A chain of order n fitted to rows (N, T), smoothed by Witten and Bell's interpolation.

    p_n(w | c) = (count(c w) + kinds(c) p_(n-1)(w | c')) / (count(c) + kinds(c)), with c' one
    symbol shorter, kinds(c) the different symbols seen after c, and p_(-1) uniform (Witten and
    Bell 1991, method C). No line has probability zero.

    >>> import numpy as np
    >>> chain = MarkovChain(np.array([[1, 2, 0], [1, 0, 0]]), order=1, symbols=3)
    >>> chain.log_probability(np.array([[1, 2, 0]])).shape
    (1,)
    """

    def __init__(self, tokens: Tokens, *, order: int, symbols: int) -> None:
        if order < 0 or not len(tokens):
            raise ValueError("a chain has an order of 0 or more and is fitted to a row or more")
        self.order, self.symbols, self.length = order, symbols, np.asarray(tokens).shape[1]
        self.tables = [table_of(tokens, n, symbols) for n in range(order + 1)]

    def log_probability(self, tokens: Tokens) -> Floats:
        """Natural logarithm of each row's probability, (N,): its symbols and its END."""
        inside = mask_of(tokens)
        each = np.zeros(inside.shape)
        each[inside] = np.log(self.probability(tokens))
        total: Floats = each.sum(1)
        return total

    def probability(self, tokens: Tokens) -> Floats:
        """Of each symbol after those before it; entries as `events` has them."""
        found: Floats = np.full(int(mask_of(tokens).sum()), 1.0 / self.symbols)
        for order, table in enumerate(self.tables):
            context, symbol = events(tokens, order, self.symbols)
            total = looked_up(table.contexts, table.totals, context)
            kinds = looked_up(table.contexts, table.kinds, context)
            count = looked_up(table.pairs, table.counts, context * self.symbols + symbol)
            weight = total + kinds
            seen = (count + kinds * found) / np.where(weight > 0, weight, 1.0)
            found = np.where(weight > 0, seen, found)
        return found

    def per_symbol(self, tokens: Tokens) -> float:
        """Mean negative logarithm of a symbol's probability, END included, in nats."""
        return float(-np.log(self.probability(tokens)).mean())

    def sample(self, uniforms: Floats) -> NDArray[np.int16]:
        """Rows (N, T) by inverse CDF of the unsmoothed counts, one number in [0, 1) a symbol.

        uniforms: (N, T). A line that has not ended by the last entry ends there.
        """
        count, length = uniforms.shape
        rows = np.zeros((count, length), np.int16)
        table = self.tables[self.order]
        cumulative = np.cumsum(table.counts)
        starts = np.concatenate([[0.0], np.cumsum(table.totals)[:-1]])
        context = np.zeros(count, np.int64)
        alive = np.ones(count, bool)
        keep = self.symbols ** max(self.order - 1, 0)
        for t in range(length - 1):
            at = np.searchsorted(table.contexts, context)
            target = starts[at] + uniforms[:, t] * table.totals[at]
            chosen = np.minimum(
                np.searchsorted(cumulative, target, side="right"), len(cumulative) - 1
            )
            symbol = table.pairs[chosen] % self.symbols
            rows[:, t] = np.where(alive, symbol, 0)
            alive &= symbol != 0
            if self.order:
                context = np.where(alive, context % keep * self.symbols + symbol, 0)
        return rows
