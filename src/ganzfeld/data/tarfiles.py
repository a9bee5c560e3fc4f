"""Images in tar files, read in place: nothing is ever unpacked to the disk."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import numpy as np

from ganzfeld.core.names import capped, is_document, is_system, natural, shown, suffix
from ganzfeld.data.readers import TarReader
from ganzfeld.data.source import Encoded
from ganzfeld.errors import DataError

MAX_MEMBERS = 10_000_000
MAX_CLASS_BYTES = 64  # of a .cls file


def read_tars(paths: list[Path], place: Path) -> Encoded:
    """The images of one tar file, or of several that belong together.

    A member k.cls with a whole number is the label of k.jpg, as WebDataset has it.
    """
    paths = sorted(paths, key=lambda path: natural(path.name))
    reader = TarReader("\n".join(map(str, paths)))
    members: dict[str, str] = {}  # title: name for the reader; of twins the last, as tar does
    skipped: list[str] = []
    for number, path in enumerate(paths):
        shard = f"{path.name}:" if len(paths) > 1 else ""
        for title, start, size in _members(path, skipped):
            members[shard + title] = f"{number}/{start}/{size}"
    titles = sorted(members, key=natural)
    labels = [title for title in titles if suffix(title) in ("cls", "cls2")]
    hidden = [t for t in titles if any(map(is_system, t.split("/")))]
    others = {*labels, *hidden, *(t for t in titles if is_document(t))}
    kept = [title for title in titles if title not in others]
    if not kept:
        there = ", ".join(capped([shown(name) for name in titles], 5)) or "nothing"
        raise DataError(
            f"{shown(str(place))} holds no images; there is {there} in it",
            fix="unpack it, and give what lies in it" if titles else "pack the images again",
        )
    stamps = [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in paths]
    source = Encoded(
        kind="tar",
        name=place.name.split(".")[0] or "data",
        place=str(place),
        stamps=stamps,
        ignored=[title for title in titles if title in others and title not in labels],
        reader=reader,
        names=[members[title] for title in kept],
        titles=kept,
        tables=[(members[t], t) for t in titles if is_document(t) and t not in hidden],
    )
    if skipped:
        source.aside.append(
            f"{len(skipped):,} links and devices in the archive "
            f"({', '.join(capped([shown(name) for name in skipped], 3))})"
        )
    if labels:
        _labels_beside(source, members, kept)
    return source


def _members(path: Path, skipped: list[str]) -> list[tuple[str, int, int]]:
    """Title, first byte and bytes of each regular file."""
    size = path.stat().st_size
    found: list[tuple[str, int, int]] = []
    try:
        with tarfile.open(path, "r:") as archive:
            for info in archive:
                archive.members = []  # type: ignore[attr-defined]  # or it keeps all of them
                title = info.name.replace("\\", "/").removeprefix("./")
                if info.isdir():
                    continue
                if not info.isreg() or info.issparse():
                    skipped.append(title)
                    continue
                if title.startswith("/") or ".." in title.split("/"):
                    raise DataError(
                        f"{shown(str(path))} is refused: {shown(title)!r} is a path that leads out",
                        safe="nothing was unpacked",
                        fix="pack the images again, or give a folder",
                    )
                if info.offset_data + info.size > size:
                    raise tarfile.ReadError(f"{title} is cut short")
                found.append((title, info.offset_data, info.size))
                if len(found) > MAX_MEMBERS:
                    raise DataError(f"{shown(str(path))} holds over {MAX_MEMBERS:,} files")
            if 0 < size - archive.offset < tarfile.BLOCKSIZE:  # which tarfile takes for the end
                raise tarfile.ReadError("its last header is cut short")
    except (tarfile.TarError, OSError, ValueError, EOFError, OverflowError) as error:
        raise DataError(
            f"{shown(str(path))} is a damaged tar file, or is cut short ({shown(str(error))})",
            fix=f"download it again, or test it with: tar -tf {shown(os.fspath(path))}",
        ) from error
    return found


def _labels_beside(source: Encoded, members: dict[str, str], kept: list[str]) -> None:
    values = []
    for title in kept:
        name = members.get(f"{title.rpartition('.')[0]}.cls", "")
        short = name and int(name.rpartition("/")[2]) <= MAX_CLASS_BYTES
        text = source.reader.read(name).strip() if short else b""
        values.append(int(text) if text.isdigit() else None)
    if None in values:
        source.warnings.append(
            f"{values.count(None):,} images have no whole number in a .cls file beside them: taken "
            "as a set without labels"
        )
        return
    found = sorted({value for value in values if value is not None})
    places = {value: place for place, value in enumerate(found)}
    source.labels = np.array([places[v] for v in values if v is not None], dtype=np.int64)
    source.classes = tuple(map(str, found))
    source.taken["labels"] = "the .cls files"
