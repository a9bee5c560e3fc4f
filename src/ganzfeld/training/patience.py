"""End a run whose validated quality has not moved for so long."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from ganzfeld.config import Config
from ganzfeld.core.console import Screen
from ganzfeld.report.quality import MARGIN
from ganzfeld.training import endings
from ganzfeld.training.trainer import Trainer

Scores = Mapping[int, float]  # Frechet distances by images seen


def still_for(scores: Scores) -> int:
    """Images between the first evaluation as good as the best, by a twentieth, and the last."""
    if not scores:
        return 0
    good = MARGIN * min(scores.values())
    return max(scores) - min(seen for seen, score in scores.items() if score <= good)


class Watched(Protocol):
    """A run in training; `Session` is one."""

    folder: Path
    config: Config
    screen: Screen
    trainer: Trainer
    scores: dict[int, float]

    def save(self) -> None: ...
    def note(self) -> None: ...


def over(run: Watched) -> bool:
    """Whether the run should end, by its last evaluation."""
    wanted, images = run.config.run, run.trainer.images
    unfinished = wanted.images is not None and images < wanted.images
    return unfinished and wanted.patience is not None and still_for(run.scores) >= wanted.patience


def end(run: Watched) -> None:
    """What was seen is all that there was to see; what was planned is kept, and it is said."""
    wanted, images = run.config.run, run.trainer.images
    still = still_for(run.scores)
    run.screen.say(endings.patient(images, wanted.images or 0, still, run.folder))
    run.save()
    wanted.planned, wanted.images = wanted.images, images
    run.note()
