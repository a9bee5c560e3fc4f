"""What real samples have: the fixed side of every comparison that the doctor makes."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ganzfeld.config import FEWER, WATCH
from ganzfeld.core.products import product
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.doctor import signals
from ganzfeld.metrics.distances import ROUNDING, squares
from ganzfeld.modalities import Modality

ROWS = 2_048  # of the training data that fakes are compared with, at most
FEW_ROWS = 1_024  # the same in runs of few looks, whose time a first look of more would take
COLUMNS = 128  # numbers of a sample in a comparison, at most; more are projected at random
SCALED = 512  # rows that scales and groups are taken from
BLOCK = 128  # rows made into numbers at a time: memory that is fresh costs more than they do
PAIRS = 256  # rows of which all pairs are looked at
A_CLASS = 24  # rows of a class of which all pairs are looked at
VISIBLE = 0.15  # skill in telling the conditions of real samples, below which nothing is said
PLAIN = 0.5  # skill above which classes are the groups that are counted
GROUPS, ROUNDS = 16, 10  # of similar samples otherwise, and rounds in which they are found
CLOSE = 0.05  # quantile of held-out samples' distances, half of which is a copy's
SETS = 8  # of real samples, of which what a look's fakes are compared with is the mean
NUMBERS, SEVERAL = 256, 4  # of a sample, that are looked at, at most; at least
VARIED = 0.25  # real samples that are not the usual
STILL = 1e-2  # of the data's median: samples that vary less within themselves are blank

NARROW, EQUAL = 1e-5, 1e-12  # of squared lengths: rounding of distances in float32, float64

Floats = NDArray[np.floating[Any]]
Rows = dict[str, NDArray[Any]]


class Data(Protocol):
    """Samples by number."""

    def __len__(self) -> int: ...
    def rows(self, indices: NDArray[np.int64]) -> Any: ...


class Side:
    """Real samples that fakes are compared with. rows: on one scale (M, d); flat: as numbers."""

    def __init__(self, rows: Floats, flat: NDArray[Any]) -> None:
        self.rows, self.flat = rows, flat
        self.centre = rows.mean(0, np.float64)
        self.around = rows - self.centre
        self.lengths = signals.lengths(self.around)
        self.squares = squares(rows, rows)
        self.within = signals.off_diagonal(np.sqrt(self.squares))
        self.known: dict[int, tuple[float, float]] = {}

    def across(self, ours: Floats) -> NDArray[np.float64]:
        """Distances (N, M) of compared samples from the rows, as `signals.pairwise` finds them."""
        around = ours - self.centre
        scale = signals.lengths(around)[:, None] + self.lengths
        found = product(around, self.around.T)
        found *= -2
        found += scale
        scale *= ROUNDING
        found[found < scale] = 0.0
        return np.asarray(np.sqrt(found, out=found))

    def alike(self, count: int, median: float) -> tuple[float, float]:
        """The Vendi score of so many of them, and the share that equal another: means of up to
        SETS sets of rows, each without those of the others."""
        if count not in self.known:
            sets = range(0, max(len(self.rows) // count, 1) * count, count)[:SETS]
            each = [self.squares[n : n + count, n : n + count] for n in sets]
            away = [signals.off_diagonal(np.sqrt(own)) for own in each]
            vendi = sum(signals.vendi_of(own, median) for own in each) / len(each)
            same = sum(signals.duplicates(own, median) for own in away) / len(each)
            self.known[count] = vendi, same
        return self.known[count]

    @cached_property
    def moving(self) -> tuple[NDArray[np.int64], NDArray[Any]] | None:
        """The places of a sample's numbers, of NUMBERS of them, in which at least a quarter of the
        samples are not what most are, and their deviations. None where there are few."""
        step = max(self.flat.shape[1] // NUMBERS, 1)
        flat = self.flat[:, ::step]
        varied = np.flatnonzero((flat != np.median(flat, 0)).mean(0) >= VARIED)
        return (varied * step, flat[:, varied].std(0)) if len(varied) >= SEVERAL else None


class Reference:
    """Some training samples as numbers, and what held-out ones have beside them.

    data: what is trained on. held: samples that are not, or None. classes: how many; 0 without.
    given: whether samples come with numbers that they are made for. rules: see `config.WATCH`.
    most: rows, at most.
    """

    def __init__(
        self,
        kind: Modality,
        data: Data,
        held: Data | None,
        classes: int = 0,
        given: bool = False,
        rules: int = WATCH,
        most: int = ROWS,
    ) -> None:
        self.kind, self.classes, self.given, self.rules = kind, classes, given, rules
        order = numpy_generator("doctor", len(data)).permutation(len(data))[:most]
        rows = data.rows(order)
        flat = self.numbers(rows["x"][:SCALED])
        self.few, self.vitals = np.asarray(rows["x"][:PAIRS]), dict[int, dict[str, float]]()
        self.still = STILL * signals.median(flat[:PAIRS].std(1))
        self.middle = flat.mean(0, np.float64)
        deviation = flat.std(0).astype(np.float64)
        self.scale = deviation + 0.1 * float(np.sqrt((deviation**2).mean())) + 1e-12
        self.turn, self.signs = None, None  # type: Floats | None, Floats | None
        if flat.shape[1] > COLUMNS and rules >= FEWER:
            draws = numpy_generator("doctor", "signs", flat.shape[1])
            self.signs = (draws.choice([-1.0, 1.0], flat.shape[1]) / self.scale).astype(np.float32)
        elif flat.shape[1] > COLUMNS:
            draws = numpy_generator("doctor", "turn", flat.shape[1])
            turn = draws.standard_normal((flat.shape[1], COLUMNS)) / np.sqrt(COLUMNS)
            self.turn = (turn / self.scale[:, None]).astype(np.float32)
        blocks = [rows["x"][n : n + BLOCK] for n in range(SCALED, len(order), BLOCK)]
        rest = [self.compared(self.numbers(block)) for block in blocks]
        self.features = np.concatenate([self.compared(flat), *rest])
        self.lengths = signals.lengths(self.features)
        self.usual: dict[int, float] = {}  # by row, as far as they were asked for
        self.some = Side(self.features[:PAIRS], flat[:PAIRS])
        self.median, self.mean = signals.median(self.some.within), float(self.some.within.mean())
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
        if np.isfinite(flat.sum()):  # of all at once, as many times faster than one by one
            return flat
        return np.nan_to_num(flat, posinf=1e12, neginf=-1e12)

    def compared(self, flat: NDArray[Any]) -> Floats:
        """Plain numbers on one scale (N, at most COLUMNS).

        More of them are added up with signs drawn at random, every COLUMNS-th one together, which
        keeps distances as a projection does (Charikar, Chen and Farach-Colton 2002).
        """
        if self.turn is None and self.signs is None:
            own: Floats = (flat - self.middle) / self.scale
            return own
        away = np.subtract(flat, self.middle.astype(np.float32), dtype=np.float32)
        if self.turn is not None:
            return product(away, self.turn)
        assert self.signs is not None
        whole = away.shape[1] // COLUMNS * COLUMNS
        parts, signs = away[:, :whole].reshape(len(away), -1, COLUMNS), self.signs[:whole]
        added: Floats = np.einsum("nkc,kc->nc", parts, signs.reshape(-1, COLUMNS))
        rest = away[:, whole:] * self.signs[whole:]
        added[:, : rest.shape[1]] += rest
        return added

    def scores(self, ours: Floats) -> Floats:
        """Squared distances (N, M) of compared samples from all rows, less their own squares."""
        found = product(ours, self.features.T)
        found *= -2
        found += self.lengths
        return found

    def nearest(self, ours: Floats, *, own: bool = False) -> tuple[NDArray[np.int64], Floats]:
        """The nearest row of each compared sample (N,), and its distance. own: they are the first
        rows of the reference, and a row is not near itself."""
        scores = self.scores(ours)
        if own:
            np.fill_diagonal(scores, np.inf)
        places = scores.argmin(1)
        return places, self.apart(ours, places)

    def apart(self, ours: Floats, places: NDArray[np.int64]) -> Floats:
        """Distances (N,) of compared samples from these rows: exact, as scores are not."""
        away = np.subtract(ours, self.features[places], dtype=np.float64)
        return np.asarray(np.sqrt(signals.lengths(away)))

    def vitals_of(self, count: int) -> dict[str, float]:
        """`Modality.vitals` of so many rows: some depend on the number."""
        if count not in self.vitals:
            self.vitals[count] = self.kind.vitals(self.few[:count])
        return self.vitals[count]

    def beside(self, real: NDArray[Any]) -> Side:
        """The real side of fakes: rows of all data; by older rules these stored ones, (N, ...)."""
        if self.rules >= FEWER:
            return self.some
        flat = self.numbers(real)
        return Side(self.compared(flat), flat)

    def conditions_of(self, rows: Rows) -> Floats | None:
        """What each sample is made for, (N,) class numbers or (N, k) numbers; None without."""
        if self.classes and "y" in rows:
            return np.asarray(rows["y"], np.float64)
        return np.asarray(rows["c"], np.float64) if self.given and "c" in rows else None

    def skill_of(self, near: NDArray[np.int64], asked: Floats) -> tuple[float | None, float | None]:
        """How well a sample's nearest neighbour shows what it was made for, 0 is chance, 1 right;
        and the standard error of that.

        Chance is what the same neighbours would show of what the other samples were made for: those
        of young samples are often the same few.

        near: rows of the reference (N,). asked: classes (N,) or numbers (N, k).
        """
        assert self.conditions is not None
        there = self.conditions[near]
        if asked.ndim == 1:
            right, chance = there == asked, of_others(there[:, None] == asked[None])
            if chance == 1:
                return None, None
            share, often = float(right.mean()), (right.sum() + 1) / (len(right) + 2)
            error = math.sqrt(often * (1 - often) / len(right))
            return (share - chance) / (1 - chance), error / (1 - chance)
        unit = self.conditions.std(0) + 1e-12
        each = (np.abs(there[:, None] - asked[None]) / unit).mean(2)
        wrong, blind = np.diagonal(each), of_others(each)
        if not blind:
            return None, None
        error = float(wrong.std()) / math.sqrt(len(wrong))
        return 1 - float(wrong.mean()) / blind, error / blind

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
        few = np.asarray(self.features[:SCALED], np.float64)
        lengths = signals.lengths(few)
        draws = numpy_generator("doctor", "groups", len(self.features))
        chosen, away = [0], np.full(len(few), np.inf)
        for _ in range(GROUPS - 1):
            last = chosen[-1]
            here = lengths + lengths[last]
            new = here - 2 * product(few, few[last, :, None])[:, 0]
            away = np.minimum(away, np.where(new < EQUAL * here, 0, new))
            if not away.sum():
                break  # there are no more that differ
            chosen.append(int(draws.choice(len(away), p=away / away.sum())))
        middles, each = few[chosen], np.eye(len(chosen))
        before: NDArray[np.int64] | None = None
        for _ in range(ROUNDS):
            places = by_middle(few, middles)
            if before is not None and np.array_equal(before, places):
                break  # nothing moves any more
            own, before = each[places], places  # (N, groups): 1 where a row is of a group
            counts = own.sum(0)[:, None]
            sums = product(own.T, few)
            middles = np.where(counts, sums / np.maximum(counts, 1), middles)
        return by_middle(self.features, middles.astype(self.features.dtype))

    def nearness(self, places: NDArray[np.int64], away: Floats) -> Floats:
        """How near samples lie to training samples, (N,), for where they lie: 0 for a copy.

        The distance to the nearest training sample over that one's own to another that differs
        from it (Alaa et al. 2022), so that samples from a dense part of the data are no copies.

        places, away: the nearest row of each sample and its distance, as `nearest` has them.
        """
        found: Floats = away / self.usual_at(places)
        return found

    def usual_at(self, places: NDArray[np.int64]) -> Floats:
        """Distances of rows (N,) of the reference to another one that differs from them."""
        new = np.array(sorted({*places.tolist()} - self.usual.keys()), np.int64)
        if len(new):
            rows, own = self.features[new], self.lengths[new]
            away = self.scores(rows)
            rounding = (NARROW if self.features.dtype == np.float32 else EQUAL) * own
            same = np.maximum((signals.SAME * self.median) ** 2, rounding)
            away[away <= (same - own)[:, None]] = np.inf
            there = away.argmin(1)
            least = self.apart(rows, there)
            least[~np.isfinite(away[np.arange(len(new)), there])] = self.median  # all are equal
            self.usual |= zip(new.tolist(), least.tolist(), strict=True)
        return np.array([self.usual[place] for place in places.tolist()])

    def held_out(self, held: Data | None) -> tuple[Floats | None, float | None]:
        """Distances of held-out samples to the nearest training ones, and their skill.

        Distances are in units of what is usual there: see `nearness`. Without held-out samples the
        skill is that of training samples, each without itself.
        """
        if held is not None and len(held) >= 16:
            rows = held.rows(np.arange(min(len(held), PAIRS)))
            places, away = self.nearest(self.compared(self.numbers(rows["x"])))
            skill = None
            if (asked := self.conditions_of(rows)) is not None:
                skill = self.skill_of(places, asked)[0]
            return self.nearness(places, away), skill
        if self.conditions is None:
            return None, None
        few = self.features[:PAIRS]
        places, _ = self.nearest(few, own=True)
        return None, self.skill_of(places, self.conditions[: len(few)])[0]


def of_others(pairs: NDArray[Any]) -> float:
    """The mean of a matrix (N, N) without its diagonal."""
    count = len(pairs)
    return float(pairs.sum() - np.trace(pairs)) / max(count * (count - 1), 1)


def by_middle(rows: Floats, middles: Floats) -> NDArray[np.int64]:
    """The nearest of these middles (M, d) to each row (N, d)."""
    found = product(rows, middles.T)
    found *= -2
    found += signals.lengths(middles)
    return np.asarray(found.argmin(1), np.int64)
