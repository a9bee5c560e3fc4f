"""Select which averaged networks (EMA) to ship, among checkpoints and spans."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ganzfeld.core import checkpoint
from ganzfeld.errors import CheckpointError
from ganzfeld.games import Game
from ganzfeld.games.ema import Averages
from ganzfeld.models.choice import Choice
from ganzfeld.training.validation import Examiner

TOLD = ("frechet", "kernel", "precision", "recall", "density", "coverage")


def newest(averages: Averages, images: int) -> Choice:
    """Where nothing can be measured."""
    span = averages.spans[0]
    return Choice(averages[span], {"images": images, "average": span, "candidates": []})


def measured_before(
    averages: Averages, images: int, folder: Path, scores: Mapping[int, float]
) -> Choice:
    """The checkpoint that scored best during training; nothing is measured again."""
    there = dict(candidates(averages, images, folder, scores))
    best = min(set(scores) & set(there), key=scores.__getitem__, default=images)
    choice = newest(there[best], best)
    span = choice.about["average"]
    rows = [{"images": n, "average": span, "frechet": score} for n, score in scores.items()]
    return Choice(choice.average, choice.about | {"by": "frechet", "candidates": rows})


def measure(
    examiner: Examiner,
    game: Game,
    averages: Averages,
    images: int,
    folder: Path,
    scores: Mapping[int, float],
    known: Mapping[int, dict[str, Any]] = {},
) -> Choice:
    """The lowest Frechet distance of all spans of the newest and of the best checkpoint.

    images: seen by the newest, whose averages are given. folder: of the checkpoints.
    scores: Frechet distances during training, by images seen. known: what the examiner found of
    the first span then, where this process has measured it.
    """
    rows: list[dict[str, Any]] = []
    about: dict[str, Any] = {"by": "frechet"}
    best, lowest = newest(averages, images), math.inf
    for seen, there in candidates(averages, images, folder, scores):
        for span in there.spans:
            found = known.get(seen) if span == there.spans[0] else None
            found = found or examiner.measure(game, there[span])
            about |= {name: found[name] for name in ("count", "protocol")}
            told = {name: found[name] for name in TOLD if name in found}
            rows.append({"images": seen, "average": span, **told})
            if found.get("frechet", math.inf) < lowest:
                lowest = found["frechet"]
                best = Choice(there[span], {"images": seen, "average": span})
    return Choice(best.average, best.about | about | {"candidates": rows})


def candidates(
    averages: Averages, images: int, folder: Path, scores: Mapping[int, float]
) -> Iterator[tuple[int, Averages]]:
    yield images, averages
    best = checkpoint.best(folder, scores)
    if best is None or best == images:
        return
    try:
        state = checkpoint.load(folder / checkpoint.name_of(best)).state["average"]
    except CheckpointError:
        return
    other = copy.deepcopy(averages)
    other.load_state_dict(state)
    yield best, other
