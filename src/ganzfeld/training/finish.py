"""The ends of a run: choose what to ship, ship it, measure it, and write its page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch

from ganzfeld.config import Config
from ganzfeld.core import checkpoint, files
from ganzfeld.core.console import Screen
from ganzfeld.core.formats import logged
from ganzfeld.core.reader import read_lines
from ganzfeld.core.signals import Signals
from ganzfeld.data.pack import Pack
from ganzfeld.doctor.story import SHORTEST
from ganzfeld.games.ema import Averages
from ganzfeld.models import choice
from ganzfeld.models import folder as shipping
from ganzfeld.models import model as generate
from ganzfeld.models.task import Task
from ganzfeld.report import quality
from ganzfeld.report import write as write_report
from ganzfeld.training import endings, promises, selection
from ganzfeld.training.final import evaluate_final, owes_inception
from ganzfeld.training.memory import out_of_memory
from ganzfeld.training.trainer import Trainer
from ganzfeld.training.validation import Examiner


class Standing(Protocol):
    """A run as it stands after its last step; `Session` is one."""

    folder: Path
    config: Config
    device: torch.device
    screen: Screen
    signals: Signals
    trainer: Trainer
    task: Task
    scores: dict[int, float]
    found: dict[int, dict[str, Any]]
    picture: Path | None

    @property
    def checkpoints(self) -> Path: ...
    @property
    def own(self) -> bool: ...
    @property
    def averages(self) -> Averages: ...
    @property
    def total(self) -> int: ...
    @property
    def compared(self) -> Pack | None: ...
    @property
    def examiner(self) -> Examiner | None: ...
    def draw(self) -> None: ...


def finish(run: Standing) -> None:
    """Draw, choose, ship, judge, report: done again from the start where it was cut short."""
    quality_rows: list[tuple[str, str]] = []
    with out_of_memory(run.config, run.folder):
        run.draw()
        heed(run)
        chosen = choose(run)
        heed(run)
        promises.withdraw(run.folder)
        path = ship(run, chosen)
        heed(run)
        if measured(run):
            quality_rows = judge(run, path)
            heed(run)
        page = write_report(run.folder, run.compared, trust_code=run.own)
    rows = [
        *quality_rows,
        *lost(run.folder / "metrics.jsonl", watched=watched(run.config)),
        ("grid", str(run.picture)),
        ("model", f"{path}, {chosen}"),
        *([("kept", str(kept))] if (kept := path.with_name(shipping.KEPT)).is_dir() else []),
        ("report", str(page)),
        ("more", run.task.next_command(run.config, run.folder)),
    ]
    run.screen.table(f"done: {run.trainer.images:,} images", rows)


def watched(config: Config) -> bool:
    """Whether the doctor looks at the run, who tells of losses on the way that were not finite."""
    return config.run.doctor != "off" and (config.run.images or 0) >= SHORTEST


def lost(log: Path, *, watched: bool = True) -> list[tuple[str, str]]:
    """A warning where most of the last quarter of a log has losses that are not finite.

    Of a run that nobody watched, where any has: it says what was said on the way, at the end, too.
    """
    found = [row for row in map(logged, read_lines(log)) if row and row["kind"] == "train"]
    bad = [None in row["losses"].values() for row in found if "losses" in row]
    late = bad[-max(len(bad) // 4, 1) :]
    back = max((int(row.get("rollbacks") or 0) for row in found), default=0)
    said, words = [], "losses were not finite in"
    if late and 2 * sum(late) >= len(late):
        said.append(f"{words} {sum(late)} of the last {len(late)} rows of the log")
    elif any(bad) and not watched:
        said.append(f"{words} {sum(bad)} of the {len(bad)} rows of the log")
    if back and not watched:
        said.append(f"training went back to an earlier checkpoint {back} time(s)")
    if said and "losses" in said[0]:
        said[0] += ": such steps change nothing"
    return [("warning", f"{'; '.join(said)}; lower rates may help")] if said else []


def lacking(run: Standing) -> list[str]:
    """What a run that has seen all its images still has to write."""
    return promises.lacking(
        run.folder,
        run.trainer.images,
        evaluated=measured(run),
        owes=partial(owes_inception, run.config),
    )


def measured(run: Standing) -> bool:
    """Whether the shipped model is measured: where it can be, and `run.evaluate_final` says so."""
    return run.compared is not None and run.config.run.evaluate_final


def heed(run: Standing) -> None:
    """Stop between two parts of finishing where a signal asks for it."""
    if run.signals.asked:
        raise endings.stopped_late(run.signals.asked, run.folder, run.trainer.images)


def choose(run: Standing) -> choice.Choice:
    """What is worth shipping; at the end of a run all candidates are measured."""
    averages, images = run.averages, run.trainer.images
    if run.examiner is None:
        return selection.newest(averages, images)
    if images < run.total:
        return selection.measured_before(averages, images, run.checkpoints, run.scores)
    game, folder = run.trainer.game, run.checkpoints
    return selection.measure(run.examiner, game, averages, images, folder, run.scores, run.found)


def ship(run: Standing, chosen: choice.Choice) -> Path:
    """The chosen networks, and beside them what ranks their samples, of the same moment."""
    images = chosen.about["images"]
    if images == run.trainer.images:
        state = run.trainer.game.state_dict()
    else:
        state = checkpoint.load(run.checkpoints / checkpoint.name_of(images)).state["game"]
    judge = shipping.judge_of(run.config, state)
    return shipping.ship(run.folder, run.config, chosen, run.trainer.images, judge)


def judge(run: Standing, path: Path) -> list[tuple[str, str]]:
    """Measure the shipped model, write the numbers down, and put them into words."""
    model = generate.load(path, trust_code=run.own)
    pack, progress = run.compared, run.screen.progress
    assert pack is not None
    found = evaluate_final(model, pack, run.config, run.device.type, progress)
    found["run"] = {
        "seed": run.config.run.seed,
        "images_seen": model.about["images_seen"],
        "run_images": run.trainer.images,
        "recipe": run.config.recipe,
        "held_out": run.config.data.held_out,
    }
    files.replace(run.folder / "evaluation.json", files.as_json(found))
    verdict = quality.verdict(found, sorted(run.scores.items()))
    rows = [("quality", verdict)] if verdict else []
    return rows + [("warning", text) for text in quality.alarms(found)]
