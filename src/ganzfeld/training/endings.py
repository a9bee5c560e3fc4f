"""Messages for runs that end early: where they stopped, what is safe, how to continue."""

from __future__ import annotations

from pathlib import Path

from ganzfeld.config import Config
from ganzfeld.core.names import quoted
from ganzfeld.errors import DivergedError, Interrupted


def stopped(number: int, folder: Path, images: int, total: int) -> Interrupted:
    """By a signal of this number, at work."""
    return Interrupted(
        number,
        f"stopped at image {images:,} of {total:,}",
        safe=f"everything up to here is saved in {folder}",
        fix=f"ganzfeld resume {quoted(folder)}",
    )


def stopped_late(number: int, folder: Path, images: int) -> Interrupted:
    """By a signal of this number, after the last step."""
    return Interrupted(
        number,
        f"stopped at the end of {folder}, before its report was written",
        safe=f"all {images:,} images are seen and saved",
        fix=f"ganzfeld resume {quoted(folder)}",
    )


def diverged(times: int, folder: Path, images: int, config: Config) -> DivergedError:
    """After the last rollback that a run may have."""
    fix = "train again with a lower learning rate"
    if "generator" in config.optimisers:
        lr = config.optimisers["generator"].lr / 2
        fix += f", such as --set optimisers.generator.lr={lr:g}"
    return DivergedError(
        f"training diverged {times} times, last at image {images:,}",
        safe=f"the last good checkpoint and its samples are in {folder}",
        fix=fix,
    )


def complete(folder: Path, images: int, total: int) -> str:
    """Of a run that has nothing left to do."""
    more = f"ganzfeld resume {quoted(folder)} --images {2 * total}"
    return f"{folder} is complete at {images:,} images. More: {more}"


def patient(images: int, total: int, still: int, folder: Path) -> str:
    """Of a run that patience has ended."""
    return (
        f"note: ended at image {images:,} of {total:,}: its quality has not moved for {still:,} "
        f"images, as --patience asks. To go on all the same: "
        f"ganzfeld resume {quoted(folder)} --images {total}"
    )


def went_back(images: int, to: int) -> str:
    """Of a run that goes on from an earlier checkpoint."""
    return (
        f"note: losses or gradients were not finite at image {images:,}; "
        f"back to image {to:,} with new randomness"
    )
