"""Decode every image of a data set once, with one value range for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganzfeld.core.progress import Progress
from ganzfeld.data.answering import digest_of
from ganzfeld.data.arrays import refuse_flat
from ganzfeld.data.findings import Outcome
from ganzfeld.data.options import PackOptions
from ganzfeld.data.source import Encoded, Ready
from ganzfeld.data.workers import answers
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities.image.bad import BadPicture
from ganzfeld.modalities.image.codec import Target, cut_off, fit
from ganzfeld.modalities.image.dicom import WINDOWED
from ganzfeld.modalities.image.ranges import (
    LABELS,
    Range,
    greys,
    parse,
    percentiles,
    usual,
    words_on,
)

Sink = Callable[[int, NDArray[np.uint8]], None]  # (index, pixels (C, H, W))

CHUNK = 256  # images that are numbers already, taken together
SAMPLED = 256  # images from which percentiles are taken
MOSTLY = 0.9  # of the images must be of one kind for a range of their own


def count_of(source: Encoded | Ready) -> int:
    return len(source.names) if isinstance(source, Encoded) else source.stack.shape[0]


def leave_some(count: int, held_out: int) -> None:
    """UsageError where no image of so many is left to train on."""
    if held_out >= max(count, 1):
        raise UsageError(
            f"--held-out {held_out:,} of {count:,} images leaves nothing to train on",
            safe="nothing was trained",
            fix=f"--held-out with a number below {count:,}, or 0 to train on all",
        )


def decode_all(
    source: Encoded | Ready,
    target: Target,
    sink: Sink,
    progress: Progress,
    workers: int | None,
    options: PackOptions,
) -> Outcome:
    """Decode every image completely; `sink` gets each good one, in any order.

    Where nearly all images turn out to have numbers of another range than their type has (masks of
    0 and 1, 12 bits in 16), they are decoded once more by that range: `sink` gets them again.
    """
    if not isinstance(source, Encoded):
        outcome = Outcome(digests=[""] * count_of(source))
        _take_rows(source, target, sink, progress, outcome)
        return outcome
    words = ""
    if options.range is not None:
        found = _asked(source, target, options.range, workers)
        target, words = replace(target, low=found.low, high=found.high), found.words
    outcome = _decode_files(source, target, sink, progress, workers)
    outcome.values, outcome.limits = words, limits_of(outcome, target)
    if options.range is None and options.rules >= 2 and (own := own_range(outcome)):
        target = replace(target, low=own.low, high=own.high)
        outcome = _decode_files(source, target, sink, progress, workers)
        outcome.values, outcome.limits = own.words, limits_of(outcome, target)
        kept = len(outcome.kept)
        outcome.facts[f"stretched from {own.low:g} to {own.high:g}"] = kept
    if options.range is None and options.rules >= 2:
        _see_greys(outcome)
    return outcome


def _see_greys(outcome: Outcome) -> None:
    """DataError where files of numbers all become one grey; a word where they are hardly more."""
    for depth, (seen, count) in outcome.seen.items():
        if depth != "8-bit" and outcome.limits and count == len(outcome.digests):
            refuse_flat(f"each of {count:,} files", depth, seen, outcome.limits)
            low, high = outcome.limits
            if few := words_on(greys(seen, low, high)):
                plain = f"{depth} {seen.low:g} to {seen.high:g}, {low:g} black, {high:g} white"
                outcome.values = (outcome.values or plain) + few


def limits_of(outcome: Outcome, target: Target) -> tuple[float, float] | None:
    """The numbers that became 0 and 255; None for images of 8 bits, or of several depths."""
    if target.low is not None and target.high is not None:
        return target.low, target.high
    if WINDOWED in outcome.facts:  # each file by its own
        return None
    for depth, (_, count) in outcome.seen.items():
        if depth != "8-bit" and 0 < len(outcome.digests) <= count:
            return outcome.natural.get(depth)
    return None


def own_range(outcome: Outcome) -> Range | None:
    """The range that the images of a set have in common, where it is not that of their type."""
    total = len(outcome.digests)
    for depth, (seen, count) in outcome.seen.items():
        if count < MOSTLY * total or count < 1:
            continue
        if depth == "8-bit":
            return usual(seen) if 0 < seen.high < LABELS else None
        found = usual(seen)
        if found and (found.low, found.high) != outcome.natural.get(depth):
            return found
    return None


def _asked(source: Encoded, target: Target, text: str, workers: int | None) -> Range:
    """The range that the user gave; percentiles are taken from some of the images."""
    low, high, parts = parse(text)
    if not parts:
        words = f"{low:g} to {high:g}, as requested; values beyond are clipped"
        return Range(low=low, high=high, words=words)
    places = np.unique(np.linspace(0, len(source.names) - 1, SAMPLED).round().astype(np.int64))
    sampling = replace(target, sample=True, low=0.0, high=1.0)
    chosen = [int(place) for place in places]
    found = answers(source.reader, source.names, sampling, workers=workers, indices=chosen)
    by_index = {answer.index: answer.values for answer in found}
    values = np.concatenate([np.array(by_index[i], dtype=np.float64) for i in sorted(by_index)])
    result = percentiles(values, low, high)
    if result is None:
        raise DataError(f"the percentiles {text} of the images are one number", fix="--range 0:1")
    return result


def _decode_files(
    source: Encoded, target: Target, sink: Sink, progress: Progress, workers: int | None
) -> Outcome:
    total = len(source.names)
    outcome = Outcome(digests=[""] * total)
    for done, answer in enumerate(answers(source.reader, source.names, target, workers=workers)):
        if answer.seen is not None:
            outcome.note(answer.seen, bad=answer.pixels is None)
        if answer.pixels is None:
            outcome.bad[answer.index] = answer.reason
            outcome.passing += answer.passing
        else:
            sink(answer.index, answer.pixels)
            outcome.digests[answer.index] = answer.digest
            outcome.facts.update(answer.facts)
            outcome.sizes[answer.size] += 1
            outcome.cut += answer.cut
        progress("decoding", done + 1, total)
    return outcome


def _take_rows(
    source: Ready, target: Target, sink: Sink, progress: Progress, outcome: Outcome
) -> None:
    total, *shape = source.stack.shape
    wanted = [target.channels, target.height, target.width]
    stage = "drawing" if source.kind == "embedded" else "reading"
    outcome.bad, outcome.values = dict(source.stack.bad), source.stack.values
    outcome.limits = source.stack.limits
    for start in range(0, total, CHUNK):
        rows = source.stack.rows(start, min(start + CHUNK, total))
        if shape != wanted:
            rows = np.stack([refit(row, target, outcome.facts) for row in rows])
        for index, row in enumerate(rows, start):
            if index in outcome.bad:
                continue
            sink(index, row)
            outcome.digests[index] = digest_of(row)
        progress(stage, min(start + CHUNK, total), total)
    kept = len(outcome.kept)
    outcome.sizes[(shape[1], shape[2])] += kept
    outcome.cut = kept * cut_off((shape[1], shape[2]), (target.height, target.width))
    if source.stack.scaling:
        outcome.facts[source.stack.scaling] = kept


def refit(row: NDArray[np.uint8], target: Target, facts: Counter[str]) -> NDArray[np.uint8]:
    array = np.ascontiguousarray(row[0] if len(row) == 1 else row.transpose(1, 2, 0))
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[len(row)]
    seen: list[str] = []
    try:
        image = Image.frombytes(mode, (row.shape[2], row.shape[1]), array.tobytes())
        pixels = fit(image, target, facts=seen)
    except BadPicture as error:  # the size was checked, so this is not expected
        raise DataError(str(error)) from error
    facts.update(seen)
    return pixels
