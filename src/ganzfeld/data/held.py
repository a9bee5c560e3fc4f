"""Hold images out of training, to check a run against them.

Which ones they are depends on the data alone: every run on one data set holds out the same ones,
and a run that holds out fewer holds out some of those.
"""

from __future__ import annotations

import hashlib
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.decoding import leave_some
from ganzfeld.data.pack import Pack
from ganzfeld.errors import UsageError
from ganzfeld.modalities import Spec, modality_of, spec_of_data

SHARE, MOST = 0.05, 256  # of the images, and images, that are held out by default
LEAST = 100  # images, below which none are: each one is needed for training

Index = NDArray[np.int64]
ONCE: dict[str, NDArray[np.bool_]] = {}  # of the data looked at last, by fingerprint


class Part(Pack):
    """Some rows of a pack, as a pack of its own. chosen: row numbers (n,).

    Nothing is copied before it is asked for.
    """

    def __init__(self, whole: Pack, chosen: Index) -> None:
        self.whole, self.chosen = whole, chosen
        self.path, self.report, self.reused = whole.path, whole.report, whole.reused
        self.labels = None if whole.labels is None else whole.labels[chosen]
        self.classes = whole.classes
        self.columns = {name: column.part(chosen) for name, column in whole.columns.items()}
        content = whole.fingerprint.encode("ascii") + chosen.astype("<i8").tobytes()
        self.fingerprint = hashlib.sha256(content).hexdigest()

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        """A copy, uint8 (n, C, H, W)."""
        pixels: NDArray[np.uint8] = self.whole.rows(self.chosen)["x"]
        return pixels

    @property
    def spec(self) -> Spec:
        return spec_of_data(self.whole)

    @property
    def count(self) -> int:
        return len(self.chosen)

    @property
    def channels(self) -> int:
        return self.whole.channels

    @property
    def height(self) -> int:
        return self.whole.height

    @property
    def width(self) -> int:
        return self.whole.width

    def rows(self, indices: Index) -> dict[str, NDArray[Any]]:
        return self.whole.rows(self.chosen[indices])


def usual(images: int) -> int:
    """How many of so many images are held out where nobody says otherwise."""
    return min(round(SHARE * images), MOST) if images >= LEAST else 0


def held_rows(pack: Pack, count: int | None) -> Index:
    """Row numbers of the images that are held out, (count,); None: none.

    Where samples of a kind are often repeated, only such are held out as occur once: what is
    trained on then shares no sample with them. Of samples that follow each other in time, the last
    are held out.
    """
    if not count:
        return order(pack.fingerprint, len(pack))[:0]
    if (known := in_time(pack)) is not None:
        latest: Index = np.argsort(known[0], kind="stable")[::-1][:count]
        return latest
    rows = order(pack.fingerprint, len(pack))
    if modality_of(spec_of_data(pack)).repeats:
        rows = rows[occurs_once(pack)[rows]]
    return rows[:count]


def training_rows(pack: Pack, count: int | None) -> Index:
    """Row numbers of the samples that may be trained on where so many are held out, in order.

    Of samples that follow each other in time, none that ends less than a sample's length before
    the first that is held out.
    """
    held = held_rows(pack, count)
    rows: Index = np.setdiff1d(np.arange(len(pack)), held)
    if not len(held) or (known := in_time(pack)) is None:
        return rows
    begins, length = known
    early: Index = rows[begins[rows] + 2 * length <= begins[held].min()]
    return early


def in_time(pack: Pack) -> tuple[Index, int] | None:
    """In which step each sample begins, (N,), and how many it lasts; None where samples do not
    follow each other in time."""
    spec = spec_of_data(pack)
    where = modality_of(spec).in_time(spec)
    if where is None or where[0] not in pack.columns:
        return None
    column = pack.columns[where[0]]
    return column.rows(np.arange(len(column))).astype(np.int64), where[1]


def occurs_once(pack: Pack) -> NDArray[np.bool_]:
    """Whether no other sample of the data equals this one, (N,)."""
    if pack.fingerprint not in ONCE:
        x = pack.rows(np.arange(len(pack)))["x"].reshape(len(pack), -1)
        _, which, counts = np.unique(x, axis=0, return_inverse=True, return_counts=True)
        ONCE.clear()
        ONCE[pack.fingerprint] = counts[which.reshape(-1)] == 1
    return ONCE[pack.fingerprint]


@lru_cache(maxsize=4)
def order(fingerprint: str, count: int) -> Index:
    return numpy_generator("held out", fingerprint).permutation(count)


def training(data: Any, count: int | None) -> Any:
    """The data without the images that are held out: what a trainer draws from.

    count: images to hold out; None or 0: none, and the data are given back as they are.

    Raises UsageError where nothing would be left, or where the data are of two domains.
    """
    if not count:
        return data
    if hasattr(data, "held"):  # which keeps some out itself
        raise UsageError(
            "held_out is for data of one kind of image; a translation has held-out images of "
            "its own (testA and testB, or the test folder)",
            safe="nothing was trained",
            fix="leave --held-out away",
        )
    leave_some(len(data), count)
    rows = training_rows(data, count)
    if not len(rows):
        raise UsageError(
            f"--held-out {count:,}: no sample ends a sample's length before the first that is held "
            "out, so nothing is left to train on",
            safe="nothing was trained",
            fix="--held-out 0, shorter windows (--window), or more data",
        )
    part = Part(data, rows)
    if data.stream is not None:
        part.stream = data.stream.holding_out(held_rows(data, count))
    return part
