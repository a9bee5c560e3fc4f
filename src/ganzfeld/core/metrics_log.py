"""metrics.jsonl: whole lines only, and none from steps that were rolled back."""

from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path
from typing import Any

from ganzfeld.core import files
from ganzfeld.core.formats import logged
from ganzfeld.core.reader import open_own, read_lines
from ganzfeld.errors import naming


def append(path: Path, row: dict[str, Any]) -> None:
    """Add one line in one write, so that a kill leaves all of it or none.

    JSON has no word for a number that is not finite: it becomes null.
    """
    line = (json.dumps(finite(row), allow_nan=False) + "\n").encode()
    descriptor = open_own(path, os.O_APPEND)
    try:
        with naming(path):
            size = os.fstat(descriptor).st_size
            written = os.write(descriptor, line)
            if written < len(line):  # the disk is full: no half of a line stays
                os.ftruncate(descriptor, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)


def finite(value: Any) -> Any:
    """What JSON can hold: numbers that are not finite as None, within lists and objects, too.

    >>> finite({"here": float("nan"), "real": {"there": [1.0, float("inf")]}})
    {'here': None, 'real': {'there': [1.0, None]}}
    """
    if isinstance(value, dict):
        return {name: finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def rewind(path: Path, images: int) -> None:
    """Drop the lines of steps that are about to be taken again, and any that are cut."""
    if not path.exists():
        return
    lines = [line for line in read_lines(path) if keeps(line, images)]
    files.replace(path, b"".join(line + b"\n" for line in lines))


def keeps(line: bytes, images: int) -> bool:
    row = logged(line)
    return row is not None and row["images"] <= images


def scores(path: Path) -> dict[int, float]:
    """The Frechet distances of a log, by images seen: see `scores_of`."""
    return scores_of([row for row in map(logged, read_lines(path)) if row is not None])


def scores_of(rows: list[dict[str, Any]]) -> dict[int, float]:
    """The Frechet distances of a log's rows, by images seen: those that compare with the newest.

    A run that goes on with another version may be measured by other features from then on.
    """
    measured = [
        row for row in rows if row["kind"] == "evaluation" and is_number(row.get("frechet"))
    ]
    return {
        int(row["images"]): row["frechet"]
        for row in measured
        if measure_of(row) == measure_of(measured[-1])
    }


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def measure_of(row: dict[str, Any]) -> str:
    """Extractor, weights, counts and data, out of the protocol's id; "" of rows without one."""
    return str(row.get("protocol", "")).partition(" / ganzfeld ")[0]
