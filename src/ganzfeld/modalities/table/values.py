"""Cells of a table: what type a column has, from strings to values and back."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]

INTEGER, DECIMAL, CATEGORY, BOOLEAN, DATE, TIME = (
    "integer", "decimal", "category", "boolean", "date", "time",
)  # fmt: skip
TYPES = (INTEGER, DECIMAL, CATEGORY, BOOLEAN, DATE, TIME)
NUMBERS = (INTEGER, DECIMAL, DATE, TIME)  # stored as float64: dates as days, times as seconds

MISSING = frozenset({"", "?", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "<NA>"})
WHOLE = re.compile(r"[+-]?(0|[1-9]\d{0,14})")  # leading zeros are codes, not numbers
REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
CODE = re.compile(r"[+-]?0\d")
DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y")
TIMES = tuple(
    f"{day}{gap}{clock}"
    for day in DATES[:2]
    for gap in ("T", " ")
    for clock in ("%H:%M:%S", "%H:%M")
)
DAY = 86_400
LARGEST = 2**53  # whole numbers beyond are not exact as float64


@dataclass(frozen=True)
class Typed:
    """A column by its type.

    values: numbers, dates and times (n,) float64 with NaN where missing: days or seconds since
        1970; categories and booleans (n,) object, strings with None where missing.
    form: of dates and times, as `strftime` has it; of booleans "true,false" as they are spelled.
    decimals: digits after the point, of decimals; -1 where they are written with an exponent.
    absent: how a missing cell is written.
    """

    name: str
    type: str
    values: Values
    form: str = ""
    decimals: int = 0
    absent: str = ""

    def __len__(self) -> int:
        return len(self.values)


def typed(name: str, cells: Sequence[Any] | Values) -> Typed:
    """The column with the narrowest type that holds all its cells.

    cells: strings as a CSV file has them, or an array of numbers, booleans, datetime64 or
    objects, as Parquet files and Python give them.

    Example::

        from ganzfeld.modalities.table.values import typed

        assert typed("age", ["31", "?", "50"]).type == "integer"
        assert typed("born", ["2001-02-03", "1999-12-31"]).type == "date"
        assert typed("zip", ["01234", "99999"]).type == "category"
    """
    array = cells if isinstance(cells, np.ndarray) else np.asarray(cells, dtype=object)
    if array.dtype.kind == "M":
        return of_moments(name, array)
    if array.dtype.kind == "b":
        return Typed(name, BOOLEAN, words(array), "True,False")
    if array.dtype.kind in "iuf":
        return of_numbers(name, array.astype(np.float64), array.dtype)
    texts = [as_text(cell) for cell in array.tolist()]
    return of_texts(name, texts)


def as_text(cell: Any) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return str(cell).strip()


def of_texts(name: str, texts: Sequence[str]) -> Typed:
    gone = Counter(text for text in texts if text in MISSING)
    absent = gone.most_common(1)[0][0] if gone else ""
    distinct = {text for text in texts if text not in MISSING}
    for kind, form in guesses(distinct):
        if kind in (DATE, TIME):
            values = {text: since(text, form, kind) for text in distinct}
        elif kind in (INTEGER, DECIMAL):
            values = {text: float(text) for text in distinct}
        else:
            break
        column = np.array([values.get(text, math.nan) for text in texts], dtype=np.float64)
        digits = most_decimals(distinct) if kind == DECIMAL else 0
        return Typed(name, kind, column, form, digits, absent)
    objects = np.array([None if text in MISSING else text for text in texts], dtype=object)
    if kind == BOOLEAN:
        true = form.split(",")[0]
        objects = np.array([None if t is None else str(t == true) for t in objects], dtype=object)
    return Typed(name, kind, objects, form, 0, absent)


def guesses(distinct: set[str]) -> list[tuple[str, str]]:
    """The first type that all these strings have, with its form."""
    if distinct and all(WHOLE.fullmatch(text) for text in distinct):
        return [(INTEGER, "")]
    if distinct and all(REAL.fullmatch(t) and not CODE.match(t.split(".")[0]) for t in distinct):
        return [(DECIMAL, "")]
    if distinct and len({text.casefold() for text in distinct} - {"true", "false"}) == 0:
        true = next((t for t in sorted(distinct) if t.casefold() == "true"), "")
        false = next((t for t in sorted(distinct) if t.casefold() == "false"), "")
        true, false = true or like(false, "true"), false or like(true, "false")
        if distinct <= {true, false}:
            return [(BOOLEAN, f"{true},{false}")]
    for kind, forms in ((DATE, DATES), (TIME, TIMES)):
        for form in forms:
            if distinct and all(parses(text, form) for text in distinct):
                return [(kind, form)]
    return [(CATEGORY, "")]


def like(model: str, word: str) -> str:
    """A word in the capitals of another."""
    return word.upper() if model.isupper() else word.title() if model.istitle() else word


def parses(text: str, form: str) -> bool:
    """Whether a string is a date of this form, and is written as the form writes it."""
    try:
        return datetime.strptime(text, form).strftime(form) == text
    except ValueError:
        return False


def since(text: str, form: str, kind: str) -> float:
    seconds = datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
    return seconds / DAY if kind == DATE else seconds


def most_decimals(texts: set[str]) -> int:
    """Digits after the point; -1 where a number has an exponent or needs more than 12."""
    if any("e" in text.casefold() for text in texts):
        return -1
    most = max((len(text.partition(".")[2]) for text in texts), default=0)
    return most if most <= 12 else -1


def of_numbers(name: str, values: NDArray[np.float64], dtype: np.dtype[Any]) -> Typed:
    values = np.where(np.isfinite(values), values, np.nan)
    known = values[~np.isnan(values)]
    whole = bool(len(known)) and bool((known == np.round(known)).all())
    if dtype.kind in "iu" or (whole and np.isnan(values).any() and abs(known).max() < LARGEST):
        return Typed(name, INTEGER, values)
    for digits in range(1, 7):
        if np.array_equal(np.round(known, digits), known):
            return Typed(name, DECIMAL, values, decimals=digits)
    return Typed(name, DECIMAL, values, decimals=-1)


def of_moments(name: str, array: Values) -> Typed:
    seconds = array.astype("datetime64[s]")
    gone = np.isnat(seconds)
    values = np.where(gone, np.nan, seconds.astype(np.int64).astype(np.float64))
    if not (values[~gone] % DAY).any():
        return Typed(name, DATE, values / DAY, DATES[0])
    return Typed(name, TIME, values, TIMES[0])


def words(array: Values) -> Values:
    return np.array([str(bool(value)) for value in array], dtype=object)


def to_texts(column: Typed) -> list[str]:
    """The cells of a column as a CSV file has them: `typed` reads the same column from them."""
    if column.type not in NUMBERS:
        if column.type == BOOLEAN:
            true, false = column.form.split(",")
            return [
                column.absent if v is None else true if v == "True" else false
                for v in column.values
            ]
        return [column.absent if v is None else v for v in column.values]
    return [column.absent if math.isnan(v) else written(column, v) for v in column.values]


def written(column: Typed, value: float) -> str:
    if column.type == INTEGER:
        return str(round(value))
    if column.type == DECIMAL:
        return f"{value:.{column.decimals}f}" if column.decimals >= 0 else shortest(value)
    seconds = value * DAY if column.type == DATE else value
    moment = datetime.fromtimestamp(0, UTC).timestamp() + round(seconds)
    return datetime.fromtimestamp(moment, UTC).strftime(column.form)


def shortest(value: float) -> str:
    """Seven digits, which is what an encoded row holds, and always with a point or exponent."""
    text = f"{value:.7g}"
    return text if "." in text or "e" in text else f"{text}.0"


def to_array(column: Typed) -> Values:
    """A column as Parquet files and Python have it."""
    gone = ~np.isfinite(column.values) if column.type in NUMBERS else np.equal(column.values, None)
    if column.type in (DATE, TIME):
        unit = "D" if column.type == DATE else "s"
        whole = np.where(gone, 0, np.round(np.where(gone, 0, column.values))).astype(np.int64)
        moments = whole.astype(f"datetime64[{unit}]")
        moments[gone] = np.datetime64("NaT")
        return np.asarray(moments)
    if column.type == INTEGER:
        if gone.any():
            return np.array(
                [None if g else round(v) for g, v in zip(gone, column.values, strict=True)],
                dtype=object,
            )
        return np.round(column.values).astype(np.int64)
    if column.type == BOOLEAN:
        if gone.any():
            return np.array([None if v is None else v == "True" for v in column.values], object)
        return np.array([v == "True" for v in column.values])
    return column.values
