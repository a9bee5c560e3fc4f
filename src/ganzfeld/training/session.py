"""One process's work on a run: train, survive, ship."""

from __future__ import annotations

import copy
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ganzfeld.config import Config
from ganzfeld.core import checkpoint, distributed, files, runtime
from ganzfeld.core.console import Screen, State
from ganzfeld.core.signals import Signals
from ganzfeld.data.pack import Pack
from ganzfeld.games.ema import Averages
from ganzfeld.games.losses import draws_of
from ganzfeld.metrics.inception import installed
from ganzfeld.modalities import modality_of
from ganzfeld.models import choice
from ganzfeld.models import folder as shipping
from ganzfeld.models.fitting import check_state
from ganzfeld.models.tasks import task_of_run
from ganzfeld.report import quality
from ganzfeld.training import endings, finish, grown, meter, noting, patience, promises, resume
from ganzfeld.training.build import build_trainer
from ganzfeld.training.final import missing
from ganzfeld.training.health import watch
from ganzfeld.training.hooks import Every
from ganzfeld.training.init_from import start_from
from ganzfeld.training.journal import Journal
from ganzfeld.training.memory import all_finite, out_of_memory
from ganzfeld.training.preview import preview, write_sheet
from ganzfeld.training.saving import Saver
from ganzfeld.training.tasks import Dataset, Work, work_of
from ganzfeld.training.trainer import Report, Trainer
from ganzfeld.training.treating import Treating
from ganzfeld.training.validation import Examiner

POISONED, PATIENT = 256, 255  # above every signal's number
SKIPS = 8  # steps in a row that may be skipped before a rollback
ROLLBACKS = 2  # in a run, before it stops


class Session:
    """One process's work on a run, from its first step to the shipped model.

    The stages before are in `stages.py`. trainer: theirs, or that of the newest checkpoint.
    """

    trainer: Trainer
    end: float | None = None  # seconds that finishing takes, by the trial of speed

    def __init__(
        self,
        folder: Path,
        config: Config,
        pack: Dataset,
        device: torch.device,
        screen: Screen,
        signals: Signals,
    ) -> None:
        self.folder, self.config, self.pack = folder, config, pack
        self.device, self.screen, self.signals = device, screen, signals
        self.writes, self.meter = distributed.rank() == 0, meter.Meter()
        self.trust_code = False  # code that the folder names and this user trusts
        self.latest: dict[str, float | None] = {}
        self.picture: Path | None = None
        self.scores: dict[int, float] = {}  # images seen -> Frechet distance, by the journal
        self.found: dict[int, dict[str, Any]] = {}  # images seen -> all numbers, of this process
        self.draws = draws_of(config.game.name, config.game.options)
        self.task = task_of_run(config)
        self.spec = next(iter(self.task.specs(config).values()))
        self.kind = modality_of(self.spec)
        self.poisoned = False  # weights were not finite when they should have been saved
        self.saver = Saver(self.checkpoints, device)
        self.journal = Journal(folder / "metrics.jsonl", self.writes)
        self.treating = Treating(self)
        runtime.tune()

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def own(self) -> bool:
        """Whether the run's model may run code: that which the run itself runs, and no other."""
        return self.trust_code or shipping.of_own(self.folder, self.config)

    @property
    def averages(self) -> Averages:
        assert isinstance(self.trainer.average, Averages)
        return self.trainer.average

    @property
    def work(self) -> Work:
        return work_of(self.trainer.game)

    @property
    def compared(self) -> Pack | None:
        """The data that samples can be compared with as a whole; None where they cannot."""
        return self.work.compared(self.trainer.game, self.pack)

    @property
    def total(self) -> int:
        assert self.config.run.images is not None
        return self.config.run.images

    @property
    def whole(self) -> int:
        """The total in whole batches, which is what will have been seen."""
        batch = self.config.run.batch_size
        return -(-self.total // batch) * batch

    # Before the first step

    def note(self) -> None:
        """Write the configuration into the folder, with where its data lie now."""
        noting.note(self.folder, self.config, writes=self.writes, pack=self.pack)

    def clean(self) -> None:
        """Remove what a killed process left half-written."""
        if self.writes:
            for folder in (self.checkpoints, self.folder / "samples", self.folder):
                checkpoint.clean(folder)

    # From the newest checkpoint

    def go_on(self, newest: checkpoint.Newest | None = None) -> None:
        """Continue from the newest whole checkpoint; a finished run is left as it is.

        newest: that, where it was read already.

        One that was killed when it had seen all its images writes what it still lacks. What was
        asked for anew is noted in the folder once the checkpoint is loaded: a run that cannot go on
        stays as it was.
        """
        asked = copy.deepcopy(self.config)  # building settles what it leaves open
        self.clean()
        found, problems = newest or checkpoint.newest(self.checkpoints)
        for problem in problems:
            self.screen.say(f"note: {problem}; an earlier checkpoint is used")
        if found is None:
            promises.refuse_remains(self.folder, "its checkpoints")
        runtime.use_threads(self.config.run.threads, exactly=self.config.run.deterministic)
        if found and found.manifest["images"] >= self.total:
            if self.writes:
                self.load(found)
                noting.note(self.folder, asked, writes=True)
                self.complete()
            self.screen.say(endings.complete(self.folder, found.manifest["images"], self.total))
            return
        seen = found.manifest["images"] if found else 0
        self.screen.say(f"continuing {self.folder} at image {seen:,} of {self.total:,}")
        count = self.config.run.inception_count
        for note in (
            *resume.notes(found.manifest if found else {}, self.device),
            grown.note(self.config.data),
            missing(count) if count and not installed() else "",
        ):
            self.screen.say(f"note: {note}") if note else None
        self.load(found)
        noting.note(self.folder, asked, writes=self.writes, pack=self.pack)
        self.play()

    def complete(self) -> None:
        """Write what a run whose last checkpoint was loaded lacks, if anything."""
        lacking = finish.lacking(self)
        if lacking:
            self.screen.say(f"{self.folder} has no whole {', '.join(lacking)} yet: finishing it")
            self.finish()

    def load(self, found: checkpoint.Checkpoint | None) -> None:
        with out_of_memory(self.config):
            self.trainer = build_trainer(self.config, self.pack, self.device)
            if not found and self.config.run.init:
                start_from(self.trainer, Path(self.config.run.init))
        if found:
            self.restore(found)

    def restore(self, found: checkpoint.Checkpoint) -> None:
        """Continue from this checkpoint, as if nothing had come after it."""
        with checkpoint.told_as_damage(found.path):
            self.treating.load(found.state.get("treatment", {}))
            check_state(self.trainer, found.state)
            self.trainer.load_state_dict(found.state)
        self.meter.load_state_dict(found.state.get("meter", {}))
        extra = self.saver.went_back(found, self.trainer.images)
        self.clock = (time.monotonic(), self.trainer.images)
        if self.writes:
            kept = self.journal.rewind(self.trainer.images)
            self.treating.looks = self.journal.looks
            self.scores = grown.scores(self.config.data, kept)
            if extra and not extra["drawn"]:
                files.remove(self.grid_file())
            self.saver.prune(self.config, self.scores, found.path)

    # The loop

    def play(self) -> None:
        if self.saver.at < 0:
            self.save()
        hooks = self.hooks()
        self.signals.graceful = True
        logs = self.journal.opened(self.config, self.trainer.images, self.screen.say)
        with self.screen.watching(), out_of_memory(self.config), logs:
            ended = distributed.largest(int(patience.over(self)))
            for report in () if ended else self.trainer:
                for hook in hooks:
                    hook(report)
                done = report.images >= self.total
                if done:
                    self.save()
                # every process hears of what only one of them noticed
                asked = POISONED if self.poisoned else self.signals.asked
                asked = asked or PATIENT * patience.over(self)
                asked = distributed.largest(asked)
                looked_at = done or report.step % SKIPS == 0  # a GPU must not wait in every step
                stuck = looked_at and int(report.skipped) > SKIPS
                if stuck or asked == POISONED:
                    self.roll_back()
                    hooks = self.hooks()
                elif asked and asked != PATIENT:
                    self.stop(asked)
                elif done or asked:
                    break
        if patience.over(self):
            patience.end(self)
        distributed.first(self.finish, "finish")
        distributed.together()

    def hooks(self) -> list[Every]:
        """What happens now and then: in the writing process, while the others go on or wait."""
        run, seen = self.config.run, self.trainer.images
        if not self.writes:
            return [Every(run.evaluate_every, self.evaluate, seen)]
        self.clock = self.began = (time.monotonic(), seen)
        return [
            Every(run.batch_size, self.meter.add, seen),
            Every(run.log_every, self.log, seen),
            *watch(self.trainer, self.config, self.pack, self.record),
            *([Every(run.batch_size, self.treating, seen)] if self.treating.asked else []),
            Every(run.sample_every, self.draw, seen, widening=True),
            Every(run.evaluate_every, self.evaluate, seen),
            Every(run.save_every, self.save, seen),
            Every(run.batch_size, self.save_if_late, seen),
        ]

    def log(self, report: Report | None = None) -> None:
        now, images = time.monotonic(), self.trainer.images
        rate = (images - self.clock[1]) / max(now - self.clock[0], 1e-9)
        self.clock = (now, images)
        losses = self.meter.read()
        row = {"step": self.trainer.step, "images_per_second": round(rate, 2), "losses": losses}
        self.record("train", row | {"rollbacks": self.trainer.salt})
        self.latest |= losses  # lazy penalties are not in every interval
        if (stream := getattr(self.trainer.data, "stream", None)) is not None:
            for text in stream.told():
                self.screen.say(f"note: {text}")
        measured = self.examiner if self.scores else None
        real = measured.real.get("frechet") if measured else None
        state = State(
            run=self.folder,
            images=images,
            total=max(self.whole, images),
            rate=rate,
            losses=self.latest,
            draws=self.draws,
            quality=quality.line(self.scores, real, measured.count if measured else None),
            picture=self.picture,
            health=self.journal.health(self.total),
            mean=(images - self.began[1]) / max(now - self.began[0], 1e-9),
            end=self.end,
        )
        self.screen.show(state)

    def draw(self, report: Report | None = None) -> None:
        self.picture = self.grid_file()
        write_sheet(self.trainer, self.config, self.kind, self.spec, self.picture)
        self.journal.loggers.sheet(self.picture, self.trainer.images)

    def grid_file(self) -> Path:
        return self.folder / "samples" / f"{self.trainer.images:012d}{self.kind.sheet_suffix}"

    @cached_property
    def examiner(self) -> Examiner | None:
        """None where samples cannot be compared with data."""
        pack = self.compared
        return None if pack is None else Examiner(pack, self.config, self.device)

    def evaluate(self, report: Report) -> None:
        distributed.first(self.measure, "evaluate")

    def measure(self) -> None:
        """Measure the averaged networks, and keep a checkpoint of them."""
        if not self.writes:
            return
        game, averages = self.trainer.game, self.averages
        if (
            errors := self.work.validate(game, averages, self.pack, self.device, self.config)
        ) is not None:
            self.record("evaluation", errors)
        if self.examiner is None:
            return
        found = self.examiner.measure(game, averages[averages.spans[0]])
        self.record("evaluation", found)
        self.found[self.trainer.images] = found
        if "frechet" in found:
            self.scores = grown.scores(self.config.data, self.journal.scores())
        self.save()

    def record(self, kind: str, row: dict[str, Any]) -> None:
        """Append a row to the log, with the images seen."""
        self.journal.write(kind, self.trainer.images, row)

    def save(self, report: Report | None = None, *, extra: bool = False) -> None:
        """A checkpoint of this moment, and older ones pruned. extra: see `retention`."""
        if not self.writes or self.saver.at == self.trainer.images:
            return
        state = self.trainer.state_dict() | {"meter": self.meter.state_dict()}
        if given := self.treating.state_dict():
            state["treatment"] = given
        samples, _ = preview(self.trainer, self.config)  # finite weights may overflow in use
        if not (all_finite(state) and all_finite(samples)):
            self.poisoned = True
            return
        about = {"drawn": self.grid_file().exists()} if extra else None
        self.saver.save(state, self.trainer.images, self.config, self.scores, about)

    def save_if_late(self, report: Report | None = None) -> None:
        if self.saver.late(self.config) and self.trainer.images < self.total:
            self.save(extra=True)

    # The ends

    def stop(self, number: int) -> None:
        distributed.first(self.leave, "leave")
        distributed.together()  # torchrun ends the others as soon as one has gone
        raise endings.stopped(number, self.folder, self.trainer.images, self.total)

    def leave(self) -> None:
        planned = self.saver.at == self.trainer.images
        self.save(extra=True)
        if self.writes and not self.poisoned:
            if not planned:  # the grid of an extra checkpoint goes with it
                self.draw()
            self.ship(finish.choose(self))

    def finish(self) -> None:
        """Draw, choose, ship, judge, report; see `finish.finish`."""
        if self.writes:
            self.signals.graceful = True
            finish.finish(self)

    def ship(self, chosen: choice.Choice) -> Path:
        return finish.ship(self, chosen)

    def roll_back(self) -> None:
        """Back to the last checkpoint, with new randomness: the same draws would fail again."""
        salt = self.trainer.salt + 1
        if salt > ROLLBACKS:
            raise endings.diverged(salt, self.folder, self.trainer.images, self.config)
        found, _ = checkpoint.newest(self.checkpoints)
        assert found is not None  # the first was saved before the first step
        self.screen.say(endings.went_back(self.trainer.images, found.manifest["images"]))
        self.restore(found)
        self.trainer.salt = salt
        self.poisoned = False
