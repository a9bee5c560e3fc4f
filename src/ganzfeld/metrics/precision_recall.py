"""Precision and recall, density and coverage: are the samples good, and are all kinds there?

A set's manifold is the union of balls around its samples, each as large as the distance to its
k-th nearest neighbour, itself not counted. *Precision* and *density* ask whether generated
samples lie on the data's manifold (quality). *Recall* asks whether data lie on the manifold of
the generated samples, *coverage* how many of the data have a generated sample near (variety).

What lies on the edge of a ball is inside for precision and recall (Kynkaanniemi et al. 2019,
eq. 1) and outside for density and coverage (the code of Naeem et al. 2020).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzfeld.metrics.distances import Array, as_pair, nearest_others, squared_distances
from ganzfeld.metrics.spread import Measured, of_amount, of_share

EDGE = 1e-10  # relative: closer to the edge of a ball than rounding can tell
K_PRECISION, K_DENSITY = 3, 5


class PrecisionRecall(NamedTuple):
    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    density: float
    coverage: float


class Manifolds(NamedTuple):
    """All four. repeated: share of the data that have `K_PRECISION` exact copies or more."""

    precision: Measured
    recall: Measured
    density: Measured
    coverage: Measured
    repeated: float


def precision_recall(
    generated: NDArray[Any], data: NDArray[Any], *, k: int = K_PRECISION
) -> PrecisionRecall:
    """Improved precision and recall (Kynkaanniemi et al. 2019, eq. 1 and 2), in [0, 1].

    generated, data: features (N, D), (M, D), in this order; compare equal N and M only.
    """
    generated, data = as_pair(generated, data, least=k + 1)
    around_data, around_generated = radii(data, k), radii(generated, k)
    precise, recalled = 0, np.zeros(len(data), dtype=bool)
    for rows, squares in squared_distances(generated, data):
        precise += int((squares <= around_data * (1 + EDGE)).any(1).sum())
        recalled |= (squares <= around_generated[rows, None] * (1 + EDGE)).any(0)
    return PrecisionRecall(precise / len(generated), float(recalled.mean()))


def density_coverage(
    generated: NDArray[Any], data: NDArray[Any], *, k: int = K_DENSITY
) -> DensityCoverage:
    """Density, from 0 to about 1 and above, and coverage in [0, 1] (Naeem et al. 2020, eq. 3, 4).

    generated, data: features (N, D), (M, D), in this order. Equal distributions have density 1
    and coverage 1 - 2^-k.
    """
    generated, data = as_pair(generated, data, least=k + 1)
    around_data = radii(data, k) * (1 - EDGE)
    inside, covered = 0, np.zeros(len(data), dtype=bool)
    for _, squares in squared_distances(generated, data):
        within = squares < around_data
        inside += int(within.sum())
        covered |= within.any(0)
    return DensityCoverage(inside / (k * len(generated)), float(covered.mean()))


def radii(a: Array, k: int) -> Array:
    """Squared distance of each sample to its k-th nearest neighbour, (N,)."""
    _, found = nearest_others(a, k)
    return found[:, -1] ** 2


# All four at once, with intervals


def manifolds(generated: NDArray[Any], data: NDArray[Any]) -> Manifolds:
    """The same four numbers from one pass, with intervals that cost next to nothing.

    A number here is the mean of what pairs of samples do, so its variance has a part for each
    of the two sets (Hoeffding). Density's part of the generated samples is the variance of its
    mean over them, that of the data a jackknife: see `without_each`. A share's part that comes
    from the other set is taken to be as large as its own, that is p (1 - p) divided by that
    set's size.
    """
    generated, data = as_pair(generated, data, least=K_DENSITY + 1)
    n, m = len(generated), len(data)
    neighbours, found = nearest_others(data, min(K_DENSITY + 1, m - 1))
    found = found**2
    near, around, beyond = found[:, K_PRECISION - 1], found[:, K_DENSITY - 1], found[:, -1]
    own = radii(generated, K_PRECISION)
    precise, recalled = np.zeros(n, dtype=bool), np.zeros(m, dtype=bool)
    # Balls around each generated sample; samples in each ball, and in the next larger one.
    depth, held, more = np.zeros(n), np.zeros(m), np.zeros(m)
    for rows, squares in squared_distances(generated, data):
        precise[rows] = (squares <= near * (1 + EDGE)).any(1)
        recalled |= (squares <= own[rows, None] * (1 + EDGE)).any(0)
        within = squares < around * (1 - EDGE)
        depth[rows] = within.sum(1)
        held += within.sum(0)
        more += (squares < beyond * (1 - EDGE)).sum(0)
    density = float(depth.sum()) / (K_DENSITY * n)
    spread = depth.var() / n
    spread += without_each(neighbours[:, :K_DENSITY], held, more).var() * (m - 1) / n**2
    worth = 1 / (1 / n + 1 / m)
    precision, recall, coverage = (
        of_share(float(hits.mean()), worth) for hits in (precise, recalled, held > 0)
    )
    error = float(np.sqrt(spread)) / K_DENSITY
    deep = of_amount(density, error)
    # Where none or few lie inside, the error says little: of those that may, each is in one ball.
    least = of_share(float((depth > 0).mean()), worth).interval[1] / K_DENSITY
    deep = deep._replace(interval=(deep.interval[0], max(deep.interval[1], least)))
    repeated = float((near == 0).mean())
    return Manifolds(precision, recall, deep, coverage, repeated)


def without_each(neighbours: NDArray[np.int64], held: Array, more: Array) -> Array:
    """By how much all balls together hold less without each of the data, (M,).

    neighbours: (M, k) of each of the data. held, more: samples in the ball around each, and in
    the one to its next neighbour. Without one of the data its own ball is lost, and the balls
    that ended at it or beyond it reach one neighbour further.
    """
    gained = np.zeros(len(held))
    np.add.at(gained, neighbours, (more - held)[:, None])
    lost: Array = held - gained
    return lost
