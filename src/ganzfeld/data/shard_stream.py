"""Images read out of tar and Parquet files while a run trains on them, never packed.

A window of images is decoded in child processes while the one before is trained on. What needs the
data as a whole, such as measuring, gets a small pack of images from all over the shards.
"""

from __future__ import annotations

import hashlib
import json
import os
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import distributed
from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)
from ganzfeld.core.files import cache_folder
from ganzfeld.core.names import capped, shown
from ganzfeld.core.progress import Progress, silent
from ganzfeld.data.findings import BAD_SHARE
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pack import Pack, open_pack
from ganzfeld.data.shard_index import Index, as_noted, index_of
from ganzfeld.data.shard_order import Order
from ganzfeld.data.shard_windows import LOST, Decoder, Window, unread
from ganzfeld.data.source import Encoded
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities.image.codec import Target

WINDOW = 2048  # images that are shuffled among each other
WINDOW_BYTES = 256 << 20  # of pixels in a window, at most
LEAST_WINDOW = 256
SAMPLE = 4096  # images that are packed
GROUPS = 64  # row groups of Parquet that these are from: each is unpacked as a whole
NEIGHBOURS = 1000  # images after a bad one that are tried
Numbers = NDArray[np.int64]


def open_stream(
    source: str | os.PathLike[str],
    options: PackOptions,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Pack:
    """The pack of some images of the shards; its `stream` draws from all of them.

    source: a tar or Parquet file, a folder of such, or a pattern. workers: decoding processes;
    None: half as many as cores; 0: decode in this process.

    Raises UsageError for options that need all images at once, DataError for other data than
    shards, and for what `open_pack` refuses.

    Example::

        from ganzfeld.data.options import PackOptions
        from ganzfeld.data.shard_stream import open_stream

        # pack = open_stream("shard-{000..009}.tar", PackOptions(size=(64, 64)))
        # batch = pack.stream.rows(seed=0, start=0, length=64)["x"]    # uint8 (64, 3, 64, 64)
    """
    refuse_options(options)
    folder = cache_folder(cache)
    index = index_of(source, options.reading, folder, progress or silent)
    numbers = sampled(index)
    titles = [index.title(int(number)) for number in numbers]
    encoded = Encoded(
        kind=index.kind,
        name="sample",
        place=os.fspath(source),
        part=f"sample of {SAMPLE}",
        stamps=[(s.name, s.size, s.time) for s in index.shards],
        labels=index.labels(numbers),
        classes=index.classes,
        notes=list(index.notes),
        reader=index.reader,
        names=index.names(numbers),
        titles=titles,
    )
    if index.classes:
        column = "the label column" if index.kind == "parquet" else "the .cls files"
        encoded.taken["labels"] = column
    pack = open_pack(encoded, options, cache=cache, progress=progress, workers=workers)
    bad = {title for title, _ in pack.report["skipped"]}
    kept = np.array([shown(title) not in bad for title in titles])
    limits = pack.report["limits"]
    target = Target(
        height=pack.height,
        width=pack.width,
        channels=pack.channels,
        alpha=pack.report["alpha"],
        max_megapixels=options.max_megapixels,
        fit=options.fit,
        low=limits[0] if limits else None,
        high=limits[1] if limits else None,
    )
    stream = Stream(
        index, target, numbers[kept], labelled=pack.labels is not None, on_bad=options.on_bad_image
    )
    stream.workers = workers
    describe(pack, stream)
    return pack


def refuse_options(options: PackOptions) -> None:
    """UsageError for what only packed data have."""
    for name, value, plain in (
        ("frames", options.frames, "first"),
        ("labels", options.labels, "none"),
        ("as", options.modality, "image"),
    ):
        if value not in (plain, "auto"):
            raise UsageError(
                f"--{name} {value} does not go with --stream, which reads images, with the labels "
                "of .cls files or of the label column of Parquet",
                safe="nothing was read",
                fix=f"leave --{name} out, or --stream",
            )


def sampled(index: Index) -> Numbers:
    """Numbers of the images that are packed, in order: from all over the shards."""
    starts, lengths = index.pieces()
    some = GROUPS if index.kind == "parquet" else SAMPLE
    some = max(some, -(-SAMPLE * len(starts) // max(index.count, 1)))
    chosen = spread(len(starts), some)
    left, found = SAMPLE, list[Numbers]()
    for done, piece in enumerate(chosen):
        share = -(-left // (len(chosen) - done))
        found.append(starts[piece] + spread(int(lengths[piece]), share))
        left -= len(found[-1])
    return np.concatenate(found)


def spread(count: int, some: int) -> Numbers:
    """At most so many of 0 to count - 1, evenly."""
    return np.unique(np.linspace(0, count - 1, min(count, max(some, 1))).round().astype(np.int64))


def describe(pack: Pack, stream: Stream) -> None:
    """Let the pack of the sample be known as that of the stream, and say what is what."""
    index, count = stream.index, len(pack)
    content = json.dumps([pack.fingerprint, as_noted(index)])
    pack.fingerprint = hashlib.sha256(content.encode("ascii")).hexdigest()
    pack.stream = stream
    labels = f"{len(pack.classes)} classes" if pack.classes else "no labels"
    sides = f"{stream.target.width}x{stream.target.height} pixels"
    files = f"{len(index.shards):,} {index.kind} file{'s' * (len(index.shards) != 1)}"
    pack.summary = f"{index.count:,} images in {files}, {sides}, {labels}"
    told = (
        f"images are read while training, in windows of {stream.window:,}, and not packed; "
        f"{count:,} from all over the shards are packed: quality, statistics, copies and held-out "
        "images are of these"
    )
    warnings = pack.report["warnings"]
    if count < index.count:
        warnings = [text for text in warnings if "classes have under" not in text]
    pack.report = pack.report | {"stream": told, "warnings": [*warnings, *index.notes]}


class Stream:
    """All images of some shards, drawn in the order of `Order`.

    sample: the numbers of those that are packed, by row. without: numbers never to be drawn.
    on_bad: see `PackOptions.on_bad_image`. In place of a bad image the next good one is drawn.
    """

    def __init__(
        self,
        index: Index,
        target: Target,
        sample: Numbers,
        *,
        labelled: bool,
        on_bad: str | None = None,
        without: Numbers | None = None,
    ) -> None:
        self.index, self.target, self.sample = index, target, sample
        self.labelled, self.on_bad = labelled, on_bad
        self.workers: int | None = None
        size = target.channels * target.height * target.width
        self.window = min(WINDOW, max(WINDOW_BYTES // size, LEAST_WINDOW))
        left = np.empty(0, np.int64) if without is None else without
        self.order = Order(*index.pieces(), without=left, window=self.window)
        self.held: dict[tuple[int, int, int, int], Window] = {}
        self.bad: dict[int, str] = {}
        self.instead: dict[int, tuple[int, NDArray[np.uint8]]] = {}
        self.said = 0
        self.made: Decoder | None = None

    def __len__(self) -> int:
        return self.order.count

    @property
    def decoder(self) -> Decoder:
        """Its processes start with the first window."""
        if self.made is None:
            self.made = Decoder(self.index, self.target, self.workers)
            weakref.finalize(self, self.made.stop)
        return self.made

    def holding_out(self, rows: Numbers) -> Stream:
        """The same without the images that lie in these rows of the packed sample."""
        stream = Stream(
            self.index,
            self.target,
            self.sample,
            labelled=self.labelled,
            on_bad=self.on_bad,
            without=self.sample[rows],
        )
        stream.workers = self.workers
        return stream

    def rows(self, seed: int, start: int, length: int) -> dict[str, NDArray[Any]]:
        """This process's share of a batch: images "x", uint8 (n, C, H, W), and labels "y" (n,).

        start: position of the batch in an endless row of epochs. length: of the batch, over all
        processes.
        """
        windows = self.order.windows_of(start, length)
        used = [*windows, self.order.after(windows[-1])]  # the last is only read ahead
        keys = {window: (seed, length, *window) for window in used}
        self.held = {key: self.held[key] for key in keys.values() if key in self.held}
        share = length // distributed.world()
        first = start + distributed.rank() * share
        drawn: list[Numbers] = []
        for window in used:
            begin = self.order.first(window)
            if (key := keys[window]) not in self.held:
                order = self.order.window(seed, *window)
                own = (begin + np.arange(len(order))) % length // share == distributed.rank()
                mine = order if start % length else order[own]
                self.held[key] = Window(self.decoder, order, mine)
            low, high = first - begin, first + share - begin
            drawn.append(self.held[key].order[max(low, 0) : max(high, 0)])
        numbers = np.concatenate(drawn)
        found = [self.held[keys[window]].ready() for window in windows]
        return self.assembled(numbers, found)

    def assembled(self, numbers: Numbers, windows: list[Window]) -> dict[str, NDArray[Any]]:
        """The images of these numbers out of the windows that hold them."""
        target = self.target
        x = np.empty((len(numbers), target.channels, target.height, target.width), np.uint8)
        actual = numbers.copy()
        for window in windows:
            self.judge(window.bad)
            place = np.searchsorted(window.numbers, numbers)
            place = np.minimum(place, max(len(window.numbers) - 1, 0))
            here = window.numbers[place] == numbers if len(window.numbers) else place < 0
            x[here] = window.pixels[place[here]]
        for row, number in enumerate(numbers):
            if int(number) in self.bad:
                actual[row], x[row] = self.next_good(int(number))
        batch: dict[str, NDArray[Any]] = {"x": x}
        if self.labelled:
            unique, back = np.unique(actual, return_inverse=True)
            labels = self.index.labels(unique)
            assert labels is not None
            batch["y"] = labels[back]
        return batch

    # Bad images

    def judge(self, bad: dict[int, str]) -> None:
        """Count bad images. DataError where they are more than the options allow."""
        new = bad.keys() - self.bad.keys()
        self.bad |= bad
        total = self.index.count
        allowed = {"fail": 0.0, "skip": float(total), None: BAD_SHARE * total}[self.on_bad]
        if new and len(self.bad) > allowed:
            names = [f"{shown(self.index.title(n))}: {why}" for n, why in self.listed()]
            verb = "is" if len(self.bad) == 1 else "are"
            raise DataError(
                "\n  ".join(
                    [
                        f"{len(self.bad):,} of {total:,} images {verb} bad, by what was read so "
                        "far",
                        *capped(names),
                    ]
                ),
                safe="the shards were only read, and all checkpoints are untouched",
                fix="bring whole shards, then run the same command again   or begin anew with "
                "--on-bad-image skip and another --out",
            )

    def listed(self) -> list[tuple[int, str]]:
        return sorted(self.bad.items())

    def told(self) -> list[str]:
        """What is to be said of bad images that were met since this was asked last."""
        if len(self.bad) == self.said:
            return []
        new = [*self.bad.items()][self.said :]
        self.said = len(self.bad)
        some = [f"{shown(self.index.title(number))} ({why})" for number, why in new]
        return [
            f"{len(self.bad):,} bad images so far, in whose place the next ones are drawn: "
            f"{', '.join(capped(some, 3))}"
        ]

    def next_good(self, number: int) -> tuple[int, NDArray[np.uint8]]:
        """The image that is drawn for a bad one: the next in the shards that may be drawn."""
        if number not in self.instead:
            left = self.order.without
            for step in range(1, NEIGHBOURS):
                other = (number + step) % self.index.count
                place = int(np.searchsorted(left, other))
                if place < len(left) and left[place] == other:
                    continue
                (answer,) = self.decoder.answers(np.array([other], dtype=np.int64))
                if answer.reason.startswith(LOST):
                    raise unread(self.index, answer)
                if answer.pixels is not None:
                    if len(self.instead) >= WINDOW:
                        self.instead.clear()
                    self.instead[number] = other, answer.pixels
                    break
                self.judge({other: answer.reason})
            else:
                raise DataError(
                    f"{NEIGHBOURS - 1:,} images after {shown(self.index.title(number))} are bad",
                    safe="all checkpoints are untouched",
                    fix="bring whole shards, then run the same command again",
                )
        return self.instead[number]
