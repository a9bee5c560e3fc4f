"""The pack's file: safetensors with `images`, `labels` and `report`, streamed, and checked.

Images lie as (H, W, C): as floats they are `channels_last` without being turned.

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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import system
from ganzfeld.core.reader import open_regular, parse
from ganzfeld.core.schema import anything, fields, listing
from ganzfeld.core.schema import text as a_text
from ganzfeld.core.tensors import entry_of

FORMAT = "ganzfeld pack 2"
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

    shape: tuple[int, int, int, int]  # (N, H, W, C)
    offset: int
    labels: NDArray[np.int64] | None
    classes: tuple[str, ...]
    fingerprint: str
    report: dict[str, Any]


def hold(file: IO[bytes]) -> bool:
    """Lock a file that is being written, until it is closed; False where somebody else holds it."""
    return system.try_lock(file.fileno())


class PackWriter:
    """A pack under way: images (C, H, W) by index in any order, then `finish`."""

    def __init__(
        self, path: Path, count: int, shape: tuple[int, int, int], classes: Sequence[str]
    ) -> None:
        self.shape, self.classes = (*shape[1:], shape[0]), list(classes)
        self.slot = math.prod(shape)
        longest = self._header(count, 2**48, True, "f" * 64, ["f" * 32] * BLOCKS)
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
        fingerprint: str,
        report: dict[str, Any],
    ) -> None:
        """Close the gaps that bad images left, add labels, report and header; sync to disk."""
        self._close_gaps(kept)
        self.file.seek(self.start + len(kept) * self.slot)
        if labels is not None:
            self.file.write(labels.astype("<i8").tobytes())
        tail = json.dumps(report).encode("ascii")
        self.file.write(tail)
        self.file.truncate()
        size = self.file.tell() - self.start
        blocks = [_hash_block(self.file, self.start, size, n) for n in range(_block_count(size))]
        header = self._header(len(kept), len(tail), labels is not None, fingerprint, blocks)
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
        for new, old in enumerate(kept):
            if new == old:
                continue
            self.file.seek(self.start + old * self.slot)
            data = self.file.read(self.slot)
            self.file.seek(self.start + new * self.slot)
            self.file.write(data)

    def _header(
        self, count: int, report_bytes: int, labelled: bool, fingerprint: str, blocks: list[str]
    ) -> bytes:
        ends = [0, count * self.slot]
        tensors: dict[str, Any] = {"images": _tensor("U8", [count, *self.shape], ends)}
        if labelled:
            ends = [ends[1], ends[1] + 8 * count]
            tensors["labels"] = _tensor("I64", [count], ends)
        tensors["report"] = _tensor("U8", [report_bytes], [ends[1], ends[1] + report_bytes])
        metadata = {
            "format": FORMAT,
            "fingerprint": fingerprint,
            "classes": json.dumps(self.classes),
            "blocks": json.dumps(blocks),
        }
        metadata["header"] = _header_hash(tensors, metadata)
        return json.dumps({"__metadata__": metadata, **tensors}).encode("ascii")


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
    n, h, w, c = header["images"]["shape"]
    first, last = header["images"]["data_offsets"]
    if n * h * w * c != last - first or min(n, h, w, c, first) < 0:
        raise DamagedPack("its header does not fit its data")
    return Content(
        shape=(n, h, w, c),
        offset=start + header["images"]["data_offsets"][0],
        labels=labels,
        classes=_classes(metadata["classes"]),
        fingerprint=metadata["fingerprint"],
        report=report,
    )


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
