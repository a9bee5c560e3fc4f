"""Metrics from labels and a classifier: class shares, distances within classes, a score."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzfeld.metrics.distances import Array, as_pair
from ganzfeld.metrics.frechet import frechet_distance

Labels = NDArray[np.int64]


def class_shares(labels: Labels, classes: int) -> Array:
    """Share of each class among labels (N,), (classes,); sums to 1."""
    return np.bincount(labels, minlength=classes) / max(len(labels), 1)


def total_variation(p: Array, q: Array) -> float:
    """Half the sum of |p - q| of two shares: 0 when equal, 1 when no class is common."""
    return float(np.abs(p - q).sum() / 2)


def intra_class_frechet(
    a: NDArray[Any], a_labels: Labels, b: NDArray[Any], b_labels: Labels, *, least: int = 10
) -> dict[int, float]:
    """Frechet distance within each class that has `least` samples or more on both sides."""
    a, b = as_pair(a, b)
    found = {}
    for label in np.union1d(a_labels, b_labels):
        x, y = a[a_labels == label], b[b_labels == label]
        if min(len(x), len(y)) >= least:
            found[int(label)] = frechet_distance(x, y)
    return found


def score(logits: NDArray[Any]) -> float:
    """exp of the mean of KL(p(y|x) || p(y)) (Salimans et al. 2016), from 1 to the classes' number.

    logits: (N, classes). Only with the standard network is it the Inception Score.
    """
    values = np.asarray(logits, dtype=np.float64)
    values = values - values.max(1, keepdims=True)
    log_p = values - np.log(np.exp(values).sum(1, keepdims=True))
    p = np.exp(log_p)
    marginal = np.log(np.maximum(p.mean(0), np.finfo(np.float64).tiny))
    return float(np.exp((p * (log_p - marginal)).sum(1).mean()))


class Score(NamedTuple):
    """Mean and standard deviation over parts of the samples."""

    mean: float
    deviation: float


def split_score(logits: NDArray[Any], splits: int = 10) -> Score:
    """`score` as papers give it: mean and standard deviation of consecutive equal parts.

    The fewer the samples, the lower it is: compare equal counts only.
    """
    values = np.asarray(logits)
    splits = max(min(splits, len(values) // 2), 1)
    edges = [i * len(values) // splits for i in range(splits + 1)]
    parts = [score(values[a:b]) for a, b in pairwise(edges)]
    return Score(float(np.mean(parts)), float(np.std(parts)))
