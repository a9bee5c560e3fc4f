"""Tables whose cells are pixels: an image a row, as MNIST and FER are given as CSV."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import shown
from ganzfeld.data.containers import read_numbers
from ganzfeld.data.csv_files import LOOKED_AT, read_csv
from ganzfeld.data.source import Reading, Ready
from ganzfeld.data.tables import LABEL_COLUMNS, SPLIT_COLUMNS
from ganzfeld.errors import DataError

LEAST = 64  # pixels of an image
PIXEL = re.compile(
    r"(pixels?|px|p|x|column|feature|attr(ibute)?|v)?[ _-]?\d+(x\d+)?", re.IGNORECASE
)
MOST = 255
PACKED = ("pixels", "pixel", "image")  # a column that holds all of an image
FEW = 1000  # classes


def pixel_rows(path: Path, reading: Reading) -> Ready | None:
    """The images of a table of pixels; None for other tables.

    Either a column a pixel, 64 or more whole numbers from 0 to 255, as many as a square grey image
    or a square one of three channels has, and one column of labels or none; or a column "pixels"
    with all of them between blanks.
    """
    try:
        names, rows, _ = read_csv(path, LOOKED_AT)
    except DataError:
        return None
    packed = next((i for i, name in enumerate(names) if name.casefold() in PACKED), None)
    if packed is not None and all(_pixels(row[packed]) for row in rows if packed < len(row)):
        return _packed(path, reading)
    found = _columns(names, rows)
    return None if found is None else _wide(path, *found, reading)


def side_of(count: int) -> tuple[int, int] | None:
    """(channels, side) of a square image of so many numbers; None where there is none."""
    for channels in (1, 3):
        side = math.isqrt(count // channels)
        if count >= LEAST and side * side * channels == count:
            return channels, side
    return None


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[int, int, int] | None:
    """The columns of pixels, as first and behind the last, and that of labels or -1."""
    wide = len(names)
    if not rows or any(len(row) != wide for row in rows):
        return None
    named = [i for i, name in enumerate(names) if name.casefold() in LABEL_COLUMNS]
    ends = sorted((0, wide - 1), key=lambda at: _varied([row[at] for row in rows]))
    for label in dict.fromkeys([*named[:1], *ends, -1]):
        first, last = (1, wide) if label == 0 else (0, wide - (label == wide - 1))
        if label not in (-1, 0, wide - 1) or side_of(last - first) is None:
            continue
        if all(PIXEL.fullmatch(name) for name in names[first:last]):
            cells = [cell for row in rows[:20] for cell in row[first:last]]
            if all(str(cell).isdigit() and int(cell) <= MOST for cell in cells):
                return first, last, label
    return None


def _varied(cells: Sequence[Any]) -> int:
    """How many different values a column has; a corner that is black in all images comes last."""
    distinct = len({*cells})
    return distinct if distinct > 1 else len(cells) + 1


def _wide(path: Path, first: int, last: int, label: int, reading: Reading) -> Ready:
    def read() -> tuple[NDArray[Any], NDArray[Any] | None]:
        _, rows, numbers = read_csv(path)
        try:
            pixels = np.array([row[first:last] for row in rows], dtype=np.int64)
            labels = np.array([row[label] for row in rows]) if label >= 0 else None
        except (ValueError, OverflowError, IndexError):
            raise _uneven(path, rows, numbers, first, last) from None
        return _shaped(pixels, path), labels

    return _said(read_numbers("csv", path, read, reading), last - first)


def _packed(path: Path, reading: Reading) -> Ready:
    def read() -> tuple[NDArray[Any], NDArray[Any] | None]:
        names, rows, _ = read_csv(path)
        folded = [name.casefold() for name in names]
        at = next(i for i, name in enumerate(folded) if name in PACKED)
        part = next((i for i, n in enumerate(folded) if n in (*SPLIT_COLUMNS, "usage")), None)
        if part is not None and reading.splits != "all":
            train = [row for row in rows if "train" in str(row[part]).casefold()]
            if train and len(train) < len(rows):
                said = f"{len(rows) - len(train):,} rows that {shown(names[part])} does not call "
                source.aside.append(f"{said}training")
                rows = train
        images = [np.array(str(row[at]).split(), dtype=np.int64) for row in rows]
        if len({len(image) for image in images}) != 1:
            raise DataError(f"{shown(path.name)} holds images of several sizes in {names[at]}")
        others = [i for i in range(len(names)) if i not in (at, part)]
        named = [i for i in others if folded[i] in LABEL_COLUMNS]
        label = next(iter(named or others), None)
        values = None if label is None else np.array([str(row[label]) for row in rows])
        if values is not None and not named and len(set(values.tolist())) > FEW:
            values = None
        return _shaped(np.stack(images), path), values

    source = read_numbers("csv", path, read, reading)
    return _said(source, 0)


def _said(source: Ready, count: int) -> Ready:
    of = f"{count:,} pixels in columns" if count else "the column of pixels"
    source.taken["modality"] = f"images: {of}; --as table takes the numbers for a table"
    return source


def _shaped(pixels: NDArray[np.int64], path: Path) -> NDArray[np.uint8]:
    """Images (N, H, W) or (N, H, W, 3) of rows of numbers."""
    shape = side_of(pixels.shape[1])
    if shape is None or pixels.min() < 0 or pixels.max() > MOST:
        raise DataError(
            f"{shown(path.name)} holds numbers from {pixels.min():,} to {pixels.max():,}, "
            f"{pixels.shape[1]:,} an image, which are no square images of 0 to 255",
            fix="--as table, if its rows are no images",
        )
    channels, side = shape
    grid = (side, side) if channels == 1 else (side, side, 3)
    return pixels.astype(np.uint8).reshape(-1, *grid)


def _uneven(
    path: Path, rows: Sequence[Sequence[Any]], numbers: Sequence[int], first: int, last: int
) -> DataError:
    """The row that is no image, by its line."""
    for row, number in zip(rows, numbers, strict=True):
        cells = row[first:last]
        if len(cells) < last - first or not all(str(cell).isdigit() for cell in cells):
            return DataError(
                f"{shown(path.name)}: line {number:,} is no row of {last - first:,} pixels",
                safe="nothing was trained",
                fix="mend or remove that line, or --as table",
            )
    return DataError(f"{shown(path.name)} is no table of pixels", fix="--as table")


def _pixels(cell: Any) -> bool:
    """Whether a cell holds all pixels of a square image."""
    words = str(cell).split()
    return side_of(len(words)) is not None and all(
        word.isdigit() and int(word) <= MOST for word in words
    )
