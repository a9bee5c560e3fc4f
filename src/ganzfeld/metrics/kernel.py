"""Kernel distances (squared maximum mean discrepancy): unbiased, with a test and an interval.

With the features of Inception-v3 and the cubic kernel it is called KID (Binkowski et al. 2018).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.products import product
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.metrics.distances import ROWS, Array, as_pair
from ganzfeld.metrics.distances import squares as squared

BLOCK = 5_000  # samples: larger sets are cut into blocks, and the cost is linear from there
MEDIAN_OF = 1_000  # samples of each set that choose the bandwidth
SHUFFLES = 249  # of the permutation test; with the estimate itself they are 250
LOW, HIGH = 0.04, 0.01  # chances that the truth is below and above the interval
# A distance cannot be below 0, so at 0 only the first of the two can happen: 96 % are held
# there. Far from 0, the variance is estimated by the same few images that decide the value, and
# rises and falls with it (correlation 0.9 on satellite images, 200 a side), so that ends of 95 %
# hold 90. There the ends are those of 96.5 %, in standard errors of a normal variable:
LOW_Z, HIGH_Z = 1.9600, 2.3263

Kernel = Callable[[Array, Array], Array]  # (n, D), (m, D) to (n, m)


class Estimate(NamedTuple):
    """An estimate, the interval that holds the truth 95 times in 100, and a p-value.

    p: how often two sets of one distribution, of the same sizes, lie as far apart or further.
    Without a test the interval is the value twice and p is NaN.
    """

    value: float
    interval: tuple[float, float]
    p: float = math.nan


def kernel_distance(
    a: NDArray[Any], b: NDArray[Any], *, block: int = BLOCK, test: bool = True
) -> Estimate:
    """Unbiased MMD^2 of features (N, D), (M, D) with the kernel (x.y / D + 1)^3.

    It may be slightly negative. Its expectation does not depend on N, unlike the Frechet
    distance's, as long as samples are independent. All are used, in disjoint blocks of at most
    `block`. test: False leaves the interval and p out.
    """
    return in_blocks(*as_pair(a, b, least=3), cubic, block, test)


def mmd(
    a: NDArray[Any],
    b: NDArray[Any],
    *,
    bandwidth: float | None = None,
    block: int = BLOCK,
    test: bool = True,
) -> Estimate:
    """Unbiased MMD^2 with the kernel exp(-|x - y|^2 / (2 bandwidth^2)) (Gretton et al. 2012).

    bandwidth: None takes the median distance in the pooled samples.
    """
    a, b = as_pair(a, b, least=3)
    if bandwidth:
        return in_blocks(a, b, gaussian(bandwidth), block, test)
    few = np.concatenate([thinned(a), thinned(b)])
    apart = squared(few, few)
    bandwidth = middle(apart)
    whole = len(few) == len(a) + len(b) <= min(ROWS, block)  # one pass needs just these distances
    return in_blocks(a, b, gaussian(bandwidth, apart if whole else None), block, test)


def scaled_mmd(
    a: NDArray[Any], b: NDArray[Any], *, block: int = BLOCK, test: bool = True
) -> Estimate:
    """`mmd` of features that are divided by their standard deviations in `b`, the data.

    Where features have very unequal scales, a few of them would decide all; where they are
    small, the cubic kernel is nearly linear and sees little but means.
    """
    a, b = as_pair(a, b, least=3)
    deviations = b.std(0)
    still = deviations <= 1e-6 * float(deviations.max(initial=0.0))
    deviations[still] = 1.0
    return mmd(a / deviations, b / deviations, block=block, test=test)


def cubic(a: Array, b: Array) -> Array:
    found = product(a, b.T)
    found /= a.shape[1]
    found += 1
    cubed: Array = found * found * found
    return cubed


def gaussian(bandwidth: float, known: Array | None = None) -> Kernel:
    """known: the squared distances, where it is asked for once and they are there."""

    def kernel(a: Array, b: Array) -> Array:
        squares = squared(a, b) if known is None else known
        np.multiply(squares, -0.5 / bandwidth**2, out=squares)
        near: Array = np.exp(squares, out=squares)
        return near

    return kernel


def median_distance(a: Array, b: Array) -> float:
    """The median of the distances between different samples of both sets; 1 where it is 0."""
    pooled = np.concatenate([thinned(a), thinned(b)])
    return middle(squared(pooled, pooled))


def middle(squares: Array) -> float:
    """The median distance, by all squared ones (N, N) of N samples; 1 where it is 0."""
    above = squares[~np.tri(len(squares), dtype=bool)]
    return math.sqrt(float(np.median(above))) or 1.0


def thinned(a: Array) -> Array:
    """At most `MEDIAN_OF` rows, evenly from all."""
    rows: Array = a[np.linspace(0, len(a) - 1, min(len(a), MEDIAN_OF)).round().astype(int)]
    return rows


def in_blocks(a: Array, b: Array, kernel: Kernel, block: int, test: bool) -> Estimate:
    """The mean over disjoint blocks, drawn at random since sets may be sorted by class."""
    count = math.ceil(max(len(a), len(b)) / block)
    count = min(count, len(a) // 3, len(b) // 3)
    parts = zip(dealt(a, count, "a"), dealt(b, count, "b"), strict=True)
    shuffles = SHUFFLES if test else 0
    found = [two_sample(x, y, kernel, shuffles, i) for i, (x, y) in enumerate(parts)]
    value = float(np.mean([one.value for one in found]))
    if not test:
        return Estimate(value, (value, value))
    variance = float(np.mean([one.variance for one in found])) / count
    null = np.mean([one.null for one in found], 0)
    p = float(1 + (null >= value).sum()) / (1 + len(null))
    return Estimate(value, interval_of(value, variance, null), p)


def dealt(a: Array, count: int, name: str) -> list[Array]:
    """A set in `count` random parts, always the same ones."""
    if count == 1:
        return [a]
    return np.array_split(a[numpy_generator("kernel blocks", name).permutation(len(a))], count)


class Statistic(NamedTuple):
    """The estimate of one block, its variance by jackknife, and its values under permutation."""

    value: float
    variance: float
    null: Array


def two_sample(a: Array, b: Array, kernel: Kernel, shuffles: int, number: int = 0) -> Statistic:
    """The U-statistic of MMD^2 (Gretton et al. 2012, eq. 3), also with samples dealt anew.

    One pass over the kernel matrix of the pooled samples, a block of rows at a time.
    """
    n, m = len(a), len(b)
    pooled = np.concatenate([a, b])
    sides = dealings(n, m, shuffles, number)  # column 0 is as the samples came
    sums, own = np.empty((n + m, sides.shape[1])), np.empty(n + m)
    whole = np.empty(n + m)  # of each row of the matrix
    for low in range(0, n + m, ROWS):
        rows = np.arange(low, min(low + ROWS, n + m))
        block = kernel(pooled[rows], pooled)
        own[rows] = block[np.arange(len(rows)), rows]
        whole[rows] = block.sum(1)
        sums[rows] = product(block, sides)
    in_a = np.einsum("ij,ij->j", sides, sums)
    across = whole @ sides - in_a
    in_b = whole.sum() - in_a - 2 * across
    own_a = own @ sides
    values = (in_a - own_a) / (n * (n - 1)) + (in_b - (own.sum() - own_a)) / (m * (m - 1))
    values -= 2 * across / (n * m)
    to_a, to_b = sums[:, 0], whole - sums[:, 0]
    variance = (n - 1) * without_each(to_a[:n] - own[:n], to_b[:n], m).var()
    variance += (m - 1) * without_each(to_b[n:] - own[n:], to_a[n:], n).var()
    return Statistic(float(values[0]), float(variance), values[1:])


@lru_cache(maxsize=1)  # every evaluation of a run has the same
def dealings(n: int, m: int, shuffles: int, number: int) -> Array:
    """Which samples are on the first side, (n + m, 1 + shuffles), 1 or 0."""
    sides = np.zeros((n + m, 1 + shuffles))
    sides[:n, 0] = 1
    draw = numpy_generator("kernel shuffles", number)
    for column in range(1, 1 + shuffles):
        sides[draw.permutation(n + m)[:n], column] = 1
    return sides


def without_each(within: Array, across: Array, others: int) -> Array:
    """The statistic without sample i, for each i, less what is the same for all."""
    n = len(within)
    inner = (within.sum() - 2 * within) / ((n - 1) * (n - 2))
    outer = (across.sum() - across) / ((n - 1) * others)
    without: Array = inner - 2 * outer
    return without


def interval_of(value: float, variance: float, null: Array) -> tuple[float, float]:
    """All distances that the estimate does not reject.

    Errors have two parts. One is there when the distributions are equal: the permutations tell
    it, exactly. The other is normal, and its variance is proportional to the distance; it is
    what the jackknife finds beyond the first part, which the jackknife counts twice. At 0 this
    is the permutation test, far from 0 it is the normal interval.
    """
    ordered = np.sort(null)
    few = float(ordered[-max(round(LOW * (1 + len(null))), 1)])
    many = float(-np.quantile(null, HIGH))
    slope = max(variance - 2 * float(null.var()), 0.0) / max(value, float(null.std()), 1e-300)
    low = value - few
    if low > 0:  # (value - low)^2 = few^2 + z^2 slope low
        half = value + LOW_Z**2 * slope / 2
        low = half - math.sqrt(max(half**2 - (value**2 - few**2), 0.0)) if few > 0 else value
    base, half = max(value, 0.0), HIGH_Z**2 * slope / 2
    # (high - base)^2 = many^2 + z^2 slope high
    high = base + half + math.sqrt(half**2 + HIGH_Z**2 * slope * base + many**2)
    if value < 0:
        high = max(value + (high - base), 0.0)
    return min(low, value), max(high, value)
