"""Rows of a table as float32 vectors for networks, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.errors import DataError
from ganzfeld.modalities.table.mixtures import Mixture
from ganzfeld.modalities.table.schema import Column, Schema

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

WIDTH = 4.0  # standard deviations of a mode that are 1 in a row


def encode(rows: NDArray[Any], schema: Schema) -> NDArray[np.float32]:
    """Vectors (n, schema.layout.width) of rows (n, columns) as `schema.fit` takes them.

    Which mode a number belongs to is drawn by its posterior, from a key of the column's name, so
    that the values of a mode are those of its Gaussian, not of a slice. A missing cell where the
    schema knows of none takes the most frequent choice, and so does a level without a name.
    """
    check_width(rows, len(schema.columns))
    n = len(rows)
    vectors = np.zeros((n, schema.layout.width), np.float32)
    for column, start, values in zip(schema.columns, schema.layout.starts, rows.T, strict=True):
        numbers, choices = column.head
        if not numbers + choices:
            continue
        choice, inside = (of_level if column.names else of_number)(values, column)
        if numbers:
            vectors[:, start] = inside
        if choices:
            vectors[np.arange(n), start + numbers + choice] = 1
    return vectors


def check_width(rows: NDArray[Any], width: int) -> None:
    if rows.ndim != 2 or rows.shape[1] != width:
        raise DataError(f"rows of shape {rows.shape} do not fit this table: (n, {width}) do")


def of_level(values: NDArray[Any], column: Column) -> tuple[Codes, Floats]:
    common = int(np.argmax(column.shares))
    gone = np.isnan(values) | (values < 0) | (values >= column.levels)
    choice = np.where(gone, column.levels if column.missing else common, values).astype(np.int64)
    return choice, np.zeros(len(values))


def of_number(values: NDArray[Any], column: Column) -> tuple[Codes, Floats]:
    """Choices (n,) and values within their modes (n,)."""
    values = column.rounded(values.astype(np.float64))
    inside, n = np.zeros(len(values)), len(values)
    choice = np.full(n, int(np.argmax(column.shares)), dtype=np.int64)
    gone = np.isnan(values)
    if column.missing:
        choice[gone] = column.options - 1
    atoms = np.array(column.atoms)
    at_atom = np.zeros(n, dtype=bool)
    if len(atoms):
        nearest = np.minimum(np.searchsorted(atoms, values), len(atoms) - 1)
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


def modes_of(values: Floats, column: Column) -> Codes:
    """A mode for each value, drawn by its posterior."""
    first = len(column.atoms)
    shares = np.array(column.shares)[first : first + len(column.means)]
    mixture = Mixture(shares / shares.sum(), np.array(column.means), np.array(column.deviations))
    u = numpy_generator("table", column.name).random(len(values))
    passed = mixture.posterior(values).cumsum(1) < u[:, None]
    return np.asarray(np.minimum(passed.sum(1), len(column.means) - 1), dtype=np.int64)


def decode(vectors: NDArray[Any], schema: Schema) -> Floats:
    """Rows (n, columns) of vectors: whole numbers are whole, ranges hold, NaN is missing.

    Of one-hot vectors the largest entry counts, so that what a network has relaxed decodes too.

    Example::

        import numpy as np
        from ganzfeld.modalities.table import rows, schema

        table = np.array([[31.0, 0.0], [44.0, 1.0], [np.nan, 1.0]])
        about = [{"name": "age", "whole": True}, {"name": "town", "names": ["Bonn", "Ulm"]}]
        known = schema.fit(table, about)
        again = rows.decode(rows.encode(table, known), known)
        assert np.array_equal(again, table, equal_nan=True)
    """
    check_width(vectors, schema.layout.width)
    found = np.full((len(vectors), len(schema.columns)), np.nan)
    for place, (column, start) in enumerate(zip(schema.columns, schema.layout.starts, strict=True)):
        if column.blank or not column.options:
            continue
        numbers, choices = column.head
        inside = vectors[:, start].astype(np.float64) if numbers else np.zeros(len(vectors))
        one_hot = vectors[:, start + numbers : start + numbers + choices]
        choice = one_hot.argmax(1) if choices else np.zeros(len(vectors), dtype=np.int64)
        found[:, place] = value_of(choice, inside, column)
    return found


def value_of(choice: Codes, inside: Floats, column: Column) -> Floats:
    gone = [np.nan] if column.missing else []
    if column.names:
        return np.array([*range(column.levels), *gone])[choice]
    first, modes = len(column.atoms), len(column.means)
    values = np.array([*column.atoms, *column.means, *gone])[choice]
    scale = np.array([0.0] * first + [WIDTH * d for d in column.deviations] + [0.0] * len(gone))
    in_mode = (choice >= first) & (choice < first + modes)
    moved = column.rounded(values + scale[choice] * inside)
    return np.where(in_mode, np.clip(moved, column.low, column.high), values)
