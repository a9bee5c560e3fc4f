"""Tables as samples: rows of CSV or Parquet with typed columns, and tables that name files."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ganzfeld.core.dates import SAID, of_day
from ganzfeld.core.names import COLUMN, capped, shown, suffix
from ganzfeld.core.progress import Progress
from ganzfeld.data.columns import EXACT, Values, scattered
from ganzfeld.data.csv_files import LOOKED_AT, read_csv
from ganzfeld.data.encodings import DAMAGED, MARK
from ganzfeld.data.fields import Titles
from ganzfeld.data.listing import Stamp
from ganzfeld.data.readers import import_parquet
from ganzfeld.data.source import RULES, Gathered, Raw
from ganzfeld.data.textfiles import encoding_taken
from ganzfeld.data.typed import NONE, typed_but_for_few, unclear_dates
from ganzfeld.errors import DataError
from ganzfeld.modalities.base import Spec

MOSTLY = 0.9  # of them must name a file that is there
MANY_ROWS = 20  # from which on rows that are numbered are no chance
MANY_YEARS = 300  # rows; more have no year each


def table_of(paths: list[Path], kind: str, place: Path, stamps: list[Stamp]) -> Gathered:
    """A source of the rows of a CSV file, or of Parquet files. kind: "csv" or "parquet"."""

    def gather(progress: Progress) -> Raw:
        names, cells, titles, bad = cells_of(paths, kind, source.rules)
        return gather_table(names, cells, titles, bad, source)

    source = Gathered(
        kind=kind,
        name=place.name.split(".")[0] or "data",
        place=str(place),
        stamps=stamps,
        modality="table",
        gather=gather,
    )
    source.taken["modality"] = "a table: a sample a row"
    if kind == "csv":
        source.taken |= encoding_taken(paths[0])
    return source


def cells_of(
    paths: list[Path], kind: str, rules: int = RULES
) -> tuple[list[str], list[list[Any]], Sequence[str], dict[int, str]]:
    """Names and cells of all columns, titles of the rows, and reasons of bad ones."""
    if kind == "parquet":
        names, cells, count = _parquet_cells(paths)
        return names, cells, Titles(count, "row", 1), {}
    names, rows, numbers = read_csv(paths[0], rules=rules)
    bad = {
        place: f"has {len(row):,} cells, where {len(names):,} were expected"
        for place, row in enumerate(rows)
        if len(row) != len(names)
    }
    for place, row in enumerate(rows):
        if place not in bad and any(isinstance(cell, str) and MARK in cell for cell in row):
            bad[place] = DAMAGED
    cells = [
        [None if place in bad else row[at] for place, row in enumerate(rows)]
        for at in range(len(names))
    ]
    return names, cells, [f"line {number}" for number in numbers], bad


def head_cells(
    path: Path, kind: str, most: int, rules: int = RULES
) -> tuple[list[str], list[list[Any]]]:
    """Names and cells of the first rows, those that have as many as there are names."""
    if kind == "parquet":
        try:
            with import_parquet().ParquetFile(path) as table:
                batch = next(table.iter_batches(batch_size=most), None)
                names = [str(name) for name in table.schema_arrow.names]
        except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
            raise DataError(f"{shown(str(path))} is damaged or cut short ({error})") from error
        if batch is None:
            return names, []
        return names, [[_cell(value) for value in column.to_pylist()] for column in batch.columns]
    names, rows, _ = read_csv(path, most, rules=rules)
    whole = [row for row in rows if len(row) == len(names)]
    return names, [[row[at] for row in whole] for at in range(len(names))]


def gather_table(
    names: Sequence[str],
    cells: Sequence[Sequence[Any]],
    titles: Sequence[str],
    bad: dict[int, str],
    source: Gathered,
) -> Raw:
    """Typed columns, and "x": all of them side by side as float32 (N, K), NaN where one is missing.

    In "x" a class is its place in the names of its column; `spec.extra["columns"]` has, in order,
    name and modality of each and all that its own spec says. The columns themselves hold whole
    numbers exactly. A column of several classes at once is no part of "x", and is kept beside it;
    and so are those of text (rules 5).
    """
    found: dict[str, Values] = {}
    beside: dict[str, Values] = {}  # no part of a row: what rows may be conditioned on
    good = [row for row in range(len(titles)) if row not in bad]
    for name, column in zip(names, cells, strict=True):
        there = [column[row] for row in good]
        values, odd = typed_but_for_few(there, rules=source.rules)
        bad |= {good[row]: f"{shown(name)} is {why}" for row, why in odd.items()}
        if values is None or values.spec.modality in ("text", "several"):
            what = "no values" if values is None else f"{values.spec.modality} values"
            if values is None and any(isinstance(cell, list | dict) for cell in there):
                what = "lists or objects"
            unclear = unclear_dates(there)
            what = unclear or what
            source.aside.append(f"the column {shown(name)} of {what}")
            kept = values is not None and values.spec.modality == "several"
            if values is not None and (kept or (source.rules >= 5 and not unclear)):
                source.aside[-1] += " (--condition takes it)"
                beside[_free(name)] = scattered(values, good, len(titles))
            continue
        found[name] = scattered(values, good, len(titles))
        if values.spec.modality == "class" and (unclear := unclear_dates(there)):
            source.warnings.append(f"{shown(name)} holds {unclear}, and is taken for classes")
        if counts_rows(values):
            source.warnings.append(
                f"{shown(name)} numbers the rows: samples get any number in its place, so take "
                "that column out if it says no more"
            )
        if coarse(values):
            source.warnings.append(
                f"{shown(name)} has whole numbers above {EXACT:,}: they are rounded to 7 digits"
            )
    if not len(titles):
        raise DataError(f"{shown(source.place)} holds no rows")
    if not found:
        raise DataError(
            f"{shown(source.place)} has no column of numbers, classes, dates or booleans",
            fix="--as text, if its lines are texts"
            + ("; else part its cells by commas, semicolons, tabs or |" if len(names) == 1 else ""),
        )
    x = np.stack([_as_numbers(values) for values in found.values()], axis=1)
    empty = np.isnan(x).all(axis=1)
    bad = bad | {int(row): "is empty" for row in np.flatnonzero(empty) if int(row) not in bad}
    about = [
        {"name": name, "modality": v.spec.modality, "dtype": v.spec.dtype, **v.spec.extra}
        for name, v in found.items()
    ]
    columns = {_free(name): values for name, values in found.items()} | beside
    spec = Spec("table", (len(found),), "float32", {"columns": about})
    raw = Raw(columns={"x": Values(spec=spec, rows=x), **columns}, titles=titles, bad=bad)
    raw.values = kinds_of(about)
    read = {shown(n): said for n, v in found.items() if (said := read_as(v.spec.extra))}
    for name, said in read.items():
        raw.facts[f"{name}: {said}"] += len(good)
    if read:
        source.taken["read as"] = "; ".join(f"{name}: {said}" for name, said in read.items())
    source.taken["columns"] = ", ".join(capped([shown(name) for name in found], 12))
    return raw


def kinds_of(about: Sequence[Mapping[str, Any]]) -> str:
    """What the columns of a row are, in words. about: of each, see `gather_table`."""
    kinds = [_kind(column) for column in about]
    return ", ".join(f"{kinds.count(kind):,} {kind}" for kind in dict.fromkeys(kinds))


def take_out(source: Gathered, raw: Raw, name: str) -> None:
    """Let a table's column of captions be no part of its rows. Nothing for other samples.

    DataError where the rows have no other column.
    """
    x = raw.columns["x"]
    about = x.spec.extra.get("columns", []) if x.spec.modality == "table" else []
    left = [place for place, column in enumerate(about) if _free(column["name"]) != name]
    if len(left) == len(about):
        return
    if not left:
        raise DataError(
            f"{shown(source.place)} has no column beside its captions, {shown(name)}",
            safe="nothing was trained",
            fix="add columns of numbers, classes, dates or booleans, which rows are made of",
        )
    rows, about = np.asarray(x.rows)[:, left], [about[place] for place in left]
    spec = replace(x.spec, shape=(len(left),), extra={**x.spec.extra, "columns": about})
    raw.columns["x"] = Values(spec=spec, rows=rows)
    empty = np.flatnonzero(np.isnan(rows).all(axis=1)).tolist()
    raw.bad = {**dict.fromkeys(empty, "is empty"), **raw.bad}
    raw.values = kinds_of(about)
    source.aside.append(f"the column {shown(name)} of text values (--condition takes it)")
    source.taken["columns"] = ", ".join(capped([shown(c["name"]) for c in about], 12))


def counts_rows(values: Values) -> bool:
    """Whether a column is 0, 1, 2 ... or 1, 2, 3 ..., row by row; from any number in long tables,
    where it is no column of years."""
    rows = np.asarray(values.rows)
    return bool(
        values.spec.dtype == "int32"
        and len(rows) >= MANY_ROWS
        and (rows[0] in (0, 1) or len(rows) >= MANY_YEARS)
        and (np.diff(rows) == 1).all()
    )


def coarse(values: Values) -> bool:
    """Whether float32 makes one number of two different ones of the column."""
    extra = values.spec.extra
    if values.spec.modality != "number" or not extra["whole"] or extra.get("unit"):
        return False
    return bool(max(abs(extra["low"]), abs(extra["high"])) > EXACT)


def read_as(extra: Mapping[str, Any]) -> str:
    """How cells were read that could be read otherwise, in words."""
    said = [extra["spelled"]] if extra.get("spelled") else []
    if extra.get("order"):
        said.append(f"dates read as {SAID[extra['order']]}")
    if extra.get("zones"):
        said.append("times taken to UTC")
    return ", ".join(said)


def _free(name: str) -> str:
    """A name that is not that of the samples."""
    return f"x{COLUMN}" if name == "x" else name


def _as_numbers(values: Values) -> Any:
    rows = np.asarray(values.rows).astype(np.float32)
    if values.spec.modality == "class":
        rows[rows == NONE] = np.nan
    return rows


def _kind(extra: Mapping[str, Any]) -> str:
    if extra["modality"] == "class":
        return "of true and false" if extra.get("boolean") else "of classes"
    if extra.get("unit"):
        return "of times of the day" if of_day(extra.get("form", "")) else "of dates"
    return "of whole numbers" if extra["whole"] else "of numbers"


def _parquet_cells(paths: list[Path]) -> tuple[list[str], list[list[Any]], int]:
    names: list[str] = []
    cells: list[list[Any]] = []
    for path in paths:
        try:
            table = import_parquet().read_table(path)
        except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
            raise DataError(f"{shown(str(path))} is damaged or cut short ({error})") from error
        if names and list(table.column_names) != names:
            raise DataError(f"{shown(str(path))} has other columns than {shown(paths[0].name)}")
        names = list(table.column_names)
        cells = cells or [[] for _ in names]
        for at, column in enumerate(table.columns):
            cells[at] += [_cell(value) for value in column.to_pylist()]
    return names, cells, len(cells[0]) if cells else 0


def _cell(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat(" ", "seconds")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float | str | list | dict):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def names_files(path: Path) -> list[str]:
    """What a column of a CSV names, where nearly all of it are files that lie beside; else []."""
    try:
        names, rows, _ = read_csv(path)
    except DataError:
        return []
    for at in range(len(names)):
        cells = [str(row[at]) for row in rows if at < len(row)]
        some = cells[:: max(1, len(cells) // LOOKED_AT)]
        there = [c for c in some if suffix(c) and _inside(c) and (path.parent / c).is_file()]
        if some and len(there) >= MOSTLY * len(some):
            return cells
    return []


def _inside(name: str) -> bool:
    return not name.startswith(("/", "\\")) and ".." not in name.replace("\\", "/").split("/")
