"""Named columns of a pack: of any type and shape, and ragged ones with their lengths."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.modalities.base import Spec

DTYPES = {"uint8": "U8", "int16": "I16", "int32": "I32", "float32": "F32"}
CHUNK_BYTES = 16 << 20  # written, hashed and looked at together
EXACT = 1 << 24  # the largest whole number up to which float32 holds all
Index = NDArray[np.int64]


def is_ragged(spec: Spec) -> bool:
    """Whether samples end at different places of their last axis."""
    return bool(spec.extra.get("ragged"))


@dataclass(kw_only=True)
class Values:
    """A column before it is stored.

    rows: an array (N, *shape), perhaps memory-mapped, or, of a ragged column, an array for each
        sample, of which the last axis is as long as the sample is.
    lines: the cells as texts, where `rows` do not say in which order their parts stand.
    """

    spec: Spec
    rows: NDArray[Any] | Sequence[NDArray[Any]]
    lines: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def kept(self, chosen: Sequence[int]) -> Values:
        """Some of the rows. chosen: their numbers."""
        if len(chosen) == len(self):
            return self
        lines = self.lines and [self.lines[i] for i in chosen]
        if isinstance(self.rows, np.ndarray):
            places = np.asarray(chosen, dtype=np.int64)
            large = self.rows.nbytes > CHUNK_BYTES
            rows: Any = Chosen(self.rows, places) if large else self.rows[places]
            return Values(spec=self.spec, rows=rows, lines=lines)
        return Values(spec=self.spec, rows=[self.rows[i] for i in chosen], lines=lines)

    def repeated(self, places: Sequence[int]) -> Values:
        """Rows by their numbers, some of them perhaps several times."""
        lines = self.lines and [self.lines[place] for place in places]
        if isinstance(self.rows, np.ndarray):
            rows: Any = self.rows[np.asarray(places, dtype=np.int64)]
            return Values(spec=self.spec, rows=rows, lines=lines)
        return Values(spec=self.spec, rows=[self.rows[place] for place in places], lines=lines)

    def ends(self) -> Index:
        """Where each sample of a ragged column ends, (N + 1,), counted in its last axis."""
        lengths = [row.shape[-1] for row in self.rows]
        return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    def chunks(self) -> Iterator[NDArray[Any]]:
        """The bytes to store, as arrays of some MiB of this type, little-endian."""
        dtype = np.dtype(self.spec.dtype).newbyteorder("<")
        if is_ragged(self.spec):
            for row in self.rows:
                yield np.ascontiguousarray(row, dtype=dtype)
            return
        each = max(1, CHUNK_BYTES // max(1, math.prod(self.spec.shape) * dtype.itemsize))
        for start in range(0, len(self.rows), each):
            yield np.ascontiguousarray(self.rows[start : start + each], dtype=dtype)

    def hash(self) -> Any:
        """A sha256 that knows type, shape and, of a ragged column, ends; the numbers come next."""
        lies = [list(self.spec.shape), self.spec.dtype]
        digest = hashlib.sha256(json.dumps(lies).encode("ascii"))
        if is_ragged(self.spec):
            digest.update(self.ends().astype("<i8").tobytes())
        return digest


class Chosen:
    """Some rows of an array that may be larger than memory, read as they are sliced."""

    def __init__(self, array: NDArray[Any], chosen: Index) -> None:
        self.array, self.chosen = array, chosen

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, part: slice) -> NDArray[Any]:
        return self.array[self.chosen[part]]


@dataclass(kw_only=True)
class Column:
    """A column of a pack.

    stored: (N, *shape), memory-mapped; of a ragged column all its numbers in a row.
    ends: None, or (N + 1,) where each sample of a ragged column ends, counted in its last axis.
    digest: sha256 hex of the content, of all its rows.
    chosen: the rows that count, (n,); None: all of them.

    Example::

        pack = ganzfeld.data.pack.open_pack("lines.txt")
        column = pack.columns["x"]
        column.rows(np.arange(4))     # int16 (4, longest), zeros behind the end of a line
        column.lengths(np.arange(4))  # int64 (4,)
    """

    spec: Spec
    stored: NDArray[Any]
    ends: Index | None = None
    digest: str = ""
    check: Any = field(default=None, repr=False)  # called before each access
    chosen: Index | None = None

    def __len__(self) -> int:
        if self.chosen is not None:
            return len(self.chosen)
        return len(self.stored) if self.ends is None else len(self.ends) - 1

    def part(self, chosen: Index) -> Column:
        """The same column with some of its rows, of which nothing is copied."""
        return replace(self, chosen=self.placed(chosen))

    def placed(self, indices: Index) -> Index:
        """Row numbers in the file."""
        indices = np.asarray(indices, dtype=np.int64)
        found: Index = indices if self.chosen is None else self.chosen[indices]
        return found

    def rows(self, indices: Index) -> NDArray[Any]:
        """Copies of samples, (n, *spec.shape), ragged ones with zeros behind their ends."""
        if self.check is not None:
            self.check()
        if self.ends is None:
            return np.array(self.stored[self.placed(indices)])
        found = np.zeros((len(indices), *self.spec.shape), dtype=self.spec.dtype)
        places, outer = self.placed(indices), self.spec.shape[:-1]
        every, each = np.asarray(self.stored), math.prod(outer)  # slices of a map are slow
        begins, ends = self.ends[places].tolist(), self.ends[places + 1].tolist()
        for row, first, last in zip(found, begins, ends, strict=True):
            sample = every[each * first : each * last]
            row[..., : last - first] = sample.reshape(*outer, last - first)
        return found

    def sample(self, index: int) -> NDArray[Any]:
        """One sample as it lies, without what fills a ragged one up."""
        if self.check is not None:
            self.check()
        index = int(self.placed(np.array(index)))
        if self.ends is None:
            found: NDArray[Any] = self.stored[index]
            return found
        first, last = int(self.ends[index]), int(self.ends[index + 1])
        outer = self.spec.shape[:-1]
        each = math.prod(outer)
        return self.stored[each * first : each * last].reshape(*outer, last - first)

    def lengths(self, indices: Index) -> Index:
        """Lengths of samples, (n,): of the last axis."""
        if self.ends is None:
            last = self.spec.shape[-1] if self.spec.shape else 1
            return np.full(len(indices), last, dtype=np.int64)
        found: Index = np.diff(self.ends)[self.placed(indices)]
        return found


def ragged(
    rows: Sequence[NDArray[Any]],
    modality: str,
    dtype: str,
    outer: tuple[int, ...] = (),
    **extra: Any,
) -> Values:
    """A ragged column. outer: the axes before the last, alike for all samples."""
    longest = max((row.shape[-1] for row in rows), default=0)
    spec = Spec(modality, (*outer, longest), dtype, {**extra, "ragged": True})
    return Values(spec=spec, rows=rows)


def scattered(values: Values, places: Sequence[int], count: int) -> Values:
    """A column of good samples as one of all samples. places: of the good ones.

    What the others have is of no meaning: they are left out of a pack.
    """
    if len(places) == count:
        return values
    found = np.zeros(count, dtype=np.int64)
    found[np.asarray(places, dtype=np.int64)] = np.arange(len(places))
    return values.repeated([int(row) for row in found])


def texts(lines: Sequence[str], **extra: Any) -> Values:
    """Raw text: the code points of every line, ragged int32."""
    rows = [np.frombuffer(line.encode("utf-32-le", "surrogatepass"), "<i4") for line in lines]
    return ragged(rows, "text", "int32", **extra)


def text_of(codes: NDArray[Any]) -> str:
    """A line from its code points (n,).

    Example::

        assert text_of(np.array([71, 111])) == "Go"
    """
    return np.asarray(codes, dtype="<i4").tobytes().decode("utf-32-le", "surrogatepass")


def fingerprint_of(
    specs: Mapping[str, Mapping[str, Any]], classes: Sequence[str], labels: Index | None
) -> str:
    """sha256 of names, kinds and contents of all columns in the order of their names, and labels.

    specs: what `Spec.to_json` gives, with the "digest" of each column.
    """
    rows = [[[name, specs[name]] for name in sorted(specs)], list(classes)]
    digest = hashlib.sha256(json.dumps(rows, sort_keys=True).encode("ascii"))
    if labels is not None:
        digest.update(labels.astype("<i8").tobytes())
    return digest.hexdigest()


def stored_bytes(values: Values) -> int:
    """What a column takes in a pack."""
    each = np.dtype(values.spec.dtype).itemsize
    if is_ragged(values.spec):
        return each * sum(row.size for row in values.rows) + 8 * (len(values) + 1)
    return each * len(values) * math.prod(values.spec.shape)
