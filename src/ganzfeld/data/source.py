"""What is known about a data set before decoding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.progress import Progress
from ganzfeld.data import arrays
from ganzfeld.data.columns import Values
from ganzfeld.data.listing import Stamp
from ganzfeld.data.readers import Reader

# How folders, tables and ranges are understood. Runs of before have 1, or 2: without lists of test
# images, masks by their names, tables of text and JSON; or 3: one caption of an image, and none of
# files beside it; or 4: dates as 2026-11-28 and 28.11.2026 alone, rows with holes as series, and no
# texts beside the rows of a table; or 5: no months by their names, times alone, units behind
# numbers, and numbers since 1970; or 6: no series with days and times of the day in two columns,
# and JSON lines without a text as such all the same; or 7: neither 24:00 nor 0930 as times; or
# 8: two accented letters in a row as a Chinese one; or 9: a yes among other classes as "true",
# and texts of JSON lines with line breaks as bad.
RULES = 10
WORDS = ("auto", "none", "folders", "names", "clusters")  # labels that are no table's path


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How what is there is to be understood.

    `labels`: "auto", "none", "folders", "names", or a table's path, with ":COLUMN" where it has
    several.
    `splits`: "train" leaves test and validation images out, "all" takes them. `frames`: "first"
    or "all" of an animation or a file with pages. `follow_links`: out of the data's folder too.
    `range`: see `ganzfeld.data.ranges`. `masks`: whether folders of masks are left aside.
    `modality`: "auto", or the kind of sample that they are to be taken for. `window`: steps of a
    series that is cut out of a longer one; None: chosen.
    """

    labels: str = "auto"
    splits: str = "train"
    frames: str = "first"
    follow_links: bool = False
    range: str | None = None
    masks: bool = True
    rules: int = RULES
    modality: str = "auto"
    window: int | None = None


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
    ignored: list[str] = field(default_factory=list)  # system files, and files that are no images
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)  # as what: "split", "classes", "labels"
    aside: list[str] = field(default_factory=list)  # sentences on what is not trained on
    columns: dict[str, Values] = field(default_factory=dict)  # beside the samples, a row for each
    rules: int = RULES  # by which it is read, see `Reading`: set by `find_source`


@dataclass(kw_only=True)
class Encoded(Source):
    """Images that must be decoded."""

    reader: Reader
    names: list[str]  # for the reader
    titles: list[str]  # for people; the same unless rows of a table
    broken: list[tuple[str, str]] = field(default_factory=list)  # (name, reason) known by now
    apart: list[tuple[str, str]] = field(default_factory=list)  # (name, title) of a test set
    tables: list[tuple[str, str]] = field(default_factory=list)  # (name, title) of other files
    beside: dict[int, str] = field(default_factory=dict)  # place: name of the text beside it
    linked: set[str] = field(default_factory=set)  # names that are links, or lie behind one


@dataclass(kw_only=True)
class Ready(Source):
    """Images that are numbers already. They and their labels are there after `load`: a pack
    that is found again needs neither."""

    loader: Callable[[], tuple[arrays.Stack, NDArray[np.int64] | None, tuple[str, ...]]]
    stack: arrays.Stack = field(init=False)

    def load(self) -> None:
        self.stack, self.labels, self.classes = self.loader()
        self.aside += self.stack.aside


@dataclass(kw_only=True)
class Raw:
    """All samples of a source whose kind is not images, bad ones included.

    columns: "x" the samples, and what else is known of each; a row for each title. bad: reasons by
    row. passing: bad rows that might be readable another time. facts: what was changed, and how
    often. values: of the numbers, in words.
    """

    columns: dict[str, Values]
    titles: Sequence[str]
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    bad: dict[int, str] = field(default_factory=dict)
    passing: int = 0
    facts: Counter[str] = field(default_factory=Counter)
    values: str = ""


@dataclass(kw_only=True)
class Gathered(Source):
    """Samples of another kind than images. `gather` reads all of them."""

    modality: str
    gather: Callable[[Progress], Raw]
