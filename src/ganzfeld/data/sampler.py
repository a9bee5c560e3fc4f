"""Choose the samples of each batch by a pure function of its position, without state."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

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
