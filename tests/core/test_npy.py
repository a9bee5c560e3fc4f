"""Arrays from strangers' files: what a head promises is held against what is there."""

from __future__ import annotations

import io
import resource
import struct
import zipfile
from typing import Any

import numpy as np
import pytest

from ganzfeld.core import npy
from ganzfeld.core.reader import Unreadable

MOST = 1 << 20


def saved(value: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, value, allow_pickle=True)
    return file.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def headed(shape: str, data: bytes = b"", kind: str = "<f8") -> bytes:
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


@pytest.mark.parametrize("value", [np.arange(6.0).reshape(2, 3), np.zeros((0, 4)), np.array(7)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_whole_arrays_are_read_as_numpy_reads_them(value: np.ndarray, order: Any) -> None:
    data = saved(np.asarray(value, order=order))
    assert np.array_equal(npy.array(data, MOST), np.load(io.BytesIO(data)))
    found = npy.arrays(zipped({"a.npy": data, "b.npy": data}), MOST, ["a"])
    assert list(found) == ["a"] and np.array_equal(found["a"], value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x09\x00",
        headed("(10**9,)"),
        headed("(1000000000000,)"),
        headed("(4,)", bytes(31)),
        headed("(-4,)", bytes(32)),
        headed("(4,)", bytes(32), "|O"),
        headed("(4,)", bytes(32), "<U2"),
        headed("(" * 200 + "4" + ",)" * 200, bytes(32)),
        headed("('a',)", bytes(32)),
        saved(np.array([{}], dtype=object)),
        saved(np.zeros(1 << 18)),
    ],
)
def test_heads_that_promise_what_is_not_there_are_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        npy.array(data, MOST)
    with pytest.raises(Unreadable, match="its member a "):
        npy.arrays(zipped({"a.npy": data}), MOST)


@pytest.mark.long
def test_a_member_that_unpacks_to_gigabytes_takes_no_memory() -> None:
    bomb = zipped({"sigma.npy": headed("(10000, 10000)") + bytes(400 << 20)})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Unreadable, match=r"its member sigma promises 800,000,000 bytes"):
        npy.arrays(bomb, MOST)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 << 10


def test_all_members_share_the_limit() -> None:
    half = saved(np.zeros(MOST // 16))
    assert len(npy.arrays(zipped({"a.npy": half, "b.npy": half}), MOST)) == 2
    with pytest.raises(Unreadable, match="allowed"):
        npy.arrays(zipped({"a.npy": half, "b.npy": half, "c.npy": half}), MOST)


def patched(data: bytes, mark: bytes, place: int, value: int) -> bytes:
    """A ZIP whose headers with this mark say something else."""
    found, start = bytearray(data), 0
    while (start := found.find(mark, start)) >= 0:
        found[start + place : start + place + 2] = struct.pack("<H", value)
        start += 4
    return bytes(found)


@pytest.mark.parametrize(
    ("mark", "place", "value"),
    [
        (b"PK\1\2", 6, 99),  # a version of the format that nobody knows
        (b"PK\1\2", 8, 1),  # encrypted
        (b"PK\1\2", 10, 99),  # packed in an unknown way
    ],
)
def test_zips_of_unknown_kinds_are_refused(mark: bytes, place: int, value: int) -> None:
    data = patched(zipped({"mu.npy": saved(np.zeros(4))}), mark, place, value)
    with pytest.raises(Unreadable, match="damaged"):
        npy.arrays(data, MOST)
