"""Read a run's folder; files that cannot be read are named and skipped."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganzfeld.config import Config
from ganzfeld.core import formats, reader, runfolder
from ganzfeld.core import trust as trust_
from ganzfeld.errors import CheckpointError
from ganzfeld.metrics.summary import SINGLE
from ganzfeld.modalities import Modality, Spec, modality_of, spec_of
from ganzfeld.models import folder
from ganzfeld.models.task import Task
from ganzfeld.models.tasks import task_of

Row = dict[str, Any]
Points = list[tuple[float, float]]

CURVES = ("kernel", "frechet", *SINGLE)  # of an evaluation, before what else it holds
NO_CURVES = frozenset({"images", "step", "seconds", "count"})


@dataclass(frozen=True)
class Record:
    """A run as it was written down.

    samples: (images seen, file), oldest first. about: the config.json of its model.
    evaluation: what `ganzfeld.evaluate` found of that model. problems: what could not be read.
    """

    path: Path
    config: Config
    rows: list[Row]
    samples: list[tuple[int, Path]]
    about: Row | None
    evaluation: Row | None
    problems: list[str] = field(default_factory=list)

    @property
    def data(self) -> str:
        source = Path(self.config.data.source)  # where it lies is nobody else's business
        own = source.parts[:1] == ("data",)  # in the run: what a Python program gave has no name
        return self.path.resolve().name if own else source.name

    @property
    def name(self) -> str:
        """The data and the recipe, as a title."""
        return f"{self.data} · {Path(self.config.recipe).name}"

    @property
    def images(self) -> int:
        """Images seen so far."""
        marks = [row["images"] for row in self.rows] + [images for images, _ in self.samples]
        if self.about:
            marks.append(int(self.about.get("run_images") or self.about["images_seen"]))
        return int(max(marks, default=0))

    @property
    def trust(self) -> str:
        """What commands that draw from this run must add; see `lineage.trust`."""
        return trust_.trust(self.config)

    @property
    def chosen(self) -> Row | None:
        """Which checkpoint and average became the model, where several were compared."""
        found = (self.about or {}).get("chosen")
        return found if isinstance(found, dict) else None

    @property
    def task(self) -> Task:
        """What the model takes and makes; that of most where there is none yet."""
        return task_of(self.about)

    @property
    def spec(self) -> Spec:
        """How the samples lie."""
        data = self.config.data
        return spec_of(data.spec, (data.channels or 1, *(data.size or (1, 1))))

    @property
    def kind(self) -> Modality:
        """The kind of the samples, which knows how to show them."""
        return modality_of(self.spec)

    def of_kind(self, kind: str) -> list[Row]:
        return [row for row in self.rows if row.get("kind") == kind]

    def clock(self) -> Points:
        """(images, seconds of training up to there), from the speeds that were logged."""
        seconds, before, found = 0.0, 0.0, [(0.0, 0.0)]
        for row in self.of_kind("train"):
            rate = row.get("images_per_second")
            if isinstance(rate, int | float) and rate > 0:
                seconds += max(row["images"] - before, 0) / rate
                found.append((row["images"], seconds))
            before = row["images"]
        return found

    def losses(self) -> dict[str, Points]:
        found: dict[str, Points] = {}
        for row in self.of_kind("train"):
            for name, value in (row.get("losses") or {}).items():
                if isinstance(value, int | float):
                    found.setdefault(name, []).append((row["images"], value))
        return found

    def scores(self) -> list[tuple[int, float]]:
        """(images seen, Frechet distance) of the evaluations during training, in order."""
        found = {
            int(row["images"]): float(row["frechet"])
            for row in self.of_kind("evaluation")
            if isinstance(row.get("frechet"), int | float)
        }
        return sorted(found.items())

    def count_of(self, protocol: str) -> int | None:
        """Samples of each evaluation during training under a protocol."""
        rows = self.of_kind("evaluation")
        counts = {row.get("count") for row in rows if str(row.get("protocol", "")) == protocol}
        count = counts.pop() if len(counts) == 1 else None
        return count if isinstance(count, int) else None

    def real_of(self, protocol: str, name: str) -> float | None:
        """What real images had in place of the samples, under a protocol during training."""
        for row in reversed(self.of_kind("evaluation")):
            real = row.get("real")
            if str(row.get("protocol", "")) == protocol and isinstance(real, dict):
                value = real.get(name)
                return value if isinstance(value, int | float) else None
        return None

    def curves(self) -> dict[tuple[str, str], Points]:
        """By (protocol, metric): numbers of different protocols make different curves."""
        found: dict[tuple[str, str], Points] = {}
        for row in self.of_kind("evaluation"):
            for name in (*CURVES, *(k for k in row if k not in CURVES and k not in NO_CURVES)):
                value = row.get(name)
                if isinstance(value, int | float) and not isinstance(value, bool):
                    key = (str(row.get("protocol", "")), name)
                    found.setdefault(key, []).append((row["images"], value))
        return found

    def intervals(self, protocol: str, name: str) -> dict[float, tuple[float, float]]:
        """95 % intervals of a metric during training, by images seen, where they were noted."""
        found: dict[float, tuple[float, float]] = {}
        for row in self.of_kind("evaluation"):
            ends = row.get(f"{name}_interval")
            if str(row.get("protocol", "")) != protocol or not isinstance(ends, list):
                continue
            if len(ends) == 2 and all(isinstance(end, int | float) for end in ends):
                found[row["images"]] = (ends[0], ends[1])
        return found


def read(run: Path) -> Record:
    """Everything in a run's folder but weights. CheckpointError where it is no run."""
    config = runfolder.read_config(run)
    problems: list[str] = []
    about = None
    if (run / "model").exists():
        try:
            found = folder.read_about(run / "model")
            about = found if "images_seen" in found else None
        except CheckpointError as error:
            problems.append(f"The model's config.json could not be read: {error.what}")
    samples = sorted(
        (int(path.stem), path)
        for path in (run / "samples").glob("*")
        if path.stem.isascii() and path.stem.isdecimal() and len(path.stem) < 16 and path.is_file()
    )
    return Record(
        path=run,
        config=config,
        rows=read_rows(run / "metrics.jsonl"),
        samples=samples,
        about=about,
        evaluation=read_evaluation(run / "evaluation.json", problems),
        problems=problems,
    )


def read_rows(path: Path) -> list[Row]:
    """Whole lines that training wrote; a run that was killed may have left half of one."""
    return [row for row in map(formats.logged, reader.read_lines(path)) if row is not None]


def read_evaluation(path: Path, problems: list[str]) -> Row | None:
    if not os.path.lexists(path):
        return None
    try:
        return read_result(path)
    except CheckpointError as error:
        problems.append(f"{path.name} is left out: {error.what}")
        return None


def read_result(path: Path) -> Row:
    """What `ganzfeld evaluate` wrote; CheckpointError where this is nothing of the kind."""
    found = reader.read_json(path)
    with reader.refused(path):
        formats.result(found, tuple(SINGLE))
    return dict(found)
