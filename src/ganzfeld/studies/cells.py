"""The cells of a study: what each one trains, measures and writes down."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch

from ganzfeld.config import with_settings
from ganzfeld.core import runfolder, temporary
from ganzfeld.core.console import Screen
from ganzfeld.core.device import choose_device
from ganzfeld.data.pack import Pack
from ganzfeld.errors import DivergedError
from ganzfeld.metrics.evaluate import evaluate
from ganzfeld.metrics.registry import FAMILIES, TABLE, Metric
from ganzfeld.modalities import modality_of
from ganzfeld.models import folder as shipping
from ganzfeld.models import model as generate
from ganzfeld.networks.layers import parameters
from ganzfeld.report.record import read_rows
from ganzfeld.studies import tuning
from ganzfeld.studies.budget import Job, configured, images_within, timed_train
from ganzfeld.studies.ledger import Cell, Ledger
from ganzfeld.studies.tuning import FIRST, Trial
from ganzfeld.training.build import complete
from ganzfeld.training.plan import fit

METRICS = ("kernel", "frechet", "precision", "recall", "density", "coverage", "diversity")


MEMORY = ("memorisation", "memorisation_copies")


@dataclass
class Study:
    """The cells of one study, each made once."""

    ledger: Ledger
    folder: Path
    pack: Pack
    source: str
    about: dict[str, Any]
    device: str = field(default_factory=lambda: choose_device("auto"))
    screen: Screen = field(default_factory=lambda: Screen(quiet=True))

    @property
    def seconds(self) -> float:
        return 60 * float(self.about["minutes"])

    def tuned(self, name: str, wanted: Sequence[Trial]) -> Trial:
        """The best of a recipe's trials; its own settings where there are none."""
        scores = {}
        for trial in wanted:
            result = self.measured(name, tuning.SEED, trial)
            scores[trial] = result.get(tuning.BY)
        return tuning.best(scores)

    def job(self, name: str, seed: int, trial: Trial) -> Job:
        """What is trained, sized for the budget once for a recipe, and changed by the trial."""
        settings = (f"run.threads={torch.get_num_threads()}", *self.about["settings"])
        sides = size_of(self.pack)
        size = (sides[0], sides[1]) if sides else None
        job = Job(self.source, name, seed, self.seconds, size, settings, device=self.device)
        cell = self.ledger.cell(lambda: self.sized(job), kind="size", recipe=name)
        job = dataclasses.replace(job, afford=cell["afford"])
        config = fit(name, self.pack, source=self.source, labels="auto", afford=job.afford)
        config = complete(with_settings(config, job.settings))
        return dataclasses.replace(
            job, settings=(*job.settings, *tuning.settings_of(config, trial))
        )

    def sized(self, job: Job) -> Cell:
        return {"afford": configured(job, self.pack).run.afford}

    def images(self, job: Job, trial: Trial) -> int:
        """Images that the budget is enough for: as many for every seed.

        Probed, and where the trial was run it has shown what its images really cost.
        """

        def probed() -> Cell:
            with temporary.scratch(self.folder) as place:
                config = configured(job, self.pack)
                return {"images": images_within(job, config, self.pack, place)}

        key = {"recipe": job.recipe, **trial._asdict()}
        planned: int = self.ledger.cell(probed, kind="plan", **key)["images"]
        before = self.ledger.find(kind="run", seed=tuning.SEED, **key)
        if before is None or not before.get("seconds"):
            return planned
        return max(int(before["images"] * self.seconds / before["seconds"]), 1)

    def run(self, name: str, seed: int, trial: Trial) -> Cell:
        """Trained, and what it took."""

        def train() -> Cell:
            job = self.job(name, seed, trial)
            images, place = self.images(job, trial), self.place(name, seed, trial)
            fresh = not place.exists()
            words = f"{name}, seed {seed}" + f", {trial}" * (trial != FIRST)
            self.screen.say(f"{words}: training on {images:,} {modality_of(self.pack.spec).noun}")
            try:
                spent = timed_train(job, place, images)
                model = load_own(place)
            except DivergedError as error:
                return {"images": images, "diverged": error.what}
            # of a run that was cut short a part was spent before
            spent_here = round(spent, 1) if fresh else None
            return {"images": images, "seconds": spent_here, **taken(place, model)}

        return self.ledger.cell(train, kind="run", recipe=name, seed=seed, **trial._asdict())

    def place(self, name: str, seed: int, trial: Trial) -> Path:
        words = f"{name.rpartition(':')[2]}-seed-{seed}"
        if trial != FIRST:
            words += f"-rate-{trial.rate:g}-width-{trial.width:g}"
        return self.folder / "runs" / words

    def measured(self, name: str, seed: int, trial: Trial) -> Cell:
        """A run's numbers with all that it took; without numbers where it diverged."""
        run = self.run(name, seed, trial)

        def measure() -> Cell:
            if "diverged" in run:
                return {}
            found = evaluate(
                load_own(self.place(name, seed, trial)),
                self.pack,
                metrics=(*METRICS, "memorisation") if size_of(self.pack) else None,
                extractor=self.about["extractor"],
                count=self.about["count"],
                device="cpu",
            )
            more = ("frechet_interval", "kernel_interval", "real", "extractor_warning")
            names = (*METRICS, *MEMORY, *more)
            kept = {metric: found[metric] for metric in names if metric in found}
            if own := {m.name: found[m.name] for m in own_metrics(self.pack) if m.name in found}:
                kept["own"] = {k: v for k, v in own.items() if isinstance(v, int | float)}
            return kept | {"protocol": found["protocol"]["id"]}

        fresh = self.ledger.find(kind="result", recipe=name, seed=seed, **trial._asdict()) is None
        key = {"kind": "result", "recipe": name, "seed": seed, **trial._asdict()}
        result = {**run, **self.ledger.cell(measure, **key)}
        if fresh:
            self.screen.say(describe(result, modality_of(self.pack.spec).noun))
        return result


def size_of(pack: Pack) -> list[int] | None:
    """(height, width) of images, None of other kinds."""
    return [pack.height, pack.width] if modality_of(pack.spec).rescaled else None


def own_families(pack: Pack) -> list[str]:
    """Families of metrics that are for the kind of the data alone."""
    kind = pack.spec.modality
    return [name for name, one in FAMILIES.items() if one.modality == kind and one.usual]


def own_metrics(pack: Pack) -> list[Metric]:
    """The numbers that these give, of which one end is better."""
    return [metric for metric in TABLE if metric.family in own_families(pack) and metric.best]


def taken(place: Path, model: generate.Model) -> dict[str, Any]:
    """What a run was given: width, batch, rates, steps and parameters, as its folder says."""
    config = runfolder.read_config(place)
    steps = [row["step"] for row in read_rows(place / "metrics.jsonl") if "step" in row]
    return {
        "steps": steps[-1] if steps else None,
        "batch": config.run.batch_size,
        "widths": {
            name: part.options.get("width") or part.options.get("widths")
            for name, part in config.networks.items()
        },
        "rates": {
            player: [o.lr, o.lr if o.final_lr is None else min(o.final_lr, o.lr)]
            for player, o in config.optimisers.items()
        },
        "parameters": parameters(model.generator),
        "threads": config.run.threads,
        "arithmetic": config.run.precision,
    }


def load_own(run: Path) -> generate.Model:
    """The model of a run of this study; its code runs where it is that of the recipe."""
    own = shipping.of_own(run, runfolder.read_config(run))
    return cast(generate.Model, generate.load(run, trust_code=own, task="generation"))


def describe(cell: Cell, noun: str = "images") -> str:
    """A line for people."""
    trial = Trial(cell["rate"], cell["width"])
    head = f"{cell['recipe']}, seed {cell['seed']}" + f", {trial}" * (trial != FIRST)
    if "diverged" in cell:
        return f"{head}: {cell['diverged']}"
    real = cell.get("real") or {}
    numbers = (
        f"{name} {shown(cell.get(name))}" + f" (real {shown(real.get(name))})" * (name in real)
        for name in METRICS
    )
    return f"{head}: {cell['images']:,} {noun}  {'  '.join(numbers)}"


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
