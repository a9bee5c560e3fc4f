"""The mathematics of the doctor's signals: logits, distances and gradients in, numbers out.

All take float arrays and give a float, or None where the numbers at hand say nothing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)
from ganzfeld.metrics.distances import squares

Floats = NDArray[np.floating[Any]]

SEEN = 0.3  # a gap of logits, in deviations, below which shares of it are noise
SAME = 1e-4  # of the median distance of data, below which two samples are one
ROUNDED = 1e-4  # of the largest logit, that those of one sample may differ by
WIDTH = 0.4  # of the median distance of data: the kernel's bandwidth for the Vendi score


def mean(values: NDArray[Any]) -> float:
    """The mean of all values: a third of the time of numpy's, of few."""
    return float(values.sum()) / values.size if values.size else math.nan


def variance(values: Floats) -> float:
    """The variance of (N,) values: a fifth of the time of numpy's, of few."""
    away = values - mean(values)
    return float(away.dot(away)) / len(values)


def spread(*parts: Floats) -> float:
    """The pooled standard deviation of several sets of logits."""
    return math.sqrt(sum(map(variance, parts)) / len(parts))


def gap(real: Floats, fake: Floats) -> float | None:
    """How far apart logits (N,) of real samples and of fakes are, in their deviations (d').

    It does not change under D -> a D + b with a > 0, so it means the same for every loss.
    """
    scale = spread(real, fake)
    apart = mean(real) - mean(fake)
    if scale == 0:
        return None if apart == 0 else math.copysign(math.inf, apart)
    return apart / scale


def overfit(train: Floats, held: Floats, fake: Floats) -> float | None:
    """r_v: (E D(train) - E D(held out)) / (E D(train) - E D(fake)); 1 is memorised (Karras 2020).

    None where the discriminator tells too little apart for a share of it to mean anything.
    """
    apart = gap(train, fake)
    if apart is None or not SEEN < apart < math.inf:
        return None
    own = mean(train)
    return (own - mean(held)) / (own - mean(fake))


def shift(train: Floats, held: Floats, fake: Floats) -> float | None:
    """How much higher logits of training samples are than held-out ones', in the unit of `gap`."""
    scale = spread(train, fake)
    return (mean(train) - mean(held)) / scale if scale else None


def noise(once: Floats, again: Floats, scale: float) -> float | None:
    """How far logits (N,) of the same samples, judged twice, are apart, over a deviation of logits:
    0 of a verdict that depends on the sample alone, about 1 where it is all chance."""
    apart = float(np.sqrt(np.square(once - again).mean() / 2))
    if apart <= ROUNDED * float(np.abs(once).max()):
        return 0.0
    return apart / scale if scale else None


def told_apart(right: Floats, wrong: Floats) -> float | None:
    """By how many deviations logits fall when the same samples come with wrong conditions."""
    scale = math.sqrt(variance(right))
    return (mean(right) - mean(wrong)) / scale if scale else None


def told_error(right: Floats, wrong: Floats) -> float | None:
    """The standard error of `told_apart`, by the differences of pairs."""
    scale = math.sqrt(variance(right))
    return math.sqrt(variance(right - wrong) / len(right)) / scale if scale else None


def norms(gradient: Floats) -> float:
    """The median Euclidean norm of gradients (N, ...)."""
    return median(np.sqrt(lengths(gradient.reshape(len(gradient), -1))))


def median(values: Floats) -> float:
    """The median of all values; nan where one is."""
    return quantile(values, 0.5)


def quantile(values: Floats, part: float) -> float:
    """As numpy's, which loads its masked arrays first: that takes as long as two looks."""
    flat = np.sort(values, axis=None)
    if not flat.size or np.isnan(flat[-1]):
        return math.nan
    place = part * (flat.size - 1)
    low, high = float(flat[math.floor(place)]), float(flat[math.ceil(place)])
    return low if high == low else low + (high - low) * (place % 1)


def lengths(rows: Floats) -> Floats:
    """Squared lengths of rows (N, d), (N,)."""
    found: Floats = np.einsum("ij,ij->i", rows, rows)
    return found


def pairwise(a: Floats, b: Floats | None = None) -> NDArray[np.float64]:
    """Euclidean distances (N, M) of rows; without the diagonal, (N, N - 1), where b is left out."""
    if b is not None:
        return np.sqrt(squares(a, b))
    return off_diagonal(np.sqrt(squares(a, a)))


def off_diagonal(square: NDArray[np.float64]) -> NDArray[np.float64]:
    """A matrix (N, N) without its diagonal, (N, N - 1)."""
    n = len(square)
    if n < 2:
        return square[:, :0]
    flat = np.ascontiguousarray(square).reshape(-1)[1:]
    return flat.reshape(n - 1, n + 1)[:, :-1].reshape(n, n - 1)


def energy(fakes: Floats, data: Floats, across: Floats) -> float | None:
    """The energy distance in units of the data's mean distance; 0 for equal distributions.

    fakes, data: distances within each set, without the diagonal. across: between the two.
    Unbiased, so it may lie a little below 0 (Szekely and Rizzo 2013).
    """
    scale = mean(data)
    return (2 * mean(across) - mean(fakes) - scale) / scale if scale else None


def duplicates(distances: Floats, median: float) -> float:
    """The share of samples that equal another one. distances: without the diagonal."""
    return mean(distances.min(1) <= SAME * median) if distances.size else 0.0


def vendi(features: Floats, median: float) -> float:
    """The effective number of different samples (Friedman and Dieng 2023), of 1 to N.

    A Gaussian kernel whose width is a part of the data's median distance.
    """
    return vendi_of(squares(features, features), median)


def vendi_of(apart: Floats, median: float) -> float:
    """`vendi` of squared distances (N, N)."""
    kernel = np.exp(apart / -(2 * (WIDTH * median) ** 2 + 1e-30))
    values = torch.linalg.eigvalsh(torch.from_numpy(kernel / len(apart))).numpy()
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))


def ratio(value: float | None, of: float | None) -> float | None:
    """value / of; None where either is not known, or where there is nothing to divide by."""
    if value is None or of is None or of == 0 or not math.isfinite(value):
        return None
    return value / of
