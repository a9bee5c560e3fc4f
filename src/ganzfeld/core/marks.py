"""Marks: each generated file says, for machines, what it is, which model made it, and from what.

A mark is JSON: `software`, `model` (SHA-256 of the weights), `recipe`, `seed`, `index`, `label`,
`mean`, `std`, `latents`, or what else its maker knows. PNG, WAV, GIF, WebP and JPEG hold it within
(`mark_formats`), with an XMP packet whose DigitalSourceType is the IPTC's for media by a trained
algorithm. A file of another format has NAME.json beside it. Readers of data look at neither.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ganzfeld.core import files, reader, system, temporary
from ganzfeld.core.mark_formats import MOST, SOURCE, found, stamped
from ganzfeld.errors import DataError, ResourceError, of_disk
from ganzfeld.version import __version__

Mark = dict[str, Any]

SOFTWARE = f"ganzfeld {__version__}"
GENERATED = f"{SOURCE}trainedAlgorithmicMedia"
TRANSLATED = f"{SOURCE}compositeWithTrainedAlgorithmicMedia"  # of what somebody else made
SIDECAR = ".json"  # behind the whole name of a file


def new(translated: bool = False, **says: Any) -> Mark:
    """A mark; what is None is left out."""
    kind = TRANSLATED if translated else GENERATED
    start = {"software": SOFTWARE, "digital_source_type": kind}
    return start | {name: value for name, value in says.items() if value is not None}


def as_text(mark: Mapping[str, Any]) -> str:
    """ASCII, so that every format takes it whatever it thinks of letters."""
    return json.dumps(mark, separators=(",", ":"), allow_nan=False)


def stamp(data: bytes, mark: Mapping[str, Any]) -> bytes | None:
    """The bytes of a file with its mark inside; None where its format holds none.

    Example::

        from ganzfeld.core import marks

        png = open("face.png", "rb").read()
        marked = marks.stamp(png, marks.new(seed=1, index=3))
    """
    kind = mark["digital_source_type"]
    return stamped(data, kind, str(mark.get("software", SOFTWARE)), as_text(mark))


def sidecar(path: Path) -> Path:
    """Where the mark of a file lies that holds none."""
    return path.with_name(path.name + SIDECAR)


def write(path: Path, data: bytes, mark: Mapping[str, Any] | None) -> None:
    """Write a file with its mark, whole or not at all; None: without one."""
    inside = None if mark is None else stamp(data, mark)
    if mark is not None and inside is None:
        files.replace(sidecar(path), files.as_json(mark))
    files.replace(path, data if inside is None else inside)


@contextlib.contextmanager
def marking(path: Path, mark: Mapping[str, Any] | None) -> Iterator[Path]:
    """A place for a file that the caller writes, out of sight; marked when it is in its own.

    What lies beside it afterwards, such as the sounds of a sheet, is marked, too. None: the path
    itself, and no mark.
    """
    if mark is None:
        yield path
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.hidden(path, folder=True) as hidden:
            try:
                yield hidden / path.name
            except ResourceError as error:  # of what was written out of sight
                error.what = error.what.replace(f"{hidden}{os.sep}", f"{path.parent}{os.sep}")
                raise
            for file in sorted(hidden.iterdir()):
                place = path.parent / file.name
                inside = stamp(file.read_bytes(), mark) if holds(file) else None
                if inside is None:
                    files.replace(sidecar(place), files.as_json(mark))
                    system.replace(file, place)
                    files.sync(place.parent)
                else:
                    files.replace(place, inside)
    except OSError as error:
        raise of_disk(error, path) from error


def holds(path: Path) -> bool:
    """Whether a file may hold a mark, by its first bytes: others may be larger than memory."""
    with reader.open_regular(path) as file:  # a pipe would wait for whoever writes to it
        start = file.read(12)
    return start.startswith((b"\x89PNG", b"RIFF", b"GIF8", b"\xff\xd8"))


def read(path: Path) -> Mark | None:
    """The mark of a file, within or beside it; None where there is none.

    Raises DataError where the file cannot be read, or its mark is damaged.
    """
    with reader.refused(path, DataError):
        text = found(reader.read_whole(path, reader.IMAGE_BYTES)) if holds(path) else None
        if text is None and sidecar(path).exists():
            text = reader.read_whole(sidecar(path), MOST)
        if text is None:
            return None
        try:
            mark = reader.parse(text)
        except reader.Unreadable:  # the mark, not the file
            mark = None
    if not isinstance(mark, dict) or "digital_source_type" not in mark:
        raise DataError(f"the mark of {path} is damaged, or another program's")
    return dict(mark)


def ranges(numbers: Iterator[int] | list[int] | range) -> list[list[int]]:
    """Whole numbers as pairs of the first and the last of each stretch, in their order."""
    if isinstance(numbers, range) and numbers.step == 1:
        return [[numbers[0], numbers[-1]]] if numbers else []
    told: list[list[int]] = []
    for number in numbers:
        if told and number == told[-1][1] + 1:
            told[-1][1] = number
        else:
            told.append([number, number])
    return told
