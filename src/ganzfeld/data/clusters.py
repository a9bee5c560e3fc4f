"""Classes for images that have none: groups of similar ones, all of about the same size.

A generator that is told which group to draw from learns faster and keeps more of the data (Liu et
al. 2020, "Diverse image generation via self-conditioned GANs"; Sage et al. 2018). Here the groups
are found before training, in a second or two: small copies of the images, and how rough these are
in each part, on their first principal axes, are cut at the median along the axis of greatest
spread, and each half again. So no group has few images, and classes drawn evenly come in the data's
proportions.

What decides is a whole number: sums of small integers are exact, whatever adds them up and on how
many threads, so that a run that goes on finds the groups that it began with. Its configuration has
their digest, which is compared.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.config import Data
from ganzfeld.data import held
from ganzfeld.data.beside import Beside
from ganzfeld.data.pack import Pack
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.modalities import modality_of, spec_of_data

WORD = "clusters"  # of the option `labels`
SIDE, GRID = 16, 4  # of small copies, and of the parts of an image, at most
WEIGHT = 8  # of how rough a part is, where a pixel of a copy has 1
AXES = 32  # principal ones that are looked at
ROWS = 10_000  # images that the cuts are learned from, at most
BLOCK = 2048  # images read at once
LEAST, MOST = 100, 32  # images in a group at least; groups at most
UNIT = 4096  # of whole numbers that stand for the entries of an axis
KINDS, ENOUGH = 8, 1000  # groups, and axes, of the test for several kinds; images it takes
CLEAR = 2.6  # nats: faces have 1.9, anime faces and horses with zebras 2.3, emoji and digits 3.1

ADVICE = (
    "these images seem to be of several kinds: --labels clusters groups similar ones, and samples "
    "often come nearer to the data in the same time"
)

Whole = NDArray[np.int64]
Floats = NDArray[np.float64]


class Clustered(Beside):
    """A pack whose images have their group as class. held_out: images that teach no cut.

    `whole` is the pack as it was: what is measured must not know the groups. `digest` is of the
    groups of all images.
    """

    given = "c"

    def __init__(self, whole: Pack, held_out: int | None) -> None:
        super().__init__(whole, [], [])
        count = held.usual(len(whole)) if held_out is None else held_out
        training = held.training_rows(whole, count)
        groups = groups_of(len(training))
        few = training[np.linspace(0, len(training) - 1, min(len(training), ROWS)).astype(np.int64)]
        tree = Tree(looks(whole, few), groups)
        blocks = np.array_split(np.arange(len(whole)), -(-len(whole) // BLOCK))
        self.labels = np.concatenate([tree.groups_of(looks(whole, rows)) for rows in blocks])
        self.classes = tuple(f"cluster {number}" for number in range(groups))
        self.digest = hashlib.sha256(self.labels.astype("<i8").tobytes()).hexdigest()[:16]

    def rows(self, indices: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        assert self.labels is not None
        return {**self.whole.rows(indices), "y": self.labels[indices]}


class Tree:
    """Cuts that bring any image to its group, learned from the looks (n, d) of images.

    groups: a power of two.
    """

    def __init__(self, few: Floats, groups: int) -> None:
        self.axes = axes_of(few, AXES)
        self.cuts: list[tuple[Floats, float]] = []  # of level after level: an axis, and a place
        places, own = self.placed(few), np.zeros(len(few), np.int64)
        for level in range(groups.bit_length() - 1):
            for group in range(2**level):
                there = places[own == group]
                if len(there):
                    axis = axes_of(there, 1)[:, 0]
                    self.cuts.append((axis, float(np.median(there @ axis))))
                else:  # the same image over and over
                    self.cuts.append((np.zeros(places.shape[1]), 0.0))
            own = self.below(places, own, level)

    def placed(self, few: Floats) -> Floats:
        """Whole numbers (n, axes): where images lie on the principal axes."""
        found: Floats = np.floor(few @ self.axes / UNIT)
        return found

    def below(self, places: Floats, own: Whole, level: int) -> Whole:
        """The group of each at the next level."""
        found = 2 * own
        for group in range(2**level):
            axis, middle = self.cuts[2**level - 1 + group]
            mine = own == group
            found[mine] += (places[mine] @ axis) > middle
        return found

    def groups_of(self, few: Floats) -> Whole:
        """The group (n,) of each of these images."""
        places, own = self.placed(few), np.zeros(len(few), np.int64)
        for level in range((len(self.cuts) + 1).bit_length() - 1):
            own = self.below(places, own, level)
        return own


def axes_of(few: Floats, count: int) -> Floats:
    """The `count` axes (d, count) of greatest spread of whole numbers (n, d), in UNITs.

    The sums are exact in float64, and so are the same in any order. An axis has no sign: its
    largest entry is made positive.
    """
    few = few - np.round(few.mean(0))
    total = few.sum(0)
    spread = (few.T @ few - np.outer(total, total) / len(few)) / len(few)
    axes = np.linalg.eigh(spread)[1][:, ::-1][:, :count]
    largest = np.abs(axes).argmax(0)
    signs = np.where(axes[largest, np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    found: Floats = np.round(axes * signs * UNIT)
    return found


def looks(pack: Pack, rows: Whole) -> Floats:
    """Whole numbers (n, d) on these images: small copies of them, and how rough they are where.

    Copies have sides of at most SIDE px. Rough is the mean change of brightness from a pixel to the
    next one, down and across, in GRID x GRID parts, WEIGHT times as much as a copy's pixel.
    """
    images = pack.rows(rows)["x"]
    grey = images.sum(1, dtype=np.int16, keepdims=True) // images.shape[1]
    rough = [WEIGHT * cells(np.abs(np.diff(grey, axis=axis)), GRID) for axis in (2, 3)]
    found: Floats = np.concatenate([cells(images, SIDE), *rough], axis=1)
    return found


def cells(images: NDArray[Any], most: int) -> Floats:
    """Means over equal squares, at most `most` a side, of images (n, c, h, w), floored: (n, d)."""
    count, channels, height, width = images.shape
    if not height * width:
        return np.zeros((count, 0))
    by = min(-(-max(height, width) // most), height, width)
    high, wide = height // by, width // by
    total = np.zeros((count, channels, high, wide), np.int32)
    for down in range(by):
        for across in range(by):
            total += images[:, :, down : high * by : by, across : wide * by : by]
    found: Floats = (total // (by * by)).reshape(count, -1).astype(np.float64)
    return found


def groups_of(images: int) -> int:
    """How many groups so many images make: a power of two, 1 where they are too few."""
    groups = 1
    while groups < MOST and images >= 2 * groups * LEAST:
        groups *= 2
    return groups


def several_kinds(pack: Any) -> bool:
    """Whether these are images of several kinds, for which groups were found to help.

    A normal law for each of 8 groups of their looks must fit clearly better than one for all.
    """
    if "x" in pack.columns or len(pack) < ENOUGH:
        return False
    rows = np.linspace(0, len(pack) - 1, ENOUGH).astype(np.int64)
    few = looks(pack, rows)
    if few.shape[1] < KINDS:
        return False
    tree = Tree(few, KINDS)
    places, own = tree.placed(few)[:, :KINDS], tree.groups_of(few)
    parts = [places[own == group] for group in range(KINDS)]
    if min(map(len, parts)) <= KINDS:
        return False
    inside = sum(len(part) * volume(part) for part in parts) / len(few)
    return volume(places) - inside > CLEAR


def volume(places: Floats) -> float:
    """Log of the volume that a normal law fills which has the spread of these places (n, d)."""
    spread = np.cov(places.T) + np.eye(places.shape[1])  # whole numbers are rounded
    return float(np.linalg.slogdet(spread)[1] / 2)


def clustered(pack: Any, labels: str, held_out: int | None) -> Any:
    """The data with groups as classes where `labels` asks for them, else the data as they are.

    held_out: images that are kept out of training; None: as many as usual.

    Raises UsageError for other data than images without conditions, and for too few of them.
    """
    if labels != WORD:
        return pack
    if "x" in pack.columns:
        raise refused(modality_of(spec_of_data(pack)).noun)
    if isinstance(pack, Beside):
        raise UsageError(
            "--labels clusters does not go with --condition: the groups are the condition",
            safe="nothing was trained",
            fix="leave one of them out (--condition none, where the data come with conditions)",
        )
    if groups_of(len(pack)) < 2:
        raise UsageError(
            f"{len(pack):,} images are too few for --labels clusters: it takes {2 * LEAST}",
            safe="nothing was trained",
            fix="--labels none",
        )
    return Clustered(pack, held_out)


def refused(noun: str) -> UsageError:
    """What to say of data that are no single images. noun: what they are."""
    return UsageError(
        f"--labels clusters is not for {noun}",
        safe="nothing was trained",
        fix="leave it out",
    )


def again(pack: Any, data: Data) -> Any:
    """The data of a run that goes on, with the groups that it began with.

    Raises CheckpointError where these images have other groups, as those of data that have grown.
    """
    pack = clustered(pack, data.labels, data.held_out or 0)
    if data.clusters not in (None, digest_of(pack)):
        raise CheckpointError(
            "the clusters of these images are not those that the run began with",
            safe="nothing was changed",
            fix="bring the data back as they were, or train anew with another --out",
        )
    return pack


def digest_of(pack: Any) -> str | None:
    """Of the groups of all images; None where there are none."""
    return pack.digest if isinstance(pack, Clustered) else None


def unclustered(pack: Any) -> Any:
    """The data without groups, which nothing that measures may know."""
    return pack.whole if isinstance(pack, Clustered) else pack
