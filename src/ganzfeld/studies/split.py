"""Split images into those to learn from and those only to test on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.pack import Pack
from ganzfeld.errors import DataError, UsageError

MOST_HELD_OUT = 5_000

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Rows of the pack to learn from, and the images and labels to test on."""

    pool: Labels
    test_pixels: Pixels
    test_labels: Labels
    dropped: int  # images of the pack that also occur among the held-out


def split(pack: Pack, held_out: Pack | None) -> Split:
    """Hold out a quarter of the data, at most 5,000, by class; or take other data for it.

    An image that equals a held-out one to the pixel is not learned from.
    """
    if pack.labels is None or len(pack.classes) < 2:
        raise UsageError("this study needs labelled data with two classes or more")
    if held_out is None:
        order = stratified(pack.labels, "study", "held-out")
        rows = np.sort(order[: min(len(pack) // 4, MOST_HELD_OUT)])
        if len(rows) < len(pack.classes):
            raise DataError(f"{len(pack)} images are too few to hold some of each class out")
        found = pack.rows(rows)
        test_pixels, test_labels = found["x"], found["y"]
        rest = np.setdiff1d(np.arange(len(pack)), rows)
    else:
        if held_out.labels is None or not set(held_out.classes) <= set(pack.classes):
            raise UsageError("--held-out needs labels, and no class that the data do not have")
        numbers = np.array([pack.classes.index(name) for name in held_out.classes])
        test_pixels, test_labels = np.asarray(held_out.images), numbers[held_out.labels]
        rest = np.arange(len(pack))
    secret = {digest(picture) for picture in test_pixels}
    pool = np.array([row for row in rest if digest(pack.images[row]) not in secret], np.int64)
    return Split(pool, test_pixels, test_labels, len(rest) - len(pool))


def digest(picture: Pixels) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(picture).data, digest_size=16).digest()


def stratified(labels: Labels, *seed: int | str) -> Labels:
    """A shuffle (N,) of which every beginning has nearly the classes' proportions of the whole."""
    draw = numpy_generator(*seed, "stratified")
    place = np.empty(len(labels))
    for label in np.unique(labels):
        own = draw.permutation(np.flatnonzero(labels == label))
        place[own] = (np.arange(len(own)) + draw.random(len(own))) / len(own)
    return np.argsort(place, kind="stable")


def real_rows(pack: Pack, pool: Labels, count: int, seed: int) -> Labels:
    """`count` rows of the pool for one seed; those of a smaller count are among them.

    Raises UsageError where a class would have no image.
    """
    assert pack.labels is not None
    if count > len(pool):
        raise UsageError(f"--real {count:,}: there are {len(pool):,} images that are not held out")
    rows = pool[stratified(pack.labels[pool], "study", "real", seed)[:count]]
    missing = set(range(len(pack.classes))) - set(pack.labels[rows].tolist())
    if missing:
        raise UsageError(
            f"--real {count:,}: no image of {pack.classes[min(missing)]!r} is among them",
            fix="larger numbers for --real",
        )
    return rows
