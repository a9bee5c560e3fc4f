"""Rows of a table as float32 vectors, and back to typed columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.errors import DataError
from ganzfeld.modalities.table.mixtures import Mixture
from ganzfeld.modalities.table.schema import WIDTH, Column, Schema
from ganzfeld.modalities.table.values import INTEGER, NUMBERS, Typed, typed

Rows = NDArray[np.float32]


def read(columns: Mapping[str, Any]) -> list[Typed]:
    """Columns by name, as strings or arrays, with the types that hold all their cells."""
    return [typed(str(name), cells) for name, cells in columns.items()]


def encode(table: Sequence[Typed], schema: Schema) -> Rows:
    """Rows (n, schema.layout.width) of a table that has the schema's columns.

    Which mode a number belongs to is drawn by its posterior, by a key of the column's name, so
    that the values of a mode are those of its Gaussian, not of a slice. Levels that the schema
    does not know, and missing cells where it knows of none, take the most frequent choice.
    Raises DataError where a column is not there or has another type.
    """
    found = {column.name: column for column in table}
    n = len(table[0]) if table else 0
    rows = np.zeros((n, schema.layout.width), np.float32)
    for column, start in zip(schema.columns, schema.layout.starts, strict=True):
        if not sum(column.head):
            continue
        if column.name not in found:
            raise DataError(f"the table has no column {column.name!r}, which the model knows")
        given = found[column.name]
        if (given.type in NUMBERS) != column.number:
            raise DataError(f"column {column.name!r} is {given.type} here, and was {column.type}")
        choice, value = encode_number(given, column) if column.number else levels_of(given, column)
        numbers, choices = column.head
        if numbers:
            rows[:, start] = value
        if choices:
            rows[np.arange(n), start + numbers + choice] = 1
    return rows


def levels_of(given: Typed, column: Column) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    codes: dict[Any, int] = {level: i for i, level in enumerate(column.levels)}
    common = int(np.argmax(column.shares))
    codes[None] = len(column.levels) if column.missing else common
    chosen = [codes.get(value, common) for value in given.values.tolist()]
    return np.array(chosen, dtype=np.int64), np.zeros(len(chosen))


def encode_number(given: Typed, column: Column) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Choices (n,) and values within their modes (n,)."""
    values, n = given.values, len(given.values)
    choice = np.full(n, int(np.argmax(column.shares)), dtype=np.int64)
    inside = np.zeros(n)
    gone = np.isnan(values)
    if column.missing:
        choice[gone] = column.options - 1
    atoms = np.array(column.atoms)
    place = np.searchsorted(atoms, values)
    at_atom = np.zeros(n, dtype=bool)
    if len(atoms):
        nearest = np.minimum(place, len(atoms) - 1)
        at_atom = atoms[nearest] == values
        if not column.means:  # nothing else to take: the nearest atom
            lower = np.maximum(nearest - 1, 0)
            closer = np.abs(atoms[lower] - values) < np.abs(atoms[nearest] - values)
            nearest, at_atom = np.where(closer, lower, nearest), ~gone
        choice[at_atom] = nearest[at_atom]
    rest = np.flatnonzero(~gone & ~at_atom)
    if column.means and len(rest):
        mode = modes_of(values[rest], column)
        choice[rest] = len(atoms) + mode
        means, deviations = np.array(column.means), np.array(column.deviations)
        inside[rest] = (values[rest] - means[mode]) / (WIDTH * deviations[mode])
    return choice, inside


def modes_of(values: NDArray[np.float64], column: Column) -> NDArray[np.int64]:
    """A mode for each value, drawn by its posterior."""
    first = len(column.atoms)
    shares = np.array(column.shares or (1.0,))[first : first + len(column.means)]
    mixture = Mixture(shares / shares.sum(), np.array(column.means), np.array(column.deviations))
    u = numpy_generator("table", column.name).random(len(values))
    passed = mixture.posterior(values).cumsum(1) < u[:, None]
    return np.minimum(passed.sum(1), len(column.means) - 1)


def decode(rows: NDArray[Any], schema: Schema) -> list[Typed]:
    """The table of encoded rows (n, width): integers are whole, ranges hold, levels are known.

    Of one-hot vectors the largest entry counts, so that relaxed rows of a network decode too.

    Example::

        from ganzfeld.modalities.table import rows, schema

        table = rows.read({"age": ["31", "44", "?"], "town": ["Ulm", "Bonn", "Ulm"]})
        known = schema.fit(table)
        again = rows.decode(rows.encode(table, known), known)
        assert again[1].values.tolist() == ["Ulm", "Bonn", "Ulm"]
    """
    width = schema.layout.width
    if rows.ndim != 2 or rows.shape[1] != width:
        raise DataError(f"rows of shape {rows.shape} do not fit this table: (n, {width}) do")
    table = []
    for column, start in zip(schema.columns, schema.layout.starts, strict=True):
        numbers, choices = column.head
        inside = rows[:, start].astype(np.float64) if numbers else np.zeros(len(rows))
        first = start + numbers
        if choices:
            choice = rows[:, first : first + choices].argmax(1)
        else:
            choice = np.zeros(len(rows), dtype=np.int64)
        values = number_of(choice, inside, column) if column.number else level_of(choice, column)
        table.append(
            Typed(column.name, column.type, values, column.form, column.decimals, column.absent)
        )
    return table


def level_of(choice: NDArray[np.int64], column: Column) -> NDArray[Any]:
    if column.blank:
        return np.full(len(choice), None, dtype=object)
    return np.array([*column.levels, None], dtype=object)[choice]


def number_of(
    choice: NDArray[np.int64], inside: NDArray[np.float64], column: Column
) -> NDArray[np.float64]:
    first = len(column.atoms)
    fixed = np.array([*column.atoms, *column.means, *([np.nan] if column.missing else [])])
    values = fixed[choice]
    in_mode = (choice >= first) & (choice < first + len(column.means))
    if column.means:
        deviations = np.array([0.0] * first + list(column.deviations) + [0.0] * column.missing)
        values = values + np.where(in_mode, WIDTH * deviations[choice] * inside, 0)
    values = np.clip(values, column.low, column.high)
    if column.type == INTEGER or column.form:
        return np.round(values)
    return np.round(values, column.decimals) if column.decimals >= 0 else values
