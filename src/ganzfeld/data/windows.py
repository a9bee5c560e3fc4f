"""Windows of one length out of long series, and the rows that none can have."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import capped, merged, shown, tally
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.columns import Values
from ganzfeld.data.source import Raw
from ganzfeld.data.typed import NONE, number
from ganzfeld.errors import DataError
from ganzfeld.modalities.base import Spec

USUAL = 48  # steps of a window
LEAST = 4  # steps of a series
SHORTEST, LONGEST = 8, 1_024  # steps of what is chosen without being asked
MOST = 20_000  # windows: beyond, they begin at every second step, or third, ...
ALIKE = 0.8  # of the series must have one length for it to be that of the samples
SEVERAL = 20  # series, from which on whole ones are held out
PARTS = 8  # windows that a series should have at least, one behind the other

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Piece:
    """Rows of one series that follow each other in equal steps. rows: numbers of rows of the table.
    times: (n,), whole numbers that rise with time, over all series alike."""

    name: str
    rows: Index
    times: Index


@dataclass(kw_only=True)
class Piled:
    """Windows. rows: (n, T), the rows of each. times: (n, T). bad: (title, reason) of what is in
    none. apart: whether each is a series of its own, not a part of a longer one. at: the name of
    the column that says where each begins."""

    rows: Index
    times: Index
    titles: list[str]
    bad: list[tuple[str, str]]
    apart: bool
    words: str
    at: str = "step"

    @property
    def count(self) -> int:
        return len(self.rows)

    def first_rows(self) -> Index:
        return self.rows[:, 0]

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the windows, and as many zeros as there are bad titles, (n + bad,)."""
        return np.concatenate([values, np.zeros(len(self.bad), values.dtype)])

    def raw(self, x: Floats, names: list[str], place: str) -> Raw:
        """Samples "x", float32 (n, C, T), the step in which each begins, and bad titles."""
        count, length = self.rows.shape
        if count and length < LEAST:
            raise DataError(
                f"{shown(place)} has series of {length:,} steps: {LEAST} are needed at least",
                fix="--as table, if its rows are samples",
            )
        if not count:
            why = tally(merged([reason for _, reason in self.bad]))
            listed = ", ".join(capped([f"{n:,} {reason}" for reason, n in why.items()], 3))
            raise DataError(
                f"{shown(place)} has no {length:,} steps in a row without a gap or a missing value"
                + (f": {listed}" if listed else ""),
                fix=f"--window with less than {length:,}, or fill in what is missing",
            )
        top = float(np.finfo(np.float32).max)
        samples = np.zeros((count + len(self.bad), len(names), length), np.float32)
        narrow = np.clip(x, -top, top).astype(np.float32)
        for channel in range(len(names)):
            samples[:count, channel] = narrow[:, channel][self.rows]
        spec = Spec("series", samples.shape[1:], "float32", {"names": names})
        raw = Raw(
            columns={"x": Values(spec=spec, rows=samples)},
            titles=[*self.titles, *(title for title, _ in self.bad)],
            bad={count + place: reason for place, (_, reason) in enumerate(self.bad)},
            values=f"{x[self.rows].min():g} to {x[self.rows].max():g}, kept as float32",
        )
        if not self.apart:
            at = self.at if self.at not in names else f"{self.at} of the window"
            spec.extra["at"] = at
            spec.extra["lasts"] = int((self.times[:, -1] - self.times[:, 0]).max()) + 1
            begins = self.spread(self.times[:, 0]).astype(np.float64)
            raw.columns[at] = number(begins, whole=True)
        return raw


def length_of(pieces: Sequence[Piece], keyed: bool) -> tuple[int, bool]:
    """Steps of a sample, and whether whole series are samples, where nobody says."""
    by_series: Counter[str] = Counter()
    for piece in pieces:
        by_series[piece.name] = max(by_series[piece.name], len(piece.rows))
    lengths = Counter(by_series.values())
    if keyed and lengths:
        usual, many = max(lengths.items(), key=lambda item: (item[1], item[0]))
        alike = many >= ALIKE * len(by_series) and len(by_series) >= 2
        several = len(by_series) > PARTS or usual < 2 * SHORTEST
        if alike and several and 4 <= usual <= LONGEST:
            return usual, True
    longest = max((len(piece.rows) for piece in pieces), default=0)
    return max(min(USUAL, longest // PARTS), min(SHORTEST, max(longest, LEAST))), False


def cut(
    x: Floats,
    pieces: Sequence[Piece],
    window: int | None,
    reasons: Mapping[int, str],
    titles: Sequence[str],
    *,
    keyed: bool,
) -> Piled:
    """Windows of all pieces, and what is bad: rows with their reasons, and what is too short.

    window: steps; None: that of the series where most have one, else 48 or fewer.
    """
    length, whole = length_of(pieces, keyed)
    if window is not None and window != length:
        length, whole = window, False
    elif window is not None:
        whole = whole and keyed
    free = sum(max(len(piece.rows) - length + 1, 0) for piece in pieces)
    stride = length if whole else max(1, math.ceil(free / MOST))
    rows, times, named, of = [], [], [], []
    bad = runs(reasons, titles)
    for piece in pieces:
        if len(piece.rows) < length:
            words = between(titles, piece.rows[0], piece.rows[-1])
            start = f"{shown(piece.name)}, " if piece.name else ""
            bad.append((f"{start}{words}", f"shorter than a window of {length:,} steps"))
            continue
        for start_ in range(0, len(piece.rows) - length + 1, stride):
            part = slice(start_, start_ + length)
            rows.append(piece.rows[part])
            times.append(piece.times[part])
            of.append(piece.name)
            words = between(titles, piece.rows[part][0], piece.rows[part][-1])
            named.append(f"{shown(piece.name)}, {words}" if piece.name else words)
    words = f"samples are the whole series, of {length:,} steps"
    if not whole:
        every = "each step" if stride == 1 else f"every {stride} steps"
        words = f"windows of {length:,} steps, one from {every} on (--window N)"
    shape = (len(rows), length)
    piled = Piled(
        rows=np.array(rows, np.int64).reshape(shape),
        times=np.array(times, np.int64).reshape(shape),
        titles=named,
        bad=bad,
        apart=whole,
        words=words,
    )
    return piled if whole else by_series(piled, of)


def by_series(piled: Piled, of: Sequence[str]) -> Piled:
    """The same, with many series one behind the other on one axis, two windows' length apart: so
    the last that are held out are whole series. Few stay side by side in time.

    of: the series of each window.
    """
    names = list(dict.fromkeys(of))
    if len(names) < SEVERAL:
        return piled
    order = numpy_generator("series", len(names)).permutation(len(names))
    place = {name: int(order[number]) for number, name in enumerate(names)}
    longest = int(piled.times.max()) + 1 + 2 * piled.times.shape[1]
    piled.times = piled.times + longest * np.array([place[name] for name in of])[:, None]
    piled.at = "place"
    piled.words += ", whole series are held out"
    return piled


def runs(reasons: Mapping[int, str], titles: Sequence[str]) -> list[tuple[str, str]]:
    """(title, reason) of bad rows, neighbours with one reason taken together."""
    found: list[tuple[int, int, str]] = []
    for row in sorted(reasons):
        if found and found[-1][1] == row - 1 and found[-1][2] == reasons[row]:
            found[-1] = (found[-1][0], row, reasons[row])
        else:
            found.append((row, row, reasons[row]))
    return [(between(titles, first, last), reason) for first, last, reason in found]


def between(titles: Sequence[str], first: int, last: int) -> str:
    """ "line 3 to line 9", or one title."""
    one, other = titles[int(first)], titles[int(last)]
    return one if one == other else f"{one} to {other}"


def majority(codes: NDArray[np.int32], piled: Piled, classes: int) -> Index:
    """The class that most steps of each window have, (n,); -1 where none has one."""
    best = np.full(piled.count, NONE, np.int64)
    most = np.zeros(piled.count, np.int64)
    for code in range(classes):
        there = (codes[piled.rows] == code).sum(1)
        better = there > most
        best[better], most[better] = code, there[better]
    return best
