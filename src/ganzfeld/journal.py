"""metrics.jsonl: whole lines only, and none from steps that were rolled back."""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ganzfeld import checkpoint
from ganzfeld.formats import logged
from ganzfeld.reader import open_own, read_lines
from ganzfeld.trainer import Report


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
    checkpoint.replace(path, b"".join(line + b"\n" for line in lines))


def keeps(line: bytes, images: int) -> bool:
    row = logged(line)
    return row is not None and row["images"] <= images


def scores(path: Path) -> dict[int, float]:
    """The Frechet distances that were measured, by images seen."""
    rows = [row for row in map(logged, read_lines(path)) if row is not None]
    measured = [row for row in rows if row["kind"] == "evaluation" and "frechet" in row]
    return {int(r["images"]): r["frechet"] for r in measured if r["frechet"] is not None}


class Meter:
    """Means of losses since the last reading; nothing is read from the device before then."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor | float] = {}
        self.counts: dict[str, int] = defaultdict(int)

    def state_dict(self) -> dict[str, list[Any]]:
        """What was added since the last reading: the sum, in hexadecimal, and count of each loss.

        It is JSON, exact, and holds sums that are not finite too.
        """
        return {name: [float(s).hex(), self.counts[name]] for name, s in self.sums.items()}

    def load_state_dict(self, state: Mapping[str, Sequence[Any]]) -> None:
        self.sums = {name: float.fromhex(total) for name, (total, _) in state.items()}
        self.counts = defaultdict(int, {name: int(count) for name, (_, count) in state.items()})

    def add(self, report: Report) -> None:
        for name, value in report.losses.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value.clone()
            self.counts[name] += 1

    def read(self) -> dict[str, float | None]:
        """The mean of each loss; None for one that was not finite, which JSON cannot say."""
        means = {name: float(total) / self.counts[name] for name, total in self.sums.items()}
        self.sums.clear()
        self.counts.clear()
        return {name: mean if math.isfinite(mean) else None for name, mean in means.items()}
