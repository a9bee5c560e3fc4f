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

from ganzfeld.core.products import product
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.metrics.distances import Array, as_pair
from ganzfeld.metrics.spread import Measured, of_amount

SIZES = 6  # counts that the extrapolation goes through, and draws at each
DRAWS = 3


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
        overlap = nuclear_norm(product(first, smaller_root(y).T))
        trace = float((x * x).sum()) + float((y * y).sum())
        found.append(combine(low - high, trace, overlap))
    return found


def frechet_estimate(a: NDArray[Any], b: NDArray[Any]) -> Measured:
    """The same distance, with an interval for its mean over other samples of the same counts.

    The error is that of the distance's linearisation (the delta method): each sample's
    influence through the means and the covariances. It costs one more decomposition.
    """
    a, b = as_pair(a, b)
    low, high = a.mean(0), b.mean(0)
    x, y = (a - low) / np.sqrt(len(a) - 1), (b - high) / np.sqrt(len(b) - 1)
    (p, of_x), (q, of_y) = with_root(x), with_root(y)
    left, values, right = np.linalg.svd(product(p, q.T), full_matrices=False)
    lengths_x, lengths_y = (np.einsum("ij,ij->i", z, z) for z in (x, y))
    value = combine(low - high, float(lengths_x.sum() + lengths_y.sum()), float(values.sum()))
    shift = low - high
    spread = 0.0
    for z, lengths, parts, way in (
        (x, lengths_x, product(of_x, left), shift),
        (y, lengths_y, product(of_y, right.T), -shift),
    ):
        overlap = (parts**2) @ values  # twice each sample's part of it
        influence = 2 * (z @ way) * np.sqrt(len(z) - 1) + (lengths - overlap) * len(z)
        spread += float(influence.var()) / len(z)
    return of_amount(value, float(np.sqrt(spread)))


def frechet_against(a: NDArray[Any], mean: Array, covariance: Array) -> Measured:
    """The distance of features (N, D) to a Gaussian, with an interval for the features' part.

    mean (D,) and covariance (D, D) are taken as exact: published ones are of many images.
    """
    a = np.asarray(a, dtype=np.float64)
    low = a.mean(0)
    x = (a - low) / np.sqrt(len(a) - 1)
    p, of_x = with_root(x)
    left, values, _ = np.linalg.svd(product(p, root(covariance).T), full_matrices=False)
    lengths = np.einsum("ij,ij->i", x, x)
    trace = float(lengths.sum()) + float(np.trace(covariance))
    value = combine(low - mean, trace, float(values.sum()))
    overlap = (product(of_x, left) ** 2) @ values
    influence = 2 * (x @ (low - mean)) * np.sqrt(len(x) - 1) + (lengths - overlap) * len(x)
    return of_amount(value, float(np.sqrt(influence.var() / len(x))))


def with_root(x: Array) -> tuple[Array, Array]:
    """r with r'r = x'x, and w (N, rank) with x = w r and orthonormal columns where r is smaller."""
    if len(x) <= x.shape[1]:
        return x, np.eye(len(x))
    r = root(product(x.T, x))
    scales = np.einsum("ij,ij->i", r, r)
    return r, product(x, r.T) / scales


def frechet_infinite(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The distance that infinitely many samples would have (Chong and Forsyth 2020).

    A line through the distances of parts of both sets, of 1/4 of them to all, against 1 / N;
    where it meets 0. Unlike there, both sets are cut, since both have a bias. May be negative.
    It is of use from about as many samples as there are features.
    """
    a, b = as_pair(a, b, least=8)
    shares, found = [], []
    for step, share in enumerate(np.linspace(0.25, 1, SIZES)):
        for number in range(DRAWS if share < 1 else 1):
            draw = numpy_generator("frechet infinite", step, number)
            parts = [z[draw.permutation(len(z))[: max(int(share * len(z)), 2)]] for z in (a, b)]
            shares.append(1 / share)
            found.append(frechet_distance(*parts))
    slope, start = np.polyfit(shares, found, 1)
    del slope
    return float(start)


def frechet_of_gaussians(
    mean1: Array, covariance1: Array, mean2: Array, covariance2: Array
) -> float:
    """The same distance from means (D,) and covariances (D, D)."""
    overlap = nuclear_norm(product(root(covariance1), root(covariance2).T))
    trace = float(np.trace(covariance1) + np.trace(covariance2))
    return combine(mean1 - mean2, trace, overlap)


def combine(shift: Array, trace: float, overlap: float) -> float:
    return max(float(shift @ shift) + trace - 2 * overlap, 0.0)


def smaller_root(x: Array) -> Array:
    """r of at most D rows with r'r = x'x. x: (N, D)."""
    return x if len(x) <= x.shape[1] else root(product(x.T, x))


def root(covariance: Array) -> Array:
    """r (rank, D) with r'r = covariance; what rounding cannot tell from zero is left out."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    kept = values > len(values) * np.finfo(np.float64).eps * max(float(values[-1]), 0.0)
    scaled: Array = (vectors[:, kept] * np.sqrt(values[kept])).T
    return scaled


def nuclear_norm(of: Array) -> float:
    """Sum of singular values; of r1 r2' it is tr (S1^1/2 S2 S1^1/2)^1/2.

    Both matrices have the same non-zero eigenvalues: those of S1 S2. Singular values of the
    product of roots are right to eps times the largest one. Roots of the eigenvalues of
    S1^1/2 S2 S1^1/2 would be right to sqrt(eps) only, each.
    """
    if not of.size:
        return 0.0
    return float(np.linalg.svd(of, compute_uv=False).sum())
