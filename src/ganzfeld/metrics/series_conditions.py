"""Whether series show the class and the numbers that they were asked for, as the data tell it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.metrics.field_conditions import Reader
from ganzfeld.metrics.series_metrics import features
from ganzfeld.metrics.table_learners import Logistic

Floats = NDArray[np.float64]
EACH = 8  # series that teach, for each number of them that is looked at
RIDGE = 10.0  # of the regressions of classes


class Described:
    """Series as few numbers of each, (n, d), in deviations of those that teach.

    As `series_metrics.features` has them; where these are more than an eighth of the series that
    teach, random sums of them.
    """

    def __init__(self, teach: NDArray[Any]) -> None:
        self.teach = teach
        table = features(teach, teach)
        spread = table.std(0)
        self.centre, self.spread = table.mean(0), np.where(spread > 0, spread, 1.0)
        self.turn: Floats | None = None
        size, most = table.shape[1], max(len(teach) // EACH, 2)
        if size > most:
            draws = numpy_generator("series conditions", size)
            self.turn = draws.standard_normal((size, most)) / np.sqrt(size)

    def __call__(self, x: NDArray[Any]) -> Floats:
        found = ((features(x, self.teach) - self.centre) / self.spread).clip(-6, 6)
        return np.asarray(found if self.turn is None else found @ self.turn)


def classes_shown(
    made: NDArray[Any],
    wanted: NDArray[Any],
    teach: tuple[NDArray[Any], NDArray[Any]],
    test: tuple[NDArray[Any], NDArray[Any]],
) -> dict[str, float]:
    """The share of series whose class a classifier of the data tells as it was asked for.

    teach, test: series (n, C, T) and their classes (n,): a logistic regression for each class
    learns from the first; the second are its ceiling. By chance: to say the commonest always.
    """
    describe = Described(teach[0])
    seen, kinds = describe(teach[0]), np.unique(teach[1])
    if len(kinds) < 2:
        return {}
    told = [Logistic.fit(curved(seen), (teach[1] == k).astype(float), ridge=RIDGE) for k in kinds]

    def right(x: NDArray[Any], y: NDArray[Any]) -> float:
        z = curved(describe(x))
        return float((kinds[np.stack([one.logits(z) for one in told]).argmax(0)] == y).mean())

    return {
        "series_class": right(made, wanted),
        "series_class_of_data": right(*test),
        "series_class_by_chance": float(np.unique(wanted, return_counts=True)[1].max())
        / len(wanted),
    }


def curved(z: Floats) -> Floats:
    """Numbers and their squares."""
    return np.concatenate([z, z**2 - 1], 1)


def numbers_shown(
    made: NDArray[Any],
    asked: NDArray[Any],
    teach: tuple[NDArray[Any], NDArray[Any]],
    test: tuple[NDArray[Any], NDArray[Any]],
) -> dict[str, float]:
    """How well series follow the numbers (n, k) that they were asked for, scaled as in training.

    A regression reads the numbers off series; its errors on the data's own are the floors.
    """
    describe = Described(teach[0])

    def observed(x: NDArray[Any]) -> dict[str, Floats]:
        return {str(i): column for i, column in enumerate(describe(x).T)}

    reader = Reader(observed(teach[0]), teach[1])
    found: dict[str, float] = {}
    for end, x, c in (("", made, asked), ("_floor", *test)):
        apart = reader.read(observed(x)) - np.asarray(c, np.float64)
        found[f"series_asked{end}"] = float(np.sqrt((apart**2).mean()))
        found[f"series_bias{end}"] = float(np.abs(apart.mean(0)).max())
    return found
