"""Does the generator copy? Compare its samples with the training images.

How near is near depends on the place: two images of open sea lie closer than two faces. So a
sample's distance to its nearest training image is divided by that image's distance to its own
nearest neighbour. Near copies (shifted, cropped, compressed) are a small part of it away.

Images are compared as `thumbnails`: no extractor is needed, all of the data can be looked at, and
neither a pixel's shift nor a change of brightness hides a copy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.metrics.distances import Array, as_features, as_pair
from ganzfeld.metrics.neighbours import Neighbours
from ganzfeld.modalities.image.plain import thumbnails as thumbnails
from ganzfeld.modalities.image.plain import variants_of as variants_of

ALIKE = 1e-6  # of the median distance: closer ones are the same image
LEFT_OUT = 1_000  # training images that stand for fresh ones
QUANTILE = 0.01
RANKS = 8  # neighbours looked at, for one that is not a copy


@dataclass(frozen=True)
class Memorisation:
    """ratio: median distance of generated samples to the data over that of fresh data.

    About 1 for a generator that does not copy, and 0 for one that only copies; below 0.5 is a
    warning. copies: share of generated samples that come nearer to the data, relative to the
    data's own distances there, than 99 of 100 fresh ones. copies_of_fresh: the same of the fresh
    ones. warning: whether copies are more than chance. pairs: (generated index, data index,
    distance), most copied first.
    """

    ratio: float
    copies: float
    copies_of_fresh: float
    warning: bool
    pairs: list[tuple[int, int, float]]


@dataclass(frozen=True)
class Look:
    """Each sample's nearest training image, the distance, and that over the image's own."""

    indices: NDArray[np.int64]
    distances: Array
    relative: Array


def memorisation(
    generated: NDArray[Any],
    data: NDArray[Any],
    held_out: NDArray[Any] | None = None,
    *,
    variants: Sequence[NDArray[Any]] = (),
    fresh_variants: Sequence[NDArray[Any]] = (),
    pairs: int = 16,
) -> Memorisation:
    """Nearest-neighbour distances from generated to training data, against those of real ones.

    generated, data: features (N, D), (M, D); images that occur more than once in the data count
        once. held_out: features of real samples that were not trained on; None takes training
        samples in turn against all others.
    variants: features of the generated samples mirrored, shifted and so on, so that such copies
        are found too. fresh_variants: the same of held_out, or of the rows `left_out` of the data.
    """
    generated, data = as_pair(generated, data)
    space = Space(data)
    plain = space.look(generated)
    looked = best_of(plain, variants, space)
    if held_out is None:
        rows = left_out(len(data))
        fresh = space.look_without(rows)
        real = best_of(fresh, fresh_variants, space, rows)
    else:
        fresh = space.look(as_features(held_out, "held_out", 1))
        real = best_of(fresh, fresh_variants, space)
        if (new := real.distances > space.alike).any():  # what the data hold too is not fresh
            fresh, real = (
                Look(x.indices[new], x.distances[new], x.relative[new]) for x in (fresh, real)
            )
    middle = float(np.median(fresh.distances))
    cut = float(np.quantile(real.relative, QUANTILE))
    copied = found_out(looked, cut, space.alike)
    usual = float(found_out(real, cut, space.alike).mean())
    order = np.argsort(looked.relative, kind="stable")[:pairs]
    chosen = [(int(i), int(looked.indices[i]), float(looked.distances[i])) for i in order]
    share = float(copied.mean())
    ratio = float(np.median(plain.distances)) / middle if middle else float("nan")
    return Memorisation(
        ratio=ratio,
        copies=share,
        copies_of_fresh=usual,
        warning=exceeds(share, len(generated), max(usual, QUANTILE), len(real.relative))
        or ratio < 0.5,
        pairs=chosen,
    )


def found_out(look: Look, cut: float, alike: float) -> NDArray[np.bool_]:
    """Which are copies. An exact one always is, however many the data hold of themselves."""
    copied: NDArray[np.bool_] = (look.relative < cut) | (look.distances <= alike)
    return copied


def exceeds(share: float, count: int, usual: float, of: int) -> bool:
    """Whether a share of so many is above a usual one by more than three standard errors."""
    error = math.sqrt(usual * (1 - usual) * (1 / count + 1 / of))
    return share > 2 * usual and share > usual + 3 * error


def left_out(count: int) -> NDArray[np.int64]:
    """The training images, of so many, that stand for fresh ones: always the same."""
    return numpy_generator("left out").permutation(count)[:LEFT_OUT]


def best_of(
    look: Look,
    variants: Sequence[NDArray[Any]],
    space: Space,
    rows: NDArray[np.int64] | None = None,
) -> Look:
    """The nearest of several looks: at the images as they are, and at each variant of them."""
    found = Look(look.indices.copy(), look.distances.copy(), look.relative.copy())
    for variant in variants:
        other = as_features(variant, "a variant", 1)
        second = space.look(other) if rows is None else space.look_without(rows, other)
        nearer = np.flatnonzero(second.relative < found.relative)
        found.indices[nearer] = second.indices[nearer]
        found.distances[nearer] = second.distances[nearer]
        found.relative[nearer] = second.relative[nearer]
    return found


class Space:
    """The training data, and how far each image of them is from the next one."""

    def __init__(self, data: Array) -> None:
        self.data, self.among = data, Neighbours(data)
        self.ranks = min(RANKS, len(data) - 1)
        some = left_out(len(data))[:200]
        usual = float(np.median(self.among.find(data[some], min(2, len(data)))[1][:, -1]))
        self.alike = ALIKE * usual
        self.own: dict[int, tuple[NDArray[np.int64], Array]] = {}

    def neighbours(self, rows: NDArray[np.int64]) -> None:
        """Find the neighbours of training images that have not been asked for."""
        new = np.array([r for r in np.unique(rows) if int(r) not in self.own], dtype=np.int64)
        if not len(new):
            return
        indices, distances = self.among.find(self.data[new], self.ranks + 1)
        for row, i, d in zip(new, indices, distances, strict=True):
            self.own[int(row)] = (i, d)

    def copies(self, row: int) -> set[int]:
        """The rows that hold the same image, itself among them."""
        indices, distances = self.own[row]
        return {row, *indices[distances <= self.alike].tolist()}

    def own_distance(self, row: int, without: int | None = None) -> float:
        """From a training image to the nearest other one, which is not the same image.

        without: a row that is left out, with all its copies.
        """
        indices, distances = self.own[row]
        fits = (distances > self.alike) & (indices != row)
        if without is not None:
            fits &= ~np.isin(indices, list(self.copies(without)))
        return float(distances[fits][0]) if fits.any() else float(distances[-1])

    def look(self, samples: Array) -> Look:
        indices, distances = self.among.find(samples)
        first, near = indices[:, 0], distances[:, 0]
        self.neighbours(first)
        scales = np.array([self.own_distance(int(row)) for row in first])
        return Look(first, near, over(near, scales))

    def look_without(self, rows: NDArray[np.int64], variant: Array | None = None) -> Look:
        """Training images, or a variant of them, each against the rest as if it were not there."""
        if variant is None:
            self.neighbours(rows)
            found = [self.own[int(row)] for row in rows]
            indices, distances = (np.array(part) for part in zip(*found, strict=True))
        else:
            indices, distances = self.among.find(variant, self.ranks + 1)
        first, near = np.empty(len(rows), dtype=np.int64), np.empty(len(rows))
        for place, row in enumerate(rows):
            copies = self.copies(int(row))  # are left out with it
            others = [k for k, i in enumerate(indices[place]) if int(i) not in copies]
            at = others[0] if others else len(indices[place]) - 1
            first[place], near[place] = indices[place][at], distances[place][at]
        self.neighbours(first)
        scales = np.array(
            [self.own_distance(int(i), int(row)) for i, row in zip(first, rows, strict=True)]
        )
        return Look(first, near, over(near, scales))


def over(near: Array, scales: Array) -> Array:
    """Relative distances; 1 where both are 0, which is of constant data."""
    found = np.ones(len(near))
    np.divide(near, scales, out=found, where=scales > 0)
    return found
