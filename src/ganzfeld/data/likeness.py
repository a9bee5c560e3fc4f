"""Find near copies in a set of samples: by small prints, as they are, mirrored and cropped.

A pair is a near copy where it lies much nearer than other samples do: nearer than a third of the
distance to the sixth nearest (the ratio test of Lowe 2004), so that data whose samples are all
alike, such as digits, have none by nature. Among fewer than 50 samples it must be nearer still.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.modalities import Modality

MOST = 40_000  # samples that are compared with each other; of more, evenly spread ones
FULL = 12_000  # samples of which crops are looked for too
AXES = 64  # principal axes on which prints are compared
LEARNED = 4_000  # prints that these are learned from
RIVAL = 6  # whose distance a copy's is measured by: the sixth nearest
NEAR = 0.36  # of that distance
VIEWS = 29  # of an image: as it is, mirrored and cropped
CHANCE = 0.002  # hits of a sample by chance: with few axes some of the views lie near others
SAME = 0.1  # a distance of unit vectors below which any pair is one
BLOCK = 1_024  # rows compared together

Floats = NDArray[np.float32]


@dataclass(frozen=True, order=True)
class Pair:
    """Two samples, by their places: the second is the first again. how: "", "mirrored", ...

    distance: 0 for equal ones, of the distance to the sixth nearest.
    """

    first: int
    second: int
    how: str
    distance: float


class Axes:
    """Numbers (N, d) as unit vectors on their principal axes, evened out by a square root.

    What all samples have in common counts little then, and what few have counts much.
    """

    def __init__(self, numbers: Floats) -> None:
        step = max(len(numbers) // LEARNED, 1)
        some = normed(numbers[::step])
        self.middle = some.mean(0)
        _, sizes, axes = np.linalg.svd(some - self.middle, full_matrices=False)
        most = min(AXES, max(len(some) // 3, 2))  # of few prints each would have its own axis
        kept = max(int((sizes[:most] > 1e-4 * max(sizes[0], 1e-12)).sum()), 1)
        deviations = sizes[:kept] / np.sqrt(max(len(some) - 1, 1))
        self.turn = axes[:kept].T / np.sqrt(np.maximum(deviations, 1e-12))

    def __call__(self, numbers: Floats) -> Floats:
        found = (normed(numbers) - self.middle) @ self.turn
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        unit: Floats = (found / np.maximum(lengths, 1e-9)).astype(np.float32)
        return unit


def normed(numbers: Floats) -> Floats:
    """Each row without its mean, of length one: brightness and contrast are gone."""
    found = numbers - numbers.mean(1, keepdims=True)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    level = float(np.median(lengths)) if len(found) else 0.0
    unit: Floats = (found / (lengths + 1e-2 * level + 1e-12)).astype(np.float32)
    return unit


def near_copies(kind: Modality, prints: NDArray[Any], within: int | None = None) -> list[Pair]:
    """Pairs of near copies among prints (N, ...), the nearest first.

    within: only pairs of one of the first so many with one of the others, as between a training
    and a test set; None: all.
    """
    count = len(prints)
    if count < 2 or within in (0, count):
        return []
    views = kind.views(prints, all_of_them=count <= FULL)
    _, plain = next(views)
    axes = Axes(plain)
    own = axes(plain)
    rivals = np.concatenate([rival(block) for _, block in products(own, own)])
    found: dict[tuple[int, int], Pair] = {}
    near = nearness(own.shape[1])
    note(found, "", own, own, rivals, within, near)
    for how, numbers in views:
        note(found, how, axes(numbers), own, rivals, within, near)
    return sorted(found.values(), key=lambda pair: (pair.distance, pair.first, pair.second))


def nearness(axes: int) -> float:
    """The part of the distance to the sixth nearest below which a copy lies: NEAR, or less.

    Within that part of it, 6 x part ** (axes - 1) of others lie by chance in every view, if they
    lie evenly on a sphere. 20 samples have 6 axes, and a third would be too much for them.
    """
    if axes < 2:
        return 0.0
    return float(min(NEAR, (CHANCE / (RIVAL * VIEWS)) ** (1 / (axes - 1))))


def products(seen: Floats, own: Floats) -> Iterator[tuple[int, Floats]]:
    """Blocks of the cosines of all rows with all others, -1 for each with itself."""
    for low in range(0, len(seen), BLOCK):
        block = seen[low : low + BLOCK] @ own.T
        rows = np.arange(len(block))
        block[rows, low + rows] = -1
        yield low, block


def rival(block: Floats) -> NDArray[np.float64]:
    """Distance of each row to its sixth nearest other one, or the farthest of fewer."""
    place = min(RIVAL, block.shape[1] - 1)
    return distance(np.partition(block, -place, axis=1)[:, -place])


def distance(cosines: Any) -> NDArray[np.float64]:
    return np.sqrt(np.maximum(2 - 2 * np.asarray(cosines, np.float64), 0))


def note(
    found: dict[tuple[int, int], Pair],
    how: str,
    seen: Floats,
    own: Floats,
    rivals: NDArray[np.float64],
    within: int | None,
    near: float,
) -> None:
    """Add the pairs that one view shows; a pair that is known keeps its smaller distance."""
    for low, block in products(seen, own):
        if within is not None:
            first = np.arange(low, low + len(block)) < within
            block[first, :within] = -1
            block[~first, within:] = -1
        least = SAME * near / NEAR
        limit = np.maximum(near * rivals[low : low + len(block)], least)
        hits = block >= (1 - limit**2 / 2)[:, None]
        for row, column in zip(*np.nonzero(hits), strict=True):
            away = float(distance(block[row, column]))
            apart = away / max(float(rivals[low + row]), 1e-9)
            pair = (min(low + row, column), max(low + row, column))
            if pair not in found or apart < found[pair].distance - 0.05:
                found[pair] = Pair(int(pair[0]), int(pair[1]), how, min(apart, 1.0))


def groups(pairs: list[Pair], count: int) -> list[list[int]]:
    """Samples that hang together by pairs, the largest group first. count: of all samples.

    Example::

        from ganzfeld.data.likeness import Pair, groups

        pairs = [Pair(0, 2, "", 0.0), Pair(2, 5, "mirrored", 0.1)]
        assert groups(pairs, 6) == [[0, 2, 5]]
    """
    root = list(range(count))

    def top(place: int) -> int:
        while root[place] != place:
            root[place] = root[root[place]]
            place = root[place]
        return place

    for pair in pairs:
        root[top(pair.second)] = top(pair.first)
    found: dict[int, list[int]] = {}
    for place in sorted({p for pair in pairs for p in (pair.first, pair.second)}):
        found.setdefault(top(place), []).append(place)
    return sorted(found.values(), key=lambda group: (-len(group), group))
