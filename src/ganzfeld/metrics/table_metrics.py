"""How like a real table a made one is: marginals, pairs, use, and distance to its source."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.metrics.table_learners import Features, Logistic, Trees, target_means
from ganzfeld.modalities.table.schema import Schema

Floats = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]  # numbers with NaN for missing, levels as codes with -1

BINS = 10  # of a number, where pairs of columns are counted
RARE = (0.003, 0.05)  # shares of a level that is rare, and still has rows enough to count


def plain(rows: NDArray[Any], schema: Schema) -> Columns:
    """The columns of rows (n, columns) as `ganzfeld.modalities.table` has them, blank ones left."""
    return {
        column.name: np.where(np.isnan(values), -1, values).astype(np.int64)
        if column.names
        else values.astype(np.float64)
        for column, values in zip(schema.columns, rows.T, strict=True)
        if not column.blank
    }


def levels_of(schema: Schema) -> dict[str, int]:
    """How many levels each category has."""
    return {c.name: c.levels for c in schema.columns if c.names and not c.blank}


def kolmogorov(a: Floats, b: Floats) -> float:
    """The largest distance of two empirical distribution functions, in [0, 1].

    Missing values (NaN) lie above all others, so that their share counts.
    """
    a, b = (np.sort(np.where(np.isnan(v), np.inf, v)) for v in (a, b))
    both = np.concatenate([a, b])
    left = np.searchsorted(a, both, "right") / len(a)
    return float(np.abs(left - np.searchsorted(b, both, "right") / len(b)).max())


def variation(a: NDArray[np.int64], b: NDArray[np.int64], levels: int) -> float:
    """Half the sum of the differences of shares, in [0, 1]; code -1 (missing) is a level."""
    first = np.bincount(a + 1, minlength=levels + 1) / len(a)
    second = np.bincount(b + 1, minlength=levels + 1) / len(b)
    return float(np.abs(first - second).sum() / 2)


def marginals(a: Columns, b: Columns, levels: Mapping[str, int]) -> dict[str, float]:
    """Per column, KS of numbers and TV of levels: 0 where they are distributed alike."""
    return {
        name: variation(a[name], b[name], levels[name])
        if name in levels
        else kolmogorov(a[name], b[name])
        for name in a
    }


def ranks(x: Floats) -> Floats:
    """Ranks with ties in the middle."""
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def spearman(x: Floats, y: Floats) -> float:
    """The rank correlation of the rows where both are known; 0 where one is constant."""
    known = ~(np.isnan(x) | np.isnan(y))
    if known.sum() < 3:
        return 0.0
    a, b = ranks(x[known]), ranks(y[known])
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def pairs(real: Columns, made: Columns, levels: Mapping[str, int]) -> dict[str, float]:
    """Errors of the dependence of two columns, as means over all pairs.

    "spearman": of the rank correlation of two numbers; NaN with fewer than two numbers.
    "contingency": the total variation of the tables of two columns, numbers in ten quantile bins.
    """
    numbers = [name for name in real if name not in levels]
    errors = [
        abs(spearman(real[a], real[b]) - spearman(made[a], made[b]))
        for a, b in combinations(numbers, 2)
    ]
    binned = [in_bins(real[name], made[name], levels.get(name)) for name in real]
    tables = [
        variation(a[0] * many + c[0], a[1] * many + c[1], a[2] * many)
        for a, c in combinations(binned, 2)
        for many in [c[2]]
    ]
    return {
        "spearman": float(np.mean(errors)) if errors else float("nan"),
        "contingency": float(np.mean(tables)) if tables else float("nan"),
    }


def in_bins(
    real: NDArray[Any], made: NDArray[Any], levels: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Codes from 0 on of a column in both tables, and how many there can be."""
    if levels is not None:
        return real + 1, made + 1, levels + 1
    known = real[~np.isnan(real)]
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else known
    codes = [
        np.where(np.isnan(v), len(edges) + 1, np.searchsorted(edges, v, "left"))
        for v in (real, made)
    ]
    return codes[0], codes[1], len(edges) + 2


def rare(real: Columns, made: Columns, levels: Mapping[str, int]) -> dict[str, float]:
    """Shares of rare levels, made over real, by "column=code"; 1 is right.

    Rare is what 0.3 to 5 % of the real rows have: with fewer, chance decides.
    """
    found = {}
    for name, count in levels.items():
        a = np.bincount(real[name] + 1, minlength=count + 1)[1:] / len(real[name])
        b = np.bincount(made[name] + 1, minlength=count + 1)[1:] / len(made[name])
        for code in np.flatnonzero((a >= RARE[0]) & (a <= RARE[1])):
            found[f"{name}={code}"] = float(b[code] / a[code])
    return found


def scores(
    train: Columns, test: Columns, levels: Mapping[str, int], target: str
) -> dict[str, float]:
    """Accuracy and area under the curve of classifiers of `target`, on the rows of `test`.

    "logistic" is a ridge-penalised logistic regression on one-hot levels; "trees" are 60
    gradient-boosted trees of depth 4. The target is its most frequent level in `test` against
    all others.
    """
    truth = test[target]
    level = int(np.bincount(truth[truth >= 0]).argmax())
    known = train[target] >= 0
    y, answer = (train[target][known] == level).astype(float), (truth == level).astype(float)
    inputs = {name: v[known] for name, v in train.items() if name != target}
    unseen = {name: v for name, v in test.items() if name != target}
    if y.min() == y.max():  # nothing to learn: the made table has one answer only
        return dict.fromkeys(("logistic", "logistic_auc", "trees", "trees_auc"), float("nan")) | {
            "logistic": float((answer == y[0]).mean()), "trees": float((answer == y[0]).mean()),
        }  # fmt: skip
    result = {}
    for name, logits in classified(inputs, unseen, levels, y).items():
        result[name] = float(((logits > 0) == (answer > 0.5)).mean())
        result[f"{name}_auc"] = area(logits, answer)
    return result


def classified(
    train: Columns, test: Columns, levels: Mapping[str, int], y: Floats
) -> dict[str, Floats]:
    """Logits of the rows of `test`, by both classifiers."""
    own = {name: count for name, count in levels.items() if name in train}
    features = Features(train, own)
    linear = Logistic.fit(features.one_hot(train), y)
    order = target_means(train, own, y)
    trees = Trees.fit(features.ordered(train, order), y)
    return {
        "logistic": linear.logits(features.one_hot(test)),
        "trees": trees.logits(features.ordered(test, order)),
    }


def area(logits: Floats, truth: Floats) -> float:
    """The area under the receiver's curve: how often a positive has the higher logit."""
    place = ranks(logits)
    positive = truth > 0.5
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return float("nan")
    return float((place[positive].sum() - n * (n + 1) / 2) / (n * m))


def discriminative(
    real: Columns, made: Columns, levels: Mapping[str, int], *, seed: int = 0
) -> float:
    """|accuracy - 1/2| of boosted trees that tell real rows from made ones, on half they did
    not see: 0 where they cannot, 0.5 where they always can."""
    n = min(len(next(iter(real.values()))), len(next(iter(made.values()))))
    both = {name: np.concatenate([real[name][:n], made[name][:n]]) for name in real}
    y = np.repeat([1.0, 0.0], n)
    order = numpy_generator(seed, "discriminative").permutation(2 * n)
    first, second = order[:n], order[n:]
    train, test = ({k: v[part] for k, v in both.items()} for part in (first, second))
    logits = classified(train, test, levels, y[first])["trees"]
    return float(abs(((logits > 0) == (y[second] > 0.5)).mean() - 0.5))


def nearest(
    source: Columns,
    rows: Columns,
    levels: Mapping[str, int],
    *,
    most: int = 2_000,
    others: bool = False,
) -> Floats:
    """The distance of each of the first rows to the closest record of `source`, (most,).

    others: to the closest but itself, where `rows` are those of `source`.

    Gower's distance (1971), as a mean over the columns: 0 or 1 for levels, the difference over
    the 5 to 95 % range of `source` for numbers, at most 1.
    """
    first = {name: v[:most] for name, v in rows.items()}
    total = np.zeros(
        (len(next(iter(first.values()))), len(next(iter(source.values())))), np.float32
    )
    for name, value in source.items():
        if name in levels:
            total += first[name][:, None] != value[None]
            continue
        low, high = np.nanquantile(value, [0.05, 0.95])
        scale = max(high - low, 1e-12 + 1e-6 * abs(high))
        a, b = ((np.where(np.isnan(v), 1e9, v) / scale).astype(np.float32)
                for v in (first[name], value))  # fmt: skip
        total += np.minimum(np.abs(a[:, None] - b[None]), 1)
    if others:
        np.fill_diagonal(total, np.inf)
    return np.asarray(total.min(1) / len(source), dtype=np.float64)


def privacy(
    source: Columns, made: Columns, held: Columns, levels: Mapping[str, int]
) -> dict[str, float]:
    """Distances to the closest training record, of made rows against held-out real ones.

    "copies", "copies_held": shares of rows that are a training record; "distance",
    "distance_held": medians. Made rows that lie closer than held-out ones are remembered.
    """
    return compared(nearest(source, made, levels), nearest(source, held, levels))


def copied(
    one: Columns, other: Columns, made: Columns, levels: Mapping[str, int]
) -> dict[str, float]:
    """The same of made rows against all data, which come in two halves; and in place of held-out
    rows, rows of the data against all others."""
    near = np.minimum(nearest(one, made, levels), nearest(other, made, levels))
    real = np.minimum(nearest(one, other, levels), nearest(other, other, levels, others=True))
    return compared(near, real)


def compared(near: Floats, real: Floats) -> dict[str, float]:
    return {
        "copies": float((near < 1e-6).mean()),
        "copies_held": float((real < 1e-6).mean()),
        "distance": float(np.median(near)),
        "distance_held": float(np.median(real)),
    }
