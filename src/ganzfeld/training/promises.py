"""The files that a finished run must have, and signs that a run was once here."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganzfeld.core import checkpoint, names, reader
from ganzfeld.core import files as files_
from ganzfeld.errors import CheckpointError, GanzfeldError
from ganzfeld.models import folder as shipping

EVALUATION, REPORT = "evaluation.json", "report.html"


def lacking(
    run: Path,
    images: int,
    *,
    evaluated: bool,
    owes: Callable[[dict[str, Any]], bool] = lambda evaluation: False,
) -> list[str]:
    """What a run that has seen all its `images` still has to write; nothing where it is finished.

    evaluated: whether the model of such a run can be measured. owes: whether an evaluation lacks
    something.
    """
    missing = [] if whole_model(run / "model", images) else ["model"]
    if evaluated and not is_json(run / EVALUATION, owes):
        missing.append(EVALUATION)
    if not (run / REPORT).is_file():
        missing.append(REPORT)
    return missing


def withdraw(run: Path) -> None:
    """Remove the evaluation and the report of a model that is about to be replaced."""
    for name in (REPORT, EVALUATION):
        files_.remove(run / name)


def whole_model(folder: Path, images: int) -> bool:
    """Whether the model was made at so many images, and its files are as they were written."""
    if shipping.shipped(folder.parent) != images or not (folder / "README.md").is_file():
        return False
    try:
        about = shipping.read_about(folder)
        files = {"model.safetensors": about["weights"]}
        if "discriminator" in about:
            files[shipping.JUDGE] = about["discriminator"]["weights"]
        return all(unchanged(folder / name, expected) for name, expected in files.items())
    except (GanzfeldError, reader.Unreadable, OSError, KeyError, TypeError):
        return False


def unchanged(path: Path, expected: dict[str, Any]) -> bool:
    with reader.open_regular(path) as file:
        if os.fstat(file.fileno()).st_size != expected["size"]:
            return False
        return bool(hashlib.file_digest(file, "sha256").hexdigest() == expected["sha256"])


def is_json(path: Path, owes: Callable[[dict[str, Any]], bool]) -> bool:
    try:
        found = reader.read_json(path)
        return isinstance(found, dict) and not owes(found)
    except CheckpointError:
        return False


def refuse_remains(run: Path, lost: str) -> None:
    """CheckpointError where a run was in this folder, and what it goes on from is gone.

    lost: what is missing. To begin anew would append to its log and replace its model.
    """
    log = run / "metrics.jsonl"
    there = [
        *([log.name] if log.is_file() and log.stat().st_size else []),
        *(n for n in ("model", EVALUATION, REPORT) if (run / n).exists()),
        *(["checkpoints"] if checkpoint.listing(run / "checkpoints") else []),
    ]
    if not there:
        return
    use = (
        f"; its model still draws: ganzfeld sample {names.quoted(run)}" if "model" in there else ""
    )
    raise CheckpointError(
        f"{run} holds a run ({', '.join(there)}) without {lost}: it cannot continue",
        safe="nothing was changed",
        fix=f"bring {lost} from a backup, or train again with another --out{use}",
    )
