"""Does the generator copy? Compare its samples with the training images.

How near is near depends on the place: two images of open sea lie closer than two faces. So a
sample's distance to its nearest training image is divided by that image's distance to its own
nearest neighbour. Near copies (shifted, cropped, compressed) are a small part of it away.

Samples are compared by their own numbers, `Modality.thumbnails`: no extractor is needed, and all of
the data can be looked at. Images are fitted to each other, see `registered`.

What is near is learned from samples that were not trained on. The limit is such that, in 95 of 100
choices of these, at most 1 in 100 fresh samples lies below it (Vovk 2012, "Conditional validity of
inductive conformal predictors"). Near copies that the data hold of themselves are kept out of it:
otherwise a few of them would hide all others.
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

ALIKE = 1e-6  # of the median distance: closer ones are the same image
LEFT_OUT = 1_000  # training images that stand for fresh ones
QUANTILE = 0.01  # of fresh samples, that may be taken for copies
DOUBT = 0.05  # chance that it is more
RARE = 0.001  # a share of fresh samples that is nearer only if they are copies
NEAR = 0.36  # a relative distance that such copies stay below, as in data.likeness
ROUNDS = 10  # in which these are told from the others
RANKS = 8  # neighbours looked at, for one that is not a copy


@dataclass(frozen=True)
class Memorisation:
    """ratio: median distance of generated samples to the data over that of fresh data.

    About 1 for a generator that does not copy, and 0 for one that only copies; below 0.5 is a
    warning. copies: share of generated samples that come so near to the data, relative to the
    data's own distances there, that at most 1 in 100 fresh ones does. copies_of_fresh: the same
    share of fresh ones, which is more where the data hold near copies of themselves. warning:
    whether copies are more than chance. pairs: (generated index, data index, distance), most
    copied first.
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
    repeated: float = 0.0,
    pairs: int = 16,
) -> Memorisation:
    """Nearest-neighbour distances from generated to training data, against those of real ones.

    generated, data: features (N, D), (M, D); images that occur more than once in the data count
        once. held_out: features of real samples that were not trained on; None takes training
        samples in turn against all others.
    variants: features of the generated samples mirrored, shifted and so on, so that such copies
        are found too. fresh_variants: the same of held_out, or of the rows `left_out` of the data.
    repeated: share of fresh samples that are also among the data by nature, as common names are.
    """
    generated, data = as_pair(generated, data)
    space = Space(data)
    plain = space.look(generated)
    looked = best_of(plain, variants, space)
    fresh = real = None
    if held_out is not None:
        fresh = space.look(as_features(held_out, "held_out", 1))
        real = best_of(fresh, fresh_variants, space)
        fresh, real = new_of(fresh, space.alike, real), new_of(real, space.alike)
    if fresh is None or real is None:
        rows = left_out(len(data))
        fresh = space.look_without(rows)
        real = best_of(fresh, () if held_out is not None else fresh_variants, space, rows)
    return judged(looked, real, plain, fresh, space.alike, repeated=repeated, pairs=pairs)


def judged(
    looked: Look,
    real: Look,
    plain: Look | None = None,
    fresh: Look | None = None,
    alike: float = 0.0,
    *,
    repeated: float = 0.0,
    pairs: int,
) -> Memorisation:
    """What is said of generated samples that were looked up, and of real ones.

    plain, fresh: the same without variants, for `ratio`; None: as they are.
    """
    middle = float(np.median((fresh or real).distances))
    cut = limit(real.relative)
    copied = found_out(looked, cut, alike)
    usual = repeated + (1 - repeated) * float(found_out(real, cut, alike).mean())
    order = np.argsort(looked.relative, kind="stable")[:pairs]
    chosen = [(int(i), int(looked.indices[i]), float(looked.distances[i])) for i in order]
    share = float(copied.mean())
    ratio = float(np.median((plain or looked).distances)) / middle if middle else float("nan")
    return Memorisation(
        ratio=ratio,
        copies=share,
        copies_of_fresh=usual,
        warning=exceeds(share, len(copied), max(usual, QUANTILE), len(real.relative))
        or ratio < 0.5,
        pairs=chosen,
    )


def new_of(fresh: Look, alike: float, real: Look | None = None) -> Look | None:
    """Held-out samples that the data do not hold too; None where they hold all of them.

    real: another look at the same samples, which tells them.
    """
    new = (fresh if real is None else real).distances > alike
    if not new.any():
        return None
    return Look(fresh.indices[new], fresh.distances[new], fresh.relative[new])


def limit(relative: Array) -> float:
    """The relative distance below which samples are taken for copies, from that of fresh ones."""
    edge = edge_of(relative)
    natural = np.sort(relative[relative >= edge])
    allowed = most_below(len(natural))
    return float(natural[allowed - 1]) if allowed else edge


def edge_of(relative: Array) -> float:
    """Fresh samples that are nearer than this are near copies that the data hold of themselves.

    The nearer, the rarer, by a power that the middle of the distances tells, as in a space of so
    many dimensions: 1 in 1,000 comes nearer by chance.
    """
    edge = 0.0
    for _ in range(ROUNDS):
        low, middle = np.quantile(relative[relative >= edge], (0.2, 0.5))
        if not 0 < low < middle:
            return min(float(low), NEAR)
        power = math.log(0.5 / 0.2) / math.log(middle / low)
        before, edge = edge, float(min(low * (RARE / 0.2) ** (1 / power), NEAR))
        if edge <= before:
            break
    return edge


def most_below(count: int) -> int:
    """How many of so many fresh samples may lie up to a limit that is to hold for unseen ones.

    The most for which 100 (1 - DOUBT) of 100 choices of them have at most QUANTILE below it: less
    than so many would lie there with a chance of DOUBT if QUANTILE did. 5 of 1,000.
    """
    total, allowed = 0.0, 0
    for k in range(count + 1):
        ways = math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
        total += math.exp(ways + k * math.log(QUANTILE) + (count - k) * math.log1p(-QUANTILE))
        if total > DOUBT:
            break
        allowed = k + 1
    return allowed


def found_out(look: Look, cut: float, alike: float) -> NDArray[np.bool_]:
    """Which are copies. An exact one always is, however many the data hold of themselves."""
    copied: NDArray[np.bool_] = (look.relative < cut) | (look.distances <= alike)
    return copied


def exceeds(share: float, count: int, usual: float, of: int) -> bool:
    """Whether a share of so many is above a usual one by more than three standard errors."""
    error = math.sqrt(usual * (1 - usual) * (1 / count + 1 / of))
    return share > usual + 3 * error


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
