"""The pack's file: safetensors with `images`, `labels`, columns and `report`, streamed and checked.

Images lie as (H, W, C): as floats they are `channels_last` without being turned. A column NAME is
the tensor `column:NAME`, of a ragged one with `ends:NAME`; `specs` says in JSON what each is. A
pack of samples of another kind has no `images`: its samples are the column `x`.

The room for the header is set aside first, so that images go to disk as they come. The header
holds a hash of every block of the data and one of itself: a damaged pack is noticed when it is
opened, not after a day of training.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import system
from ganzfeld.core.reader import open_regular, parse
from ganzfeld.core.schema import anything, fields, listing
from ganzfeld.core.schema import text as a_text
from ganzfeld.core.tensors import DTYPES as TYPES
from ganzfeld.core.tensors import entry_of
from ganzfeld.data.columns import DTYPES, Column, Values, fingerprint_of, is_ragged
from ganzfeld.modalities.base import Spec

FORMAT = "ganzfeld pack 3"
BLOCKS = 256  # the data are hashed in at most so many pieces ...
MIN_BLOCK = 1 << 20  # ... of at least so many bytes
FULL_CHECK_BYTES = 256 << 20  # larger packs are checked in samples when they are opened
SAMPLES = 8  # blocks
MAX_HEADER = 64 << 20
COPY_BYTES = 4 << 20
REPORT = {"unreadable": anything}  # what opening a pack asks its report for


class DamagedPack(ValueError):
    """The file is not what was written."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a pack holds, with the places of its parts in the file (in bytes)."""

    shape: tuple[int, int, int, int]  # (N, H, W, C); zeros where the samples are no images
    offset: int
    size: int  # of the file
    labels: NDArray[np.int64] | None
    classes: tuple[str, ...]
    fingerprint: str
    report: dict[str, Any]
    columns: dict[str, Column] = field(default_factory=dict)


def hold(file: IO[bytes]) -> bool:
    """Lock a file that is being written, until it is closed; False where somebody else holds it."""
    return system.try_lock(file.fileno())


class PackWriter:
    """A pack under way: images (C, H, W) by index in any order, then `finish` with its columns.

    shape: None where the samples are no images. columns: those that `finish` will be given; of
    them only names and types are read here.
    """

    def __init__(
        self,
        path: Path,
        count: int,
        shape: tuple[int, int, int] | None,
        classes: Sequence[str],
        columns: Mapping[str, Values] | None = None,
    ) -> None:
        self.shape = None if shape is None else (*shape[1:], shape[0])
        self.classes = list(classes)
        self.slot = 0 if shape is None else math.prod(shape)
        most = [_Entry(DTYPES[v.spec.dtype], [2**47, *v.spec.shape], name)
                for name, v in _ordered(columns or {})]  # fmt: skip
        ends = [_Entry("I64", [2**47], name) for name, _ in _ordered(columns or {})]
        longest = self._header(count, _numbers(ends, most), 2**47, True, "f" * 64, BLOCKS)
        self.start = -(-(8 + len(longest)) // 4096) * 4096
        self.at = 0
        self.file: IO[bytes] = open(path, "x+b", buffering=COPY_BYTES)  # noqa: SIM115
        hold(self.file)

    def put(self, index: int, pixels: NDArray[np.uint8]) -> None:
        place = self.start + index * self.slot
        if self.at != place:
            self.file.seek(place)
        self.file.write(np.ascontiguousarray(pixels.transpose(1, 2, 0)).data)
        self.at = place + self.slot

    def finish(
        self,
        kept: Sequence[int],
        labels: NDArray[np.int64] | None,
        fingerprint: str | None,
        report: dict[str, Any],
        columns: Mapping[str, Values] | None = None,
    ) -> None:
        """Close the gaps that bad images left, add labels, columns, report and header; sync.

        fingerprint: of the content; None: that of the columns. columns: with a row for each
        sample that is kept.
        """
        self._close_gaps(kept)
        self.file.seek(self.start + len(kept) * self.slot)
        if labels is not None:
            self.file.write(labels.astype("<i8").tobytes())
        named = _ordered(columns or {})
        entries, specs = self._write_columns(named)
        if fingerprint is None:
            fingerprint = fingerprint_of(specs, self.classes, labels)
        about = json.dumps(specs).encode("ascii") if named else b""
        tail = json.dumps(report).encode("ascii")
        self.file.write(about + tail)
        self.file.truncate()
        size = self.file.tell() - self.start
        hashes = [_hash_block(self.file, self.start, size, n) for n in range(_block_count(size))]
        sizes = [(len(about), "specs")] if named else []
        entries += [_Entry("U8", [n], name, name) for n, name in [*sizes, (len(tail), "report")]]
        header = self._header(len(kept), entries, 0, labels is not None, fingerprint, hashes)
        self.file.seek(0)
        self.file.write(struct.pack("<Q", self.start - 8) + header.ljust(self.start - 8))
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()

    def close(self) -> None:
        # Closing flushes, which fails again on a full disk; what matters was raised before.
        with contextlib.suppress(OSError):
            self.file.close()

    def _close_gaps(self, kept: Sequence[int]) -> None:
        for new, old in enumerate(kept) if self.slot else ():
            if new == old:
                continue
            self.file.seek(self.start + old * self.slot)
            data = self.file.read(self.slot)
            self.file.seek(self.start + new * self.slot)
            self.file.write(data)

    def _write_columns(
        self, named: Sequence[tuple[str, Values]]
    ) -> tuple[list[_Entry], dict[str, Any]]:
        """The entries of what was written, and what the columns are."""
        entries: list[_Entry] = []
        specs: dict[str, Any] = {}
        for name, values in named:
            if is_ragged(values.spec):
                ends = values.ends()
                self.file.write(ends.astype("<i8").tobytes())
                entries.append(_Entry("I64", [len(ends)], name, f"ends:{name}"))
        for name, values in named:
            digest, total = values.hash(), 0
            for chunk in values.chunks():
                data = chunk.tobytes()
                self.file.write(data)
                digest.update(data)
                total += chunk.size
            shape = [total] if is_ragged(values.spec) else [len(values), *values.spec.shape]
            entries.append(_Entry(DTYPES[values.spec.dtype], shape, name, f"column:{name}"))
            specs[name] = {**values.spec.to_json(), "digest": digest.hexdigest()}
        return entries, specs

    def _header(
        self,
        count: int,
        entries: Sequence[_Entry],
        report_bytes: int,
        labelled: bool,
        fingerprint: str,
        blocks: Sequence[str] | int,
    ) -> bytes:
        """The header. report_bytes: of a report that is not among the entries, at most."""
        tensors: dict[str, Any] = {}
        end = 0
        wanted = [_Entry("U8", [count, *self.shape], "images", "images")] if self.shape else []
        wanted += [_Entry("I64", [count], "labels", "labels")] if labelled else []
        wanted += entries
        if report_bytes:
            wanted += [_Entry("U8", [report_bytes], n, n) for n in ("specs", "report")]
        for entry in wanted:
            size = math.prod(entry.shape) * TYPES[entry.dtype][1]
            tensors[entry.tensor] = _tensor(entry.dtype, entry.shape, [end, end + size])
            end += size
        hashes = ["f" * 32] * blocks if isinstance(blocks, int) else list(blocks)
        metadata = {
            "format": FORMAT,
            "fingerprint": fingerprint,
            "classes": json.dumps(self.classes),
            "blocks": json.dumps(hashes),
        }
        metadata["header"] = _header_hash(tensors, metadata)
        return json.dumps({"__metadata__": metadata, **tensors}).encode("ascii")


@dataclass(frozen=True)
class _Entry:
    """A tensor of the file."""

    dtype: str
    shape: list[int]
    name: str  # of the column
    tensor: str = ""


def _numbers(ends: Sequence[_Entry], columns: Sequence[_Entry]) -> list[_Entry]:
    """The longest that the entries of columns can be."""
    return [
        *(_Entry("I64", e.shape, e.name, f"ends:{e.name}") for e in ends),
        *(_Entry(e.dtype, e.shape, e.name, f"column:{e.name}") for e in columns),
    ]


def _ordered(columns: Mapping[str, Values]) -> list[tuple[str, Values]]:
    """Wide types first, so that each begins at a multiple of its size where no images are."""
    return sorted(
        columns.items(), key=lambda item: (-np.dtype(item[1].spec.dtype).itemsize, item[0])
    )


def _tensor(dtype: str, shape: list[int], ends: list[int]) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": ends}


def _header_hash(tensors: dict[str, Any], metadata: dict[str, str]) -> str:
    text = json.dumps([tensors, metadata], sort_keys=True)
    return hashlib.blake2b(text.encode("ascii"), digest_size=16).hexdigest()


def _block_size(size: int) -> int:
    return max(MIN_BLOCK, -(-size // BLOCKS))


def _block_count(size: int) -> int:
    return -(-size // _block_size(size))


def _hash_block(file: IO[bytes], start: int, size: int, number: int) -> str:
    block = _block_size(size)
    file.seek(start + number * block)
    left = min(block, size - number * block)
    digest = hashlib.blake2b(digest_size=16)
    while left:
        data = file.read(min(left, COPY_BYTES))
        if not data:
            raise DamagedPack("it is cut short")
        digest.update(data)
        left -= len(data)
    return digest.hexdigest()


def read_pack(path: Path) -> Content:
    """Check a pack and read all of it but the images. Raises `DamagedPack`, `FileNotFoundError`."""
    try:
        return _read_pack(path)
    except DamagedPack:
        raise
    except (
        KeyError,
        TypeError,
        ValueError,
        IndexError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:
        raise DamagedPack(f"it is damaged: {error}") from error


def _read_pack(path: Path) -> Content:
    with open_regular(path) as file:
        start, header = _read_header(file)
        metadata = header.pop("__metadata__")
        stored = metadata.pop("header", "")
        if metadata.get("format") != FORMAT:
            raise DamagedPack(f"its format is {metadata.get('format')!r}")
        if stored != _header_hash(header, metadata):
            raise DamagedPack("its header was changed")
        for name, entry in header.items():
            entry_of(name, entry)
        size = max(entry["data_offsets"][1] for entry in header.values())
        if os.fstat(file.fileno()).st_size != start + size:
            raise DamagedPack("its size is wrong")
        _check_blocks(file, start, size, parse(metadata["blocks"]))
        labels = None
        if "labels" in header:
            data = _read_tensor(file, start, header["labels"])
            labels = np.frombuffer(data, dtype="<i8").astype(np.int64)
        report = json.loads(_read_tensor(file, start, header["report"]))
        if not isinstance(report, dict) or not isinstance(metadata["fingerprint"], str):
            raise DamagedPack("its report is damaged")
        fields(REPORT)(report, "")
        columns = _read_columns(file, start, header)
    n, h, w, c = header["images"]["shape"] if "images" in header else (0, 0, 0, 0)
    first, last = header["images"]["data_offsets"] if "images" in header else (0, 0)
    if n * h * w * c != last - first or min(n, h, w, c, first) < 0:
        raise DamagedPack("its header does not fit its data")
    if "images" not in header and "x" not in columns:
        raise DamagedPack("it holds no samples")
    return Content(
        shape=(n, h, w, c),
        offset=start + first,
        size=start + size,
        columns=columns,
        labels=labels,
        classes=_classes(metadata["classes"]),
        fingerprint=metadata["fingerprint"],
        report=report,
    )


def _read_columns(file: IO[bytes], start: int, header: dict[str, Any]) -> dict[str, Column]:
    """All columns: numbers memory-mapped, and where ragged samples end."""
    if "specs" not in header:
        return {}
    found = {}
    for name, stored in parse(_read_tensor(file, start, header["specs"])).items():
        spec, entry = Spec.from_json(stored), header[f"column:{name}"]
        ends, shape = None, tuple(entry["shape"])
        if TYPES[entry["dtype"]][0] != spec.dtype:
            raise DamagedPack(f"its column {name!r} is of another type than it says")
        if is_ragged(spec):
            ends = np.frombuffer(_read_tensor(file, start, header[f"ends:{name}"]), dtype="<i8")
            steps = np.diff(ends)
            each = math.prod(spec.shape[:-1])
            if ends[0] or (steps < 0).any() or each * int(ends[-1]) != shape[0]:
                raise DamagedPack(f"its column {name!r} does not end where it says")
        elif shape[1:] != spec.shape:
            raise DamagedPack(f"its column {name!r} has another shape than it says")
        values: NDArray[Any] = np.zeros(shape, dtype=spec.dtype)
        if values.size:  # an empty piece of a file cannot be mapped
            place = start + entry["data_offsets"][0]
            values = np.memmap(
                file, np.dtype(spec.dtype).newbyteorder("<"), "r", offset=place, shape=shape
            )
        found[name] = Column(
            spec=spec,
            stored=values,
            ends=None if ends is None else ends.astype(np.int64),
            digest=str(stored["digest"]),
        )
    return found


def _read_header(file: IO[bytes]) -> tuple[int, dict[str, Any]]:
    """Where the data start, and the header."""
    try:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > MAX_HEADER:
            raise DamagedPack("its header is damaged")
        header = parse(file.read(length))
        if not isinstance(header, dict) or not isinstance(header.get("__metadata__"), dict):
            raise DamagedPack("its header is damaged")
    except (struct.error, ValueError) as error:
        raise DamagedPack("its header is damaged") from error
    return 8 + length, header


def _classes(text: str) -> tuple[str, ...]:
    found = parse(text)
    listing(a_text)(found, "classes")
    return tuple(str(name) for name in found)


def _check_blocks(file: IO[bytes], start: int, size: int, blocks: list[str]) -> None:
    if len(blocks) != _block_count(size):
        raise DamagedPack("its header does not fit its data")
    numbers = range(len(blocks))
    if size > FULL_CHECK_BYTES:  # the first, the last and some between: a second, not minutes
        numbers = range(0, len(blocks), max(1, len(blocks) // SAMPLES))
    for number in {*numbers, len(blocks) - 1}:
        if _hash_block(file, start, size, number) != blocks[number]:
            raise DamagedPack("its data were changed")


def _read_tensor(file: IO[bytes], start: int, entry: dict[str, Any]) -> bytes:
    first, last = entry["data_offsets"]
    file.seek(start + first)
    return file.read(last - first)
