"""What a table's columns are, from its training part: types, ranges, levels, modes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.errors import DataError
from ganzfeld.modalities.table import mixtures
from ganzfeld.modalities.table.layout import Layout
from ganzfeld.modalities.table.values import CATEGORY, DATE, INTEGER, NUMBERS, TIME, TYPES, Typed

FEW = 20  # distinct numbers: each is then an atom, and there are no modes
MOST_ATOMS = 30
SPIKE_SHARE, SPIKE_RATIO = 0.005, 4.0  # of an atom: of all rows, and over its neighbours
NEIGHBOURS = 5  # to either side
MOST_LEVELS = 500  # of a category
WIDTH = 4.0  # standard deviations of a mode that are 1 in a row


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a schema.

    type, form, decimals, absent: as in `values.Typed`.
    levels: of categories and booleans, in order of their strings.
    atoms: numbers that many rows have to the digit, in order.
    means, deviations: of the modes of the other numbers.
    low, high: the range in the training part; no sample lies outside.
    shares: of each choice (levels or atoms, then modes, then missing), in the training part.
    missing: whether cells were missing.
    blank: why the column is not learned, else "". Its samples are all missing.
    """

    name: str
    type: str
    form: str = ""
    decimals: int = 0
    absent: str = ""
    levels: tuple[str, ...] = ()
    atoms: tuple[float, ...] = ()
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0
    shares: tuple[float, ...] = ()
    missing: bool = False
    blank: str = ""

    @property
    def number(self) -> bool:
        return self.type in NUMBERS

    @property
    def options(self) -> int:
        """What there is to choose from: atoms or levels, modes, and missing."""
        if self.blank:
            return 0
        return len(self.levels) + len(self.atoms) + len(self.means) + self.missing

    @property
    def head(self) -> tuple[int, int]:
        """(numbers, choices) in an encoded row; a choice of one is none."""
        return int(bool(self.means)), self.options if self.options > 1 else 0

    def names(self) -> list[str]:
        """What the choices are called."""
        atoms = [plain(value, self) for value in self.atoms]
        modes = [f"about {plain(mean, self)}" for mean in self.means]
        return [*self.levels, *atoms, *modes, *(["missing"] if self.missing else [])]


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order."""

    columns: tuple[Column, ...]
    rows: int = 0  # of the training part
    notes: tuple[str, ...] = field(default=())

    @property
    def layout(self) -> Layout:
        return Layout(tuple(column.head for column in self.columns))

    @property
    def shares(self) -> list[float]:
        """The share of each choice in the training part, in the order of `layout.places`."""
        return [share for column in self.columns if column.head[1] for share in column.shares]

    def index(self, name: str) -> int:
        """The place of a column; DataError with the names there are, where there is none."""
        for place, column in enumerate(self.columns):
            if column.name == name:
                return place
        names = ", ".join(column.name for column in self.columns)
        raise DataError(f"the table has no column {name!r}. Its columns: {names}")

    def to_json(self) -> dict[str, Any]:
        default = asdict(Column(name="", type=CATEGORY))
        columns = [
            {key: value for key, value in asdict(column).items() if value != default[key]}
            | {"name": column.name, "type": column.type}
            for column in self.columns
        ]
        return {"columns": columns, "rows": self.rows, "notes": list(self.notes)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Schema:
        """The schema of `to_json`; ValueError for what is none."""
        columns = tuple(column_of(entry) for entry in found["columns"])
        return cls(columns, int(found.get("rows", 0)), tuple(found.get("notes", ())))


def column_of(entry: Mapping[str, Any]) -> Column:
    tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    column = Column(**tuples)
    if column.type not in TYPES:
        raise ValueError(f"column {column.name!r} has a type {column.type!r} that is unknown")
    if column.options > 1 and len(column.shares) != column.options:
        raise ValueError(f"column {column.name!r} has {len(column.shares)} shares, not one a choice")
    return column


def plain(value: float, column: Column) -> str:
    from ganzfeld.modalities.table.values import written

    empty = np.array([])
    return written(Typed(column.name, column.type, empty, column.form, column.decimals), value)


def fit(table: Sequence[Typed]) -> Schema:
    """The schema of a table's training part.

    Raises DataError for a table without columns or rows, or with two columns of one name.
    """
    if not table or not len(table[0]):
        raise DataError("the table has no rows to learn from")
    doubles = [name for name, n in Counter(column.name for column in table).items() if n > 1]
    if doubles:
        raise DataError(f"the table has several columns called {', '.join(doubles)}")
    columns = tuple(fit_number(c) if c.type in NUMBERS else fit_levels(c) for c in table)
    if not any(sum(column.head) for column in columns):
        raise DataError("no column of the table can be learned: all of them are constant or blank")
    notes = tuple(f"{column.name}: {column.blank}" for column in columns if column.blank)
    return Schema(columns, len(table[0]), notes)


def fit_levels(column: Typed) -> Column:
    counts = Counter(column.values.tolist())
    gone = counts.pop(None, 0)
    common = {
        "name": column.name, "type": column.type, "form": column.form, "absent": column.absent,
    }  # fmt: skip
    if len(counts) > MOST_LEVELS or (len(counts) > 50 and len(counts) > 0.5 * len(column)):
        why = f"{len(counts):,} different values in {len(column):,} rows: left empty, not learned"
        return Column(**common, blank=why)
    levels = tuple(sorted(counts))
    shares = [counts[level] / len(column) for level in levels]
    if gone:
        shares.append(gone / len(column))
    return Column(**common, levels=levels, shares=tuple(shares), missing=bool(gone))


def fit_number(column: Typed) -> Column:
    known = column.values[~np.isnan(column.values)]
    gone = len(column) - len(known)
    common = {
        "name": column.name, "type": column.type, "form": column.form,
        "decimals": column.decimals, "absent": column.absent,
    }  # fmt: skip
    if not len(known):
        return Column(**common, missing=True, shares=(1.0,))
    atoms, counts = find_atoms(known)
    rest = known[~np.isin(known, atoms)]
    shares = [count / len(column) for count in counts]
    means: list[float] = []
    deviations: list[float] = []
    if len(rest):
        mixture = mixtures.fit(rest, least=0.5 * step(column))
        means, deviations = mixture.means.tolist(), mixture.deviations.tolist()
        shares += [float(w) * len(rest) / len(column) for w in mixture.weights]
    if gone:
        shares.append(gone / len(column))
    return Column(
        **common,
        atoms=tuple(atoms.tolist()),
        means=tuple(means),
        deviations=tuple(deviations),
        low=float(known.min()),
        high=float(known.max()),
        shares=tuple(shares),
        missing=bool(gone),
    )


def step(column: Typed) -> float:
    """The distance of neighbouring values that a column can have; 0 where there is none."""
    if column.type in (INTEGER, DATE, TIME):
        return 1.0
    return 10.0**-column.decimals if column.decimals >= 0 else 0.0


def find_atoms(known: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[int]]:
    """Values that many rows share, while few rows have those next to them; with their counts."""
    values, counts = np.unique(known, return_counts=True)
    if len(values) <= FEW:
        return values, counts.tolist()
    often = np.flatnonzero(counts >= max(SPIKE_SHARE * len(known), 3))
    spikes = [i for i in often if counts[i] >= SPIKE_RATIO * around(counts, int(i))]
    spikes = sorted(sorted(spikes, key=lambda i: (-counts[i], i))[:MOST_ATOMS])
    return values[spikes], counts[spikes].tolist()


def around(counts: NDArray[np.int64], i: int) -> float:
    near = np.concatenate([counts[max(i - NEIGHBOURS, 0) : i], counts[i + 1 : i + 1 + NEIGHBOURS]])
    return float(np.median(near)) if len(near) else math.inf
