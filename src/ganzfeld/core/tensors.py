"""Check safetensors files of unknown origin before allocating memory for them."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from ganzfeld.core.reader import Unreadable, open_regular, parse
from ganzfeld.text import shown

if TYPE_CHECKING:
    from torch import Tensor

HEADER_BYTES = 16 << 20
MOST = 100_000  # tensors of a file
DIMENSIONS = 8
DTYPES = {
    "BOOL": ("bool", 1),
    "U8": ("uint8", 1),
    "I8": ("int8", 1),
    "I16": ("int16", 2),
    "I32": ("int32", 4),
    "I64": ("int64", 8),
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "F32": ("float32", 4),
    "F64": ("float64", 8),
}


class Layout(NamedTuple):
    """A tensor's type, by PyTorch's name, and shape, before there is any memory for it."""

    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


Layouts = dict[str, Layout]


def layouts_of(tensors: Mapping[str, Tensor]) -> Layouts:
    return {
        name: Layout(str(t.dtype).removeprefix("torch."), tuple(t.shape))
        for name, t in tensors.items()
    }


def read_layouts(path: Path) -> Layouts:
    """What a safetensors file holds, by its header alone. Raises Unreadable, and OSError."""
    with open_regular(path) as file:
        file.seek(0, 2)
        size = file.tell()
        file.seek(0)
        return header_of(file, size)


def load_tensors(data: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file. Raises Unreadable where it is malformed."""
    import io

    import safetensors.torch  # packs have headers of the same kind, and need no torch

    layouts = header_of(io.BytesIO(data), len(data))
    try:
        found: dict[str, Tensor] = safetensors.torch.load(data)
    except Exception as error:  # its own checks, which are those above and may become more
        raise Unreadable(f"is damaged: {error}") from error
    if layouts_of(found) != layouts:
        raise Unreadable("is damaged: its header does not fit its tensors")
    return found


def header_of(file: IO[bytes], size: int) -> Layouts:
    """The checked header of a file of `size` bytes. Raises Unreadable."""
    start = file.read(8)
    if len(start) < 8:
        raise Unreadable("is damaged: it is too short for safetensors")
    (length,) = struct.unpack("<Q", start)
    if length > min(HEADER_BYTES, size - 8):
        raise Unreadable("is damaged: its header is longer than the file or than 16 MiB")
    header = parse(file.read(length), depth=4)
    if not isinstance(header, dict) or len(header) > MOST:
        raise Unreadable("is damaged: its header is no table of tensors")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise Unreadable("is damaged: its metadata is no table of texts")
    places = {name: entry_of(name, entry) for name, entry in header.items()}
    end = 0
    for name, (_, first, last) in sorted(places.items(), key=lambda item: item[1][1:]):
        if first != end:
            raise Unreadable(f"is damaged: {shown(repr(name))} does not begin where another ends")
        end = last
    if 8 + length + end != size:
        raise Unreadable(
            f"is damaged: its tensors need {8 + length + end:,} bytes, and it has {size:,}"
        )
    return {name: layout for name, (layout, _, _) in places.items()}


def entry_of(name: str, entry: Any) -> tuple[Layout, int, int]:
    """A tensor's layout, and where its bytes begin and end."""
    told = shown(repr(name))
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise Unreadable(f"is damaged: {told} has no dtype, shape and data_offsets")
    shape, ends = entry["shape"], entry["data_offsets"]
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in DTYPES:
        raise Unreadable(f"has {told} of the type {shown(entry['dtype'], 40)}, which is not read")
    whole = isinstance(shape, list) and len(shape) <= DIMENSIONS and all(map(counts, shape))
    if not whole or math.prod(shape) > 2**48:
        raise Unreadable(f"is damaged: {told} has the shape {shown(shape, 80)}")
    if not isinstance(ends, list) or len(ends) != 2 or not all(map(counts, ends)):
        raise Unreadable(f"is damaged: {told} has the data_offsets {shown(ends, 80)}")
    dtype, each = DTYPES[entry["dtype"]]
    if ends[1] - ends[0] != math.prod(shape) * each:
        raise Unreadable(f"is damaged: {told} has other data_offsets than its shape needs")
    return Layout(dtype, tuple(shape)), ends[0], ends[1]


def counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**48


def not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The first tensor with a number that is NaN or infinite; None where all are finite."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            return name
    return None


def misfits(own: Layouts, given: Layouts) -> list[str]:
    """A line for each tensor of other shape or type, or on one side alone."""
    lines = []
    for name in {**own, **given}:
        here, there = own.get(name), given.get(name)
        if here == there:
            continue
        if here and there and here.dtype == there.dtype:
            told = f"{there.shape} there, {here.shape} here"
        elif here and there:
            told = f"{there} there, {here} here"
        else:
            sides = [layout.shape if layout else "none" for layout in (there, here)]
            told = f"{sides[0]} there, {sides[1]} here"
        lines.append(f"{shown(name)}: {told}")
    return lines
