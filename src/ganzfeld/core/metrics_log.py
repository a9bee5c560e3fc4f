"""metrics.jsonl: whole lines only, and none from steps that were rolled back."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from ganzfeld.core import files
from ganzfeld.core.formats import logged
from ganzfeld.core.reader import open_own, read_lines


def append(path: Path, row: dict[str, Any]) -> None:
    """Add one line in one write, so that a kill leaves all of it or none.

    JSON has no word for a number that is not finite: it becomes null.
    """
    row = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
    descriptor = open_own(path, os.O_APPEND)
    try:
        os.write(descriptor, (json.dumps(row, allow_nan=False) + "\n").encode())
    finally:
        os.close(descriptor)


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
    """The Frechet distances that were measured, by images seen."""
    rows = [row for row in map(logged, read_lines(path)) if row is not None]
    measured = [row for row in rows if row["kind"] == "evaluation" and "frechet" in row]
    return {int(r["images"]): r["frechet"] for r in measured if r["frechet"] is not None}
