"""What is known of a data set before anything is decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ganzfeld.data import arrays
from ganzfeld.data.listing import Stamp
from ganzfeld.data.readers import Reader


@dataclass(kw_only=True)
class Source:
    """What all sources know."""

    kind: str
    name: str  # short, for the pack's file name
    place: str  # the path, or the name of the embedded data
    part: str = ""  # the folder in it, where the rest is another set
    stamps: Sequence[Stamp] = ()
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    ignored: list[str] = field(default_factory=list)  # system files, and files that are no pictures
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Encoded(Source):
    """Pictures that must be decoded."""

    reader: Reader
    names: list[str]  # for the reader
    titles: list[str]  # for people; the same unless rows of a table
    broken: list[tuple[str, str]] = field(default_factory=list)  # (name, reason) known by now
    apart: list[tuple[str, str]] = field(default_factory=list)  # (name, title) of a test set


@dataclass(kw_only=True)
class Ready(Source):
    """Pictures that are numbers already. They and their labels are there after `load`: a pack
    that is found again needs neither."""

    loader: Callable[[], tuple[arrays.Stack, NDArray[np.int64] | None, tuple[str, ...]]]
    stack: arrays.Stack = field(init=False)

    def load(self) -> None:
        self.stack, self.labels, self.classes = self.loader()
