"""Decode a data set once into a memory-mapped file, and find it again later.

A pack lies in a cache folder under a name that ends in a quick key: a hash of the options and of
every file's name, size and time. Its `fingerprint` is another thing: a hash of the pixels, labels
and classes, the same on every machine and for a folder and a ZIP of the same images.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import secrets
import weakref
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.files import cache_folder
from ganzfeld.core.names import shown
from ganzfeld.core.progress import Progress, silent
from ganzfeld.core.reader import open_regular
from ganzfeld.data.called import opening
from ganzfeld.data.candidates import BY_COLUMN
from ganzfeld.data.columns import Column, stored_bytes
from ganzfeld.data.decode import choose_target, load_source, prepare
from ganzfeld.data.decoding import count_of, decode_all, leave_some
from ganzfeld.data.findings import Outcome, judge, report_of
from ganzfeld.data.gather import gathered
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pack_files import disk_errors, need_space, put_in_place, sweep, temporary
from ganzfeld.data.pack_format import Content, DamagedPack, PackWriter, read_pack
from ganzfeld.data.shards import Known
from ganzfeld.data.source import WORDS, Encoded, Gathered, Ready
from ganzfeld.errors import DataError, ResourceError
from ganzfeld.modalities import Spec, image_spec, modality_of
from ganzfeld.modalities.image.codec import Target

__all__ = ["Pack", "PackOptions", "cache_folder", "open_pack"]

KEY_VERSION = 3  # raise it when the same files would become other pixels


class Pack:
    """Decoded samples and their labels, and named columns beside them.

    `images`: uint8 (N, C, H, W), memory-mapped; `rows` copies many of them faster. `labels`: int64
    (N,), or None. `classes`: names, () without labels. `fingerprint`: sha256 hex of the content.
    `report`: JSON, see `describe`. `reused`: whether it was found in the cache. `columns`: what
    else is known of each sample, by name; where the samples are no images, they are the column
    "x". `spec`: of the samples.
    """

    settled = False  # whether what is learned of the samples has been learned on opening
    stream: Any = None  # `shard_stream.Stream`, where these are some of the images of shards
    summary: str | None = None  # what the data are, where that is not the pack

    def __init__(self, path: Path, content: Content, *, reused: bool) -> None:
        self.path = path
        self.end = content.offset + math.prod(content.shape)
        self.columns: Mapping[str, Column] = content.columns
        with open_regular(path) as file:
            self.handle = os.dup(file.fileno())
            weakref.finalize(self, os.close, self.handle)
            if content.columns:
                self.end = content.size
            self.need_whole()
            if math.prod(content.shape):
                self.mapped: NDArray[np.uint8] = np.memmap(
                    file, dtype=np.uint8, mode="r", offset=content.offset, shape=content.shape
                )
        for column in self.columns.values():
            column.check = _checks(self)
        self.labels = content.labels
        self.classes = content.classes
        self.fingerprint = content.fingerprint
        self.report = content.report
        self.reused = reused

    def see_as(self, spec: Spec) -> None:
        """Let the samples lie as those of a spec that was learned elsewhere.

        Raises DataError where they cannot: other columns, other types.
        """
        kind, column = modality_of(spec), self.columns.get("x")
        if not kind.learns or column is None or column.spec == spec:
            return
        if (turn := kind.turned(column.spec, spec)) is not None:
            column.stored = turn(column.stored)
        column.spec = spec

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
    def spec(self) -> Spec:
        """Of the samples: of "x" in `rows`."""
        if "x" in self.columns:
            return self.columns["x"].spec
        return image_spec(self.channels, self.height, self.width)

    @property
    def stored(self) -> NDArray[np.uint8]:
        """(N, H, W, C), memory-mapped."""
        if "x" in self.columns:
            raise DataError(
                f"{shown(self.report['source'])} holds {modality_of(self.spec).noun}, "
                "and this works on images only",
                safe="nothing was trained or written",
                fix="ganzfeld train, evaluate and compare, which take any kind of data",
            )
        self.need_whole()
        return self.mapped

    @property
    def images(self) -> NDArray[np.uint8]:
        return self.stored.transpose(0, 3, 1, 2)

    @property
    def count(self) -> int:
        return len(self.columns["x"]) if "x" in self.columns else int(self.mapped.shape[0])

    @property
    def channels(self) -> int:
        return int(self.stored.shape[3])

    @property
    def height(self) -> int:
        return int(self.stored.shape[1])

    @property
    def width(self) -> int:
        return int(self.stored.shape[2])

    def __len__(self) -> int:
        return self.count

    def __repr__(self) -> str:
        labels = f", {len(self.classes)} classes" if self.classes else ""
        if "x" in self.columns:
            sides = " x ".join(map(str, self.spec.shape)) or "1"
            return f"Pack({self.count:,} {self.spec.modality} samples, {sides}{labels})"
        return (
            f"Pack({self.count:,} images, {self.channels} x {self.height} x {self.width}{labels})"
        )

    def rows(self, indices: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Copies of the samples "x" (n, ...), and labels "y", int64 (n,), if any.

        Images are uint8 (n, C, H, W). Ragged samples have their lengths, "x_length" int64 (n,).
        """
        if "x" in self.columns:
            column = self.columns["x"]
            batch = {"x": column.rows(indices)}
            if column.ends is not None:
                batch["x_length"] = column.lengths(indices)
        else:
            pixels = np.asarray(self.stored[indices])
            batch = {"x": pixels.transpose(0, 3, 1, 2)}
        if self.labels is not None:
            batch["y"] = self.labels[indices]
        return batch


def _checks(pack: Pack) -> Callable[[], None]:
    """What a column does before each access; it does not keep the pack."""
    weak = weakref.ref(pack)

    def check() -> None:
        if (whole := weak()) is not None:
            whole.need_whole()

    return check


def open_pack(
    source: str | os.PathLike[str] | Encoded | Ready | Gathered,
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
    progress = progress or silent
    folder = cache_folder(cache)
    known = Known(folder, source, asked_of(options))
    damaged: list[str] = []
    if known.key is not None and (pack := _packed(folder, known.key, options, damaged)):
        return pack
    with opening(source):
        found, options = load_source(source, options)
        key = quick_key(found, options)
        if key != known.key and (pack := _packed(folder, key, options, damaged)):
            known.note(key)
            return pack
        found.warnings += damaged
        path = _build(found, options, folder, key, progress, workers)
    known.note(key)
    return Pack(path, read_pack(path), reused=False)


def _packed(folder: Path, key: str, options: PackOptions, damaged: list[str]) -> Pack | None:
    """The pack of this key in the cache; what is wrong with those that are damaged."""
    for path in sorted(folder.glob(f"*-{key}.safetensors")):
        try:
            content = read_pack(path)
        except (DamagedPack, OSError) as error:
            damaged.append(f"the pack {shown(path.name)} was rebuilt: {error}")
            continue
        if not content.report["unreadable"]:  # else: try those files again
            judge(content.report, options)
            return Pack(path, content, reused=True)
    return None


def asked_of(options: PackOptions) -> Any:
    """What the pack of some shards depends on beside them; a value of its own for each call where
    that is a table that somebody may have changed."""
    usual = options.labels in WORDS or options.labels.startswith(BY_COLUMN)
    return [
        KEY_VERSION,
        asdict(replace(options, spared=0)),
        None if usual else secrets.token_hex(8),
    ]


def quick_key(source: Encoded | Ready | Gathered, options: PackOptions) -> str:
    """16 hex digits that change with the options and with any file's name, size or time."""
    wanted = asdict(options)
    del (
        wanted["on_bad_image"],
        wanted["least"],
        wanted["spared"],
    )  # judged anew whenever the pack is opened
    if wanted["part"] == "whole":
        del wanted["part"]
    if wanted["fit"] == "crop":
        del wanted["fit"]
    if wanted["window"] is None:
        del wanted["window"]
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
    source: Encoded | Ready | Gathered,
    options: PackOptions,
    folder: Path,
    key: str,
    progress: Progress,
    workers: int | None,
) -> Path:
    """Decode everything into a new pack, under a name of its own until it is whole."""
    if isinstance(source, Gathered):
        return _build_columns(source, options, folder, key, progress)
    prepare(source, options)
    leave_some(count_of(source), options.spared)
    target = choose_target(source, options, progress, workers)
    shape = (target.channels, target.height, target.width)
    count = count_of(source)
    need_space(folder, count * (target.channels * target.height * target.width + 8))
    sweep(folder)
    with temporary(folder, key) as part, disk_errors(folder):
        writer = PackWriter(part, count, shape, source.classes, source.columns)
        try:
            outcome = decode_all(source, target, writer.put, progress, workers, options)
            report = report_of(source, target, outcome)
            judge(report, options)
            kept = outcome.kept
            labels = None if source.labels is None else source.labels[kept]
            columns = {name: values.kept(kept) for name, values in source.columns.items()}
            print_ = fingerprint_of(source, target, outcome)
            writer.finish(kept, labels, print_, report, columns)
        finally:
            writer.close()
        size = f"{target.height}x{target.width}x{target.channels}"
        name = re.sub(r"[^\w.-]", "_", source.name)[:40]
        path = folder / f"{name}-{size}-{key}.safetensors"
        path = put_in_place(part, path)
    return path


def _build_columns(
    source: Gathered, options: PackOptions, folder: Path, key: str, progress: Progress
) -> Path:
    """Read samples of another kind than images into a new pack."""
    raw, kept, report = gathered(source, options, progress)
    judge(report, options)
    columns = {name: values.kept(kept) for name, values in raw.columns.items()}
    need_space(folder, sum(map(stored_bytes, columns.values())))
    sweep(folder)
    with temporary(folder, key) as part, disk_errors(folder):
        writer = PackWriter(part, len(kept), None, raw.classes, columns)
        try:
            labels = None if raw.labels is None else raw.labels[kept]
            writer.finish(kept, labels, None, report, columns)
        finally:
            writer.close()
        name = re.sub(r"[^\w.-]", "_", source.name)[:40]
        path = put_in_place(part, folder / f"{name}-{source.modality}-{key}.safetensors")
    return path
