"""Check every file in a run's folder against what was written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ganzfeld.core import checkpoint, reader
from ganzfeld.core.formats import logged
from ganzfeld.core.runfolder import read_config
from ganzfeld.errors import CheckpointError, ForeignCodeError
from ganzfeld.models.folder import JUDGE, read_about, with_code
from ganzfeld.models.model import load_model


def verify_run(run: Path) -> Iterator[tuple[str, str | None]]:
    """Rows (what, its problem or None) for the configuration, log, checkpoints and model.

    Raises CheckpointError where the folder is no run at all.
    """
    if not run.is_dir() or not ((run / "config.json").exists() or (run / "checkpoints").exists()):
        read_config(run)
    yield "config.json", problem_of_config(run)
    if os.path.lexists(run / "metrics.jsonl"):
        yield "metrics.jsonl", problem_of_log(run / "metrics.jsonl")
    paths: list[Path] = []
    try:
        paths = checkpoint.listing(run / "checkpoints")
        if not paths:
            yield "checkpoints", "there are none"
    except CheckpointError as error:
        yield "checkpoints", error.what
    for path in paths:
        yield f"checkpoints/{path.name}", next(iter(checkpoint.verify(path)), None)
    if os.path.lexists(run / "model"):
        yield "model", problem_of_model(run / "model")


def problem_of_config(run: Path) -> str | None:
    try:
        read_config(run)
    except CheckpointError as error:
        return error.what
    return None


def problem_of_log(path: Path) -> str | None:
    try:
        lines = reader.read_lines(path)
    except CheckpointError as error:
        return error.what
    for number, line in enumerate(lines, 1):
        if logged(line) is None:
            return f"line {number} is nothing that training wrote"
    return None


def problem_of_model(path: Path) -> str | None:
    try:
        with_code(read_about(path), path)
        with contextlib.suppress(ForeignCodeError):  # the hashes are right; none of it is run
            load_model(path)
        if "discriminator" in read_about(path) and not (path / JUDGE).exists():
            return f"{JUDGE} is missing"
    except CheckpointError as error:
        return error.what
    return None
