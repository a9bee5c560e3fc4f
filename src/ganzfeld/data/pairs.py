"""Samples of two domains, a and b: pairs that belong together, or two sets without pairs."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import shown
from ganzfeld.core.randomness import key
from ganzfeld.data.arrays import Stack
from ganzfeld.data.decode import EMBEDDED_SIZE
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pack import Pack
from ganzfeld.data.source import Ready
from ganzfeld.errors import DataError
from ganzfeld.modalities import Spec, modality_of, spec_of_data

EMBEDDED = {"avatars-styles": ("colour", "comic"), "avatars-lines": ("lines", "colour")}
EMBEDDED_COUNT, EMBEDDED_HELD = 5000, 64
HELD_SCENES = 10_000_000_000  # number of the first held-out scene: beyond any that is trained on
ROUNDS, MOST = 64, 1 << 22  # rounds through the larger domain that make an epoch; its samples

Rows = dict[str, NDArray[Any]]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """Some images of one domain: rows of a pack, and their names where they are files.

    lost: names of bad images that were left out.
    """

    pack: Pack
    chosen: Index
    names: Sequence[str] = ()
    lost: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def spec(self) -> Spec:
        return spec_of_data(self.pack)

    def rows(self, indices: Index) -> NDArray[Any]:
        return self.pack.rows(self.chosen[indices])["x"]


@dataclass(frozen=True)
class Both:
    """Two sides. paired: row i of one belongs to row i of the other."""

    a: Side
    b: Side
    paired: bool

    def spread(self, count: int) -> Rows:
        """Evenly spaced images, uint8 {"a": (n, C, H, W), "b": ...}, n at most `count`."""
        count = min(count, len(self.a), len(self.b))

        def some(side: Side) -> NDArray[np.uint8]:
            return side.rows(np.linspace(0, len(side) - 1, count).round().astype(np.int64))

        return {"a": some(self.a), "b": some(self.b)}


class TwoDomains:
    """Training images of two domains of one height and width, and some that are held out.

    It is `Data` for a trainer. Without pairs its length is that of many rounds through the
    larger domain: each sample is an image of a and one of b, drawn independently of it, and over
    an epoch each image of a domain comes equally often. What sample i is depends on i alone.
    """

    labels = None
    classes: tuple[str, ...] = ()
    settled = True  # both sides lie alike, as `data.alike` has learned

    def __init__(self, train: Both, held: Both | None, warnings: Sequence[str] = ()) -> None:
        self.train, self.held = train, held
        self.count = max(len(train.a), len(train.b))
        self.rounds = 1 if train.paired else max(min(ROUNDS, MOST // self.count), 1)
        self.spec, self.spec_b = train.a.spec, train.b.spec
        sides = (*self.spec.shape, 0, 0, 0)[:3]
        self.channels, self.height, self.width = sides
        self.channels_b = self.spec_b.shape[0]
        self.report: dict[str, Any] = {"warnings": list(warnings)}
        self.halves = False  # each file held a pair side by side

    def see_as(self, spec: Spec) -> None:
        """Let networks see the samples of both domains as a spec says; images stay as they are."""
        if not modality_of(spec).rescaled:
            self.spec = self.spec_b = spec

    def __len__(self) -> int:
        return self.rounds * self.count

    def rows(self, indices: Index) -> Rows:
        """uint8 {"a": (n, C, H, W), "b": (n, C', H, W)}."""
        a, b = self.train.a, self.train.b
        if self.train.paired:
            return {"a": a.rows(indices), "b": b.rows(indices)}
        return {"a": a.rows(indices % len(a)), "b": b.rows(shuffled(indices, len(b)))}

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all training images and of what belongs to what."""
        digest = hashlib.sha256(b"paired" if self.train.paired else b"unpaired")
        for side in (self.train.a, self.train.b):
            digest.update(bytes.fromhex(side.pack.fingerprint))
            digest.update(side.chosen.astype("<i8").tobytes())
        return digest.hexdigest()

    @property
    def summary(self) -> str:
        """For people: what there is of each domain."""
        a, b = self.train.a, self.train.b
        kind = modality_of(self.spec)
        what = f"{len(a):,} and {len(b):,} {kind.noun}"
        what = f"{len(a):,} pairs" if self.train.paired else what
        held = f", {min(len(self.held.a), len(self.held.b)):,} held out" if self.held else ""
        if not kind.rescaled:
            return f"{what}, {kind.describe(self.spec)}{held}"
        channels = f"{self.channels} and {self.channels_b} channels"
        return f"{what}, {self.width}x{self.height} pixels, {channels}{held}"

    def examples(self, count: int) -> tuple[Rows, Both]:
        """Held-out images to translate, or training images where none are held out."""
        both = self.held or self.train
        return both.spread(count), both

    @cached_property
    def means(self) -> dict[str, NDArray[np.float32]]:
        """The mean image of each domain's training images, (C, H, W), 0 to 255."""
        return {
            name: np.mean(side.rows(np.arange(min(len(side), 10_000))), 0, dtype=np.float32)
            for name, side in (("a", self.train.a), ("b", self.train.b))
        }


def shuffled(indices: Index, count: int) -> Index:
    """A place in [0, count) for each index: every `count` indices in a row reach all places."""
    found = np.empty_like(indices)
    for at, index in enumerate(indices.tolist()):
        turn, place = divmod(index, count)
        stride, offset = step_of(turn, count)
        found[at] = (place * stride + offset) % count
    return found


@lru_cache(maxsize=2 * ROUNDS)
def step_of(turn: int, count: int) -> tuple[int, int]:
    """A stride without a common divisor with the count, so that it reaches all, and a start."""
    stride = key("stride", turn) % count
    while math.gcd(stride, count) != 1:
        stride += 1
    return stride, key("offset", turn) % count


# Embedded


def embedded(source: str | os.PathLike[str]) -> tuple[str, int] | None:
    """("avatars-lines", 2000) for "avatars-lines:2000"; None where a path is called so."""
    return counted(source, EMBEDDED, EMBEDDED_COUNT)


def counted(source: object, names: Iterable[str], usual: int) -> tuple[str, int] | None:
    """An embedded set among `names` and how many samples of it: "NAME" for the usual number, or
    "NAME:2000". None for all else, and for a path of that name."""
    if not isinstance(source, str):
        return None
    name, colon, number = source.partition(":")
    if name not in names or os.path.lexists(source):
        return None
    if colon and not (number.isascii() and number.isdigit() and 0 < int(number) < 10**9):
        raise DataError(
            f"{shown(source)}: a number of samples was expected behind the colon",
            fix=f"{name}:2000",
        )
    return name, int(number) if colon else usual


def draw(
    name: str, count: int, *, paired: bool, options: PackOptions, pack: Callable[..., Side]
) -> TwoDomains:
    """Two styles of the avatars. Without pairs they show different scenes; held-out scenes are
    in both styles always, so that a translation can be compared with the truth."""
    size = options.size or EMBEDDED_SIZE
    first, second = EMBEDDED[name]

    def side(style: str, start: int, number: int) -> Side:
        return pack(drawing(style, start, number, size), size=size, channels=None)

    train = Both(side(first, 0, count), side(second, 0 if paired else count, count), paired)
    number = EMBEDDED_HELD
    held = Both(side(first, HELD_SCENES, number), side(second, HELD_SCENES, number), True)
    return TwoDomains(train, held)


def drawing(style: str, start: int, count: int, size: tuple[int, int]) -> Ready:
    """Avatars in one style, from scene `start` on; lines are grey."""
    from ganzfeld.data.avatars import scene

    channels = 1 if style == "lines" else 3

    def rows(first: int, end: int) -> NDArray[np.uint8]:
        pixels, _ = scene.avatars(end - first, *size, style=style, start=start + first)
        return pixels[:, :channels]

    place = f"avatars, {style} from {start}"
    return Ready(
        kind="embedded",
        name=f"avatars-{style}",
        place=place,
        stamps=[(place, count, scene.VERSION)],
        loader=lambda: (Stack(shape=(count, channels, *size), rows=rows), None, ()),
    )
