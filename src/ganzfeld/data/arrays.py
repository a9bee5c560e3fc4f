"""Pictures that are already numbers: IDX files (MNIST's), .npy and .npz."""

from __future__ import annotations

import gzip
import math
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ganzfeld.data.names import shown
from ganzfeld.errors import DataError

IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
IMAGE_KEYS = ("x", "images", "image", "arr_0")
LABEL_KEYS = ("y", "labels", "label", "arr_1")
ROWS = 4096  # looked at together


@dataclass(kw_only=True)
class Stack:
    """Pictures (N, C, H, W), read by `rows(start, stop)` as uint8."""

    shape: tuple[int, int, int, int]
    rows: Callable[[int, int], NDArray[np.uint8]]
    scaling: str = ""  # how its numbers became 0 to 255; "" when they were


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
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{shown(path.name)}: {_numpy_reason(error)}") from error
    assert isinstance(array, np.ndarray)
    return array


def read_npz(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Images and labels of an .npz, by their usual names. Never unpickles."""
    try:
        with np.load(path, allow_pickle=False) as file:
            keys = list(file.keys())
            image_key = next((key for key in IMAGE_KEYS if key in keys), None)
            label_key = next((key for key in LABEL_KEYS if key in keys), None)
            if image_key is None:
                raise DataError(
                    f"{shown(path.name)} holds {', '.join(map(shown, keys)) or 'nothing'}, "
                    f"and no array named {', '.join(IMAGE_KEYS)}",
                    fix='save it as np.savez("data.npz", x=images, y=labels)',
                )
            return file[image_key], file[label_key] if label_key else None
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{shown(path.name)}: {_numpy_reason(error)}") from error


def _numpy_reason(error: Exception) -> str:
    if "pickle" in str(error) or "Python objects" in str(error):
        return "it holds Python objects (pickle), which are never loaded, instead of numbers"
    return f"cut short or damaged ({error})"


def stack_of(array: NDArray[Any], name: str) -> Stack:
    """Pictures of an array by its shape: (N, H, W), (N, H, W, C) or (N, C, H, W), C from 1 to 4."""
    if array.ndim == 3:
        array = array[:, None]
    elif array.ndim == 4 and array.shape[3] <= 4:
        array = array.transpose(0, 3, 1, 2)
    if array.ndim != 4 or not 1 <= array.shape[1] <= 4 or 0 in array.shape:
        raise DataError(
            f"{shown(name)} has the shape {array.shape}, which is not that of pictures",
            fix="use (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 to 4 channels",
        )
    convert, scaling = _conversion(array, name)
    n, c, h, w = array.shape
    return Stack(shape=(n, c, h, w), rows=lambda a, b: convert(array[a:b]), scaling=scaling)


def _conversion(
    array: NDArray[Any], name: str
) -> tuple[Callable[[NDArray[Any]], NDArray[np.uint8]], str]:
    """How the numbers become 0 to 255, decided by their type and range."""
    if array.dtype == np.uint8:
        return np.ascontiguousarray, ""
    if array.dtype == np.bool_:
        return (lambda x: x.astype(np.uint8) * np.uint8(255)), "true and false to 255 and 0"
    if array.dtype == np.uint16:
        return (lambda x: (x >> 8).astype(np.uint8)), "16-bit"
    if array.dtype.kind not in "iuf":
        raise DataError(f"{shown(name)} holds {array.dtype}, which are no pictures")
    low, high = _range(array)
    if array.dtype.kind in "iu" and low >= 0 and high <= 255:
        return (lambda x: x.astype(np.uint8)), f"{array.dtype} in 0 to 255"
    if array.dtype.kind == "f" and low >= 0 and high <= 1:
        return (lambda x: np.rint(x * 255.0).astype(np.uint8)), "floating-point in 0 to 1"
    if array.dtype.kind == "f" and low >= -1 and high <= 1:
        return (
            (lambda x: np.rint((x + 1.0) * 127.5).astype(np.uint8)),
            "floating-point in -1 to 1",
        )
    raise DataError(
        f"{shown(name)} holds {array.dtype} from {low:g} to {high:g}; it is not clear what black "
        "and white are",
        fix="save it as uint8 (0 to 255), or as float in 0 to 1 or -1 to 1",
    )


def _range(array: NDArray[Any]) -> tuple[float, float]:
    """Lowest and highest number; (nan, nan) when one is not a number."""
    low, high = math.inf, -math.inf
    for start in range(0, len(array), ROWS):
        rows = array[start : start + ROWS]
        a, b = float(rows.min()), float(rows.max())
        if math.isnan(a) or math.isnan(b):
            return math.nan, math.nan
        low, high = min(low, a), max(high, b)
    return low, high


def classes_of(labels: NDArray[Any], count: int, name: str) -> tuple[NDArray[np.int64], list[str]]:
    """Labels (N,) int64 from 0, and the classes' names: the values that occur, in order."""
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (count,):
        raise DataError(
            f"{shown(name)}: {count:,} pictures, but labels of the shape {labels.shape}",
            fix="give one label a picture, or pass --labels none",
        )
    if labels.dtype.kind == "f" and (labels != np.floor(labels)).any():
        raise DataError(f"{shown(name)}: the labels are no whole numbers")
    if labels.dtype.kind not in "biufUS":
        raise DataError(f"{shown(name)}: labels of the type {labels.dtype} are not understood")
    if labels.dtype.kind in "bf":
        labels = labels.astype(np.int64)
    values, places = np.unique(labels, return_inverse=True)
    names = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]
    return places.astype(np.int64).reshape(-1), names
