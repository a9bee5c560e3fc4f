"""The three stages of `ganzfeld train`, in their order: set up, print, launch."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ganzfeld.config import Config
from ganzfeld.core import checkpoint, distributed, runfolder, runtime, trust
from ganzfeld.core.console import Screen
from ganzfeld.core.lock import check_writable
from ganzfeld.core.loggers import check_installed
from ganzfeld.core.signals import Signals
from ganzfeld.data.called import in_own_words
from ganzfeld.data.discover import embedded_count
from ganzfeld.data.given import file_in, keep_in_cache, keep_in_run
from ganzfeld.data.vast import is_disk
from ganzfeld.errors import UsageError
from ganzfeld.metrics.learning import hastily
from ganzfeld.models.fitting import check_new
from ganzfeld.recipes.base import Recipe
from ganzfeld.recipes.find import find_recipe
from ganzfeld.training import opening, promises, resume, vetting
from ganzfeld.training.config_file import refuse_of_data
from ganzfeld.training.final import inception_count, seconds_by_inception
from ganzfeld.training.init_from import need_there, sized_by
from ganzfeld.training.pace import Pace
from ganzfeld.training.plan import check, check_settings, outlook, plan_rows, settle, sized
from ganzfeld.training.process import joined, make_screen, owned
from ganzfeld.training.request import TrainRequest
from ganzfeld.training.result import Run
from ganzfeld.training.session import Session
from ganzfeld.training.tasks import WORK, Dataset
from ganzfeld.training.trial import Trial


@dataclass
class Start:
    """What one stage hands to the next. trial, pace: of a new run; None where it goes on."""

    asked: TrainRequest
    session: Session
    trial: Trial | None = None
    pace: Pace | None = None


@in_own_words()
def carry_out(asked: TrainRequest) -> Run:
    """Set up, print, launch: what `train` does with a request whose every value was checked."""
    screen = make_screen(asked.quiet)
    with Signals() as signals, joined(asked.device) as on, contextlib.ExitStack() as held:
        start = set_up(asked, screen, on, signals, held)
        print_plan(start)
        if not asked.dry_run:
            launch(start)
    return Run(start.session.folder)


def set_up(
    asked: TrainRequest,
    screen: Screen,
    on: torch.device,
    signals: Signals,
    held: contextlib.ExitStack,
) -> Start:
    """Read the data, fit the configuration to them, and build the trainer, whose speed is tried.

    held: what lasts until the command ends, such as the lock of the run's folder.
    """
    recipe, folder = find_recipe(asked.recipe), asked.folder  # a wrong name should not wait
    asked, pack, bare = opened(asked, recipe, screen)

    def fitted(afford: int | None) -> Config:
        return asked.config(pack, recipe.layout, on, afford)

    afford = asked.afford
    if asked.init is not None and afford is None:
        afford = sized_by(Path(asked.init))
    config = fitted(afford)
    if config.data.conditions is None:  # the recipe takes no numbers
        pack = bare
    check(config)
    check_new(config)
    check_installed(config.run.log_to)
    held.enter_context(runtime.deterministic(config.run.deterministic))
    held.enter_context(hastily(asked.dry_run))
    if not asked.dry_run:
        held.enter_context(owned(folder))
    trial = None
    if asked.minutes is not None and afford is None and asked.init is None:
        config, trial = sized_to_time(fitted, folder, pack, on)
        check(config)
    session = Session(folder, config, pack, on, screen, signals)
    session.trust_code = asked.trust_code
    if (folder / "config.json").exists():
        session.config = resume.adopt(config, runfolder.read_config(folder), folder, pack)
        with vetting.as_stored(folder):
            check(session.config)
        return Start(asked, session)
    promises.refuse_remains(folder, "its config.json")
    if not asked.dry_run:
        session.clean()
    trial = trial or Trial(config, pack, on)
    session.trainer = trial.trainer
    return Start(asked, session, trial, settled(session, trial))


def print_plan(start: Start) -> None:
    """What is going to be trained on what, how fast, and for how long."""
    session, say = start.session, start.session.screen.say
    if start.trial is None or start.pace is None:
        if start.asked.dry_run:
            say(f"{session.folder} holds this run: the command would go on with it")
        return
    config, pace = session.config, start.pace
    rows = plan_rows(config, session.trainer.game, pace, session.pack, start.trial.started)
    session.screen.table(f"plan for {session.folder}", rows)
    if session.work.from_noise and (warning := outlook(config, pace.rate, session.pack)):
        say(warning)
    if start.asked.dry_run:
        say(f"nothing was written to {session.folder}: without --dry-run it is trained")


def launch(start: Start) -> None:
    """Train a new run from its beginning, or one that is there from its newest checkpoint."""
    session = start.session
    if start.trial is None:
        session.go_on()
        return
    if session.writes:
        room = checkpoint.room(session.trainer.game.state_dict(), session.config.run.keep)
        check_writable(session.folder, room)
        session.note()
        trust.remember(session.folder, session.config)
    session.trainer = start.trial.over()
    start.trial = None  # it holds a copy of the weights
    session.play()


# What `set_up` consists of


def opened(
    asked: TrainRequest, recipe: Recipe, screen: Screen
) -> tuple[TrainRequest, Dataset, Dataset]:
    """The request with its data found, and the data; bare of usual numbers, too."""
    refuse_of_data(asked.settings)
    need_apart(asked)
    if asked.init is not None:
        need_there(Path(asked.init))
    check_settings(asked.recipe, asked.settings, asked.data.size, asked.direction)
    if asked.given is not None:
        asked = asked.reading(kept(asked))
    usual = opening.usual(asked.data, recipe.task)
    asked = replace(asked, data=opening.resolved(asked.data, recipe.task, recipe.captions))
    spared = asked.held_out or 0 if WORK[recipe.task].from_noise else 0
    data = replace(asked.data, spared=spared)  # too many are refused before they are decoded
    bare = opening.open_data(data, screen, recipe.task, recipe.layout, recipe.modality)
    conditions = list(asked.data.conditions or usual)
    pack = WORK[recipe.task].conditioned(bare, conditions, asked.held_out, asked.data.labels)
    return asked, pack, bare if usual else pack


def need_apart(asked: TrainRequest) -> None:
    """UsageError where a new run would be written among its own data."""
    if asked.given is not None or (asked.folder / "config.json").exists():
        return
    for source in filter(None, (asked.data.source, asked.data.other)):
        place, folder = os.path.realpath(source), os.path.realpath(asked.folder)
        inside = Path(folder).is_relative_to(place) and not is_disk(place)  # refused as data
        if inside and os.path.isdir(place) and embedded_count(source) is None:
            raise UsageError(
                f"{asked.folder} lies in {source}, the data: what a run writes would be taken for "
                "data when it goes on",
                safe="nothing was written",
                fix="--out with a folder beside the data",
            )


def kept(asked: TrainRequest) -> str:
    """The path of a program's data in the run's folder; of several processes one writes it.

    In the cache, where no run is written.
    """
    given, folder, columns = asked.given, asked.folder, asked.columns

    def keep() -> str:
        if asked.dry_run:
            return str(keep_in_cache(given))
        if distributed.rank():
            return str(file_in(folder / "data"))
        with owned(folder):
            return str(keep_in_run(given, folder, **columns))

    return distributed.first(keep, "data")


def sized_to_time(
    fitted: Callable[[int | None], Config], folder: Path, pack: Dataset, on: torch.device
) -> tuple[Config, Trial | None]:
    """The configuration for `--minutes`, and its trainer if one was built to find it.

    A recipe may take smaller networks where the full ones are too slow; then these are let go.
    """
    trial: Trial | None = None

    def afford(full: Config) -> int | None:
        nonlocal trial
        if (folder / "config.json").exists():
            with vetting.as_stored(folder):
                stored = runfolder.read_config(folder).run
            if stored.minutes == full.run.minutes:
                return stored.afford
        assert full.run.minutes is not None
        trial = Trial(full, pack, on)
        return trial.affords(60 * full.run.minutes)

    config = sized(fitted, afford)
    return config, trial if trial is not None and trial.serves(config) else None


def settled(session: Session, trial: Trial) -> Pace:
    """The pace of the trial, by which what was left open is settled; images in whole batches."""
    run, pace = session.config.run, trial.pace(session.screen.progress)
    if run.minutes is not None:
        run.images = max(-(-pace.images(60 * run.minutes) // run.batch_size), 1) * run.batch_size
    settle(session.config, pace.share)
    seconds = session.total / pace.rate
    run.inception_count = inception_count(session.compared, seconds, run.inception_count)
    session.end = pace.end + pace.first + seconds_by_inception(run.inception_count)
    return pace
