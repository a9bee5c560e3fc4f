"""What tables beside the files say of each sample: columns that a generation may depend on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ganzfeld.core.names import capped, shown
from ganzfeld.data import tables
from ganzfeld.data.columns import Values, texts
from ganzfeld.data.readers import Unreadable
from ganzfeld.data.source import Encoded, Source
from ganzfeld.data.typed import NONE, spread, typed
from ganzfeld.errors import DataError
from ganzfeld.modalities.base import Spec

PREFIX = "column:"  # of the option `labels` where a column gives the classes
AS_TEXT = "captions:"  # where a column of captions that repeat is read as text, and no classes
BY_COLUMN = (PREFIX, AS_TEXT)
SEVERAL = "several"  # in a column of text whose lines are captions of one sample: their most
CAPTIONS = ("caption", "captions", "text", "texts", "sentence", "sentences", "prompt", "comment")
ALONE = (".csv", ".tsv", ".parquet", ".json", ".jsonl", ".npz", ".npy")  # beside which none lies
BESIDE = ", or a metadata.csv beside the files: file_name,"
WRONG = "_wrong"  # of a column of captions that are wrong in one thing, one a line
TRIED = 40  # tables that are looked into


def add_candidates(source: Encoded, rules: int) -> None:
    """Set `source.columns` from the tables beside its files, of which the first to name one has it.

    Tables that cannot be read, or that are not about these files, add nothing.
    """
    ranked = sorted((tables.rank(title, rules), title, name) for name, title in source.tables)
    for place, title, name in ranked[:TRIED]:
        if place < 0:
            continue
        names = tables.Names(source.titles, title.rpartition("/")[0], rules)
        try:
            columns, rows = tables.rows_of(source.reader.read(name), title, names)
        except (DataError, Unreadable):
            continue  # `arranged` has said so
        add_rows(source, columns, rows, names)


def add_rows(
    source: Encoded, columns: list[str], rows: list[dict[str, Any]], names: tables.Names
) -> None:
    """The columns of one table that are about the files, but for names and parts."""
    file_column = tables.file_column(columns, rows, names)
    if file_column is None:
        return
    places = names.places(row.get(file_column, "") for row in rows)
    if len({p for p in places if p is not None}) < tables.ENOUGH * len(source.titles):
        return
    for column in columns:
        if column == file_column or column.casefold() in tables.SPLIT_COLUMNS or not column:
            continue
        cells: list[Any] = [None] * len(source.titles)
        said: dict[int, list[Any]] = {}
        for place, row in zip(places, rows, strict=True):
            if place is not None:
                cells[place] = row.get(column)
                said.setdefault(place, []).append(row.get(column))
        if names.rules < 4 and column == "caption":
            cells = [cell[0] if isinstance(cell, list) and cell else cell for cell in cells]
        if names.rules >= 4 and (values := captions_of(column, said, cells, names.rules)):
            source.columns.setdefault(column, values)
            continue
        for name, part in (spread(column, cells) or {column: cells}).items():
            add_cells(source.columns, name, part, names.rules)


def captions_of(
    column: str, said: Mapping[int, list[Any]], cells: list[Any], rules: int
) -> Values | None:
    """A column of texts of which samples have several, all kept; None where it is none.

    said: by the place of each sample, the cell of each of its rows. cells: the last of each; []
        where all places are said.
    """
    wrong = WRONG if rules >= 5 else ""  # of which a cell may hold several, one a line
    named = column.casefold().strip().removesuffix(wrong) in CAPTIONS
    flat = [
        (place, text)
        for place, some in said.items()
        for cell in some
        for whole in (cell if isinstance(cell, list) else [cell])
        for text in (
            whole.split("\n")
            if isinstance(whole, str) and wrong and column.endswith(wrong)
            else [whole]
        )
    ]
    if not named and all(len(some) == 1 for some in said.values()):
        return None
    if not all(isinstance(text, str) for _, text in flat):
        return None
    if (
        not named
        and (typed([text for _, text in flat], rules=rules) or texts([])).spec.modality != "text"
    ):
        return None
    found: dict[int, dict[str, None]] = {}
    for place, text in flat:
        if words := " ".join(text.split()):
            found.setdefault(place, {})[words] = None
    most = max(map(len, found.values()), default=0)
    if most < 2:
        return None
    lines = ["\n".join(found.get(place, ())) for place in range(len(cells or said))]
    return texts(lines, **{SEVERAL: most})


def add_cells(columns: dict[str, Values], name: str, cells: Sequence[Any], rules: int) -> None:
    """One more column by its cells, where they are of a type and the name is not taken."""
    classes = name.casefold() in tables.LABEL_COLUMNS
    found = typed(cells, classes=classes, rules=rules) if name not in columns else None
    if found is not None:
        columns[name] = found


def labels_by_column(
    source: Source, columns: Mapping[str, Values], name: str, bad: Collection[int] = ()
) -> None:
    """Set labels and classes of a source from one of its columns. DataError where it has none.

    bad: samples that are left out, and need no label.
    """
    values = need_column(columns, name, source.place)
    if values.spec.modality != "class":
        raise DataError(
            f"the column {shown(name)} holds {values.spec.modality} values, not classes",
            fix=f"--condition {name}",
        )
    source.labels = whole_classes(values, name, bad)
    source.classes = tuple(values.spec.extra["names"])
    source.taken["labels"] = f"the column {shown(name)}"


def holds_words(spec: Spec) -> bool:
    """Whether a column is text, or classes with names of letters, but for yes and no."""
    if spec.modality not in ("class", "several") or spec.extra.get("boolean"):
        return spec.modality == "text"
    return any(letter.isalpha() for name in spec.extra["names"] for letter in name)


def captions_by_column(source: Source, columns: dict[str, Values], name: str) -> None:
    """Read a column as text, and set the source's labels aside. Nothing where it is not there."""
    source.labels, source.classes = None, ()
    values = columns.get(name)
    if values is None or not holds_words(values.spec):
        return
    if values.spec.modality != "text":
        names = [*values.spec.extra["names"], ""]  # the last for what is missing, -1
        lines = values.lines or [names[int(row)] for row in values.rows]
        columns[name] = texts(lines)
        different = len({line for line in lines if line})
        source.taken.setdefault("captions", f"the column {shown(name)}, {different:,} different")


def whole_classes(values: Values, name: str, bad: Collection[int] = ()) -> Any:
    """The classes of a column (N,) int64. DataError where some are missing, but of bad samples."""
    rows = np.array(values.rows[:], dtype=np.int64)
    rows[list(bad)] = np.maximum(rows[list(bad)], 0)
    if missing := int((rows == NONE).sum()):
        raise DataError(
            f"{missing:,} of {len(rows) - len(bad):,} samples have no {shown(name)}",
            safe="nothing was trained",
            fix=f"fill in the column {shown(name)}, or take those samples out of the data",
        )
    return rows


def need_column(columns: Mapping[str, Any], name: str, place: str) -> Any:
    """A column by name. DataError that lists those that there are."""
    if name in columns and name != "x":
        return columns[name]
    there = ", ".join(capped([shown(n) for n in columns if n != "x"], 12)) or "none"
    beside = "" if place.lower().endswith(ALONE) else BESIDE + name
    raise DataError(
        f"{shown(place)} has no column {shown(name)} to condition on; its columns: {there}",
        safe="nothing was trained",
        fix=f"--condition with one of these{beside}",
    )
