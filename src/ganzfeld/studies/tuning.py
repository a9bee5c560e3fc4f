"""The same number of trials for every recipe: its rates and widths, tried on a seed of their own.

A comparison of methods is only as good as the care that each was given (Lucic et al. 2018, "Are
GANs created equal?", arXiv:1711.10337). So no recipe has a trial more than another, all trials
have the budget of the runs that are reported, and they start from a seed that is not reported.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from ganzfeld.config import Config
from ganzfeld.errors import UsageError

SEED = 100  # of all trials
MULTIPLE = 8  # of channels; narrower steps cost time and bring nothing
BY = "frechet"  # what a trial is judged by; less is better


class Trial(NamedTuple):
    """Learning rates and widths, in times those that the recipe has for the budget."""

    rate: float
    width: float

    def __str__(self) -> str:
        return f"rates x{self.rate:g}, width x{self.width:g}"


FIRST = Trial(1.0, 1.0)
TRIALS = (
    FIRST,
    Trial(2.0, 1.0),
    Trial(0.5, 1.0),
    Trial(1.0, 1.5),
    Trial(2.0, 1.5),
    Trial(0.5, 1.5),
    Trial(4.0, 1.0),
    Trial(0.25, 1.0),
)


def trials(count: int) -> tuple[Trial, ...]:
    """The first trials of the list; none for 0. UsageError for more than there are."""
    if not 0 <= count <= len(TRIALS):
        raise UsageError(
            f"--tune takes 0 to {len(TRIALS)} trials for each recipe, not {count}",
            safe="nothing was trained",
            fix="--tune 3 for rates, --tune 6 for rates and widths",
        )
    return TRIALS[:count]


def settings_of(config: Config, trial: Trial) -> tuple[str, ...]:
    """The trial as settings on top of the recipe's configuration for the budget."""
    found = []
    if trial.rate != 1:
        for player, optimiser in config.optimisers.items():
            found.append(f"optimisers.{player}.lr={optimiser.lr * trial.rate:.6g}")
    if trial.width != 1:
        for name, part in config.networks.items():
            wider = widened(part.options, trial.width)
            found += [f"networks.{name}.{key}={json.dumps(v)}" for key, v in wider.items()]
    return tuple(found)


def widened(options: Mapping[str, Any], times: float) -> dict[str, Any]:
    """The options of a network that say how wide it is, in times what they were."""

    def scaled(width: int) -> int:
        return max(math.floor(width * times / MULTIPLE + 0.5), 1) * MULTIPLE

    found: dict[str, Any] = {
        key: scaled(options[key]) for key in ("width", "most") if key in options
    }
    if "widths" in options:
        found["widths"] = [scaled(width) for width in options["widths"]]
    if found.get("width", 0) % options.get("group", 1):
        found["group"] = MULTIPLE
    return found


def best(scores: Mapping[Trial, float | None]) -> Trial:
    """The trial with the lowest score; the recipe's own where none was measured."""
    measured = {
        trial: score
        for trial, score in scores.items()
        if score is not None and math.isfinite(score)
    }
    return min(measured, key=measured.__getitem__) if measured else FIRST
