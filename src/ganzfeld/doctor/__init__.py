"""What goes wrong in a run: signals, diagnoses and cures."""

from __future__ import annotations

import os
from pathlib import Path

from ganzfeld.config import Config
from ganzfeld.core import formats, reader, runfolder
from ganzfeld.doctor.words import Verdict, verdict
from ganzfeld.errors import CheckpointError

__all__ = ["Verdict", "read", "verdict"]

FIX = "ganzfeld doctor with the folder of a run, or with its metrics.jsonl"


def read(run: str | os.PathLike[str]) -> Verdict:
    """The verdict on a run's folder, or on a metrics.jsonl alone: the last row is then its end.

    Raises CheckpointError where there is neither.

    Example::

        from ganzfeld import doctor

        found = doctor.read("runs/avatars-default")
        print(found.healthy, [finding.name for finding in found.findings])
    """
    path = Path(run)
    if path.name == "metrics.jsonl" and (path.parent / "config.json").is_file():
        path = path.parent
    if path.is_dir():
        config = runfolder.read_config(path)
        rows = rows_of(path / "metrics.jsonl")
        return verdict(rows, planned(config), config, path)
    rows = rows_of(path)
    if not path.exists():
        raise CheckpointError(f"there is nothing at {path}", fix=FIX)
    if not rows:
        raise CheckpointError(
            f"{path} is no run and no log of one",
            safe="nothing was changed",
            fix=FIX,
        )
    return verdict(rows, None)


def planned(config: Config) -> int | None:
    """Images that a run was to see: by these its looks are early or late, even if it ended before.

    Example::

        from ganzfeld import Facts, recipes
        from ganzfeld.doctor import planned

        config = recipes.default(Facts(count=100, channels=3, height=32, width=32, classes=0))
        config.run.images, config.run.planned = 600, 4_000
        assert planned(config) == 4_000
    """
    return config.run.planned or config.run.images


def rows_of(path: Path) -> list[formats.Row]:
    """Whole rows that training wrote; none of a file that is not there."""
    if not path.exists():
        return []
    return [row for row in map(formats.logged, reader.read_lines(path)) if row is not None]
