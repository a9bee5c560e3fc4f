"""Choose the samples of each batch by a pure function of its position, without state."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import distributed
from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)
from ganzfeld.core.randomness import numpy_generator


@lru_cache(maxsize=4)
def permutation(count: int, seed: int, stream: str, epoch: int) -> NDArray[np.int64]:
    return numpy_generator(seed, "order", stream, epoch).permutation(count)


def indices(count: int, seed: int, stream: str, start: int, length: int) -> NDArray[np.int64]:
    """Places start to start + length of an endless row of shuffled epochs, (length,) int64.

    Every sample comes once an epoch. Workers, ranks and restarts only split this row, so the
    order does not depend on them; a data set smaller than a batch is no special case.
    """

    def pieces() -> Iterator[NDArray[np.int64]]:
        place, left = start, length
        while left:
            epoch, offset = divmod(place, count)
            piece = permutation(count, seed, stream, epoch)[offset : offset + left]
            yield piece
            place, left = place + len(piece), left - len(piece)

    return np.concatenate(list(pieces()))


def drawn(data: Any, seed: int, stream: str, start: int, length: int) -> Any:
    """The rows of a batch, of this process's share of it: places start to start + length.

    Data with a `stream` say themselves what comes next, alike for all players, so that an image is
    read once.
    """
    if getattr(data, "stream", None) is not None:
        return data.stream.rows(seed, start, length)
    chosen = indices(len(data), seed, stream, start, length)
    share = length // distributed.world()
    return data.rows(chosen[distributed.rank() * share :][:share])


def total_of(data: Any) -> int:
    """Samples of an epoch, held-out ones included: of all shards where they are read as a stream,
    else of the pack."""
    stream = getattr(data, "stream", None)
    return int(data.count if stream is None else stream.index.count)
