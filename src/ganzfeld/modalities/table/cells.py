"""Cells of a table as people and files have them: texts, and arrays with types."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.dates import of_day, written
from ganzfeld.core.files import replace
from ganzfeld.errors import UsageError
from ganzfeld.modalities.table.schema import Column, Schema

DIGITS = 7  # of numbers without a known count of decimals: what float32 holds
UNITS = {"day": "D", "minute": "m", "second": "s"}  # as numpy has them


def texts(values: NDArray[Any], column: Column) -> list[str]:
    """The cells of a column as a CSV file has them; "" is missing."""
    return ["" if math.isnan(value) else text(value, column) for value in values.tolist()]


def text(value: float, column: Column) -> str:
    """One cell that is there."""
    if column.names:
        names = column.form.split("|") if column.boolean and column.form else column.names
        return names[int(value)]
    if column.unit:
        return written(value, column.unit, column.form)
    if column.whole:
        return str(round(value))
    return f"{value:.{DIGITS}g}" if column.decimals is None else f"{value:.{column.decimals}f}"


def array(values: NDArray[Any], column: Column) -> NDArray[Any]:
    """A column as Python and Parquet files have it, None or NaT where a cell is missing."""
    gone = np.isnan(values)
    if column.names:
        named: list[Any] = [name == "true" for name in column.names] if column.boolean else list(
            column.names
        )  # fmt: skip
        places = np.where(gone, len(named), values).astype(np.int64)
        found = np.array([*named, None], dtype=object)[places]
        return found if gone.any() or not column.boolean else found.astype(bool)
    whole = np.where(gone, 0, np.round(values)).astype(np.int64) if column.whole else None
    if column.unit and whole is not None:
        moments = whole.astype(f"datetime64[{UNITS[column.unit]}]")
        moments[gone] = np.datetime64("NaT")
        return moments if column.unit == "day" else moments.astype("datetime64[s]")
    if whole is None:
        return values.astype(np.float64)
    if not gone.any():
        return whole
    found = whole.astype(object)
    found[gone] = None
    return found


def values(row: NDArray[Any], schema: Schema) -> list[Any]:
    """The cells of a row (columns,) as JSON has them; None where one is missing."""
    found: list[Any] = []
    for value, column in zip(row.tolist(), schema.columns, strict=True):
        cell = "" if math.isnan(value) else text(value, column)
        if not cell:
            found.append(None)
        elif column.boolean:
            found.append(column.names[int(value)] == "true")
        elif column.names or column.unit:
            found.append(cell)
        else:
            found.append(int(cell) if column.whole else float(cell))
    return found


def as_csv(rows: NDArray[Any], schema: Schema, *, head: bool = True) -> str:
    """Rows (n, columns) as the text of a CSV file; with a head: the names of the columns."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    if head:
        writer.writerow([column.name for column in schema.columns])
    columns = [texts(rows[:, i], column) for i, column in enumerate(schema.columns)]
    writer.writerows(zip(*columns, strict=True))
    return buffer.getvalue()


def write_parquet(rows: NDArray[Any], schema: Schema, path: Path) -> None:
    """Write rows (n, columns) as a Parquet file with the types of the table's columns, whole or not
    at all. UsageError where pyarrow is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "writing Parquet files needs pyarrow, which is not installed",
            safe="nothing was written",
            fix="pip install 'ganzfeld[parquet]'   or --out with the ending .csv",
        ) from None
    columns: dict[str, Any] = {}
    for place, column in enumerate(schema.columns):
        found = array(rows[:, place], column)
        plain = found.dtype.kind == "f" and column.decimals is not None
        columns[column.name] = np.round(found, column.decimals or 0) if plain else found
        if column.unit and of_day(column.form):
            gone = np.isnat(found)
            passed = np.where(gone, 0, found.astype("datetime64[s]").astype(np.int64))
            clock = pyarrow.time32("s")
            columns[column.name] = pyarrow.array(passed.astype(np.int32), clock, mask=gone)
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, buffer.getvalue())


def write_csv(rows: NDArray[Any], schema: Schema, path: Path) -> None:
    """Write rows (n, columns) as a CSV file with the table's columns, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, as_csv(rows, schema).encode("utf-8"))
