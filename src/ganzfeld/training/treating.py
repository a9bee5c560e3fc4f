"""Treat a run while it trains, where it asks for it: what `doctor.treat` decides is done here.

Each treatment is a row of kind "treatment" in the log and an entry in every later checkpoint,
from which a run that goes on has it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from ganzfeld.config import UNAIDED, Config
from ganzfeld.core import checkpoint
from ganzfeld.core.console import Screen
from ganzfeld.core.formats import DOSE
from ganzfeld.core.schema import anything, fields, listing, text
from ganzfeld.core.schema import whole as whole_number
from ganzfeld.doctor.story import Moment
from ganzfeld.doctor.treat import Dose, Treatment, decided, from_start, in_words, together
from ganzfeld.doctor.words import verdict
from ganzfeld.games import Game
from ganzfeld.games.ema import Averages
from ganzfeld.modalities import Modality
from ganzfeld.training.build import build_game, half_life, schedules_of
from ganzfeld.training.journal import Journal
from ganzfeld.training.trainer import Report, Schedule, Trainer

ROWS = listing(
    fields({"images": whole_number(0, 1 << 60), "name": text}, {"dose": anything, "why": text})
)

Row = dict[str, Any]


class Treated(Protocol):
    """A run in training; `Session` is one."""

    folder: Path
    config: Config
    screen: Screen
    trainer: Trainer
    journal: Journal
    kind: Modality
    scores: dict[int, float]

    @property
    def checkpoints(self) -> Path: ...
    @property
    def total(self) -> int: ...
    def record(self, kind: str, row: dict[str, Any]) -> None: ...


class Treating:
    """The treatments of one run. rows: those so far, as the log and checkpoints hold them."""

    def __init__(self, run: Treated) -> None:
        self.run = run
        self.rows: list[Row] = []
        self.looks = -1

    @property
    def asked(self) -> bool:
        return self.run.config.run.doctor == "treat"

    def state_dict(self) -> dict[str, list[Row]]:
        """For a checkpoint; {} of a run that was never treated."""
        return {"given": [dict(row) for row in self.rows]} if self.rows else {}

    def load(self, state: Mapping[str, Any]) -> None:
        """As it was at a checkpoint; before its weights are loaded. Raises Unreadable."""
        rows = state.get("given", [])
        ROWS(rows, "treatment.given")
        for row in rows:
            if row.get("dose"):
                DOSE(row["dose"], "treatment.given.dose")
        if not rows and not self.rows:
            return
        self.rows = [dict(row) for row in rows]
        apply(self.run.trainer, self.run.config, together(self.rows))

    def __call__(self, report: Report | None = None) -> None:
        """After a look: whether something is to be done, and do it."""
        journal = self.run.journal
        if journal.looks == self.looks:
            return
        self.looks = journal.looks
        found = verdict(journal.rows, self.run.total)
        treatment = decided(found.story, found.standing, self.rows, self.able)
        if treatment is not None:
            self.give(treatment, found.story.moments[-1])

    @property
    def able(self) -> frozenset[str]:
        able: frozenset[str] = self.run.trainer.game.cures
        if not self.run.kind.draws or self.run.config.run.looks >= UNAIDED:
            able -= {"augment"}
        return able if self.run.config.run.init else able | {"fresh"}

    def give(self, treatment: Treatment, now: Moment) -> None:
        run, images = self.run, self.run.trainer.images
        row: Row = {"images": images, "name": treatment.name, "why": treatment.why}
        if (dose := treatment.dose) is not None:
            if dose.fresh:
                row["fresh"] = True
                dose = from_start(dose, now, start_of(run.trainer, run.config))
            row["dose"] = dose.to_json()
            if dose.back and (best := self.best()) is not None:
                row["back"] = best
        self.rows.append(row)
        apply(run.trainer, run.config, together(self.rows))
        if row.get("back") is not None:
            go_back(run.trainer, run.checkpoints / checkpoint.name_of(row["back"]))
        if row.get("fresh"):
            begin_again(run.trainer, run.config)
        run.record("treatment", {k: v for k, v in row.items() if k != "images"})
        run.screen.say(
            f"doctor: {treatment.title} at image {images:,}: {in_words(row)}\n"
            f"evidence: {treatment.why}"
        )

    def best(self) -> int | None:
        """Images at the checkpoint that scored best, where there is one that is not the newest."""
        found = checkpoint.best(self.run.checkpoints, dict(self.run.scores))
        newest = max(self.run.scores, default=None)
        return None if found is None or found == newest else found


def apply(trainer: Trainer, config: Config, dose: Dose) -> None:
    """Let a trainer be as its configuration has it, but for this dose; again and again alike."""
    trainer.game.treat(dose.penalties, dose.augment)
    trainer.game.to(trainer.device)
    own = schedules_of(config, trainer.game)
    trainer.schedules = {
        player: slowed(schedule, dose.rates.get(player, 1.0)) for player, schedule in own.items()
    }


def slowed(schedule: Schedule, factor: float) -> Schedule:
    def slow(images: int) -> Mapping[str, Any]:
        settings = schedule(images)
        return {**settings, "lr": settings["lr"] * factor}

    return schedule if factor == 1 else slow


def go_back(trainer: Trainer, path: Path) -> None:
    """The weights, averages and moments of a checkpoint; the clock goes on."""
    state = checkpoint.load(path).state
    now = trainer.state_dict()
    trainer.load_state_dict(
        state | {"counts": now["counts"], "game": {**now["game"], **state["game"]}}
    )


def started(trainer: Trainer, config: Config) -> Game:
    """The game as a run of this seed starts; no draw of torch's own is used up."""
    with torch.random.fork_rng(devices=[]):
        return build_game(config).to(trainer.device)


def start_of(trainer: Trainer, config: Config) -> dict[str, float]:
    """The size of each player's weights at the start, as the log has it of later ones."""
    names = {p: name for name, p in trainer.game.named_parameters()}
    own = dict(started(trainer, config).named_parameters())
    return {
        player: float(torch.stack([own[names[p]].detach().norm() for p in of]).norm())
        for player, of in trainer.parameters.items()
        if of
    }


def begin_again(trainer: Trainer, config: Config) -> None:
    """The weights and averages that a run of this seed starts with; the clock goes on.

    Optimisers forget their moments. Not for runs that began with the weights of another.
    """
    game = started(trainer, config)
    now, ema = trainer.state_dict(), config.ema
    trainer.load_state_dict(
        {
            "counts": now["counts"],
            "game": {**now["game"], **game.state_dict()},
            "average": Averages(game, half_life(config), ema.ramp, ema.spans).state_dict(),
            "optimisers": {player: {} for player in trainer.optimisers},
        }
    )
