"""The nearest of many rows to a few, exactly, without all distances in full.

Rows are turned so that the first few numbers of each hold most of its length, and what the rest
holds becomes one number more. Distances between the short rows are never longer than the true
ones, so only the rows that seem nearest are measured in full; where that does not prove that they
are the nearest, all are.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzfeld.metrics.distances import Array, nearest

FEW = 4_096  # rows that are all measured in full
SHORT = 96  # numbers of a short row, but for the one that stands for the rest
TRIED = 64  # rows measured in full for each that is looked up
ROWS = 512  # of one block: 50,000 columns of float32 are 100 MB
SOME = 5_000  # rows that tell where their lengths lie
ROUNDING = 1e-5  # of squared lengths, in float32
IN_FULL = 1.5  # what a look-up takes with the distances in full, over that without


class Neighbours:
    """Rows (M, D) in which the nearest ones can be looked up.

    Example::

        import numpy as np
        from ganzfeld.metrics.neighbours import Neighbours

        rows = np.random.default_rng(0).standard_normal((100, 8))
        indices, distances = Neighbours(rows).find(rows[:2], k=3)  # indices[:, 0] is 0, 1
    """

    def __init__(self, rows: Array) -> None:
        self.rows = rows
        self.short = len(rows) > FEW and rows.shape[1] > SHORT
        if not self.short:
            return
        self.centre = rows.mean(0)
        some = rows[:: -(-len(rows) // SOME)] - self.centre
        self.axes = np.linalg.eigh(some.T @ some)[1][:, -SHORT:]
        self.shortened = self.shorten(rows)
        self.lengths = self.shortened.square().sum(1)

    def shorten(self, rows: Array) -> Tensor:
        """Short rows (N, SHORT + 1), float32."""
        found = np.empty((len(rows), SHORT + 1), np.float32)
        for low in range(0, len(rows), FEW):
            part = rows[low : low + FEW] - self.centre
            turned = part @ self.axes
            rest = np.square(part).sum(1) - np.square(turned).sum(1)
            found[low : low + FEW, :-1] = turned
            found[low : low + FEW, -1] = np.sqrt(np.maximum(rest, 0.0))
        return torch.from_numpy(found)

    def find(self, samples: Array, k: int = 1) -> tuple[NDArray[np.int64], Array]:
        """As `distances.nearest(samples, rows, k)`: index and distance, both (N, k)."""
        if not self.short or k >= TRIED:
            return nearest(samples, self.rows, k)
        indices = np.empty((len(samples), k), np.int64)
        squares = np.empty((len(samples), k))
        proven = np.empty(len(samples), np.bool_)
        for low in range(0, len(samples), ROWS):
            part = slice(low, low + ROWS)
            indices[part], squares[part], proven[part] = self.tried(samples[part], k)
        found = np.sqrt(squares)
        if not proven.all():
            indices[~proven], found[~proven] = nearest(samples[~proven], self.rows, k)
        return indices, found

    def tried(self, samples: Array, k: int) -> tuple[NDArray[np.int64], Array, NDArray[np.bool_]]:
        """Indices and squared distances (n, k) of those that seem nearest; whether they are."""
        short = self.shorten(samples)
        own = short.square().sum(1)
        least, candidates = nearest_of(short, self.shortened, self.lengths)
        rows: NDArray[np.int64] = np.sort(candidates.numpy(), axis=1)  # equal ones in their order
        squares = np.stack(
            [np.square(self.rows[r] - x).sum(1) for r, x in zip(rows, samples, strict=True)]
        )
        order = np.argsort(squares, axis=1, kind="stable")[:, :k]
        squares = np.take_along_axis(squares, order, axis=1)
        slack = ROUNDING * (own + self.lengths.max())
        proven = squares[:, -1] <= (least[:, -1] + own - slack).numpy()
        return np.take_along_axis(rows, order, axis=1), squares, proven


def nearest_of(short: Tensor, among: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """The TRIED nearest of short rows (M, S), whose squared lengths are known, to each of (n, S).

    Squared distances, less the squared length of each of the n, ascending; and indices.
    """
    bounds = torch.addmm(lengths, short, among.T, alpha=-2)
    least, indices = torch.topk(bounds, TRIED, largest=False)
    return least, indices


def seconds_of(lookups: int, count: int) -> float:
    """About how long so many look-ups among so many rows take, by a trial on a part of them."""
    if count <= FEW:
        return 0.0
    noise = np.random.default_rng(0).standard_normal
    some = torch.from_numpy(noise((ROWS // 8, SHORT + 1), np.float32))
    among = torch.from_numpy(noise((count, SHORT + 1), np.float32))
    lengths = among.square().sum(1)
    nearest_of(some, among, lengths)  # the first time takes its memory
    started = time.monotonic()
    nearest_of(some, among, lengths)
    return IN_FULL * (time.monotonic() - started) * lookups / len(some)
