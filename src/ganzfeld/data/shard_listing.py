"""List the images of one shard after another: where each lies, its label, and a digest of all."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import natural
from ganzfeld.data.arrange import arranged
from ganzfeld.data.parquet import titles_and_labels
from ganzfeld.data.source import Reading
from ganzfeld.data.tarfiles import read_tars

ROW = np.dtype([("start", "<i8"), ("size", "<i8"), ("label", "<i4")])  # Parquet: group, row
BLOCKS, BLOCK = 16, 4096  # of a shard, whose bytes are looked at
MOST_NOTES = 8  # sentences on what shards hold beside
STEP = 1 << 16  # rows that are relabelled at once
MISSING = -1  # the label of an image that has none
ELSEWHERE = (
    "labels by folders or tables inside the shards are not read from a stream, only .cls files and "
    "the label column of Parquet; without --stream they are"
)


@dataclass
class Shard:
    """A file: its name, bytes and time, its images, and a digest of what is in it.

    groups: images of each row group of a Parquet file.
    """

    name: str
    size: int
    time: int
    images: int = 0
    digest: str = ""
    groups: list[int] = field(default_factory=list)


@dataclass
class Found:
    """The images of one shard: the two numbers of each that name it, titles, and labels."""

    where: NDArray[np.int64]  # (n, 2)
    titles: list[str]
    labels: list[Any]  # None for an image without
    groups: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def images_in(path: Path, kind: str, column: str, label: str, reading: Reading) -> Found:
    """Raises DataError for a damaged shard, and for one without images."""
    return in_parquet(path, column, label) if kind == "parquet" else in_tar(path, reading)


def in_tar(path: Path, reading: Reading) -> Found:
    source = read_tars([path], path)
    own = None if source.labels is None else [int(source.classes[p]) for p in source.labels]
    by_name = dict(zip(source.names, own, strict=True)) if own is not None else {}
    if own is None or reading.labels != "auto":  # as for packing
        source.labels, source.classes = None, ()
        arranged(source, reading)  # test images and masks are left aside
    notes = [ELSEWHERE] if own is None and source.labels is not None else []
    notes += [f"left aside: {text}" for text in source.aside]
    where = np.array([name.split("/")[1:] for name in source.names], dtype=np.int64)
    order = np.argsort(where[:, 0], kind="stable")  # as they lie
    return Found(
        where=where[order],
        titles=[source.titles[place] for place in order],
        labels=[by_name.get(source.names[place]) for place in order],
        notes=notes,
    )


def in_parquet(path: Path, column: str, label: str) -> Found:
    groups = titles_and_labels(path, column, label)
    where = [(group, row) for group, rows in enumerate(groups) for row in range(len(rows))]
    cells = list(itertools.chain.from_iterable(groups))
    return Found(
        where=np.array(where, dtype=np.int64).reshape(-1, 2),
        titles=[str(title) for title, _ in cells],
        labels=[value for _, value in cells],
        groups=[len(rows) for rows in groups],
    )


class Listed:
    """The values of labels that were met so far, in that order, and what is to be said."""

    def __init__(self, labelled: bool) -> None:
        self.labelled, self.values = labelled, dict[Any, int]()
        self.without = self.count = 0
        self.notes: list[str] = []

    def add(self, path: Path, shard: Shard, found: Found, file: BinaryIO) -> None:
        """Append the rows of a shard, and note what is in it."""
        rows = np.zeros(len(found.where), ROW)
        rows["start"], rows["size"] = found.where.T
        rows["label"] = MISSING
        if self.labelled:
            known = [value for value in found.labels if isinstance(value, int | str)]
            self.without += len(found.labels) - len(known)
            if len(known) == len(found.labels):
                values = [self.values.setdefault(v, len(self.values)) for v in found.labels]
                rows["label"] = values
        new = [note for note in found.notes if note not in self.notes]
        self.notes += new[: max(MOST_NOTES - len(self.notes), 0)]
        self.count += len(rows)
        rows.tofile(file)
        shard.images, shard.groups = len(rows), found.groups
        digest = hashlib.sha256(json.dumps([found.titles, found.labels]).encode("ascii"))
        digest.update(found.where.astype("<i8").tobytes())
        shard.digest = glanced(path, shard.size, digest.hexdigest())

    def classes(self, names: Sequence[str]) -> list[str]:
        """Names of the classes in order; [] without labels. names: those of a ClassLabel."""
        whole = all(isinstance(v, int) and not isinstance(v, bool) for v in self.values)
        if not self.labelled or self.without == self.count:
            return []
        if self.without or not (whole or all(isinstance(v, str) for v in self.values)):
            self.notes.append(
                f"{self.without:,} of {self.count:,} images have no label: taken as a set without "
                "labels"
                if self.without
                else "labels are neither all whole numbers nor all text: taken as a set without "
                "labels"
            )
            return []
        if whole and names and all(0 <= value < len(names) for value in self.values):
            return list(names)
        key: Callable[[Any], Any] = (lambda v: v) if whole else natural
        return [str(value) for value in sorted(self.values, key=key)]

    def order(self, classes: Sequence[str]) -> list[int]:
        """The place among the classes of each value, in the order in which they were met."""
        if not classes:
            return []
        by_text = {name: place for place, name in enumerate(classes)}
        if all(str(value) in by_text for value in self.values):
            return [by_text[str(value)] for value in self.values]
        return [int(value) for value in self.values]  # numbers of a ClassLabel's names


def relabel(path: Path, order: Sequence[int]) -> None:
    """Give the rows their places among the sorted classes, a piece of the file at a time."""
    if not order:
        return
    places = np.array(order, dtype="<i4")
    with open(path, "r+b") as file:
        while data := file.read(STEP * ROW.itemsize):
            rows = np.frombuffer(data, ROW).copy()
            rows["label"] = places[rows["label"]]
            file.seek(-len(data), os.SEEK_CUR)
            file.write(rows.tobytes())
            file.seek(0, os.SEEK_CUR)
        os.fsync(file.fileno())


def glanced(path: Path, size: int, before: str) -> str:
    """A digest of what is listed of a shard, and of some blocks of its bytes."""
    digest = hashlib.sha256(before.encode("ascii"))
    with open(path, "rb") as file:
        for place in np.linspace(0, max(size - BLOCK, 0), BLOCKS).astype(np.int64):
            file.seek(int(place))
            digest.update(file.read(BLOCK))
    return digest.hexdigest()[:16]
