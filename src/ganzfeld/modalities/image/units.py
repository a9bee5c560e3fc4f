"""Samples in the units of their data: 16-bit PNG, and TIFF of 16-bit or floating-point numbers.

Pillow writes no 16-bit colour, so the two formats are written here: uncompressed TIFF (TIFF 6.0),
and PNG (RFC 2083) without row filters.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.errors import UsageError
from ganzfeld.modalities.image.ranges import parse

if TYPE_CHECKING:
    from torch import Tensor

FORMATS = ("png16", "tiff16", "tiff32")
STEPS = 255  # whole numbers that a range must have, so that rounding to them loses nothing seen
PNG_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}  # colour types by channels
Limits = tuple[float, float]


def encoder(kind: str, known: Limits | None, asked: str | None) -> Callable[[Tensor], bytes]:
    """What makes a file of one sample (C, H, W) in [-1, 1].

    kind: one of `FORMATS`. known: the numbers of the data that became black and white. asked:
    "LOW:HIGH" instead. Alpha, of 2 or 4 channels the last, spans the whole range of its type.

    Raises UsageError where the range is not known, or where the format cannot hold it.
    """
    limits = known
    if asked is not None:
        low, high, parts = parse(asked)
        if parts:
            raise UsageError(
                f"--range {asked}: percentiles are of data, and samples need numbers",
                fix="--range 0:4095",
            )
        limits = low, high
    if limits is None:
        raise UsageError(
            f"--format {kind} needs the range of the data, and this model does not know it: "
            "its data had 8 bits, or an earlier version trained it",
            safe="nothing was drawn",
            fix="--range 0:65535, or the values of black and white of your data",
        )
    dtype = dtype_for(kind, *limits)
    write = png if kind == "png16" else tiff
    return lambda sample: write(to_units(sample, *limits, dtype))


def dtype_for(kind: str, low: float, high: float) -> np.dtype[Any]:
    """The type of numbers that a file holds. Raises UsageError where the range does not fit."""
    if kind == "tiff32":
        return np.dtype(np.float32)
    span = f"the data's values, {low:g} to {high:g},"
    if high - low < STEPS:
        raise UsageError(
            f"{span} have too few whole numbers for --format {kind}",
            safe="nothing was drawn",
            fix="--format tiff32   or --range 0:65535",
        )
    if low >= 0 and high <= 65535:
        return np.dtype(np.uint16)
    if kind == "tiff16" and low >= -32768 and high <= 32767:
        return np.dtype(np.int16)
    fits = low >= -32768 and high <= 32767
    raise UsageError(
        f"{span} do not fit into --format {kind}",
        safe="nothing was drawn",
        fix=f"--format {'tiff16' if fits else 'tiff32'}",
    )


def to_units(sample: Tensor, low: float, high: float, dtype: np.dtype[Any]) -> NDArray[Any]:
    """One sample (C, H, W) in [-1, 1] as (H, W, C) in the data's units; beyond is clipped."""
    share = (sample.detach().double().clamp(-1, 1).add(1) / 2).cpu().numpy().transpose(1, 2, 0)
    values = low + share * (high - low)
    whole = dtype.kind in "iu"
    if share.shape[2] in (2, 4):
        values[:, :, -1] = share[:, :, -1] * (np.iinfo(dtype).max if whole else 1.0)
    found: NDArray[Any] = (np.rint(values) if whole else values).astype(dtype)
    return np.ascontiguousarray(found)


def png(values: NDArray[np.uint16]) -> bytes:
    """A 16-bit PNG of uint16 (H, W, C), C from 1 to 4."""
    height, width, channels = values.shape
    rows = values.astype(">u2").reshape(height, -1).view(np.uint8)
    lines = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 16, PNG_COLOURS[channels], 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def tiff(values: NDArray[Any]) -> bytes:
    """A TIFF of uint16, int16 or float32 (H, W, C), C from 1 to 4, in one strip."""
    height, width, channels = values.shape
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    sample_format = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    short, long = 3, 4
    tags: list[tuple[int, int, list[int]]] = [
        (256, long, [width]),
        (257, long, [height]),
        (258, short, [8 * values.dtype.itemsize] * channels),
        (259, short, [1]),  # no compression
        (262, short, [2 if channels >= 3 else 1]),  # RGB, or black is zero
        (273, long, [8]),  # where the strip begins
        (277, short, [channels]),
        (278, long, [height]),  # rows in the strip
        (279, long, [len(data)]),
        *([(338, short, [2])] if channels in (2, 4) else []),  # alpha, not multiplied in
        (339, short, [sample_format] * channels),
    ]
    start = 8 + len(data) + len(data) % 2
    beyond = start + 2 + 12 * len(tags) + 4  # values of more than four bytes lie behind the table
    entries, more = b"", b""
    for number, kind, numbers in tags:
        packed = struct.pack(f"<{len(numbers)}{'H' if kind == short else 'I'}", *numbers)
        if len(packed) > 4:
            place = struct.pack("<I", beyond + len(more))
            more += packed
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack("<HHI", number, kind, len(numbers)) + place
    table = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    return struct.pack("<2sHI", b"II", 42, start) + data + b"\0" * (len(data) % 2) + table + more
