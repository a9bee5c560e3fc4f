"""Classifiers of rows, in NumPy: a logistic regression and boosted trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def sigmoid(x: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


@dataclass(frozen=True)
class Logistic:
    """A logistic regression with a ridge, fitted by Newton's method.

    Example::

        import numpy as np
        from ganzfeld.metrics.table_learners import Logistic

        x = np.linspace(-1, 1, 200)[:, None]
        model = Logistic.fit(x, (x[:, 0] > 0).astype(float))
        assert ((model.logits(x) > 0) == (x[:, 0] > 0)).mean() > 0.98
    """

    weights: Floats
    mean: Floats
    deviation: Floats

    @classmethod
    def fit(cls, x: Floats, y: Floats, *, ridge: float = 1.0, steps: int = 25) -> Logistic:
        """x: (n, d). y: (n,) of 0 and 1. ridge: half the weight of the squared weights."""
        mean, deviation = x.mean(0), x.std(0)
        deviation = np.where(deviation > 1e-12, deviation, 1.0)
        design = np.concatenate([(x - mean) / deviation, np.ones((len(x), 1))], 1)
        weights = np.zeros(design.shape[1])
        penalty = np.full(len(weights), ridge)
        penalty[-1] = 1e-9
        for _ in range(steps):
            p = sigmoid(design @ weights)
            gradient = design.T @ (p - y) + penalty * weights
            curvature = (design * (p * (1 - p) + 1e-9)[:, None]).T @ design
            move = np.linalg.solve(curvature + np.diag(penalty), gradient)
            weights = weights - move
            if np.abs(move).max() < 1e-6:
                break
        return cls(weights, mean, deviation)

    def logits(self, x: Floats) -> Floats:
        return np.asarray((x - self.mean) / self.deviation @ self.weights[:-1] + self.weights[-1])


@dataclass(frozen=True)
class Trees:
    """Gradient-boosted trees over features in bins (Friedman 2001; second order as in Chen 2016).

    All trees have the same depth; a node splits at one bin of one feature.
    """

    edges: list[Floats]  # of each feature, ascending
    features: Codes  # (trees, nodes), in the order of a heap
    bins: Codes  # (trees, nodes): bins up to this one go left
    leaves: Floats  # (trees, 2 ** depth)
    base: float

    @classmethod
    def fit(
        cls,
        x: Floats,
        y: Floats,
        *,
        trees: int = 60,
        depth: int = 4,
        rate: float = 0.2,
        most_bins: int = 64,
        ridge: float = 1.0,
    ) -> Trees:
        """x: (n, d), finite. y: (n,) of 0 and 1."""
        edges = [edges_of(column, most_bins) for column in x.T]
        binned = into_bins(x, edges)
        share = float(np.clip(y.mean(), 1e-6, 1 - 1e-6))
        base = float(np.log(share / (1 - share)))
        logits = np.full(len(x), base)
        nodes = 2**depth - 1
        features = np.zeros((trees, nodes), np.int64)
        bins = np.full((trees, nodes), most_bins, np.int64)
        leaves = np.zeros((trees, nodes + 1))
        for t in range(trees):
            p = sigmoid(logits)
            gradient, curvature = p - y, p * (1 - p)
            node = np.zeros(len(x), np.int64)
            for level in range(depth):
                first, count = 2**level - 1, 2**level
                feature, cut = splits(binned, gradient, curvature, node, count, most_bins, ridge)
                features[t, first : first + count] = feature
                bins[t, first : first + count] = cut
                right = binned[np.arange(len(x)), feature[node]] > cut[node]
                node = 2 * node + right
            g = np.bincount(node, gradient, nodes + 1)
            h = np.bincount(node, curvature, nodes + 1)
            leaves[t] = -rate * g / (h + ridge)
            logits += leaves[t][node]
        return cls(edges, features, bins, leaves, base)

    def logits(self, x: Floats) -> Floats:
        binned = into_bins(x, self.edges)
        total = np.full(len(x), self.base)
        rows = np.arange(len(x))
        for feature, cut, leaf in zip(self.features, self.bins, self.leaves, strict=True):
            node = np.zeros(len(x), np.int64)
            for level in range(len(leaf).bit_length() - 1):
                at = 2**level - 1 + node
                node = 2 * node + (binned[rows, feature[at]] > cut[at])
            total += leaf[node]
        return total


def edges_of(column: Floats, most: int) -> Floats:
    """Upper edges of all bins but the last: between distinct values, or at quantiles."""
    distinct = np.unique(column)
    if len(distinct) <= most:
        return np.asarray((distinct[1:] + distinct[:-1]) / 2)
    return np.unique(np.quantile(column, np.arange(1, most) / most))


def into_bins(x: Floats, edges: list[Floats]) -> Codes:
    columns = [np.searchsorted(e, column) for e, column in zip(edges, x.T, strict=True)]
    return np.stack(columns, 1).astype(np.int64)


def splits(
    binned: Codes,
    gradient: Floats,
    curvature: Floats,
    node: Codes,
    count: int,
    most_bins: int,
    ridge: float,
) -> tuple[Codes, Codes]:
    """The feature and the bin of the best split of each node; the last bin where none is good."""
    best = np.full(count, 1e-9)
    feature, cut = np.zeros(count, np.int64), np.full(count, most_bins, np.int64)
    size = count * most_bins
    for f in range(binned.shape[1]):
        place = node * most_bins + binned[:, f]
        g = np.bincount(place, gradient, size).reshape(count, most_bins).cumsum(1)
        h = np.bincount(place, curvature, size).reshape(count, most_bins).cumsum(1)
        g_all, h_all = g[:, -1:], h[:, -1:]
        gain = g**2 / (h + ridge) + (g_all - g) ** 2 / (h_all - h + ridge)
        gain -= g_all**2 / (h_all + ridge)
        gain[(h < 1) | (h_all - h < 1)] = 0
        at = gain.argmax(1)
        better = gain[np.arange(count), at] > best
        best[better] = gain[np.arange(count), at][better]
        feature[better], cut[better] = f, at[better]
    return feature, cut


class Features:
    """Columns of a table as numbers for a classifier, by what a training table shows.

    columns: by name, (n,) float64 with NaN for missing, or codes (n,) int64 with -1 for missing.
    """

    def __init__(self, columns: dict[str, NDArray[Any]], levels: dict[str, int]) -> None:
        self.levels = levels
        self.names = list(columns)
        self.fill = {
            name: float(np.nanmedian(v)) if np.isfinite(v).any() else 0.0
            for name, v in columns.items()
            if name not in levels
        }

    def one_hot(self, columns: dict[str, NDArray[Any]]) -> Floats:
        """For a logistic regression: one-hot levels, numbers with their squares and logarithms."""
        parts = []
        for name in self.names:
            value = columns[name]
            if name in self.levels:
                parts.append(np.eye(self.levels[name] + 1)[value][:, :-1])
                continue
            gone = ~np.isfinite(value)
            known = np.where(gone, self.fill[name], value)
            parts.append(np.stack([known, np.sign(known) * np.log1p(np.abs(known)), gone], 1))
        return np.concatenate(parts, 1)

    def ordered(self, columns: dict[str, NDArray[Any]], order: dict[str, Floats]) -> Floats:
        """For trees: levels as the target's mean in each, numbers as they are, missing lowest."""
        parts = []
        for name in self.names:
            value = columns[name]
            if name in self.levels:
                parts.append(order[name][value])
            else:
                low = np.nanmin(value) - 1 if np.isfinite(value).any() else -1.0
                parts.append(np.where(np.isfinite(value), value, low))
        return np.stack(parts, 1)


def target_means(columns: dict[str, NDArray[Any]], levels: dict[str, int], y: Floats
                 ) -> dict[str, Floats]:  # fmt: skip
    """The target's mean in each level, drawn towards its mean over all; the last is missing."""
    found = {}
    for name, count in levels.items():
        code = np.where(columns[name] < 0, count, columns[name])
        total = np.bincount(code, minlength=count + 1)
        hits = np.bincount(code, y, count + 1)
        found[name] = (hits + 5 * y.mean()) / (total + 5)
    return found
