"""What a table's columns are, from its training part: types, ranges, levels, atoms and modes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import COLUMN
from ganzfeld.core.schema import fields, flag, listing, maybe, number, one_of, words
from ganzfeld.core.schema import whole as whole_
from ganzfeld.errors import DataError
from ganzfeld.modalities.table import mixtures
from ganzfeld.modalities.table.layout import Layout

Floats = NDArray[np.float64]

FEW = 20  # distinct numbers: each is then an atom, and there are no modes
MOST_ATOMS = 30
SPIKE_SHARE, SPIKE_RATIO = 0.005, 4.0  # of an atom: of all rows, and over its neighbours
NEIGHBOURS = 5  # to either side
MOST_LEVELS = 500  # of a category: more are left empty
MOST_DECIMALS = 6
NONE = -1.0  # a level that the schema does not know

NUMBERS = listing(number(-1e39, 1e39))
STORED = fields(  # of `Schema.to_json`
    {
        "rows": whole_(0, 10**15),
        "columns": listing(
            fields(
                {"name": words},
                {
                    "names": listing(words),
                    "boolean": flag,
                    "whole": flag,
                    "decimals": maybe(whole_(0, 30)),
                    "unit": one_of("", "day", "minute", "second"),
                    "form": words,
                    "atoms": NUMBERS,
                    "means": NUMBERS,
                    "deviations": listing(number(1e-300, 1e39)),
                    "low": number(-1e39, 1e39),
                    "high": number(-1e39, 1e39),
                    "shares": listing(number(0, 1 + 1e-6)),
                    "missing": flag,
                    "blank": words,
                },
            ),
            1,
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a schema.

    names: of the levels, for a category or a boolean; none for a number.
    boolean, whole, decimals, unit: how its cells are written; decimals is None where any number
        of digits may follow the point. unit: "day", "second" or "minute" since 1970, of dates.
    form: of dates (`core.dates`), or "no|yes" of booleans; "" where they are written as usual.
    atoms: numbers that many rows have to the digit, in order.
    means, deviations: of the modes of the other numbers.
    low, high: the range in the training part; no sample lies outside.
    shares: of each choice (levels or atoms, then modes, then missing), in the training part.
    missing: whether cells were missing.
    blank: why the column is not learned, else "". Its samples are all missing.
    """

    name: str
    names: tuple[str, ...] = ()
    boolean: bool = False
    whole: bool = False
    decimals: int | None = None
    unit: str = ""
    form: str = ""
    atoms: tuple[float, ...] = ()
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()
    low: float = 0.0
    high: float = 0.0
    shares: tuple[float, ...] = ()
    missing: bool = False
    blank: str = ""

    @property
    def levels(self) -> int:
        return len(self.names)

    @property
    def options(self) -> int:
        """What there is to choose from: levels, atoms, modes, and missing."""
        if self.blank:
            return 0
        return len(self.names) + len(self.atoms) + len(self.means) + self.missing

    @property
    def head(self) -> tuple[int, int]:
        """(numbers, choices) in an encoded row; a choice of one is none."""
        return int(bool(self.means)), self.options if self.options > 1 else 0

    @property
    def step(self) -> float:
        """The distance of neighbouring values that a number can have; 0 where any is possible."""
        if self.whole:
            return 1.0
        return 0.0 if self.decimals is None else 10.0**-self.decimals

    def rounded(self, values: Floats) -> Floats:
        """Numbers with as many digits as the column has, which float32 may have lost."""
        if self.names or not self.step:
            return values
        return np.round(values, 0 if self.whole else self.decimals or 0)

    @property
    def kind(self) -> str:
        """ "category", "boolean", "whole number", "number", "date" or "time"."""
        if self.names:
            return "boolean" if self.boolean else "category"
        if self.unit:
            return "date" if self.unit == "day" else "time"
        return "whole number" if self.whole else "number"


FIELDS = frozenset(field.name for field in dataclass_fields(Column))  # later releases have more


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order, and the rows they were learned from."""

    columns: tuple[Column, ...]
    rows: int = 0

    @cached_property
    def layout(self) -> Layout:
        return Layout(tuple(column.head for column in self.columns))

    @property
    def shares(self) -> list[float]:
        """The share of each choice in the training part, in the order of `layout.places`."""
        return [share for column in self.columns if column.head[1] for share in column.shares]

    @property
    def modes(self) -> list[list[int]]:
        """Of each column with a value within modes, [first, count] of its choices that are modes.

        [0, 0] where there is nothing to choose.
        """
        return [
            [len(column.atoms), len(column.means)] if column.head[1] else [0, 0]
            for column in self.columns
            if column.head[0]
        ]

    def index(self, name: str) -> int:
        """The place of a column; DataError with the names there are, where there is none.

        A pack calls the column x otherwise, see `core.names.of_column`.
        """
        for place, column in enumerate(self.columns):
            if column.name in (name, name.removesuffix(COLUMN)):
                return place
        names = ", ".join(column.name for column in self.columns)
        raise DataError(f"the table has no column {name!r}. Its columns: {names}")

    def to_json(self) -> dict[str, Any]:
        default = asdict(Column(name=""))
        columns = []
        for column in self.columns:
            entry = {k: v for k, v in asdict(column).items() if v != default[k]}
            columns.append({k: list(v) if isinstance(v, tuple) else v for k, v in entry.items()})
        return {"columns": columns, "rows": self.rows}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Schema:
        """The schema of `to_json`; ValueError for what is none."""
        STORED(found, "schema")
        return cls(tuple(column_of(entry) for entry in found["columns"]), int(found["rows"]))


def column_of(entry: Mapping[str, Any]) -> Column:
    made: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in entry.items() if k in FIELDS
    }
    column = Column(**made)
    if column.head[1] and len(column.shares) != column.options:
        raise ValueError(
            f"column {column.name!r} has {len(column.shares)} shares, not one a choice"
        )
    if len(column.means) != len(column.deviations):
        raise ValueError(f"column {column.name!r} has modes without a deviation")
    if column.low > column.high:
        raise ValueError(f"column {column.name!r} has a range that is none")
    return column


def fit(rows: NDArray[Any], about: Sequence[Mapping[str, Any]]) -> Schema:
    """The schema of a table's training part.

    rows: (n, columns) numbers, NaN where a cell is missing; of levels, their places in the names.
    about: of each column its "name", and "names" for levels ("boolean" where these are true and
        false); for numbers "whole", and "unit" where they count days, seconds or minutes; of both
        "form", where dates or booleans are written in a form of their own.
    Raises DataError for a table from which nothing can be learned.

    Example::

        import numpy as np
        from ganzfeld.modalities.table import schema

        rows = np.array([[31.0, 0.0], [44.0, 1.0], [np.nan, 1.0]])
        about = [{"name": "age", "whole": True}, {"name": "town", "names": ["Bonn", "Ulm"]}]
        known = schema.fit(rows, about)
        assert [column.kind for column in known.columns] == ["whole number", "category"]
        assert known.columns[0].missing and known.layout.heads == ((0, 3), (0, 2))
    """
    if not len(rows):
        raise DataError("the table has no rows to learn from")
    columns = tuple(
        fit_levels(values, entry) if "names" in entry else fit_number(values, entry)
        for values, entry in zip(rows.T.astype(np.float64), about, strict=True)
    )
    if not any(sum(column.head) for column in columns):
        raise DataError("no column of the table can be learned: each has one value only")
    return Schema(columns, len(rows))


def fit_levels(values: Floats, about: Mapping[str, Any]) -> Column:
    """Levels in the order of their names; those that the training part lacks stay, with share 0."""
    names, n = tuple(str(name) for name in about["names"]), len(values)
    common: dict[str, Any] = {
        "name": str(about["name"]),
        "boolean": bool(about.get("boolean")),
        "form": str(about.get("form") or ""),
    }
    if len(names) > MOST_LEVELS or (len(names) > 50 and len(names) > 0.5 * n):
        why = f"{len(names):,} different values in {n:,} rows: left empty, not learned"
        return Column(**common, names=names[:1], blank=why)
    gone = np.isnan(values) | (values < 0)
    shares = np.bincount(values[~gone].astype(np.int64), minlength=len(names)) / n
    missing = [float(gone.mean())] if gone.any() else []
    return Column(**common, names=names, shares=(*shares.tolist(), *missing), missing=bool(missing))


def fit_number(values: Floats, about: Mapping[str, Any]) -> Column:
    known = values[~np.isnan(values)]
    gone = len(values) - len(known)
    common: dict[str, Any] = {
        "name": str(about["name"]),
        "unit": str(about.get("unit") or ""),
        "form": str(about.get("form") or ""),
        "whole": bool(about.get("whole")),
        "missing": bool(gone),
    }
    if not len(known):
        return Column(**common, shares=(1.0,))
    column = Column(**common, decimals=None if common["whole"] else decimals_of(known))
    known = column.rounded(known)
    atoms, counts = find_atoms(known)
    rest = known[~np.isin(known, atoms)]
    shares = [count / len(values) for count in counts]
    means: list[float] = []
    deviations: list[float] = []
    if len(rest):
        mixture = mixtures.fit(rest, least=0.5 * column.step)
        means, deviations = mixture.means.tolist(), mixture.deviations.tolist()
        shares += [float(weight) * len(rest) / len(values) for weight in mixture.weights]
    if gone:
        shares.append(gone / len(values))
    return Column(
        **common,
        decimals=column.decimals,
        atoms=tuple(atoms.tolist()),
        means=tuple(means),
        deviations=tuple(deviations),
        low=float(known.min()),
        high=float(known.max()),
        shares=tuple(shares),
    )


def decimals_of(known: Floats) -> int | None:
    """Digits after the point that all numbers, known as float32, have; None for more than six."""
    stored = known.astype(np.float32)
    for digits in range(MOST_DECIMALS + 1):
        if np.array_equal(np.round(stored.astype(np.float64), digits).astype(np.float32), stored):
            return digits
    return None


def find_atoms(known: Floats) -> tuple[Floats, list[int]]:
    """Values that many rows share, while few rows have those next to them; with their counts."""
    values, counts = np.unique(known, return_counts=True)
    if len(values) <= FEW:
        return values, counts.tolist()
    often = np.flatnonzero(counts >= max(SPIKE_SHARE * len(known), 3))
    spikes = [int(i) for i in often if counts[i] >= SPIKE_RATIO * around(counts, int(i))]
    spikes = sorted(sorted(spikes, key=lambda i: (-counts[i], i))[:MOST_ATOMS])
    return values[spikes], counts[spikes].tolist()


def around(counts: NDArray[np.int64], i: int) -> float:
    near = np.concatenate([counts[max(i - NEIGHBOURS, 0) : i], counts[i + 1 : i + 1 + NEIGHBOURS]])
    return float(np.median(near)) if len(near) else math.inf
