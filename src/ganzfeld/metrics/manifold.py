"""Precision and recall, density and coverage: are the samples good, and are they all there?

A set's manifold is the union of balls around its samples, each as large as the distance to its
k-th nearest neighbour, itself not counted. *Precision* and *density* ask whether generated
samples lie on the data's manifold (quality). *Recall* asks whether data lie on the manifold of
the generated samples, *coverage* how many of the data have a generated sample near (variety).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzfeld.metrics.distances import Array, as_pair, nearest_others, squared_distances


class PrecisionRecall(NamedTuple):
    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    density: float
    coverage: float


def precision_recall(generated: NDArray[Any], data: NDArray[Any], *, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall (Kynkaanniemi et al. 2019, eq. 1 and 2), in [0, 1].

    generated, data: features (N, D), (M, D), in this order; compare equal N and M only.
    """
    generated, data = as_pair(generated, data, least=k + 1)
    around_data, around_generated = radii(data, k), radii(generated, k)
    precise, recalled = 0, np.zeros(len(data), dtype=bool)
    for rows, squares in squared_distances(generated, data):
        precise += int((squares <= around_data).any(1).sum())
        recalled |= (squares <= around_generated[rows, None]).any(0)
    return PrecisionRecall(precise / len(generated), float(recalled.mean()))


def density_coverage(generated: NDArray[Any], data: NDArray[Any], *, k: int = 5) -> DensityCoverage:
    """Density, from 0 to about 1 and above, and coverage in [0, 1] (Naeem et al. 2020, eq. 3, 4).

    generated, data: features (N, D), (M, D), in this order. Equal distributions have density 1
    and coverage 1 - 2^-k.
    """
    generated, data = as_pair(generated, data, least=k + 1)
    around_data = radii(data, k)
    inside, covered = 0, np.zeros(len(data), dtype=bool)
    for _, squares in squared_distances(generated, data):
        within = squares <= around_data
        inside += int(within.sum())
        covered |= within.any(0)
    return DensityCoverage(inside / (k * len(generated)), float(covered.mean()))


def radii(a: Array, k: int) -> Array:
    """Squared distance of each sample to its k-th nearest neighbour, (N,)."""
    _, found = nearest_others(a, k)
    # A hair more, since the root and its square have rounded it and the ball holds its edge.
    return found[:, -1] ** 2 * (1 + 1e-12)
