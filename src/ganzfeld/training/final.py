"""The evaluation at the end of a run: sample counts, reference images and extractors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ganzfeld.config import Config
from ganzfeld.data import held
from ganzfeld.data.pack import Pack
from ganzfeld.errors import UsageError
from ganzfeld.metrics.default import default_extractor, inception_seconds
from ganzfeld.metrics.evaluate import evaluate
from ganzfeld.metrics.inception import INSTALL, installed
from ganzfeld.metrics.kinds import measures_of
from ganzfeld.models.model import Model
from ganzfeld.training.validation import measured_by, usable

MOST = 2000  # samples
ENOUGH = 16  # held-out images that can tell anything
SHARE = 0.2  # of a run's time, which Inception may take at its end
INCEPTION = ("kernel", "frechet", "precision_recall", "density_coverage")


def final_count(pack: Pack) -> int:
    """Samples of the evaluation at the end of a run.

    The data alone decide it, so that all runs on one data set can be compared: 2,000, or all
    images but those that a run holds out by default.
    """
    return min(MOST, len(pack) - held.usual(len(pack)))


def reference_count(pack: Pack, held_out: int | None) -> int:
    """Images of the data that the samples are compared with."""
    return min(final_count(pack), len(usable(pack, measured_by(pack, held_out))))


def fresh(pack: Pack, held_out: int | None) -> held.Part | None:
    """The held-out images that the final evaluation does not compare with; None if too few."""
    name = measured_by(pack, held_out)
    used = usable(pack, name)[: reference_count(pack, held_out)]
    rows = np.setdiff1d(held.held_rows(pack, held_out), used)
    return held.Part(pack, rows) if len(rows) >= ENOUGH else None


def inception_count(pack: Pack | None, seconds: float, asked: int | None = None) -> int | None:
    """Samples that Inception looks at beside at the end of a run of so many seconds.

    500, 1,000 or 2,000, so many that they take a fifth of the run's time at most; 0 where it is
    not installed, where there is no time, or where the images are not like photographs. asked: what
    `run.inception_count` says; it holds. pack: None where samples are compared with nothing.

    Raises UsageError where it is asked for and not installed.
    """
    if pack is None:
        return asked
    if asked and not installed():
        raise UsageError(
            f"run.inception_count is {asked:,}, and Inception is not installed",
            safe="nothing was trained",
            fix=f"{INSTALL}   or --set run.inception_count=0",
        )
    if asked is not None:
        return asked
    if "inception" not in measures_of(pack).candidates(pack):
        return 0
    choice = default_extractor(pack, count=final_count(pack), budget_seconds=SHARE * seconds)
    return choice.count if choice.name == "inception" else 0


def seconds_by_inception(count: int | None) -> float:
    """What Inception takes at the end at most: what it saw of the data may be kept from before."""
    return 2 * count * inception_seconds() if count else 0.0


def missing(count: int) -> str:
    """What to say where a run that promised numbers by Inception ends without it."""
    return (
        f"the plan promised numbers of {count:,} samples by Inception, which is not installed on "
        f"this machine: {INSTALL}, then ganzfeld resume, adds them"
    )


def owes_inception(config: Config, evaluation: dict[str, Any]) -> bool:
    """Whether an evaluation lacks numbers by Inception that were promised and can be had now."""
    return bool(config.run.inception_count) and "inception" not in evaluation and installed()


def evaluate_final(
    model: Model,
    pack: Pack,
    config: Config,
    device: str,
    progress: Callable[[str, int, int], None],
) -> dict[str, Any]:
    """The numbers of a run's model; under "inception" those by that network, where it looked.

    Its latents do not depend on the run's seed, so that all runs on one data set share a table.
    """
    held_out = config.data.held_out
    found = evaluate(
        model,
        pack,
        extractor=measured_by(pack, held_out),
        count=final_count(pack),
        reference=reference_count(pack, held_out),
        held_out=fresh(pack, held_out),
        device=device,
        progress=progress,
    )
    if config.run.inception_count and not installed():
        found["warnings"] = [*found["warnings"], missing(config.run.inception_count)]
    elif config.run.inception_count:
        found["inception"] = evaluate(
            model,
            pack,
            metrics=INCEPTION,
            extractor="inception",
            count=config.run.inception_count,
            device=device,
            progress=progress,
        )
    return found
