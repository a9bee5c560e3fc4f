"""A study's folder: its settings, and one JSON line for each finished cell."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganzfeld.core import files, reader
from ganzfeld.core.lock import check_writable, locked
from ganzfeld.core.metrics_log import append
from ganzfeld.core.schema import anything, fields, maybe, number, row, table, text, whole
from ganzfeld.errors import CheckpointError, Interrupted
from ganzfeld.text import shown

Cell = dict[str, Any]
SCORE = maybe(number())
SCORES = ("kernel", "frechet", "precision", "recall", "density", "coverage", "diversity")
COUNT = whole(0, 10**15)
SECONDS = maybe(number(0))
IMAGES = whole(1, 10**15)
PLAYERS = table(row(number(), number()), most=100)
RUN = {  # what a run took, unless it diverged
    "steps": maybe(COUNT),
    "batch": COUNT,
    "widths": table(anything, most=100),
    "rates": PLAYERS,
    "parameters": COUNT,
    "seconds": SECONDS,
}
MIXTURE = fields(
    {
        "real": COUNT,
        "seed": whole(0, 2**63),
        "arm": text,
        "accuracy": number(0, 1),
    },
    {
        "tested": COUNT,
        "trained_on": COUNT,
        "classifier_images": COUNT,
        "seconds": SECONDS,
        "generator_seconds": SECONDS,
    },
)
SPENT = fields({"seconds": number(0)})  # a line of what the training of a generator cost
TRIAL = {"recipe": text, "rate": number(0), "width": number(0)}
SEEDED = TRIAL | {"seed": whole(0, 2**63)}
KINDS = {  # of the cells of `families`
    "size": fields({"recipe": text, "afford": maybe(COUNT)}),
    "plan": fields(TRIAL | {"images": IMAGES}),
    "run": fields(SEEDED | {"images": IMAGES} | RUN),
    "result": fields(
        SEEDED,
        {name: SCORE for name in (*SCORES, "memorisation", "memorisation_copies")}
        | {"protocol": text, "real": table(anything), "own": table(anything)},
    ),
}
DIVERGED = fields(SEEDED | {"images": IMAGES, "diverged": text})


def check(cell: Any) -> None:
    """Raises Unreadable for what is no cell of either study."""
    table(anything)(cell, "")
    kind = cell.get("kind")
    if kind is None:
        MIXTURE(cell, "")
    elif kind == "run" and "diverged" in cell:
        DIVERGED(cell, "")
    elif isinstance(kind, str) and kind in KINDS:
        KINDS[kind](cell, "")
    else:
        raise reader.Unreadable(f"is no cell: {shown(kind)}")


class Ledger:
    """Cells by their key. A cell that is there is never computed again."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "cells.jsonl"
        self.cells: list[Cell] = []
        lines = reader.read_lines(self.path)
        for line in lines:
            try:
                cell = reader.parse(line)
                check(cell)
            except reader.Unreadable:  # cut off by a kill, or no cell: it is computed again
                continue
            self.cells.append(cell)
        if len(self.cells) < len(lines):
            self.write()

    def write(self) -> None:
        text = "".join(json.dumps(cell) + "\n" for cell in self.cells)
        files.replace(self.path, text.encode())

    def drop(self, **key: Any) -> None:
        """Forget all cells with this key, so that they are computed again."""
        self.cells = [c for c in self.cells if any(c.get(k) != v for k, v in key.items())]
        self.write()

    def find(self, **key: Any) -> Cell | None:
        return next((c for c in self.cells if all(c.get(k) == v for k, v in key.items())), None)

    def cell(self, compute: Callable[[], Cell], **key: Any) -> Cell:
        """The cell with this key: found, or computed and written down."""
        found = self.find(**key)
        if found is None:
            found = {**key, **compute()}
            append(self.path, found)
            self.cells.append(found)
        return found


def holds(folder: Path, settings: dict[str, Any]) -> bool:
    """Whether a folder has a study with these settings."""
    path = folder / "study.json"
    return path.exists() and reader.read_bytes(path) == files.as_json(settings)


@contextmanager
def opened(folder: Path, settings: dict[str, Any]) -> Iterator[Ledger]:
    """A study's folder for this process alone; CheckpointError where it is another study's."""
    check_writable(folder, 0)
    with locked(folder):
        path = folder / "study.json"
        if path.exists() and not holds(folder, settings):
            raise CheckpointError(
                f"{folder} holds a study with other settings, or of other data",
                safe="nothing was changed",
                fix="choose another folder with --out",
            )
        if not path.exists():
            files.replace(path, files.as_json(settings))
        try:
            yield Ledger(folder)
        except Interrupted as stopped:  # of a run within; the study's command is what goes on
            raise Interrupted(
                stopped.code - 128,
                f"the study in {folder} was stopped",
                safe="its finished cells, and the run that was under way, are saved",
                fix="run the same command again",
            ) from stopped


def seconds_in(path: Path) -> Iterator[float]:
    """The seconds in the rows of a log; none of a row that a kill cut off."""
    for line in reader.read_lines(path):
        try:
            found = reader.parse(line)
            SPENT(found, "")
        except reader.Unreadable:
            continue
        yield float(found["seconds"])
