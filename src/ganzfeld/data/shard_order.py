"""The order in which images of shards are drawn: a pure function of the seed and the position.

Runs of images that lie beside each other (64 of a tar file, a row group of Parquet) are shuffled in
each epoch over all shards, so that what is sorted within a shard, or from shard to shard, is mixed.
So many of them as fill a window are read one after another, and the images of a window are shuffled
among each other. Each image comes once an epoch. Nothing is remembered: a run that goes on reads
the window again.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator

Numbers = NDArray[np.int64]


class Order:
    """Of images in pieces that lie one behind the other.

    starts, lengths: of the pieces (p,). without: numbers that are left out. window: images.

    Example::

        import numpy as np
        from ganzfeld.data.shard_order import Order

        order = Order(np.array([0, 4]), np.array([4, 3]), without=np.array([5]), window=4)
        first, second = order.window(0, 0, 0), order.window(0, 0, 1)
        assert sorted([*first, *second]) == [0, 1, 2, 3, 4, 6]
    """

    def __init__(self, starts: Numbers, lengths: Numbers, *, without: Numbers, window: int) -> None:
        self.without, self.size = np.unique(without), window
        ends = starts + lengths
        lost = np.searchsorted(self.without, ends) - np.searchsorted(self.without, starts)
        self.starts, self.whole, self.lengths = starts, lengths, lengths - lost
        self.count = int(self.lengths.sum())
        self.layout = lru_cache(maxsize=2)(self._layout)

    @property
    def windows(self) -> int:
        """In an epoch."""
        return -(-self.count // self.size)

    def _layout(self, seed: int, epoch: int) -> tuple[Numbers, Numbers]:
        """The pieces of an epoch in order, and where each ends, in images."""
        order = numpy_generator(seed, "pieces", epoch).permutation(len(self.starts))
        return order, np.cumsum(self.lengths[order])

    def window(self, seed: int, epoch: int, place: int) -> Numbers:
        """The images of a window in the order in which they are drawn."""
        order, ends = self.layout(seed, epoch)
        first, last = place * self.size, min((place + 1) * self.size, self.count)
        begin, end = np.searchsorted(ends, [first, last - 1], "right")
        chosen = order[begin : end + 1]
        numbers = np.concatenate([self._piece(piece) for piece in chosen])
        before = int(ends[begin] - self.lengths[chosen[0]])
        numbers = numbers[first - before : last - before]
        shuffled: Numbers = numpy_generator(seed, "window", epoch, place).permutation(numbers)
        return shuffled

    def _piece(self, piece: int) -> Numbers:
        start = self.starts[piece]
        numbers = np.arange(start, start + self.whole[piece], dtype=np.int64)
        if self.lengths[piece] == self.whole[piece]:
            return numbers
        return np.setdiff1d(numbers, self.without, assume_unique=True)

    def windows_of(self, start: int, length: int) -> list[tuple[int, int]]:
        """(epoch, window) of each window that holds some of these positions of an endless row."""
        found: list[tuple[int, int]] = []
        position = start
        while position < start + length:
            epoch, offset = divmod(position, self.count)
            place = offset // self.size
            found.append((epoch, place))
            position = epoch * self.count + min((place + 1) * self.size, self.count)
        return found

    def after(self, window: tuple[int, int]) -> tuple[int, int]:
        """The window that comes next."""
        epoch, place = window
        return (epoch, place + 1) if place + 1 < self.windows else (epoch + 1, 0)

    def first(self, window: tuple[int, int]) -> int:
        """The position of a window's first image."""
        return window[0] * self.count + window[1] * self.size
