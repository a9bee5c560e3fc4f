"""Parquet files in the layout of Hugging Face's image data sets: what is in them, but for the
images themselves, which `ParquetReader` reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganzfeld.core.names import shown
from ganzfeld.data.readers import import_parquet
from ganzfeld.errors import DataError

STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")  # of images


def picture_columns(path: Path, rules: int = 3) -> tuple[str, str]:
    """The names of the image column and of the label column ("" for none).

    rules: below 3, bytes of images count only where they are in a struct with their path.
    """
    schema = read_schema(path)
    pictures = [
        column.name
        for column in schema
        if hasattr(column.type, "get_field_index") and column.type.get_field_index("bytes") >= 0
    ]
    if not pictures and rules >= 3:
        pictures = _plain_bytes(path, schema)
    if not pictures:
        columns = ", ".join(shown(name) for name in schema.names)
        raise DataError(
            f"{shown(str(path))} has no column of images (a struct of bytes and path); its "
            f"columns are {columns}"
        )
    column = "image" if "image" in pictures else pictures[0]
    label = next((n for n in ("label", "labels", "fine_label") if n in schema.names), "")
    return column, label


def _plain_bytes(path: Path, schema: Any) -> list[str]:
    """Columns of bytes that begin as images do."""
    names = [column.name for column in schema if str(column.type) in ("binary", "large_binary")]
    if not names:
        return []
    try:
        with import_parquet().ParquetFile(path) as table:
            batch = next(table.iter_batches(batch_size=1, columns=names), None)
    except (OSError, ValueError) as error:
        raise DataError(f"{shown(str(path))} is damaged or cut short ({error})") from error
    row = batch.to_pylist()[0] if batch is not None and batch.num_rows else {}
    return [name for name in names if (row.get(name) or b"").startswith(STARTS)]


def read_schema(path: Path) -> Any:
    parquet = import_parquet()
    try:
        return parquet.read_schema(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise DataError(f"{shown(str(path))} is damaged or cut short ({error})") from error


def titles_and_labels(path: Path, column: str, label: str) -> list[list[tuple[str, Any]]]:
    """For every row group, the (path, label) of each row. No image is read."""
    wanted = [f"{column}.path", *([label] if label else [])]
    groups = []
    try:
        with import_parquet().ParquetFile(path) as table:
            for number in range(table.num_row_groups):
                rows = table.read_row_group(number, columns=wanted)
                count = table.metadata.row_group(number).num_rows
                titles: list[Any] = [None] * count
                if column in rows.column_names:
                    titles = [(cell or {}).get("path") for cell in rows.column(column).to_pylist()]
                values = rows.column(label).to_pylist() if label else [None] * count
                groups.append(list(zip(titles, values, strict=True)))
    except (OSError, ValueError) as error:
        raise DataError(f"{shown(str(path))} is damaged or cut short ({error})") from error
    return groups


def class_names(path: Path, label: str) -> list[str]:
    """The names of a ClassLabel, from the metadata that `datasets` writes; [] without them."""
    metadata = read_schema(path).metadata or {}
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        names = features[label]["names"]
    except (KeyError, TypeError, ValueError):
        return []
    return [str(name) for name in names]


def other_columns(paths: Sequence[Path], column: str, label: str) -> dict[str, list[Any]]:
    """Cells of the columns beside images and labels, by name; those of nested types are left out.

    Raises DataError where a file is damaged.
    """
    names = [
        field.name
        for field in read_schema(paths[0])
        if field.name not in (column, label) and _is_plain(str(field.type))
    ]
    found: dict[str, list[Any]] = {name: [] for name in names}
    for path in paths if names else ():
        try:
            table = import_parquet().read_table(path, columns=names)
        except (OSError, ValueError) as error:
            raise DataError(f"{shown(str(path))} is damaged or cut short ({error})") from error
        for name in names:
            there = name in table.column_names
            cells = table.column(name).to_pylist() if there else [None] * table.num_rows
            found[name] += cells
    return found


def _is_plain(kind: str) -> bool:
    """Whether a type of Arrow is numbers, text, true and false, or lists of these."""
    words = ("int", "uint", "float", "double", "string", "large_string", "bool", "list<", "half")
    return kind.startswith(words) and "struct" not in kind and "binary" not in kind
