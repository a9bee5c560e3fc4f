"""The Frechet distance between Gaussians fitted to two sets of features (Heusel et al. 2017).

With the features of Inception-v3 it is called FID. Everything is float64, and the trace of
the matrix square root is a sum of singular values, so that no result is complex, NaN or
negative by more than rounding, whatever the rank of the covariances.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.metrics.distances import Array, as_pair


def frechet_distance(a: NDArray[Any], b: NDArray[Any]) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2) of the features (N, D), (M, D).

    S are the unbiased covariances (divided by N - 1). The distance is squared, as in the paper
    and in every FID. It is biased upwards for small N; compare equal N only.
    """
    return frechet_distances(a, [b])[0]


def frechet_distances(a: NDArray[Any], others: Sequence[NDArray[Any]]) -> list[float]:
    """The distances of one set to each of several, whose own root is taken only once."""
    found, first = [], None
    for other in others:
        own, b = as_pair(a, other)
        low, high = own.mean(0), b.mean(0)
        x, y = (own - low) / np.sqrt(len(own) - 1), (b - high) / np.sqrt(len(b) - 1)
        # S1 = x'x and S2 = y'y: any other roots of them do as well, the smaller the faster.
        first = smaller_root(x) if first is None else first
        overlap = nuclear_norm(first @ smaller_root(y).T)
        trace = float((x * x).sum()) + float((y * y).sum())
        found.append(combine(low - high, trace, overlap))
    return found


def frechet_of_gaussians(
    mean1: Array, covariance1: Array, mean2: Array, covariance2: Array
) -> float:
    """The same distance from means (D,) and covariances (D, D)."""
    overlap = nuclear_norm(root(covariance1) @ root(covariance2).T)
    trace = float(np.trace(covariance1) + np.trace(covariance2))
    return combine(mean1 - mean2, trace, overlap)


def combine(shift: Array, trace: float, overlap: float) -> float:
    return max(float(shift @ shift) + trace - 2 * overlap, 0.0)


def smaller_root(x: Array) -> Array:
    """r of at most D rows with r'r = x'x. x: (N, D)."""
    return x if len(x) <= x.shape[1] else root(x.T @ x)


def root(covariance: Array) -> Array:
    """r (rank, D) with r'r = covariance; what rounding cannot tell from zero is left out."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    kept = values > len(values) * np.finfo(np.float64).eps * max(float(values[-1]), 0.0)
    scaled: Array = (vectors[:, kept] * np.sqrt(values[kept])).T
    return scaled


def nuclear_norm(product: Array) -> float:
    """Sum of singular values; of r1 r2' it is tr (S1^1/2 S2 S1^1/2)^1/2.

    Both matrices have the same non-zero eigenvalues: those of S1 S2. Singular values of the
    product of roots are right to eps times the largest one. Roots of the eigenvalues of
    S1^1/2 S2 S1^1/2 would be right to sqrt(eps) only, each.
    """
    if not product.size:
        return 0.0
    return float(np.linalg.svd(product, compute_uv=False).sum())
