"""What real samples have: the fixed side of every comparison that the doctor makes."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.doctor import signals
from ganzfeld.modalities import Modality

ROWS = 2_048  # of the training data that fakes are compared with, at most
COLUMNS = 128  # numbers of a sample in a comparison, at most; more are projected at random
SCALED = 512  # rows that scales and groups are taken from
BLOCK = 256  # rows made into numbers at a time: memory that is fresh costs more than they do
PAIRS = 256  # rows of which all pairs are looked at
A_CLASS = 24  # rows of a class of which all pairs are looked at
VISIBLE = 0.15  # skill in telling the conditions of real samples, below which nothing is said
PLAIN = 0.5  # skill above which classes are the groups that are counted
GROUPS, ROUNDS = 16, 10  # of similar samples otherwise, and rounds in which they are found
CLOSE = 0.05  # quantile of held-out samples' distances, half of which is a copy's
STILL = 1e-2  # of the data's median: samples that vary less within themselves are blank

Floats = NDArray[np.float64]
Rows = dict[str, NDArray[Any]]


class Data(Protocol):
    """Samples by number."""

    def __len__(self) -> int: ...
    def rows(self, indices: NDArray[np.int64]) -> Any: ...


class Reference:
    """Some training samples as numbers, and what held-out ones have beside them.

    data: what is trained on. held: samples that are not, or None. classes: how many; 0 without.
    given: whether samples come with numbers that they are made for.
    """

    def __init__(
        self, kind: Modality, data: Data, held: Data | None, classes: int = 0, given: bool = False
    ) -> None:
        self.kind, self.classes, self.given = kind, classes, given
        order = numpy_generator("doctor", len(data)).permutation(len(data))[:ROWS]
        rows = data.rows(order)
        flat = self.numbers(rows["x"][:SCALED])
        self.few, self.vitals = np.asarray(rows["x"][:PAIRS]), dict[int, dict[str, float]]()
        self.still = STILL * signals.median(flat[:PAIRS].std(1))
        self.middle = flat.mean(0, np.float64)
        deviation = flat.std(0).astype(np.float64)
        self.scale = deviation + 0.1 * float(np.sqrt((deviation**2).mean())) + 1e-12
        self.turn = None
        if flat.shape[1] > COLUMNS:
            draws = numpy_generator("doctor", "turn", flat.shape[1])
            turn = draws.standard_normal((flat.shape[1], COLUMNS)) / np.sqrt(COLUMNS)
            self.turn = (turn / self.scale[:, None]).astype(np.float32)
        blocks = [rows["x"][n : n + BLOCK] for n in range(SCALED, len(order), BLOCK)]
        rest = [self.compared(self.numbers(block)) for block in blocks]
        self.features = np.concatenate([self.compared(flat), *rest])
        self.lengths = np.einsum("ij,ij->i", self.features, self.features)
        self.usual: dict[int, float] = {}  # by row, as far as they were asked for
        pairs = signals.pairwise(self.features[:PAIRS])
        self.median, self.mean = signals.median(pairs), float(pairs.mean())
        self.conditions = self.conditions_of(rows)
        self.within = self.distances_within()
        self.held_nearest, self.skill = self.held_out(held)
        self.usual_nearest, self.copied = None, 0.0  # type: float | None, float
        if self.held_nearest is not None:
            self.usual_nearest = signals.median(self.held_nearest)
            self.copied = signals.quantile(self.held_nearest, CLOSE) / 2
        self.groups = self.grouped()

    def numbers(self, stored: Any) -> NDArray[Any]:
        """Stored samples as plain numbers (N, d), whatever their kind."""
        flat = np.asarray(self.kind.plain(np.asarray(stored)))
        return flat if np.isfinite(flat).all() else np.nan_to_num(flat, posinf=1e12, neginf=-1e12)

    def compared(self, flat: NDArray[Any]) -> Floats:
        """Plain numbers on one scale (N, at most COLUMNS)."""
        if self.turn is None:
            own: Floats = (flat - self.middle) / self.scale
            return own
        away = np.subtract(flat, self.middle.astype(np.float32), dtype=np.float32)
        return np.asarray(away @ self.turn, np.float64)

    def away(self, ours: Floats) -> Floats:
        """Distances (N, M) of compared samples from all rows."""
        own = np.einsum("ij,ij->i", ours, ours)
        squares = ours @ self.features.T
        squares *= -2
        squares += own[:, None]
        squares += self.lengths
        found: Floats = np.sqrt(np.maximum(squares, 0, out=squares), out=squares)
        return found

    def vitals_of(self, count: int) -> dict[str, float]:
        """`Modality.vitals` of so many rows: some depend on the number."""
        if count not in self.vitals:
            self.vitals[count] = self.kind.vitals(self.few[:count])
        return self.vitals[count]

    def conditions_of(self, rows: Rows) -> Floats | None:
        """What each sample is made for, (N,) class numbers or (N, k) numbers; None without."""
        if self.classes and "y" in rows:
            return np.asarray(rows["y"], np.float64)
        return np.asarray(rows["c"], np.float64) if self.given and "c" in rows else None

    def skill_of(self, near: NDArray[np.int64], asked: Floats) -> float | None:
        """How well a sample's nearest neighbour shows what it was made for: 0 is chance, 1 right.

        near: rows of the reference (N,). asked: classes (N,) or numbers (N, k).
        """
        assert self.conditions is not None
        there = self.conditions[near]
        if asked.ndim == 1:
            shares = np.bincount(self.conditions.astype(int)) / len(self.conditions)
            chance = float(shares[asked.astype(int).clip(0, len(shares) - 1)].mean())
            right = float((there == asked).mean())
            return (right - chance) / (1 - chance) if chance < 1 else None
        unit = self.conditions.std(0) + 1e-12
        error = float((np.abs(there - asked) / unit).mean())
        blind = float((np.abs(self.conditions[:, None] - asked[None]) / unit).mean())
        return 1 - error / blind if blind else None

    def distances_within(self) -> dict[int, float]:
        """The mean distance of the samples of each class."""
        if self.conditions is None or self.conditions.ndim != 1:
            return {}
        found = {}
        for number in np.flatnonzero(np.bincount(self.conditions.astype(np.int64))):
            own = self.features[self.conditions == number][:A_CLASS]
            if len(own) > 3:
                found[int(number)] = float(signals.pairwise(own).mean())
        return found

    def grouped(self) -> NDArray[np.int64]:
        """A number of each row of the reference (N,): its class, or its group of similar rows.

        Classes where neighbours have the same one; otherwise groups around means (Lloyd 1982),
        which start far apart (Arthur and Vassilvitskii 2007).
        """
        of_class = self.conditions is not None and self.conditions.ndim == 1
        if of_class and 1 < self.classes <= GROUPS and (self.skill or 0) > PLAIN:
            assert self.conditions is not None
            return self.conditions.astype(np.int64)
        few = self.features[:SCALED]
        draws = numpy_generator("doctor", "groups", len(self.features))
        middles = few[:1].copy()
        away = np.full(len(few), np.inf)
        for _ in range(GROUPS - 1):
            away = np.minimum(away, ((few - middles[-1]) ** 2).sum(1))
            if not away.sum():
                break  # there are no more that differ
            chosen = draws.choice(len(away), p=away / away.sum())
            middles = np.concatenate([middles, few[chosen : chosen + 1]])
        for _ in range(ROUNDS):
            found = signals.pairwise(few, middles).argmin(1)
            for number in np.flatnonzero(np.bincount(found)):
                middles[number] = few[found == number].mean(0)
        return np.asarray(signals.pairwise(self.features, middles).argmin(1), np.int64)

    def nearness(self, away: Floats) -> Floats:
        """How near samples lie to training samples, (N,), for where they lie: 0 for a copy.

        The distance to the nearest training sample over that one's own to another that differs
        from it (Alaa et al. 2022), so that samples from a dense part of the data are no copies.

        away: distances (N, M) of samples to all rows of the reference.
        """
        nearest = away.argmin(1)
        found: Floats = away.min(1) / self.usual_at(nearest)
        return found

    def usual_at(self, places: NDArray[np.int64]) -> Floats:
        """Distances of rows (N,) of the reference to another one that differs from them."""
        new = np.array(sorted({*places.tolist()} - self.usual.keys()), np.int64)
        if len(new):
            away = self.away(self.features[new])
            away[away <= signals.SAME * self.median] = np.inf
            least = away.min(1)
            least[~np.isfinite(least)] = self.median  # all rows are equal
            self.usual |= zip(new.tolist(), least.tolist(), strict=True)
        return np.array([self.usual[place] for place in places.tolist()])

    def held_out(self, held: Data | None) -> tuple[Floats | None, float | None]:
        """Distances of held-out samples to the nearest training ones, and their skill.

        Distances are in units of what is usual there: see `nearness`. Without held-out samples the
        skill is that of training samples, each without itself.
        """
        if held is not None and len(held) >= 16:
            rows = held.rows(np.arange(min(len(held), PAIRS)))
            there = self.compared(self.numbers(rows["x"]))
            away = self.away(there)
            skill = None
            if (asked := self.conditions_of(rows)) is not None:
                skill = self.skill_of(away.argmin(1), asked)
            return self.nearness(away), skill
        if self.conditions is None:
            return None, None
        few = self.features[:PAIRS]
        away = self.away(few)
        away[np.arange(len(few)), np.arange(len(few))] = np.inf
        return None, self.skill_of(away.argmin(1), self.conditions[: len(few)])
