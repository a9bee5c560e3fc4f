"""Read NumPy's .npy and .npz files of strangers: nothing is unpickled, and no head is believed.

A head of a few bytes may promise terabytes, for which NumPy would make room, and a member of a ZIP
may unpack to a thousand times its size. What an array promises is held against what is there and
against a limit before anything of it is read.
"""

from __future__ import annotations

import contextlib
import io
import math
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.reader import Unreadable
from ganzfeld.text import shown

MAGIC = b"\x93NUMPY"
KINDS = "biuf"  # of numbers
MEMBERS = 10_000
# what NumPy and zipfile raise, whatever the damage; MemoryError of a head of many brackets
ERRORS = (
    *(ValueError, TypeError, KeyError, OverflowError, EOFError, OSError, zlib.error, MemoryError),
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError, SyntaxError, tokenize.TokenError),
)


def array(data: bytes, most: int) -> NDArray[Any]:
    """The array of numbers in a .npy file; Unreadable where it is none, or has over `most` bytes.

    Example::

        import io
        import numpy as np
        from ganzfeld.core import npy

        file = io.BytesIO()
        np.save(file, np.zeros((2, 3)))
        assert npy.array(file.getvalue(), 1 << 20).shape == (2, 3)
    """
    with _told():
        return _read(io.BytesIO(data), len(data), most)


def arrays(data: bytes, most: int, names: Collection[str] | None = None) -> dict[str, Any]:
    """The arrays of numbers in an .npz file by their names; Unreadable where one cannot be read.

    most: bytes of all of them together, unpacked. names: those that are wanted; None: all.
    """
    found: dict[str, NDArray[Any]] = {}
    with _told(), zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if len(members) > MEMBERS:
            raise Unreadable(f"has {len(members):,} members, more than {MEMBERS:,}")
        for info in members:
            name = info.filename.removesuffix(".npy")
            if names is None or name in names:
                with _told(f"its member {shown(name)} "), archive.open(info) as file:
                    found[name] = _read(file, info.file_size, most)
                most -= found[name].nbytes
    return found


@contextlib.contextmanager
def _told(name: str = "") -> Iterator[None]:
    """Whatever is wrong with a file as Unreadable."""
    try:
        yield
    except Unreadable as error:
        raise Unreadable(f"{name}{error}") from error
    except ERRORS as error:
        raise Unreadable(f"{name}is damaged: {shown(str(error))}") from error


def _read(file: IO[bytes], size: int, most: int) -> NDArray[Any]:
    """The array in an open file of `size` bytes."""
    if file.read(len(MAGIC)) != MAGIC:
        raise Unreadable("is no array")
    version = tuple(file.read(2))
    head = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        head = np.lib.format.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python 2's heads
        shape, by_column, dtype = head(file)
    if dtype.kind not in KINDS:
        raise Unreadable(f"holds {shown(str(dtype), 40)}, not numbers")
    if min(shape, default=0) < 0:
        raise Unreadable("promises fewer numbers than none")
    promised = math.prod(map(int, shape)) * dtype.itemsize
    if promised > most:
        raise Unreadable(f"promises {promised:,} bytes, and {most:,} are allowed")
    if promised > size:
        raise Unreadable(f"promises {promised:,} bytes, and {size:,} are there")
    content = file.read(promised)
    if len(content) < promised:
        raise Unreadable(f"promises {promised:,} bytes, and {len(content):,} are there")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_column else "C").copy()
