"""A run's log: every row goes through here, to metrics.jsonl, to trackers, and to the doctor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganzfeld.config import Config
from ganzfeld.core import metrics_log
from ganzfeld.core.loggers import Loggers
from ganzfeld.doctor import rows_of
from ganzfeld.doctor.words import line, verdict


class Journal:
    """The rows that were written so far.

    path: of metrics.jsonl. writes: whether this process is the one that does.
    """

    def __init__(self, path: Path, writes: bool = True) -> None:
        self.path, self.writes, self.loggers = path, writes, Loggers()
        self.rows: list[dict[str, Any]] = []
        self.looks = 0  # of the doctor, so far
        self.told = (-1, "")  # after so many looks, the doctor's line

    def opened(self, config: Config, images: int, say: Callable[[str], None]) -> Loggers:
        """The trackers that the run asks for, open from here on. say: see `Loggers`."""
        names = config.run.log_to if self.writes else []
        self.loggers = Loggers(names, self.path.parent, asdict(config), images, say)
        return self.loggers

    def write(self, kind: str, images: int, row: dict[str, Any]) -> None:
        """Append a row. images: seen so far."""
        whole = {"kind": kind, "images": images, **row}
        metrics_log.append(self.path, whole)
        self.rows.append(whole)
        self.looks += kind == "health"
        self.loggers.row(kind, images, row)

    def rewind(self, images: int) -> dict[int, float]:
        """Drop what comes after so many images; the Frechet distances that stay, by images."""
        metrics_log.rewind(self.path, images)
        self.rows = list(rows_of(self.path))
        self.looks = sum(row["kind"] == "health" for row in self.rows)
        return self.scores()

    def scores(self) -> dict[int, float]:
        """The Frechet distances that compare with the newest one, by images seen."""
        return metrics_log.scores_of(self.rows)

    def health(self, total: int) -> str:
        """The doctor's line for the screen; "" before its first look."""
        if self.told[0] != self.looks:
            self.told = (self.looks, line(verdict(self.rows, total)))
        return self.told[1]
