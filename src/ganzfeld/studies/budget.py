"""Fit runs into a time budget, with previews, checkpoints and the evaluations on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ganzfeld.config import Config, with_settings
from ganzfeld.core import runtime
from ganzfeld.data.pack import Pack
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.plan import fit, settle, sized
from ganzfeld.training.run import train
from ganzfeld.training.speed import MEASURED, affordable, speed

UNMEASURED = "run.evaluate_final=false"  # who makes a job measures it; the budget is for training
SHORT = 40  # steps of the short run: enough for every interval of a run to come up


@dataclass(frozen=True)
class Job:
    """One run to make: a recipe with settings, on data, from a seed, within a budget.

    seconds: of CPU time, all threads together; of the clock on a GPU.
    size: (height, width), or what suits the data. afford: see `Facts`.
    """

    source: str
    recipe: str
    seed: int
    seconds: float
    size: tuple[int, int] | None = None
    settings: tuple[str, ...] = ()
    afford: int | None = None
    device: str = "cpu"

    @property
    def clock(self) -> Callable[[], float]:
        return time.process_time if self.device == "cpu" else time.monotonic


def configured(job: Job, pack: Pack) -> Config:
    """The recipe, sized for the budget as `ganzfeld train --minutes` sizes it.

    Not measured again where `job.afford` is known.
    """

    def fitted(afford: int | None) -> Config:
        config = fit(job.recipe, pack, source=job.source, labels="auto", afford=afford)
        config = complete(with_settings(config, (UNMEASURED, *job.settings)))
        config.run.seed = job.seed
        config.run.images = 10**9  # no schedule moves while steps are timed
        return config

    def affordable_by(config: Config) -> int:
        return affordable(config, pack, torch.device(job.device), job.seconds, job.clock)

    return sized(fitted, affordable_by) if job.afford is None else fitted(job.afford)


def images_within(job: Job, config: Config, pack: Pack, place: Path) -> int:
    """Images that the budget is enough for, with what a run does on its way.

    A run costs its steps, measuring its speed before them, and its checkpoints, previews and
    evaluations. A short run with as many of them, left in the folder `place`, tells what they cost.
    """
    trainer = build_trainer(config, pack, torch.device(job.device))
    runtime.tune()
    each = 1 / speed(trainer, job.seconds, job.clock)
    period, step = trainer.game.period, trainer.images // trainer.step
    fits = int(job.seconds / 5 / (each * step))  # a slow recipe takes fewer
    short = step * max(period, min(SHORT, fits))
    timed_train(job, place / "first", step)  # fills caches, and learns what measuring needs
    config.run.images = max(round(job.seconds / each), step)
    settle(config)
    like = replace(job, settings=(*job.settings, *as_often(config, short)))
    fixed = timed_train(like, place / "short", short) - short * each
    left = max(job.seconds - fixed, 0.0)
    return max(round((left - min(MEASURED, left / 21)) / each), step)


def as_often(config: Config, short: int) -> list[str]:
    """Settings with which a short run has the checkpoints, previews and evaluations of a whole."""
    run, total = config.run, config.run.images
    assert total is not None
    found = [f"run.evaluate_count={run.evaluate_count}"]  # it follows the length
    for name in ("sample_every", "evaluate_every", "save_every"):
        found.append(f"run.{name}={max(getattr(run, name) * short // total, 1)}")
    return found


def timed_train(job: Job, run: Path, images: int) -> float:
    """Seconds of a run, by the job's clock."""
    settings = (UNMEASURED, *job.settings)
    options: Any = {"recipe": job.recipe, "seed": job.seed, "settings": settings}
    options |= {"afford": job.afford, "size": job.size, "device": job.device}
    start = job.clock()
    train(job.source, out=run, images=images, quiet=True, **options)
    return job.clock() - start
