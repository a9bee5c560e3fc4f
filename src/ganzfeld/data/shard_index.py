"""What lies in shards, image by image, without the images: where each begins, and its label.

Shards are tar or Parquet files. They are listed one by one, so that memory does not grow with
their number, into two files of the cache: 20 bytes an image, and a note on the shards. While the
names, sizes and times of the shards stay as they are, the files are found again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tarfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import files, system
from ganzfeld.core.names import capped, natural, shown
from ganzfeld.core.progress import Progress
from ganzfeld.core.reader import parse, read_whole
from ganzfeld.data import shards
from ganzfeld.data.containers import sniff
from ganzfeld.data.listing import list_folder
from ganzfeld.data.pack_files import disk_errors, temporary
from ganzfeld.data.parquet import class_names, picture_columns
from ganzfeld.data.readers import ParquetReader, Reader, TarReader
from ganzfeld.data.shard_listing import ROW, Listed, Shard, images_in, relabel
from ganzfeld.data.source import Reading
from ganzfeld.errors import DataError

VERSION = 1  # raise it when the same shards would be listed otherwise
RUN = 64  # images of a tar file that are read one after another
NOTE_BYTES = 64 << 20


@dataclass
class Index:
    """All images of some shards, by number: first those of the first shard, as they lie there.

    kind: "tar" or "parquet". paths: of the shards. column: of images, in Parquet files. rows: the
    file of `ROW`s. classes: names, () without labels.
    """

    kind: str
    paths: list[Path]
    column: str
    rows: Path
    shards: list[Shard]
    classes: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        counts = [shard.images for shard in self.shards]
        self.ends: NDArray[np.int64] = np.cumsum(counts, dtype=np.int64)

    @property
    def count(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    @property
    def reader(self) -> Reader:
        """Of the images, by the names that `names` gives."""
        paths = "\n".join(map(str, self.paths))
        return ParquetReader(f"{paths}\n{self.column}") if self.column else TarReader(paths)

    def table(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """The `ROW`s of images in ascending order; neighbours are read at once."""
        found = np.empty(len(numbers), ROW)
        cuts = np.flatnonzero(np.diff(numbers) != 1) + 1
        with open(self.rows, "rb") as file:
            for places in np.split(np.arange(len(numbers)), cuts) if len(numbers) else ():
                file.seek(int(numbers[places[0]]) * ROW.itemsize)
                data = file.read(len(places) * ROW.itemsize)
                if len(data) < len(places) * ROW.itemsize:
                    raise DataError(
                        f"the list of images {shown(str(self.rows))} was cut short while it was "
                        "used",
                        safe="the data and all checkpoints are untouched",
                        fix="run the same command again: the shards are listed anew",
                    )
                found[places] = np.frombuffer(data, ROW)
        return found

    def shard_of(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(self.ends, numbers, "right")

    def names(self, numbers: NDArray[np.int64]) -> list[str]:
        """For the reader. numbers: in ascending order."""
        rows = self.table(numbers)
        where = zip(self.shard_of(numbers), rows["start"], rows["size"], strict=True)
        return [f"{shard}/{start}/{size}" for shard, start, size in where]

    def labels(self, numbers: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Places in `classes`, (n,); None without. numbers: in ascending order."""
        return self.table(numbers)["label"].astype(np.int64) if self.classes else None

    def title(self, number: int) -> str:
        """What people call an image: its shard, and its name or row in it."""
        (name,) = self.names(np.array([number]))
        shard, first, _ = map(int, name.split("/"))
        path = self.paths[shard]
        if self.kind == "parquet":
            row = number - int(self.ends[shard]) + self.shards[shard].images
            return f"{path.name}:row {row}"
        with contextlib.suppress(OSError, tarfile.TarError), open(path, "rb") as file:
            file.seek(first - tarfile.BLOCKSIZE)
            info = tarfile.TarInfo.frombuf(file.read(tarfile.BLOCKSIZE), "utf-8", "replace")
            return f"{path.name}:{info.name.removeprefix('./')}"
        return f"{path.name}:byte {first}"

    def pieces(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First number and length of what is read in one go: runs of a tar file, row groups."""
        lengths: list[int] = []
        for shard in self.shards:
            whole, rest = divmod(shard.images, RUN)
            lengths += shard.groups or [*[RUN] * whole, *([rest] if rest else [])]
        sizes = np.array([n for n in lengths if n], dtype=np.int64)
        return np.cumsum(sizes) - sizes, sizes

    def need_unchanged(self, numbers: NDArray[np.int64]) -> None:
        """DataError where a shard of these images is no more what was listed."""
        for place in np.unique(self.shard_of(numbers)):
            path, shard = self.paths[place], self.shards[place]
            try:
                info = path.stat()
            except OSError as error:
                raise shard_gone(path, error.strerror or str(error)) from error
            if (info.st_size, info.st_mtime_ns) != (shard.size, shard.time):
                raise shard_gone(path, "it was written to")


def shard_gone(path: Path, why: str) -> DataError:
    return DataError(
        f"the shard {shown(str(path))} has changed or cannot be read any more: {why}",
        safe="all checkpoints are untouched",
        fix="bring the shard back as it was, then run the same command again",
    )


# Which files


def shards_at(source: str | os.PathLike[str], reading: Reading) -> tuple[str, list[Path]]:
    """The kind and the paths of the shards that a path or a pattern means, in order.

    Raises DataError where there is anything but tar files alone or Parquet files alone.
    """
    text = os.fspath(source)
    if shards.is_pattern(text):
        paths = shards.located(text)
    elif (place := Path(text).expanduser().resolve()).is_dir():
        listing = list_folder(place, follow=reading.follow_links)
        names = shards.training_files([name for name, _, _ in listing.files], reading.splits)
        paths = [place / name for name in names]
    else:
        paths = [place]
    kinds = {sniff(path) if path.is_file() else "nothing" for path in paths}
    if len(kinds) == 1 and {*kinds} <= {*shards.KINDS}:
        return kinds.pop(), sorted(paths, key=lambda path: natural(path.name))
    odd = next((path for path in paths if sniff_of(path) not in shards.KINDS), None)
    there = f", and there is {shown(odd.name)}" if odd is not None else ""
    raise DataError(
        f"--stream reads tar files alone or Parquet files alone from {shown(text)}{there}",
        safe="nothing was read",
        fix="leave --stream out: other data are packed",
    )


def are_shards(source: str | os.PathLike[str], reading: Reading) -> bool:
    """Whether a path or a pattern means tar files alone or Parquet files alone."""
    try:
        return bool(shards_at(source, reading))
    except (DataError, OSError):
        return False


def sniff_of(path: Path) -> str | None:
    return sniff(path) if path.is_file() else None


# Listing


def index_of(
    source: str | os.PathLike[str], reading: Reading, folder: Path, progress: Progress
) -> Index:
    """The index of the shards at a path or of a pattern, out of the cache folder or made now."""
    kind, paths = shards_at(source, reading)
    column, label = picture_columns(paths[0]) if kind == "parquet" else ("", "")
    infos = [path.stat() for path in paths]
    found = [
        Shard(path.name, info.st_size, info.st_mtime_ns)
        for path, info in zip(paths, infos, strict=True)
    ]
    labelled = reading.labels != "none"
    asked = [VERSION, kind, column, label, labelled, reading.splits, reading.masks, reading.rules]
    stamps = [(shard.name, shard.size, shard.time) for shard in found]
    key = hashlib.sha256(json.dumps([asked, stamps]).encode("ascii")).hexdigest()[:16]
    note, rows = folder / f"stream-{key}.json", folder / f"stream-{key}.rows"
    if (known := noted(note, rows)) is None:
        with disk_errors(folder), temporary(folder, key) as part:
            listed = Listed(labelled)
            with open(part, "wb") as file:
                for done, (path, shard) in enumerate(zip(paths, found, strict=True), 1):
                    listed.add(path, shard, images_in(path, kind, column, label, reading), file)
                    progress("listing shards", done, len(paths))
                file.flush()
                os.fsync(file.fileno())
            classes = listed.classes(class_names(paths[0], label) if label else [])
            known = {
                "shards": [asdict(shard) for shard in found],
                "classes": classes,
                "notes": listed.notes,
                "order": listed.order(classes),
            }
            relabel(part, known["order"])
            system.replace(part, rows)
            files.replace(note, json.dumps(known).encode("ascii"))
    index = Index(
        kind,
        paths,
        column,
        rows,
        [Shard(**shard) for shard in known["shards"]],
        tuple(known["classes"]),
        known["notes"],
    )
    if not index.count:
        raise DataError(f"{shown(os.fspath(source))} holds no images", safe="nothing was read")
    return index


def noted(note: Path, rows: Path) -> dict[str, Any] | None:
    """What is noted of shards that were listed before; None where it is not whole."""
    try:
        known = parse(read_whole(note, NOTE_BYTES))
        count = sum(shard["images"] for shard in known["shards"])
        return known if rows.stat().st_size == count * ROW.itemsize else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


# What a run notes of its shards


def as_noted(index: Index) -> list[list[Any]]:
    """Of each shard: name, bytes, images, digest."""
    return [[s.name, s.size, s.images, s.digest] for s in index.shards]


def changes(then: Sequence[Sequence[Any]], now: Sequence[Sequence[Any]]) -> str:
    """What became of the shards since they were noted, in words; "" where all are as they were."""
    before, after = ({row[0]: list(row[1:]) for row in rows} for rows in (then, now))
    gone = [shown(name) for name in before if name not in after]
    new = [shown(name) for name in after if name not in before]
    other = [
        f"{shown(name)} ({before[name][1]:,} images in {before[name][0]:,} bytes then, "
        f"{after[name][1]:,} in {after[name][0]:,} now)"
        for name in before
        if name in after and before[name] != after[name]
    ]
    parts = (("gone", gone), ("changed", other), ("new", new))
    return "; ".join(
        f"{len(names):,} of {len(before):,} {what}: {', '.join(capped(names, 3))}"
        if what != "new"
        else f"{len(names):,} new: {', '.join(capped(names, 3))}"
        for what, names in parts
        if names
    )
