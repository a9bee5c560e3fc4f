"""Parquet files as text: a sample a row, with what the other columns say of it."""

from __future__ import annotations

from pathlib import Path

from ganzfeld.core.progress import Progress
from ganzfeld.data.csv_files import LOOKED_AT
from ganzfeld.data.listing import Stamp
from ganzfeld.data.source import Gathered, Raw
from ganzfeld.data.tabular import cells_of, head_cells
from ganzfeld.data.textfiles import PLAIN_TEXT, SURE_KEYS, settle, source_of_text, text_key


def lines_of_columns(paths: list[Path], place: Path, stamps: list[Stamp]) -> Gathered:
    """A source of the texts in Parquet files; their other columns are labels, numbers, captions."""

    def gather(progress: Progress) -> Raw:
        raw = Raw(columns={}, titles=[])
        names, cells, titles, _ = cells_of(paths, "parquet")
        rows = [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]
        progress("reading", len(rows), len(rows))
        settle(raw, rows, [titles[row] for row in range(len(rows))], source)
        return raw

    source = source_of_text("parquet", place, stamps[0], gather)
    source.stamps = stamps
    source.taken["modality"] = "text: a column of the table; --as table reads it as a table"
    return source


def holds_text(path: Path) -> bool:
    """Whether a Parquet table is texts with what is known of them: by a usual name, and length."""
    names, cells = head_cells(path, "parquet", LOOKED_AT)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]
    key = text_key(rows, names) if rows else ""
    if key.casefold() not in SURE_KEYS:
        return False
    mean = sum(len(str(row[key] or "")) for row in rows) / len(rows)
    return key.casefold() == "text" or mean >= PLAIN_TEXT
