"""Survey a whole data set: choose the size, decode every image once, report findings."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import shown
from ganzfeld.core.progress import Progress
from ganzfeld.data import sidecars
from ganzfeld.data.arrays import Stack
from ganzfeld.data.avatars import description
from ganzfeld.data.candidates import (
    AS_TEXT,
    PREFIX,
    WRONG,
    captions_by_column,
    labels_by_column,
)
from ganzfeld.data.columns import texts
from ganzfeld.data.discover import CAPTIONED, embedded_count, find_source
from ganzfeld.data.embedded import SETS, embedded
from ganzfeld.data.expand import take_frames
from ganzfeld.data.options import PackOptions, unused
from ganzfeld.data.source import Encoded, Gathered, Ready, Source
from ganzfeld.data.workers import answers
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities import MODALITIES
from ganzfeld.modalities.image.codec import MIN_SIDE, Probe, Target

TINY = 4  # px; a side below is that of no image
SMALL = 128  # px: images that all have one size up to this keep it
DEFAULT_SIZE = (64, 64)
EMBEDDED_SIZE, EMBEDDED_COUNT = (32, 32), 10_000


def load_source(
    source: str | os.PathLike[str] | Encoded | Ready | Gathered, options: PackOptions
) -> tuple[Encoded | Ready | Gathered, PackOptions]:
    """The source, and the options with what its name says about them."""
    if isinstance(source, Encoded | Ready | Gathered):
        return source, options
    drawn, asked = embedded_count(source), options
    if drawn is None:
        if options.count is not None:
            raise UsageError("count is for embedded data (avatars); files are used as they are")
        found: Encoded | Ready | Gathered = find_source(source, options.reading)
    elif (name := str(source).partition(":")[0]) in SETS:
        found = embedded(name, options.count or drawn or None)
    else:
        options = replace(
            options,
            count=options.count or drawn or EMBEDDED_COUNT,
            size=options.size or EMBEDDED_SIZE,
        )
        found = captioned(name, options) if name in CAPTIONED else _avatars(options)
    if drawn is not None and os.path.exists(source):
        found.notes.append(f"the embedded data, not the folder: that is ./{source}")
    kind = found.modality if isinstance(found, Gathered) else "image"
    if drawn is not None and asked.modality not in ("auto", kind):
        noun = MODALITIES[asked.modality].noun
        raise UsageError(
            f"{source} holds {MODALITIES[kind].noun}, where {noun} are expected",
            safe="nothing was read",
            fix=f"give {noun}, or leave out --as {asked.modality} if you gave it",
        )
    if said := unused(options if drawn is None else asked, kind, drawn is not None):
        found.notes.append(said)
    return found, options


def prepare(source: Encoded | Ready, options: PackOptions) -> None:
    """Load what is not loaded, and settle whether there are labels."""
    if isinstance(source, Ready):
        source.load()
    else:
        sidecars.add(source)
    if isinstance(source, Encoded) and options.frames == "all":
        take_frames(source, options.max_megapixels)
    if options.labels.startswith(PREFIX):
        labels_by_column(source, source.columns, options.labels.removeprefix(PREFIX))
    if options.labels.startswith(AS_TEXT):
        captions_by_column(source, source.columns, options.labels.removeprefix(AS_TEXT))
    if len(source.classes) == 1 and options.labels != "none":
        source.notes.append(f"only one class, {shown(source.classes[0])}: taken as unlabelled")
    if len(source.classes) == 1 or options.labels == "none":
        source.labels, source.classes = None, ()


def _avatars(options: PackOptions) -> Ready:
    """The embedded data set. Its labels are filled in as its images are drawn."""
    from ganzfeld.data.avatars import scene

    assert options.size is not None and options.count is not None
    height, width = options.size
    labels = np.zeros(options.count, dtype=np.int64)

    def rows(start: int, stop: int) -> NDArray[np.uint8]:
        pixels, labels[start:stop] = scene.avatars(stop - start, height, width, start=start)
        return pixels

    stack = Stack(shape=(options.count, 3, height, width), rows=rows)
    return Ready(
        kind="embedded",
        name="avatars",
        place="avatars",
        stamps=[("avatars", options.count, scene.VERSION)],
        loader=lambda: (stack, labels, tuple(description.CLASSES)),
    )


def captioned(name: str, options: PackOptions) -> Ready:
    """Avatars with a caption each, in English and Chinese, and captions wrong in one thing.

    name: "avatars-captions", or "avatars-paraphrases" for captions in many wordings.
    """
    from ganzfeld.data.avatars import paraphrases, scene, sentences

    assert options.size is not None and options.count is not None
    height, width = options.size
    first = name == CAPTIONED[0]
    versions = (scene.VERSION,) if first else (scene.VERSION, paraphrases.VERSION)

    def load() -> tuple[Stack, NDArray[np.int64], tuple[str, ...]]:
        assert options.count is not None
        some = sentences.scenes(options.count, seed=0)
        right, wrong = (sentences if first else paraphrases).described(some, seed=0)
        source.columns |= {"caption": texts(right), f"caption{WRONG}": texts(wrong)}
        labels = np.array([one.label for one in some], dtype=np.int64)

        def rows(start: int, stop: int) -> NDArray[np.uint8]:
            return scene.draw(some[start:stop], height, width)

        stack = Stack(shape=(len(some), 3, height, width), rows=rows)
        return stack, labels, tuple(description.CLASSES)

    source = Ready(
        kind="embedded",
        name=name,
        place=name,
        stamps=[(name, options.count, version) for version in versions],
        loader=load,
    )
    return source


def own_sizes(
    source: str | os.PathLike[str], progress: Progress, workers: int | None = None
) -> set[tuple[int, int]]:
    """(height, width) of all images as they lie there, from their headers.

    Empty for the embedded data, which are drawn at any size.
    """
    found, options = load_source(source, PackOptions())
    if isinstance(found, Encoded):
        return {(p.height, p.width) for p in _probe_all(found, options, progress, workers)}
    if found.kind == "embedded":
        return set()
    if isinstance(found, Gathered):
        return set()
    found.load()
    return {(found.stack.shape[2], found.stack.shape[3])}


# The target


def choose_target(
    source: Encoded | Ready, options: PackOptions, progress: Progress, workers: int | None
) -> Target:
    """Size and channels of the pack: as asked for, else as the images have them."""
    if isinstance(source, Ready):
        return _target_of_stack(source, options)
    channels = options.channels
    if channels in (2, 4) and options.alpha != "keep":
        raise UsageError(
            f"{channels} channels hold alpha, but alpha is to be laid on {options.alpha}",
            fix="--alpha keep",
        )
    if channels in (1, 3) and options.alpha == "keep":
        raise UsageError(
            f"alpha cannot be kept in {channels} channels", fix=f"--channels {channels + 1}"
        )
    probes: list[Probe] = []
    if options.size is None or channels is None:
        probes = _probe_all(source, options, progress, workers)
    if options.part != "whole":
        probes = [replace(p, width=p.width // 2) for p in probes]
    height, width = options.size or _noted(_common_size(probes), source)
    return Target(
        height=height,
        width=width,
        channels=channels or _common_channels(probes, options.alpha),
        alpha=options.alpha,
        max_megapixels=options.max_megapixels,
        part=options.part,
        fit=options.fit,
    )


def _probe_all(
    source: Encoded, options: PackOptions, progress: Progress, workers: int | None
) -> list[Probe]:
    probes, total = [], len(source.names)
    limit = options.max_megapixels
    for done, answer in enumerate(answers(source.reader, source.names, limit, workers=workers)):
        if answer.probe is not None:
            probes.append(answer.probe)
        progress("reading headers", done + 1, total)
    return probes


def _common_size(probes: list[Probe]) -> tuple[int, int] | None:
    # One stray icon must not decide the size of all others.
    sizes = {(p.height, p.width) for p in probes if min(p.height, p.width) >= MIN_SIDE}
    sizes = sizes or {(p.height, p.width) for p in probes if min(p.height, p.width) >= TINY}
    if len(sizes) == 1 and max(next(iter(sizes))) <= SMALL:
        return next(iter(sizes))
    return None


def _noted(size: tuple[int, int] | None, source: Source) -> tuple[int, int]:
    """The size, or the default with a note that it was not chosen by the user."""
    if size is None:
        source.notes.append(
            f"the images differ in size or have sides over {SMALL} px: packed at "
            f"{DEFAULT_SIZE[0]} x {DEFAULT_SIZE[1]}, another with --size"
        )
    return size or DEFAULT_SIZE


def _common_channels(probes: list[Probe], alpha: str) -> int:
    grey = bool(probes) and all(p.grey for p in probes)
    kept = alpha == "keep" and any(p.alpha for p in probes)
    return (1 if grey else 3) + kept


def _target_of_stack(source: Ready, options: PackOptions) -> Target:
    _, channels, height, width = source.stack.shape
    own = (height, width) if max(height, width) <= SMALL else None
    size = options.size or _noted(own, source)
    if min(height, width) < MIN_SIDE and (height < size[0] or width < size[1]):
        raise DataError(f"images of {height} x {width} px are too small for {size[0]} x {size[1]}")
    wanted = options.channels or channels
    if channels in (2, 4) and wanted in (1, 3) and options.alpha == "keep":
        raise UsageError(f"alpha cannot be kept in {wanted} channels", fix="--alpha white")
    return Target(
        height=size[0],
        width=size[1],
        channels=wanted,
        alpha="keep" if wanted in (2, 4) or options.alpha == "keep" else options.alpha,
        max_megapixels=options.max_megapixels,
        fit=options.fit,
    )
