"""Decode a data set once into a memory-mapped file, and find it again later.

A pack lies in a cache folder under a name that ends in a quick key: a hash of the options and of
every file's name, size and time. Its `fingerprint` is another thing: a hash of the pixels, labels
and classes, the same on every machine and for a folder and a ZIP of the same images.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import secrets
import shutil
import socket
import weakref
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import system
from ganzfeld.core.files import _no_cache, cache_folder
from ganzfeld.core.memory import amount
from ganzfeld.core.names import shown
from ganzfeld.core.progress import Progress
from ganzfeld.core.reader import open_regular
from ganzfeld.data.decode import choose_target, load_source, prepare
from ganzfeld.data.decoding import count_of, decode_all
from ganzfeld.data.findings import Outcome, judge, report_of
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pack_format import Content, DamagedPack, PackWriter, hold, read_pack
from ganzfeld.data.source import Encoded, Ready
from ganzfeld.errors import ResourceError
from ganzfeld.modalities.image.codec import Target

__all__ = ["Pack", "PackOptions", "cache_folder", "open_pack"]

KEY_VERSION = 2  # raise it when the same files would become other pixels
SPARE = 1.05  # free space wanted, times the pack's size


class Pack:
    """Decoded images and their labels.

    `images`: uint8 (N, C, H, W), memory-mapped; `rows` copies many of them faster. `labels`: int64
    (N,), or None. `classes`: names, () without labels. `fingerprint`: sha256 hex of the content.
    `report`: JSON, see `describe`. `reused`: whether it was found in the cache.
    """

    def __init__(self, path: Path, content: Content, *, reused: bool) -> None:
        self.path = path
        self.end = content.offset + math.prod(content.shape)
        with open_regular(path) as file:
            self.handle = os.dup(file.fileno())
            weakref.finalize(self, os.close, self.handle)
            self.need_whole()
            self.mapped: NDArray[np.uint8] = np.memmap(
                file, dtype=np.uint8, mode="r", offset=content.offset, shape=content.shape
            )
        self.labels = content.labels
        self.classes = content.classes
        self.fingerprint = content.fingerprint
        self.report = content.report
        self.reused = reused

    def need_whole(self) -> None:
        """ResourceError where the file was cut short: to read what is gone would end the process.

        A look at its size costs a microsecond, so that every access begins with one.
        """
        if os.fstat(self.handle).st_size < self.end:
            raise ResourceError(
                f"the pack {shown(str(self.path))} was cut short while it was used",
                safe="the data and all checkpoints are untouched",
                fix="run the same command again: the pack is rebuilt",
            )

    @property
    def stored(self) -> NDArray[np.uint8]:
        """(N, H, W, C), memory-mapped."""
        self.need_whole()
        return self.mapped

    @property
    def images(self) -> NDArray[np.uint8]:
        return self.stored.transpose(0, 3, 1, 2)

    @property
    def count(self) -> int:
        return int(self.mapped.shape[0])

    @property
    def channels(self) -> int:
        return int(self.mapped.shape[3])

    @property
    def height(self) -> int:
        return int(self.mapped.shape[1])

    @property
    def width(self) -> int:
        return int(self.mapped.shape[2])

    def __len__(self) -> int:
        return self.count

    def __repr__(self) -> str:
        labels = f", {len(self.classes)} classes" if self.classes else ""
        return (
            f"Pack({self.count:,} images, {self.channels} x {self.height} x {self.width}{labels})"
        )

    def rows(self, indices: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Copies of the images "x", uint8 (n, C, H, W), and labels "y", int64 (n,), if any."""
        pixels = np.asarray(self.stored[indices])
        batch: dict[str, NDArray[Any]] = {"x": pixels.transpose(0, 3, 1, 2)}
        if self.labels is not None:
            batch["y"] = self.labels[indices]
        return batch


def open_pack(
    source: str | os.PathLike[str] | Encoded | Ready,
    options: PackOptions = PackOptions(),  # noqa: B008  frozen
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Pack:
    """The pack of a data set: from the cache, or decoded now.

    `source`: a path, an embedded set's name, or what `find_source` found.

    `progress(stage, done, total)` is called often. `workers`: decoding processes; None: one for
    each core; 0: decode in this process. Raises `DataError` when there is no data, or when too
    much of it is bad; `ResourceError` when the cache cannot be written.
    """
    progress = progress or _silent
    found, options = load_source(source, options)
    folder = cache_folder(cache)
    key = quick_key(found, options)
    damaged = []
    for path in sorted(folder.glob(f"*-{key}.safetensors")):
        try:
            content = read_pack(path)
        except (DamagedPack, OSError) as error:
            damaged.append(f"the pack {shown(path.name)} was rebuilt: {error}")
            continue
        if not content.report["unreadable"]:  # else: try those files again
            judge(content.report, options)
            return Pack(path, content, reused=True)
    found.warnings += damaged
    path = _build(found, options, folder, key, progress, workers)
    return Pack(path, read_pack(path), reused=False)


def _silent(stage: str, done: int, total: int) -> None:
    pass


def quick_key(source: Encoded | Ready, options: PackOptions) -> str:
    """16 hex digits that change with the options and with any file's name, size or time."""
    wanted = asdict(options)
    del wanted["on_bad_image"], wanted["least"]  # judged anew whenever the pack is opened
    if wanted["part"] == "whole":
        del wanted["part"]
    if wanted["fit"] == "crop":
        del wanted["fit"]
    place = os.path.join(source.place, source.part) if source.part else source.place
    digest = hashlib.sha256(json.dumps([KEY_VERSION, source.kind, place, wanted]).encode("ascii"))
    digest.update(json.dumps(source.stamps).encode("ascii"))  # at once: a million of them are many
    if isinstance(source, Encoded):
        digest.update(json.dumps(source.broken).encode("ascii"))
    return digest.hexdigest()[:16]


def fingerprint_of(source: Encoded | Ready, target: Target, outcome: Outcome) -> str:
    """sha256 of shape, classes, the hash of each image, and the labels."""
    kept = outcome.kept
    shape = [len(kept), target.channels, target.height, target.width]
    digest = hashlib.sha256(json.dumps([shape, source.classes]).encode("ascii"))
    for index in kept:
        digest.update(bytes.fromhex(outcome.digests[index]))
    if source.labels is not None:
        digest.update(source.labels[kept].astype("<i8").tobytes())
    return digest.hexdigest()


def _build(
    source: Encoded | Ready,
    options: PackOptions,
    folder: Path,
    key: str,
    progress: Progress,
    workers: int | None,
) -> Path:
    """Decode everything into a new pack, under a name of its own until it is whole."""
    prepare(source, options)
    target = choose_target(source, options, progress, workers)
    shape = (target.channels, target.height, target.width)
    count = count_of(source)
    _need_space(folder, count * (target.channels * target.height * target.width + 8))
    _sweep(folder)
    with _temporary(folder, key) as part, _disk_errors(folder):
        writer = PackWriter(part, count, shape, source.classes)
        try:
            outcome = decode_all(source, target, writer.put, progress, workers, options)
            report = report_of(source, target, outcome)
            judge(report, options)
            kept = outcome.kept
            labels = None if source.labels is None else source.labels[kept]
            writer.finish(kept, labels, fingerprint_of(source, target, outcome), report)
        finally:
            writer.close()
        size = f"{target.height}x{target.width}x{target.channels}"
        name = re.sub(r"[^\w.-]", "_", source.name)[:40]
        path = folder / f"{name}-{size}-{key}.safetensors"
        path = _put_in_place(part, path)
    return path


def _need_space(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size * SPARE + (8 << 20):
        raise ResourceError(
            f"packing needs {amount(size * SPARE + (8 << 20))} in {shown(str(folder))}, where "
            f"{amount(free)} are free",
            safe="nothing was written",
            fix="GANZFELD_CACHE=/a/folder/with/room ganzfeld ...   or a smaller --size",
        )


@contextlib.contextmanager
def _temporary(folder: Path, key: str) -> Iterator[Path]:
    """A name that no other process uses, removed if the file is still there at the end."""
    host = re.sub(r"[^\w]", "_", socket.gethostname())[:40]
    part = folder / f"{key}-{host}-{os.getpid()}-{secrets.token_hex(4)}.part"
    try:
        yield part
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _no_cache(folder, error) from error


def _sweep(folder: Path) -> None:
    """Remove what processes of this machine left behind when they were killed."""
    host = re.sub(r"[^\w]", "_", socket.gethostname())[:40]
    for part in folder.glob(f"*-{host}-*.part"):
        process = part.name.rsplit("-", 2)[1]
        if os.name == "nt":
            with contextlib.suppress(OSError):  # which deletes no file that is being written
                part.unlink()
        elif process.isdigit() and not _alive(int(process)):
            # a container may share this machine's name and not its processes: hence the lock
            with contextlib.suppress(OSError), open(part, "r+b") as file:
                if hold(file):
                    part.unlink()


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _put_in_place(part: Path, path: Path) -> Path:
    """Give the finished pack its name; whoever comes second replaces it by the same.

    Windows replaces no file that a process has mapped. Where another has just made the same pack,
    that one will do; where it maps a damaged one, the new one gets a name beside it.
    """
    try:
        system.replace(part, path)
    except PermissionError:
        if not path.exists():
            raise
        try:
            read_pack(path)
        except (DamagedPack, OSError):
            path = path.with_name(f"{secrets.token_hex(4)}-{path.name}")
            system.replace(part, path)
    with contextlib.suppress(OSError):
        system.sync_folder(path.parent)
    return path
