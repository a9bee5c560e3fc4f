"""Mixtures of Gaussians in one dimension, by expectation and maximisation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST = 10  # components that are tried
POINTS = 2_048  # support points: more values are averaged between quantiles
STEPS = 200  # of one fit, at most
LEAST_WEIGHT = 0.005  # a component with less is taken away


@dataclass(frozen=True)
class Mixture:
    """Weights, means and standard deviations of the components, (k,) each, by their means."""

    weights: Floats
    means: Floats
    deviations: Floats

    def log_joint(self, x: Floats) -> Floats:
        """log(weight_j N(x; mean_j, deviation_j)), (n, k)."""
        scaled = (x[:, None] - self.means) / self.deviations
        constant = np.log(self.weights) - np.log(self.deviations) - 0.5 * math.log(2 * math.pi)
        return constant - 0.5 * scaled**2

    def posterior(self, x: Floats) -> Floats:
        """The probability of each component for each value, (n, k)."""
        joint = self.log_joint(x)
        joint -= joint.max(1, keepdims=True)
        likely = np.exp(joint)
        return np.asarray(likely / likely.sum(1, keepdims=True))

    def log_likelihood(self, x: Floats, counts: Floats) -> float:
        joint = self.log_joint(x)
        top = joint.max(1)
        return float(counts @ (top + np.log(np.exp(joint - top[:, None]).sum(1))))


def fit(values: Floats, *, most: int = MOST, least: float = 0.0) -> Mixture:
    """The mixture of 1 to `most` components with the lowest Bayesian information criterion.

    values: (n,) finite, n at least 1. least: a floor of the standard deviations, in the units
    of the values (half the step between them, say). The result depends on the values alone.

    Example::

        import numpy as np
        from ganzfeld.modalities.table.mixtures import fit

        rng = np.random.default_rng(0)
        values = np.concatenate([rng.normal(-3, 1, 3000), rng.normal(3, 0.5, 1000)])
        assert fit(values).means.round().tolist() == [-3.0, 3.0]
    """
    points, counts = support(values)
    spread = float(np.sqrt(np.average((points - np.average(points, weights=counts)) ** 2,
                                      weights=counts)))  # fmt: skip
    least = max(least, 1e-3 * spread, 1e-9 * float(np.abs(points).max()), 1e-12)
    best, lowest = None, math.inf
    for k in range(1, min(most, len(points)) + 1):
        found = maximise(points, counts, k, least)
        cost = (3 * len(found.weights) - 1) * math.log(counts.sum())
        cost -= 2 * found.log_likelihood(points, counts)
        if cost < lowest - 1e-9:
            best, lowest = found, cost
    assert best is not None
    return best


def support(values: Floats) -> tuple[Floats, Floats]:
    """Distinct values with their counts; means between quantiles where there are too many."""
    points, counts = np.unique(values, return_counts=True)
    weights: Floats = counts.astype(np.float64)
    if len(points) <= POINTS:
        return np.asarray(points, dtype=np.float64), weights
    bins = (np.cumsum(weights) - weights) * (POINTS / weights.sum())
    group = bins.astype(np.int64)
    total = np.bincount(group, weights, POINTS)
    mean = np.bincount(group, weights * points, POINTS)
    kept = total > 0
    return mean[kept] / total[kept], np.asarray(total[kept], dtype=np.float64)


def maximise(x: Floats, counts: Floats, k: int, least: float) -> Mixture:
    """One fit of k components from k equal parts of the values (Dempster et al. 1977)."""
    part = np.minimum((np.cumsum(counts) - 0.5 * counts) * k // counts.sum(), k - 1)
    likely = np.eye(k)[part.astype(np.int64)]
    mixture, before = moments(x, counts, likely, least), -math.inf
    for _ in range(STEPS):
        joint = mixture.log_joint(x)
        top = joint.max(1, keepdims=True)
        likely = np.exp(joint - top)
        total = likely.sum(1, keepdims=True)
        level = float(counts @ (top + np.log(total))[:, 0])
        mixture = moments(x, counts, likely / total, least)
        if level - before < 1e-6 * abs(level):
            break
        before = level
    return mixture


def moments(x: Floats, counts: Floats, likely: Floats, least: float) -> Mixture:
    """The most likely mixture for given shares of each value in each component, (n, k)."""
    mass = counts @ likely
    kept = mass > LEAST_WEIGHT * counts.sum()
    likely, mass = likely[:, kept], mass[kept]
    means = (counts * x) @ likely / mass
    variances = (counts[:, None] * (x[:, None] - means) ** 2 * likely).sum(0) / mass
    order = np.argsort(means)
    return Mixture(
        (mass / mass.sum())[order],
        means[order],
        np.maximum(np.sqrt(variances), least)[order],
    )
