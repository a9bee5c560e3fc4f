"""Numbers of generated lines against real ones; each beside what real lines score at equal counts.

Rows are tokens (N, T), see `modalities.symbols`. All functions are pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.metrics.markov import MarkovChain, Tokens, events

ORDERS = (2, 3, 4)  # of the n-grams that are compared
JUDGE = 3  # order of the chain that stands for a language model
Keys = NDArray[np.void]


def ngrams(tokens: Tokens, n: int, symbols: int) -> NDArray[np.int64]:
    """Codes of all n-grams, one ending at each symbol and at END; starts are padded with END."""
    context, symbol = events(tokens, n - 1, symbols)
    return context * symbols + symbol


def js_divergence(a: Tokens, b: Tokens, n: int, symbols: int) -> float:
    """Jensen-Shannon divergence of two sets' n-grams, in bits, from 0 to 1.

    It falls with the number of lines: compare only at equal counts, beside a floor.
    """
    values, codes = np.unique(
        np.concatenate([left := ngrams(a, n, symbols), right := ngrams(b, n, symbols)]),
        return_inverse=True,
    )
    p = np.bincount(codes[: len(left)], minlength=len(values)) / len(left)
    q = np.bincount(codes[len(left) :], minlength=len(values)) / len(right)
    middle = (p + q) / 2
    return float((relative(p, middle) + relative(q, middle)) / 2)


def relative(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Kullback-Leibler divergence in bits; q is above zero wherever p is."""
    there = p > 0
    return float((p[there] * np.log2(p[there] / q[there])).sum())


def keys(tokens: Tokens) -> Keys:
    """Each row as one value that can be compared, (N,)."""
    rows = np.ascontiguousarray(np.asarray(tokens).astype("<i2"))
    return rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))[:, 0]


def distinct(tokens: Tokens) -> float:
    """Different lines over lines, in (0, 1]; it falls with the number of lines."""
    return len(np.unique(keys(tokens))) / len(tokens)


def share_in(tokens: Tokens, others: Tokens) -> float:
    """Share of the lines that are also among the others."""
    return float(np.isin(keys(tokens), keys(others)).mean())


def share_once(tokens: Tokens, others: Tokens) -> float:
    """Share of the lines that are once among the others, which hold all of them."""
    values, counts = np.unique(keys(others), return_counts=True)
    return float(np.isin(keys(tokens), values[counts == 1]).mean())


def unique_rows(tokens: Tokens) -> NDArray[np.int64]:
    """Numbers of the rows that no earlier row equals, in order."""
    _, first = np.unique(keys(tokens), return_index=True)
    return np.sort(first)


def one_side(
    tokens: Tokens, held: int, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of training rows and of held-out rows that share no line.

    held: distinct lines to hold out. They keep one row each; other rows equal to them are in
    neither part. Training rows keep their repeats, and so their shares.
    """
    named = keys(tokens)
    first = unique_rows(tokens)
    chosen = np.sort(np.random.default_rng([seed, len(first)]).permutation(first)[:held])
    training = np.flatnonzero(~np.isin(named, named[chosen]))
    return training, chosen


def text_metrics(
    samples: Tokens,
    training: Tokens,
    held_out: Tokens,
    *,
    symbols: int,
    orders: Sequence[int] = ORDERS,
    judge: int = JUDGE,
) -> dict[str, Any]:
    """All numbers of a set of lines, each with its floor: what training lines score in its place.

    samples: generated rows. training, held_out: real ones, which share no line. Of the
    three, as many are taken as there are of the fewest, the judges' training part aside, where
    training rows beyond the floor's learn the forward judge.

    js_n: divergence of n-grams from held-out lines, in bits; `excess_n` is above its floor.
    forward: nats a symbol of the samples under a chain fitted to training lines. Far below its
        floor the samples are duller than real lines, above it they are worse.
    reverse: nats a symbol of held-out lines under a chain fitted to the samples: quality and
        variety in one number; the lower, the better.
    distinct, novel, hits: shares of different lines; of lines that are not in the training part; of
        lines that are held-out ones.
    """
    count = min(len(samples), len(held_out), len(training))
    samples, held_out, floor = samples[:count], held_out[:count], training[-count:]
    teacher = training if len(training) < 2 * count else training[:-count]
    language = MarkovChain(teacher, order=judge, symbols=symbols)
    found: dict[str, Any] = {"count": count}
    for n in orders:
        found[f"js_{n}"] = js_divergence(samples, held_out, n, symbols)
        found[f"js_{n}_floor"] = js_divergence(floor, held_out, n, symbols)
        found[f"excess_{n}"] = found[f"js_{n}"] - found[f"js_{n}_floor"]
    found["forward"] = language.per_symbol(samples)
    found["forward_floor"] = language.per_symbol(held_out)
    for name, rows in (("reverse", samples), ("reverse_floor", floor)):
        found[name] = MarkovChain(rows, order=judge, symbols=symbols).per_symbol(held_out)
    found["distinct"], found["distinct_floor"] = distinct(samples), distinct(floor)
    found["novel"] = 1 - share_in(samples, training)
    found["hits"], found["hits_floor"] = share_in(samples, held_out), share_in(floor, held_out)
    found["mean_length"] = float((np.asarray(samples) != 0).sum(1).mean())
    found["mean_length_floor"] = float((np.asarray(held_out) != 0).sum(1).mean())
    return found
