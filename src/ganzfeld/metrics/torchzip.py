"""The tensors of a PyTorch or TorchScript file, read without running anything in it.

Such a file is a zip of raw storages and of a program for a stack machine (a pickle) that says
which storage is which tensor; before 2020 it was programs and storages one behind the other.
The machine can call any function; this one cannot call at all. It follows the structure,
rebuilds tensors, and takes every other object for a plain dictionary.
"""

from __future__ import annotations

import io
import math
import pickletools
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.errors import DataError

TYPES: dict[str, np.dtype[Any]] = {
    "torch FloatStorage": np.dtype("<f4"),
    "torch DoubleStorage": np.dtype("<f8"),
    "torch HalfStorage": np.dtype("<f2"),
    "torch LongStorage": np.dtype("<i8"),
}
TENSOR = "torch._utils _rebuild_tensor_v2"
PARAMETER = "torch._utils _rebuild_parameter"
MAGIC = 0x1950A86A20F9469CFC6C  # of the older kind
PROGRAM_BYTES = 4 << 20  # at most; that of a large network has some 100 kB


@dataclass(frozen=True)
class Name:
    """A function or class the file names. It is not looked up."""

    name: str


@dataclass
class Object:
    """Anything that is no tensor, with its attributes or items."""

    items: dict[Any, Any] = field(default_factory=dict)


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Tensors by dotted name. Raises DataError for a file that is not such, or is damaged."""
    try:
        return read_zip(path) if zipfile.is_zipfile(path) else read_sequence(path)
    except Exception as error:  # damaged bytes make zipfile raise nearly anything
        raise DataError(f"{path} is not a PyTorch file of tensors: {error}") from error


def read_zip(path: Path) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(path) as archive:
        [program] = [n for n in archive.namelist() if n.split("/")[1:] == ["data.pkl"]]
        folder = program.removesuffix("data.pkl") + "data/"
        storages = Storages(
            lambda name: stored(archive, folder + name, storages.left),
            left=4 * path.stat().st_size,
        )
        program_bytes = io.BytesIO(stored(archive, program, PROGRAM_BYTES))
        return flat(Machine(storages.tensor).run(program_bytes))


def read_sequence(path: Path) -> dict[str, NDArray[Any]]:
    """The older kind: three short programs, the structure, the storages' names, the storages."""
    with open(path, "rb") as file:
        magic, *_ = [Machine(no_tensor).run(file) for _ in range(3)]
        if magic != MAGIC:
            raise ValueError("it begins with other bytes")
        kinds: dict[str, str] = {}
        start = file.tell()
        Machine(lambda storage, *_: kinds.update({storage[1]: storage[0].name})).run(file)
        end = file.tell()
        data = {}
        for name in Machine(no_tensor).run(file):
            (count,) = struct.unpack("<q", file.read(8))
            size = TYPES[kinds[name]].itemsize * count
            if not 0 <= size <= path.stat().st_size - file.tell():
                raise ValueError("it is cut short")
            data[name] = file.read(size)
        file.seek(start)
        storages = Storages(lambda name: data[name], left=4 * path.stat().st_size)
        tensors = flat(Machine(storages.tensor).run(file))
        if file.tell() != end:
            raise ValueError("its structure changed while it was read")
        return tensors


def no_tensor(*_: Any) -> None:
    raise ValueError("there is a tensor where none can be")


def stored(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A member's bytes. PyTorch never compresses; what is compressed may be a bomb."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > most:
        raise ValueError(f"{name} is compressed or too large")
    return archive.read(info)


@dataclass
class Storages:
    """The raw numbers in a file. left: bytes that tensors may still take."""

    fetch: Callable[[str], bytes]  # by name
    left: int

    def tensor(self, storage: Any, offset: int, shape: Any, strides: Any) -> NDArray[Any]:
        kind, name = storage
        values = np.frombuffer(self.fetch(name), TYPES[kind.name])
        found = strided(values, offset, shape, strides)
        self.left -= found.nbytes
        if self.left < 0:
            raise ValueError("its tensors are larger than the file")
        return found


def strided(
    values: NDArray[Any], offset: int, shape: list[int], strides: list[int]
) -> NDArray[Any]:
    """A copy of a view into a storage; ValueError where it would reach outside."""
    numbers = [offset, *shape, *strides]
    if not all(isinstance(n, int) and n >= 0 for n in numbers) or len(shape) != len(strides):
        raise ValueError("a tensor has no sensible shape")
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if math.prod(shape) > len(values) or last >= len(values):
        raise ValueError("a tensor reaches beyond its storage")
    size = values.itemsize
    view = np.lib.stride_tricks.as_strided(values[offset:], shape, [s * size for s in strides])
    return view.copy()


def flat(tree: Any, path: str = "") -> dict[str, NDArray[Any]]:
    """The tensors of nested objects by dotted path."""
    if isinstance(tree, np.ndarray):
        return {path: tree}
    found: dict[str, NDArray[Any]] = {}
    items = tree.items if isinstance(tree, Object) else tree if isinstance(tree, dict) else {}
    for name, value in items.items():
        found |= flat(value, f"{path}.{name}" if path else str(name))
    return found


class Machine:
    """The stack machine of a pickle, without its power to import and to call."""

    def __init__(self, tensor: Callable[..., Any]) -> None:
        self.tensor = tensor
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memory: dict[int, Any] = {}

    def run(self, program: IO[bytes]) -> Any:
        for code, argument, _ in pickletools.genops(program):
            self.step(code.name, argument)
        return self.stack.pop()

    def step(self, code: str, argument: Any) -> None:
        stack = self.stack
        match code:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case "GLOBAL":
                stack.append(Name(argument))
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(code == "NEWTRUE")
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT" | "BINUNICODE":
                stack.append(argument)
            case "EMPTY_TUPLE" | "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "MARK":
                self.marks.append(len(stack))
            case "TUPLE":
                stack.append(self.above_mark())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(code[-1])
                stack[-count:] = [stack[-count:]]
            case "APPEND" | "APPENDS":
                values = self.above_mark() if code == "APPENDS" else [stack.pop()]
                stack[-1].extend(values)
            case "SETITEM" | "SETITEMS":
                values = self.above_mark() if code == "SETITEMS" else [stack.pop(-2), stack.pop()]
                items_of(stack[-1]).update(zip(values[::2], values[1::2], strict=True))
            case "BINPUT" | "LONG_BINPUT":
                self.memory[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self.memory[argument])
            case "BINPERSID":
                _, kind, key, *_ = stack.pop()
                stack.append((kind, key))
            case "NEWOBJ" | "REDUCE":
                arguments, function = stack.pop(), stack.pop()
                stack.append(self.made(function, arguments))
            case "BUILD":
                state = stack.pop()
                items_of(stack[-1]).update(state)
            case _:
                raise ValueError(f"it holds the instruction {code}, which no tensors need")

    def above_mark(self) -> list[Any]:
        mark = self.marks.pop()
        values = self.stack[mark:]
        del self.stack[mark:]
        return values

    def made(self, function: Name, arguments: list[Any]) -> Any:
        if function.name == TENSOR:
            return self.tensor(*arguments[:4])
        if function.name == PARAMETER:
            return arguments[0]
        return Object()  # a module, a list of numbers: of no interest, and never called


def items_of(target: Any) -> dict[Any, Any]:
    items: dict[Any, Any] = target.items if isinstance(target, Object) else target
    return items
