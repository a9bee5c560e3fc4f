"""Folders that hold more than a data set: a whole disk, a home, a system's own folders.

Nobody means all of it, and to list it takes minutes. A look at a part tells.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

from ganzfeld.core.names import PICTURE_SUFFIXES, shown, suffix
from ganzfeld.data.other_kinds import SOUNDS
from ganzfeld.errors import DataError

LOOK = 50_000  # files and folders, after which such a folder is known for what it is
SHARE = 0.05  # of what was seen: so many samples make a data set of any folder but a disk
SYSTEM = ("proc", "sys", "dev", "run")  # of a disk: they show processes and devices
SAMPLES = PICTURE_SUFFIXES | {*SOUNDS, "npy", "npz", "parquet"}


def is_disk(root: str) -> bool:
    """Whether a real path is that of a whole disk."""
    return os.path.dirname(root) == root


def is_vast(root: str) -> bool:
    """Whether a folder is a disk, a home or a system's own, or holds one. root: a real path."""
    if is_disk(root):
        return True
    place = Path(root)
    if os.name == "posix" and place.parts[1] in SYSTEM:
        return True
    return any(home.is_relative_to(place) for home in homes())


def homes() -> list[Path]:
    """This user's own folder, and that of Python itself."""
    found = [sys.base_prefix, os.path.expanduser("~")]
    return [Path(os.path.realpath(path)) for path in found if os.path.isabs(path)]


def refuse(root: str, names: list[str], looked: int) -> None:
    """DataError for a vast folder after a look at it, unless it is full of samples.

    names: of the files that were seen. looked: at so many files and folders.
    """
    samples = [name for name in names if suffix(name) in SAMPLES]
    if len(samples) >= SHARE * looked and not is_disk(root):
        return
    here = Counter(name.rpartition("/")[0] for name in samples)
    few = here.most_common(1)
    step = "give the folder that holds the samples"
    if few and few[0][0]:
        step += f", such as {shown(os.path.join(root, few[0][0]))}, which has {few[0][1]:,}"
    what = "a whole disk" if is_disk(root) else "more than a data set"
    raise DataError(
        f"{shown(root)} is {what}: of the first {looked:,} files and folders in it, "
        f"{len(samples):,} are images, sounds or arrays",
        safe="no file was opened",
        fix=step,
    )
