"""Classes that are in the names of files: cat.0.jpg, 7_000123.png, american_bulldog_12.jpg."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from random import Random

from ganzfeld.core.names import capped, natural, shown

NUMBERED = re.compile(r"(.*[^\W\d].*?)[ ._-]*\(?\d+\)?")  # what stands before the last number
BEGUN = re.compile(r"([^\W\d_]+|\d{1,4})[ ._-].*\d.*")  # a word or a number before all else
# what cameras and programs call files of any content
CAMERA = frozenset({
    "img", "image", "images", "dsc", "dscn", "dscf", "photo", "pic", "picture", "frame", "shot",
    "screenshot", "screen", "scan", "page", "file", "pxl", "vid", "video", "sample", "seed", "out",
    "output", "mvi", "wp", "train", "test", "val", "copy", "untitled", "download", "face", "item",
    "x", "y",
})  # fmt: skip
SOME = 400  # names that are looked at first
EACH = 4  # images of a class on average, below which these are no classes
MOST = 2000


def classes_of(titles: Sequence[str]) -> list[str] | None:
    """The class of each title by its file's name; None where the names tell none.

    >>> classes_of([f"{kind}.{i}.jpg" for kind in ("cat", "dog") for i in range(9)])[8:10]
    ['cat', 'dog']
    """
    some = Random(0).sample(titles, min(SOME, len(titles)))
    for pattern in (NUMBERED, BEGUN):
        if _parts(some, pattern, each=2) and (found := _parts(titles, pattern, each=EACH)):
            return found
    return None


def _parts(titles: Sequence[str], pattern: re.Pattern[str], each: int) -> list[str] | None:
    found = []
    for title in titles:
        base = title.rpartition("/")[2]
        match = pattern.fullmatch(base.rpartition(".")[0] or base)
        if match is None:
            return None
        found.append(match[1].rstrip(" ._-("))
    counts = Counter(found)
    if not 2 <= len(counts) <= min(MOST, len(found) // each) or min(counts.values()) < 2:
        return None
    return None if {name.casefold() for name in counts} <= CAMERA else found


def in_words(classes: Sequence[str]) -> str:
    """What is said of classes that were found and not asked for."""
    names = sorted({*classes}, key=natural)
    some = ", ".join(capped([shown(name) for name in names], 3))
    return (
        f"none: the files' names begin as {len(names):,} classes would ({some}); "
        "--labels names takes them as classes"
    )
