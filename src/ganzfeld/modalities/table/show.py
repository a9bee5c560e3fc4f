"""Tables for people: some rows as HTML, and how each column is distributed."""

from __future__ import annotations

import csv
import html
import io
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.language import tr
from ganzfeld.modalities.table.cells import texts
from ganzfeld.modalities.table.schema import Column, Schema

SHOWN = 12  # rows of a table in a page
MOST_CELL = 40  # characters of a cell
BARS = 12  # of one column
RANGES = 6  # of its numbers that are no atoms
CELL = "padding:2px 8px;border-bottom:1px solid #8884;text-align:left;white-space:nowrap"


def clipped(cell: str) -> str:
    """A cell that is safe in a page, and no longer than fits."""
    return html.escape(cell if len(cell) <= MOST_CELL else cell[: MOST_CELL - 1] + "…")


def html_table(names: Sequence[str], rows: Sequence[Sequence[str]], more: int = 0) -> str:
    """Rows of texts as an HTML table that scrolls. more: rows that are not shown."""
    head = "".join(f'<th style="{CELL}">{clipped(name)}</th>' for name in names)
    body = "".join(
        "<tr>" + "".join(f'<td style="{CELL}">{clipped(cell)}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    rest = f"<p>{tr(f'and {more:,} rows more')}</p>" if more else ""
    return (
        f'<div style="overflow-x:auto"><table style="border-collapse:collapse;font-size:12px">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{rest}"
    )


def html_of_csv(text: str) -> str | None:
    """The first rows of a CSV file as HTML; None where there are none."""
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    if len(rows) < 2:
        return None
    return html_table(rows[0], rows[1 : SHOWN + 1], max(len(rows) - 1 - SHOWN, 0))


def html_of_rows(rows: NDArray[Any], schema: Schema) -> str:
    """The first of rows (n, columns) as a table."""
    columns = [texts(rows[:SHOWN, i], column) for i, column in enumerate(schema.columns)]
    names = [column.name for column in schema.columns]
    return html_table(names, list(zip(*columns, strict=True)), max(len(rows) - SHOWN, 0))


def shares_of(rows: NDArray[Any], schema: Schema) -> dict[str, list[list[Any]]]:
    """By column, [name, share in these rows, share in the training part] of what it holds."""
    return {
        column.name: parts(rows[:, place], column)
        for place, column in enumerate(schema.columns)
        if not column.blank and column.options
    }


def html_marginals(
    shares: Mapping[str, Any], distances: Mapping[str, Any], real: float | None = None
) -> str:
    """Bars for each column: the share of each level or range among samples, and in training.

    shares: as `shares_of` gives them. distances: of each column, KS or TV, where they are known.
    real: the largest of a column that real rows have from others.
    """
    boxes = []
    for name, entries in shares.items():
        distance = distances.get(name)
        said = f" <small>{distance:.3f}</small>" if isinstance(distance, int | float) else ""
        bars = "".join(bar(str(entry[0]), float(entry[1]), float(entry[2])) for entry in entries)
        boxes.append(
            '<div style="display:inline-block;vertical-align:top;width:230px;margin:6px">'
            f"<b>{clipped(name)}</b>{said}{bars}</div>"
        )
    legend = tr(
        "Columns one by one: shares among samples (bars) and in the training part (red lines), "
        "and the distance of both (Kolmogorov-Smirnov of numbers, total variation of levels)."
    )
    if isinstance(real, int | float):
        legend += " " + tr(f"Real rows differ from others by up to {real:.3f}.")
    return f"<div><p>{legend}</p>{''.join(boxes)}</div>"


def parts(values: NDArray[Any], column: Column) -> list[list[Any]]:
    """[name, share in the values, share in training] of the largest choices, ranges or levels."""
    gone = np.isnan(values)
    entries: list[list[Any]] = []
    if column.names:
        for level, name in enumerate(column.names):
            entries.append([name, float((values == level).mean()), column.shares[level]])
    else:
        for atom, share in zip(column.atoms, column.shares, strict=False):
            name = texts(np.array([atom]), column)[0]
            entries.append([name, float((values == atom).mean()), share])
        entries = sorted(entries, key=lambda entry: -entry[2])[
            : BARS - (RANGES if column.means else 0)
        ]
        if column.means:
            entries += ranges(values[~gone & ~np.isin(values, column.atoms)], len(values), column)
    if column.names:
        entries = sorted(entries, key=lambda entry: -entry[2])[:BARS]
    if column.missing:
        entries.append(["missing", float(gone.mean()), column.shares[-1]])
    return entries


def ranges(rest: NDArray[Any], count: int, column: Column) -> list[list[Any]]:
    """The numbers that are no atoms, in ranges that hold about as many training rows each.

    rest: these, of `count` rows. The training shares are those of the mixture within the range.
    """
    first = len(column.atoms)
    shares = np.array(column.shares[first : first + len(column.means)])
    grid = np.linspace(column.low, column.high, 2_001)
    scaled = (grid[:, None] - column.means) / np.array(column.deviations)
    below = (0.5 + 0.5 * np.vectorize(math.erf)(scaled / math.sqrt(2))) @ shares
    below = (below - below[0]) / max(below[-1] - below[0], 1e-12)
    ends = np.interp(np.arange(RANGES + 1) / RANGES, below, grid)
    edges = np.unique(column.rounded(ends))
    found = []
    for low, high in itertools.pairwise(edges):
        last = high == edges[-1]
        inside = (rest >= low) & ((rest <= high) if last else (rest < high))
        share = float(np.diff(np.interp([low, high], grid, below))[0] * shares.sum())
        names = texts(np.array([low, high]), column)
        found.append([" to ".join(names), float(inside.sum() / max(count, 1)), share])
    return found


def bar(name: str, share: float, target: float) -> str:
    return (
        '<div style="position:relative;background:#8882;margin:1px 0;font-size:11px">'
        f'<div style="position:absolute;inset:0;width:{100 * share:.1f}%;background:#4a90d988">'
        f'</div><div style="position:absolute;top:0;bottom:0;left:{100 * target:.1f}%;'
        f'border-left:2px solid #d33"></div>'
        f'<span style="position:relative;padding:0 4px">{clipped(name)} {share:.1%}</span></div>'
    )


def describe(schema: Schema) -> str:
    """A table in words: "15 columns: 6 whole numbers, 8 categories, 1 boolean"."""
    kinds = [column.kind for column in schema.columns]
    plural = {"category": "categories"}
    counts = [
        f"{kinds.count(kind)} {kind if kinds.count(kind) == 1 else plural.get(kind, kind + 's')}"
        for kind in dict.fromkeys(kinds)
    ]
    number = len(kinds)
    return f"{number} column{'s' * (number != 1)}: {', '.join(counts)}"
