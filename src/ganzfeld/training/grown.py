"""Continue a run on data that have grown: `resume --data-grown`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ganzfeld.config import Config, Data
from ganzfeld.core.names import quoted
from ganzfeld.data import held
from ganzfeld.data.sampler import total_of
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.training.resume import anew
from ganzfeld.training.tasks import Dataset

NOTE = (
    "the data have grown from {old:,} to {new:,} images: from image {seen:,} on all of them are "
    "drawn, in another order. The run is not what one on {new:,} images from the start would be, "
    "bit for bit. What is held out is chosen anew, so some of it was trained on before"
)


def with_more(config: Config, pack: Dataset, folder: Path, seen: int, images: int | None) -> Config:
    """The configuration of a run that goes on with more data than it had.

    seen: images that it has seen; images: the new total, where one was given. Data that are as they
    were change nothing.

    Raises CheckpointError where the data have not grown, or have other classes or another shape;
    UsageError where the run has already seen its last image.
    """
    data = config.data
    if pack.fingerprint == data.fingerprint:
        return config
    if problem := other_than_grown(data, pack):
        raise CheckpointError(
            f"{folder} cannot go on with the data in {data.source}: {problem}",
            safe="nothing was changed",
            fix=anew(config, folder),
        )
    total = config.run.images if images is None else images
    if total is not None and seen >= total:
        raise UsageError(
            f"{folder} has seen all its {seen:,} images: to go on with more data it needs a new "
            "total",
            safe="nothing was changed",
            fix=f"ganzfeld resume {quoted(folder)} --data-grown --images {2 * seen}",
        )
    held_out = data.held_out
    if held_out == held.usual(data.samples):
        held_out = held.usual(pack.count)
    limits = pack.report.get("limits")
    before = {"images": seen, "samples": data.samples, "fingerprint": data.fingerprint}
    changed = replace(
        data,
        fingerprint=pack.fingerprint,
        samples=total_of(pack),
        held_out=held_out,
        limits=(limits[0], limits[1]) if limits else None,
        grown=[*data.grown, before],
    )
    return replace(config, data=changed)


def other_than_grown(data: Data, pack: Dataset) -> str:
    """Why data are not those of before and more; "" where they may be."""
    if (count := total_of(pack)) <= data.samples:
        return f"{data.samples:,} images then, {count:,} now; --data-grown needs more"
    classes = list(pack.classes)
    if data.classes and classes != data.classes:
        return f"the networks have {len(data.classes)} classes, and the data {len(classes)} now"
    if data.size is not None and (pack.height, pack.width) != tuple(data.size):
        return f"the images are {pack.height} x {pack.width} px"
    if pack.channels != data.channels:
        return f"the images have {pack.channels} channels, not {data.channels}"
    return ""


def note(data: Data) -> str:
    """What to say of a run whose data have grown; "" of others."""
    if not data.grown:
        return ""
    last = data.grown[-1]
    return NOTE.format(old=last["samples"], new=data.samples, seen=last["images"])


def since(data: Data) -> int:
    """Images seen when the data grew last: evaluations of before are of other data."""
    return int(data.grown[-1]["images"]) if data.grown else -1


def scores(data: Data, found: dict[int, float]) -> dict[int, float]:
    """Those of the data as they are now: others cannot be compared with them."""
    last = since(data)
    return {images: score for images, score in found.items() if images > last}
