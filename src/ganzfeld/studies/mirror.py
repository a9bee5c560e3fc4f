"""Decide from the data whether their images may be mirrored."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import runtime
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.pack import Pack
from ganzfeld.studies.classifier import accuracy_of, right, trained

LEARNED, TESTED = 3_000, 1_000  # images at most
LEAST = 40  # images to test on, below which nothing can be told
IMAGES = 9_600  # seen in training: some CPU seconds
KNOWN = 0.5  # accuracy from which a classifier is taken to know the classes
LOST = 0.05  # of the accuracy that mirroring may cost
APART = 0.65  # share that may be told from their mirror images; half is chance


@dataclass(frozen=True)
class Mirror:
    """safe: flips may be used. why: what was found, for people."""

    safe: bool
    why: str

    def __str__(self) -> str:
        return f"{'flips' if self.safe else 'no flips'}: {self.why}"


def mirror_safe(pack: Pack, rows: NDArray[np.int64] | None = None) -> Mirror:
    """Whether images may be flipped left to right, as faces may and digits may not.

    Labelled data: a small classifier that has seen no mirrored image must know the class of
    mirrored ones as well as that of others, but for 5 points at most. Data without labels, or
    whose labels it cannot learn: it must not be able to tell images from mirror images. Where the
    interval does not decide it, flips are off. The same data always give the same answer.

    rows: of the pack; by default all.
    """
    every = np.arange(len(pack)) if rows is None else rows
    order = numpy_generator("study", "mirror").permutation(every)
    tested = min(len(order) // 4, TESTED)
    if tested < LEAST:
        return Mirror(False, "there are too few images to tell whether mirrored ones look right")
    test, learn = (
        pack.rows(np.sort(some)) for some in (order[:tested], order[tested : tested + LEARNED])
    )
    found = by_class(learn, test, len(pack.classes)) if "y" in learn else None
    return found or by_sight(learn["x"], test["x"])


def by_class(
    learn: dict[str, NDArray[np.uint8]], test: dict[str, NDArray[np.uint8]], classes: int
) -> Mirror | None:
    """By the classes of mirrored images; None where the classes cannot be learned."""
    if classes < 2:
        return None
    x, y = test["x"], test["y"].astype(np.int64)
    with runtime.threads(1):
        network = trained(
            learn["x"], learn["y"].astype(np.int64), classes=classes, images=IMAGES, seed=0
        )
        plain = right(network, x, y)
        mirrored = right(network, np.ascontiguousarray(x[..., ::-1]), y)
    if plain.mean() < max(KNOWN, 1.5 / classes):
        return None
    lost = plain.astype(float) - mirrored
    half = 1.96 * max(float(lost.std()), 1 / len(lost)) / math.sqrt(len(lost))
    share, most = float(lost.mean()), float(lost.mean()) + half
    why = (
        f"a classifier that has seen no mirrored image classifies {100 * plain.mean():.0f} % of "
        f"images correctly, and {100 * mirrored.mean():.0f} % of mirrored ones"
    )
    if most <= LOST or share - half > LOST:
        return Mirror(most <= LOST, why)
    return Mirror(False, f"{why}, which does not decide it")


def by_sight(learn: NDArray[np.uint8], test: NDArray[np.uint8]) -> Mirror:
    """By whether images can be told from their mirror images (Wilson's interval).

    If not, they must be told from images that stand on their heads: of words in many colours such
    a small classifier learns neither, and says nothing.
    """
    share = told_apart(learn, test, axis=3)
    low, high = wilson(share, len(test))
    why = (
        f"a classifier distinguishes {100 * share:.0f} % of images from their mirror images "
        f"({100 * low:.0f} to {100 * high:.0f}; 50 is chance)"
    )
    if low > APART:
        return Mirror(False, why)
    if high > APART:
        return Mirror(False, f"{why}, which does not decide it")
    share = told_apart(learn, test, axis=2)
    if wilson(share, len(test))[0] > APART:
        return Mirror(True, f"{why}, and {100 * share:.0f} % from images upside down")
    return Mirror(
        False, f"{why}, but only {100 * share:.0f} % from images upside down: it sees too little"
    )


def told_apart(learn: NDArray[np.uint8], test: NDArray[np.uint8], axis: int) -> float:
    """The share of images (N, C, H, W) and of images flipped along an axis that are told apart."""
    x, y = (np.concatenate([x, np.flip(x, axis)]) for x in (learn, test))
    which, truth = (np.repeat(np.arange(2), len(x)) for x in (learn, test))
    return accuracy_of(x, which, y, truth, classes=2, images=IMAGES, seed=0, shifts=True)


def wilson(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """Interval of a share of n (Wilson 1927). n: images, since mirror images come in pairs."""
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return middle - half, middle + half
