"""Code and weights as text in a page: sorted by place in a number, deflated, in base 85.

static/packed.js undoes it. The upper bytes of many numbers, signs and exponents, are much alike and
deflate well once they lie together; base 85 takes 25 % more than the bytes, base 64 takes 33 %.
The length stands first, for a stream refuses what is behind its end.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

LETTERS = str.maketrans("&<>`", ",./:")  # no character of Python's base 85 that HTML reads


def as_text(weights: bytes, tensors: Sequence[Sequence[Any]]) -> str:
    """Bytes of a page as text.

    tensors: [network, name, numbers, bytes of a number] as they lie, those of four
        bytes first, then those of two, then of one.

    Example::

        from ganzfeld.shipping.page_packed import as_text

        text = as_text(bytes(8), [["G", "a", 1, 4], ["G", "b", 2, 2]])
        assert "<" not in text
    """
    parts, at = [], 0
    for width in (4, 2, 1):
        size = width * sum(count for *_, count, own in tensors if own == width)
        parts.append(sorted_(weights[at : at + size], width))
        at += size
    data = deflated(b"".join(parts))
    return (
        base64.b85encode(len(data).to_bytes(4, "big") + data, pad=True).decode().translate(LETTERS)
    )


def deflated(data: bytes) -> bytes:
    """The shorter of zlib's two ways: one for code, one that seeks few repetitions for numbers."""
    found = []
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED):
        stream = zlib.compressobj(9, strategy=strategy)
        found.append(stream.compress(data) + stream.flush())
    return min(found, key=len)


def sorted_(numbers: bytes, width: int) -> bytes:
    """The first bytes of all numbers, then the second ones, and so on."""
    return np.frombuffer(numbers, np.uint8).reshape(-1, width).T.tobytes()
