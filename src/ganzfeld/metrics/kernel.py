"""Kernel distances (squared maximum mean discrepancy): unbiased, with an interval.

With the features of Inception-v3 and the cubic kernel it is called KID (Binkowski et al. 2018).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzfeld.metrics.distances import ROWS, Array, as_pair, squared_distances
from ganzfeld.randomness import numpy_generator

BLOCK = 5_000  # samples: larger sets are cut into blocks, and the cost is linear from there
MEDIAN_OF = 1_000  # samples of each set that choose the bandwidth


class Kernel(NamedTuple):
    """sums(a, b): for each row of `a` the sum over `b`. own(a): each row with itself."""

    sums: Callable[[Array, Array], Array]
    own: Callable[[Array], Array]


class Estimate(NamedTuple):
    """An estimate, and the interval that holds the truth 95 times in 100."""

    value: float
    interval: tuple[float, float]


def kernel_distance(a: NDArray[Any], b: NDArray[Any], *, block: int = BLOCK) -> Estimate:
    """Unbiased MMD^2 of features (N, D), (M, D) with the kernel (x.y / D + 1)^3.

    It may be slightly negative. Its expectation does not depend on N, unlike the Frechet
    distance's. All samples are used, in disjoint blocks of at most `block`; the interval is
    1.96 standard errors of the jackknife.
    """
    return in_blocks(*as_pair(a, b, least=3), CUBIC, block)


def mmd(
    a: NDArray[Any], b: NDArray[Any], *, bandwidth: float | None = None, block: int = BLOCK
) -> Estimate:
    """Unbiased MMD^2 with the kernel exp(-|x - y|^2 / (2 bandwidth^2)) (Gretton et al. 2012).

    bandwidth: None takes the median distance in the pooled samples.
    """
    a, b = as_pair(a, b, least=3)
    return in_blocks(a, b, gaussian(bandwidth or median_distance(a, b)), block)


def cubic_sums(a: Array, b: Array) -> Array:
    total = np.empty(len(a))
    for low in range(0, len(a), ROWS):
        product = a[low : low + ROWS] @ b.T
        product /= a.shape[1]
        product += 1
        total[low : low + ROWS] = (product * product * product).sum(1)
    return total


def cubic_own(a: Array) -> Array:
    own: Array = (np.einsum("ij,ij->i", a, a) / a.shape[1] + 1) ** 3
    return own


CUBIC = Kernel(cubic_sums, cubic_own)


def gaussian(bandwidth: float) -> Kernel:
    def sums(a: Array, b: Array) -> Array:
        total = np.empty(len(a))
        for rows, squares in squared_distances(a, b):
            np.multiply(squares, -0.5 / bandwidth**2, out=squares)
            total[rows] = np.exp(squares, out=squares).sum(1)
        return total

    return Kernel(sums, lambda a: np.ones(len(a)))


def median_distance(a: Array, b: Array) -> float:
    """The median of the distances between different samples of both sets; 1 where it is 0."""
    pooled = np.concatenate([thinned(a), thinned(b)])
    squares = np.concatenate([block for _, block in squared_distances(pooled, pooled)])
    above = squares[np.triu_indices(len(pooled), 1)]
    return math.sqrt(float(np.median(above))) or 1.0


def thinned(a: Array) -> Array:
    """At most `MEDIAN_OF` rows, evenly from all."""
    rows: Array = a[np.linspace(0, len(a) - 1, min(len(a), MEDIAN_OF)).round().astype(int)]
    return rows


def in_blocks(a: Array, b: Array, kernel: Kernel, block: int) -> Estimate:
    """The mean over disjoint blocks, drawn at random since sets may be sorted by class."""
    count = math.ceil(max(len(a), len(b)) / block)
    count = min(count, len(a) // 3, len(b) // 3)
    parts = zip(dealt(a, count, "a"), dealt(b, count, "b"), strict=True)
    values, variances = zip(*(two_sample(x, y, kernel) for x, y in parts), strict=True)
    value = float(np.mean(values))
    spread = 1.96 * math.sqrt(float(np.mean(variances)) / count)
    return Estimate(value, (value - spread, value + spread))


def dealt(a: Array, count: int, name: str) -> list[Array]:
    """A set in `count` random parts, always the same ones."""
    if count == 1:
        return [a]
    return np.array_split(a[numpy_generator("kernel blocks", name).permutation(len(a))], count)


def two_sample(a: Array, b: Array, kernel: Kernel) -> tuple[float, float]:
    """The U-statistic of MMD^2 (Gretton et al. 2012, eq. 3), and its variance by jackknife."""
    n, m = len(a), len(b)
    in_a, in_b = kernel.sums(a, a) - kernel.own(a), kernel.sums(b, b) - kernel.own(b)
    of_a, of_b = kernel.sums(a, b), kernel.sums(b, a)
    value = in_a.sum() / (n * (n - 1)) + in_b.sum() / (m * (m - 1)) - 2 * of_a.sum() / (n * m)
    variance = (n - 1) * without_each(in_a, of_a, m).var()
    variance += (m - 1) * without_each(in_b, of_b, n).var()
    return float(value), float(variance)


def without_each(within: Array, across: Array, others: int) -> Array:
    """The statistic without sample i, for each i, less what is the same for all."""
    n = len(within)
    inner = (within.sum() - 2 * within) / ((n - 1) * (n - 2))
    outer = (across.sum() - across) / ((n - 1) * others)
    without: Array = inner - 2 * outer
    return without
