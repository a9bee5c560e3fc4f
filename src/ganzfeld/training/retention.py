"""Decide which checkpoints to keep: the planned ones, and at most one extra.

A signal, or the wish to lose no more than some minutes, makes a checkpoint *extra*. It is kept
only until the next one, so that a run that was stopped and went on has the files of one that
was not.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from ganzfeld.core import checkpoint, files
from ganzfeld.errors import CheckpointError


def prune(
    folder: Path, keep: int, also: frozenset[str] = frozenset(), sure: Path | None = None
) -> None:
    """`checkpoint.prune`, after extra checkpoints that a newer, whole one has made needless."""
    paths = checkpoint.listing(folder)
    extras = [path for path in paths[1:] if extra_of(path) is not None]
    if extras:
        sound = (n for n, path in enumerate(paths) if path == sure or not checkpoint.verify(path))
        for path in paths[next(sound, len(paths)) + 1 :]:
            with contextlib.suppress(OSError):
                if path in extras:
                    files.remove(path)
    checkpoint.prune(folder, keep, also, sure)


def extra_of(path: Path) -> dict[str, Any] | None:
    """What the manifest of an extra checkpoint says about that; None of any other checkpoint."""
    try:
        with checkpoint.told_as_damage(path):
            return extra(checkpoint.read_manifest(path))
    except CheckpointError:
        return None


def extra(manifest: dict[str, Any]) -> dict[str, Any] | None:
    found = manifest.get("extra")
    return found if isinstance(found, dict) else None
