"""Is a mirrored image of this data as good as the image? Asked of the data themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganzfeld.data.pack import Pack
from ganzfeld.randomness import numpy_generator
from ganzfeld.study.classifier import accuracy_of

LEARNED, TESTED = 3_000, 1_000  # images at most, each with its mirror image
LEAST = 40  # images to test on, below which nothing can be told
IMAGES = 9_600  # seen in training: some CPU seconds
LIMIT = 0.65  # share told right; half is chance


@dataclass(frozen=True)
class Mirror:
    """safe: flips may be used. share: told right, with its 95 % interval; None: not asked."""

    safe: bool
    share: float | None
    low: float = 0.0
    high: float = 1.0

    def __str__(self) -> str:
        if self.share is None:
            return "no flips: there are too few images to tell whether mirrored ones look right"
        told = (
            f"a small network tells {100 * self.share:.0f} % of images from their mirror images "
            f"({100 * self.low:.0f} to {100 * self.high:.0f}; 50 is chance)"
        )
        if self.safe:
            return f"flips: {told}, so mirrored ones look like the data"
        if self.low > LIMIT:
            return f"no flips: {told}, so mirrored ones do not look like the data"
        return f"no flips: {told}, so it is not certain that mirrored ones look like the data"


def mirror_safe(pack: Pack, rows: NDArray[np.int64] | None = None) -> Mirror:
    """Whether images may be flipped left to right, as faces may and digits may not.

    A small classifier learns to tell images from their mirror images, and is tested on others.
    Where it cannot (the upper end of Wilson's interval is at most 0.65), flips are safe; else
    they are off. Data with a fixed direction, such as shoes that all point to the left, count as
    not safe: a test image is never of the other kind there.

    rows: of the pack; by default all. The same data always give the same answer.
    """
    every = np.arange(len(pack)) if rows is None else rows
    order = numpy_generator("study", "mirror").permutation(every)
    tested = min(len(order) // 4, TESTED)
    if tested < LEAST:
        return Mirror(False, None)
    own = np.sort(order[:tested]), np.sort(order[tested : tested + LEARNED])
    test, learn = (both(pack.rows(some)["x"]) for some in own)
    share = accuracy_of(*learn, *test, classes=2, images=IMAGES, seed=0)
    low, high = wilson(share, tested)
    return Mirror(high <= LIMIT, share, low, high)


def both(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, C, H, W) and their mirror images, with labels 0 and 1."""
    x = np.concatenate([pixels, pixels[..., ::-1]])
    return x, np.repeat(np.arange(2), len(pixels))


def wilson(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """Interval of a share of n (Wilson 1927). n: images, since mirror images come in pairs."""
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return middle - half, middle + half
