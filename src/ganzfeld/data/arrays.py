"""Images that are already numbers: IDX files (MNIST's), .npy and .npz."""

from __future__ import annotations

import gzip
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import shown
from ganzfeld.errors import DataError
from ganzfeld.modalities.image.ranges import (
    FLAT,
    LABELS,
    Range,
    Seen,
    advice,
    greys,
    parse,
    percentiles,
    to_bytes,
    usual,
    words_on,
)

IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
ROWS = 4096  # looked at together
FEW_VALUES = 64  # uint8 below: perhaps a mask or a label map
NOT_FINITE = "holds numbers that are NaN or infinite"
SAMPLED = 256  # images from which percentiles are taken
LONG = 200  # characters of what NumPy says, which may repeat a whole file
# what NumPy raises for a file that is not what it says it is
NUMPY_ERRORS = (
    *(ValueError, TypeError, KeyError, OverflowError, EOFError, OSError, zlib.error),
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError, SyntaxError, tokenize.TokenError),
)


@dataclass(frozen=True, kw_only=True)
class How:
    """What a user says of numbers: see `ganzfeld.data.source.Reading`."""

    range: str | None = None
    rules: int = 2


@dataclass(kw_only=True)
class Stack:
    """Images (N, C, H, W), read by `rows(start, stop)` as uint8."""

    shape: tuple[int, int, int, int]
    rows: Callable[[int, int], NDArray[np.uint8]]
    scaling: str = ""  # how its numbers became 0 to 255; "" when they were
    values: str = ""  # the same, with its range, for people
    limits: tuple[float, float] | None = None  # the numbers that became 0 and 255, if not they
    bad: dict[int, str] = field(default_factory=dict)  # rows that hold what is no number
    aside: list[str] = field(default_factory=list)  # what beside it is not used


def read_idx(path: Path) -> NDArray[Any]:
    """One IDX file, gzip or not. Raises `DataError` when it is cut short or no IDX file."""
    try:
        with open(path, "rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            file: BinaryIO = gzip.GzipFile(fileobj=raw) if zipped else raw  # type: ignore[assignment]
            kind, shape = read_idx_header(file)
            dtype = np.dtype(IDX_TYPES[kind])
            promised = math.prod(shape) * dtype.itemsize
            data = _read_at_most(file, promised + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error, struct.error) as error:
        raise DataError(f"{shown(path.name)} is cut short or damaged ({error})") from error
    if len(data) != promised:
        sizes = " x ".join(f"{side:,}" for side in shape)
        more = "more" if len(data) > promised else f"{len(data):,}"
        raise DataError(
            f"{shown(path.name)} does not hold what its header says: {sizes} numbers "
            f"({promised:,} bytes), but {more} bytes are there",
            fix="download it again",
        )
    array = np.frombuffer(data, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="))


def read_idx_header(file: BinaryIO) -> tuple[int, tuple[int, ...]]:
    """Type code and shape. Raises `EOFError` when the header is cut, `DataError` when wrong."""
    magic = file.read(4)
    if len(magic) < 4:
        raise EOFError("no header")
    if magic[:2] != b"\0\0" or magic[2] not in IDX_TYPES or not 1 <= magic[3] <= 5:
        raise DataError("not an IDX file: it does not begin as one")
    sides = file.read(4 * magic[3])
    if len(sides) < 4 * magic[3]:
        raise EOFError("the header is cut")
    return magic[2], struct.unpack(f">{magic[3]}I", sides)


def _read_at_most(file: BinaryIO, size: int) -> bytes:
    """Up to `size` bytes, in pieces: a header may promise more than memory holds."""
    pieces, left = [], size
    while left and (piece := file.read(min(left, 16 << 20))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def read_npy(path: Path) -> NDArray[Any]:
    """A .npy file, memory-mapped. Never unpickles."""
    try:
        with np.errstate(over="ignore"):  # of sizes that no file has
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (*NUMPY_ERRORS, MemoryError) as error:  # of a header of many brackets
        reason = numpy_reason(error)
        raise DataError(f"{shown(path.name)}: {reason}", fix=unpickled(reason)) from error
    assert isinstance(array, np.ndarray)
    return array


def numpy_reason(error: Exception) -> str:
    if "pickle" in str(error) or "Python objects" in str(error):
        return "it holds Python objects (pickle), which are never loaded, instead of numbers"
    said = shown(str(error))
    return f"cut short or damaged ({said if len(said) <= LONG else f'{said[:LONG]}...'})"


def unpickled(reason: str) -> str:
    """The line that saves an array of objects as one of numbers; "" for other reasons."""
    if "pickle" not in reason:
        return ""
    return (
        "if you trust the file: x = np.load('FILE', allow_pickle=True); "
        "np.save('data.npy', np.stack(list(x)).astype('float32')), where all x have one shape"
    )


def stack_of(array: NDArray[Any], name: str, reading: How | None = None) -> Stack:
    """Images of an array by its shape: (N, H, W), (N, H, W, C) or (N, C, H, W), C from 1 to 4."""
    reading = reading or How()
    if array.dtype.kind not in "iufbcO":
        raise DataError(
            f"{shown(name)} holds {array.dtype}: such numbers are not read", fix=_other(array)
        )
    if reading.rules >= 2:
        _refuse_one(array, name)
    if array.ndim == 3:
        array = array[:, None]
    elif array.ndim == 4 and array.shape[3] <= 4:
        array = array.transpose(0, 3, 1, 2)
    if array.ndim != 4 or not 1 <= array.shape[1] <= 4 or 0 in array.shape:
        raise DataError(
            f"{shown(name)} has the shape {array.shape}, which is not that of images",
            fix=_reshaping(array, name),
        )
    convert, scaling, words, bad, limits = _conversion(array, name, reading)
    n, c, h, w = array.shape
    return Stack(
        shape=(n, c, h, w),
        rows=lambda a, b: convert(array[a:b]),
        scaling=scaling,
        values=words,
        limits=limits,
        bad=bad,
    )


def _refuse_one(array: NDArray[Any], name: str) -> None:
    """(H, W, C) is one image in colour, not H grey ones."""
    one = array.ndim == 3 and array.shape[2] <= 4 and min(array.shape[:2]) >= 8
    if one or (array.ndim in (3, 4) and len(array) == 1):
        what = "in colour " if one and array.shape[2] >= 3 else ""
        raise DataError(
            f"{shown(name)} has the shape {array.shape}: one image {what}is not a data set; "
            "two images are needed at least, and some hundreds to learn from",
            fix="an array (N, H, W) or (N, H, W, C) of many images"
            + ("; if these are many grey ones: x[:, None]" if one else ""),
        )


def _reshaping(array: NDArray[Any], name: str) -> str:
    """The line that makes images of a table of flattened ones, or the shapes that are known."""
    if array.ndim == 2 and array.shape[1] >= 64:
        for channels in (1, 3):
            side = math.isqrt(array.shape[1] // channels)
            if side * side * channels == array.shape[1]:
                shape = f"(-1, {side}, {side})" if channels == 1 else f"(-1, 3, {side}, {side})"
                return (
                    f'np.save("data.npy", x.reshape{shape}), if its rows are images; else --as '
                    "field or --as series"
                )
    if array.ndim == 5:
        return 'volumes are not learned: np.save("data.npy", x[:, k]) takes one slice of each'
    if array.ndim == 1:
        return (
            "np.savetxt('data.csv', x, header='x', comments=''), read as a table, or "
            "by --as series as one long series"
        )
    if array.ndim == 2:
        return (
            "as a table: np.savetxt('data.csv', x, delimiter=','); else --as field or --as series"
        )
    return "use (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 to 4 channels"


def _other(array: NDArray[Any]) -> str:
    """The line that saves an array of no plain numbers as what is read."""
    if array.dtype.kind == "c":
        return 'np.save("data.npy", np.stack([x.real, x.imag], axis=1)), or np.abs(x)'
    if array.dtype.kind in "US":
        return 'np.savetxt("lines.txt", x, fmt="%s"), a sample a line'
    if array.dtype.names:
        return 'pandas.DataFrame(x).to_csv("data.csv", index=False)'
    return 'np.save("data.npy", x.astype("float32")), if these are numbers'


Convert = Callable[[NDArray[Any]], NDArray[np.uint8]]
Conversion = tuple[Convert, str, str, dict[int, str], tuple[float, float] | None]


def _conversion(array: NDArray[Any], name: str, reading: How) -> Conversion:
    """How the numbers become 0 to 255, a fact to count, words on the range, bad rows, and the
    numbers that become 0 and 255."""
    if array.dtype.kind not in "iufb":
        raise DataError(
            f"{shown(name)} holds {array.dtype}: such numbers are not read", fix=_other(array)
        )
    if reading.range is not None:
        return _asked(array, name, reading.range)
    if array.dtype == np.bool_:
        refuse_flat(shown(name), "bool", _seen(array)[0], (0, 1))
        return (
            (lambda x: x.astype(np.uint8) * np.uint8(255)),
            "true and false to 255 and 0",
            "",
            {},
            None,
        )
    if reading.rules < 2 and array.dtype == np.uint8:
        return np.ascontiguousarray, "", "", {}, None
    if reading.rules < 2 and array.dtype == np.uint16:
        return (lambda x: (x >> 8).astype(np.uint8)), "16-bit", "", {}, (0, 65535)
    seen, bad = _seen(array)
    if array.dtype == np.uint8 and seen.high >= LABELS:
        return np.ascontiguousarray, "", f"{seen.low:g} to {seen.high:g}", {}, None
    if array.dtype == np.uint8 and seen.high == 0:
        raise DataError(f"{shown(name)} holds nothing but zeros")
    found = usual(seen)
    if found is None or (seen.whole and array.dtype != np.uint16 and seen.high > 65535):
        if seen.low == seen.high:
            raise DataError(
                f"{shown(name)} holds {array.dtype.name} that are all {seen.low:g}: there is "
                "nothing to learn"
            )
        what = f"from {seen.low:g} to {seen.high:g}"
        if not math.isfinite(seen.low):
            what = "without one image of finite numbers: all are NaN or infinite"
        raise DataError(
            f"{shown(name)} holds {array.dtype} {what}; it is not clear what black and white are",
            fix=advice(seen),
        )
    kind = "floating-point" if array.dtype.kind == "f" else str(array.dtype)
    refuse_flat(shown(name), kind, seen, (found.low, found.high))
    fact = f"{kind} in {found.low:g} to {found.high:g}"
    if array.dtype == np.uint16 and found.high == 65535:
        fact = "16-bit"
    few = words_on(greys(seen, found.low, found.high))
    words, limits = f"{kind}, {found.words}{few}", (found.low, found.high)
    return _by_range(found), fact, words, bad, limits


def refuse_flat(what: str, kind: str, seen: Seen, limits: tuple[float, float]) -> None:
    """DataError where all numbers become the same grey, or nearly so."""
    if greys(seen, *limits) >= FLAT:
        return
    same = seen.low == seen.high
    raise DataError(
        f"{what} holds {kind} numbers that are all {seen.low:g}: all images are the same grey"
        if same
        else f"{what} holds {kind} numbers from {seen.low:g} to {seen.high:g}: with {limits[0]:g} "
        f"as black and {limits[1]:g} as white, all images are the same grey",
        safe="nothing was trained",
        fix="give images that differ" if same else advice(seen),
    )


def _by_range(found: Range) -> Convert:
    def convert(x: NDArray[Any]) -> NDArray[np.uint8]:
        return to_bytes(np.nan_to_num(x) if x.dtype.kind == "f" else x, found.low, found.high)

    return convert


def _asked(array: NDArray[Any], name: str, text: str) -> Conversion:
    """By the range, or the percentiles, that the user gave."""
    low, high, parts = parse(text)
    bad = _seen(array)[1] if array.dtype.kind == "f" else {}
    words = f"{low:g} to {high:g}, as requested; values beyond are clipped"
    found: Range | None = Range(low=low, high=high, words=words)
    if parts:
        places = np.unique(np.linspace(0, len(array) - 1, SAMPLED).round().astype(np.int64))
        found = percentiles(np.asarray(array[places], dtype=np.float64).reshape(-1), low, high)
    if found is None:
        raise DataError(f"{shown(name)}: its percentiles {text} are one number", fix="--range 0:1")
    return _by_range(found), f"range {text}", found.words, bad, (found.low, found.high)


def _seen(array: NDArray[Any]) -> tuple[Seen, dict[int, str]]:
    """The range of the finite rows, and the rows that are not finite."""
    low, high, bad = math.inf, -math.inf, {}
    for start in range(0, len(array), ROWS):
        rows = array[start : start + ROWS]
        if rows.dtype.kind == "f":
            finite = np.isfinite(rows).all(axis=tuple(range(1, rows.ndim)))
            for row in np.flatnonzero(~finite):
                bad[start + int(row)] = NOT_FINITE
            rows = rows[finite]
        if rows.size:
            low, high = min(low, float(rows.min())), max(high, float(rows.max()))
        if array.dtype == np.uint8 and high >= FEW_VALUES:
            break  # plain images: the rest need not be read for it
    if low > high:
        low = high = math.nan
    whole = array.dtype.kind in "iub"
    return Seen(low=low, high=high, whole=whole, depth=str(array.dtype)), bad


def classes_of(
    labels: NDArray[Any], count: int, name: str
) -> tuple[NDArray[np.int64] | None, list[str], str]:
    """Labels (N,) int64 from 0, the classes' names (the values that occur, in order), and "".

    Labels None and the reason, where they are no classes: several of an image, or measurements.
    """
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and len(labels) == count and labels.dtype.kind in "biuf":
        if not (((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all()):
            return None, [], f"labels of the shape {labels.shape} that are not one-hot"
        labels = labels.argmax(axis=1)
    if labels.shape != (count,):
        raise DataError(
            f"{shown(name)}: {count:,} images, but labels of the shape {labels.shape}",
            fix="give one label an image, or pass --labels none",
        )
    if labels.dtype.kind == "f" and not (labels == np.floor(labels)).all():
        return None, [], "labels that are no whole numbers"
    if labels.dtype.kind not in "biufUS":
        raise DataError(f"{shown(name)}: labels of the type {labels.dtype} are not understood")
    if labels.dtype.kind in "bf":
        labels = labels.astype(np.int64)
    values, places = np.unique(labels, return_inverse=True)
    names = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]
    return places.astype(np.int64).reshape(-1), names, ""
