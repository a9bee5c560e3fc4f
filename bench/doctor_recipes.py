"""Healthy runs of all recipes for `doctor.py`, each on embedded data of its kind.

Networks are narrow where a recipe's own would take more than about ten CPU seconds; everything else
is as the recipe has it. Runs are looked at as `ganzfeld train` does it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from from_text import write_fields, write_table

from ganzfeld.config import Config, with_settings
from ganzfeld.core import metrics_log, runtime
from ganzfeld.data.audio_sets import NAMES, RATE, vowels
from ganzfeld.data.request import DataRequest
from ganzfeld.modalities.audio.wav import wav_bytes
from ganzfeld.recipes import RECIPES
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.health import watch
from ganzfeld.training.hooks import Every
from ganzfeld.training.meter import Meter
from ganzfeld.training.opening import usual
from ganzfeld.training.plan import fit, settle
from ganzfeld.training.tasks import WORK, Dataset
from ganzfeld.training.trainer import Trainer


class Case(NamedTuple):
    """source: embedded data, of so many samples, or a writer of files into a folder that has one
    or two sources. images: to see. settings: that make it cheap."""

    source: str | Callable[[Path], Sequence[str]]
    images: int
    settings: tuple[str, ...] = ()
    side: int | None = None  # pixels of an image
    condition: str = ""  # a column


def voices(place: Path, chosen: Any, said: Sequence[str]) -> str:
    """A folder of vowels, each with its caption."""
    place.mkdir()
    rows = ["file_name,caption"]
    for number, (wave, line) in enumerate(zip(vowels(1_000).x[chosen], said, strict=True)):
        (place / f"{number}.wav").write_bytes(wav_bytes(wave, RATE))
        rows.append(f"{number}.wav,{line}")
    (place / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    return str(place)


def said_vowels(place: Path) -> Sequence[str]:
    made = vowels(1_000)
    high = np.where(made.pitch > np.median(made.pitch), "high", "low")
    lines = [f"{one} voice number {n} says {NAMES[y]}"
             for n, (one, y) in enumerate(zip(high, made.y, strict=True))]  # fmt: skip
    return [voices(place / "voices", np.arange(1_000), lines)]


def two_voices(place: Path) -> Sequence[str]:
    """Low ones and high ones."""
    high = (made := vowels(1_000)).pitch > np.median(made.pitch)
    sides = (("low", ~high), ("high", high))
    return [voices(place / name, own, [name] * int(own.sum())) for name, own in sides]


WRITTEN = tempfile.TemporaryDirectory()


@cache
def sources(recipe: str) -> tuple[str, ...]:
    """Where a recipe's data are: written once for all runs of this process."""
    source = CASES[recipe].source
    if isinstance(source, str):
        return (source,)
    place = Path(WRITTEN.name) / recipe
    place.mkdir()
    return tuple(source(place))


AVATARS = "avatars:2000"
NARROW = ("networks.*.width=8",)
FEW_STEPS = (*NARROW, "run.batch_size=8")  # not 1: steps of one sample cost as much as of eight
CASES = {
    "default": Case(AVATARS, 16_000, NARROW, 16),
    "mlp": Case(AVATARS, 24_000, (), 16),
    "dcgan": Case(AVATARS, 24_000, NARROW, 16),
    # of 64 images a batch its generator would make 75 updates, after which it has learned nothing
    "wgan-gp": Case(AVATARS, 24_000, (*NARROW, "run.batch_size=16"), 16),
    "hinge": Case(AVATARS, 24_000, NARROW, 16),
    "r3gan": Case(AVATARS, 8_000, (*NARROW, "networks.*.most=32"), 16),
    "vae": Case(AVATARS, 24_000, NARROW, 16),
    "gmmn": Case(AVATARS, 24_000, NARROW, 16),
    "projected": Case(AVATARS, 8_000, NARROW, 16),
    "drifting": Case(AVATARS, 3_000, NARROW, 16),
    "text-to-image": Case("avatars-captions:1000", 8_000, NARROW, 16),
    "cyclegan": Case("avatars-styles:1000", 2_400, (*FEW_STEPS, "networks.G_ab.blocks=2",
                                                   "networks.G_ba.blocks=2"), 16),
    "pix2pix": Case("avatars-lines:1000", 4_000, FEW_STEPS, 16),
    "image-to-text": Case("avatars-captions:1000", 6_000, NARROW, 16),
    "image-to-text-mle": Case("avatars-captions:1000", 6_000, NARROW, 16),
    "tutorial-mlp-mnist": Case(AVATARS, 24_000, (), 16),
    "tutorial-mlp-faces": Case(AVATARS, 16_000, (), 16),
    "tutorial-dcgan-mnist": Case(AVATARS, 16_000, NARROW, 16),
    "tutorial-dcgan-celeba": Case(AVATARS, 16_000, NARROW, 16),
    "tutorial-dcgan-anime": Case(AVATARS, 16_000, NARROW, 24),
    "tutorial-cgan-mnist": Case(AVATARS, 16_000, NARROW, 16),
    "audio": Case("vowels:2000", 3_200, NARROW),
    "wavegan": Case("vowels:2000", 3_200, NARROW),
    "text-gan": Case("grammar:4000", 24_000),
    "text-gumbel": Case("grammar:4000", 8_000),
    "text-mle": Case("grammar:4000", 24_000),
    # of 4,000 lines all symbols are one to the end
    "text-cyclegan": Case("cipher:1000", 20_000),
    "text-pix2pix": Case("cipher:1000", 6_000),
    "table-gan": Case("table:4000", 24_000),
    "table-vae": Case("table:4000", 24_000),
    "fields": Case("fields:6000", 10_000, ("networks.*.width=8", "networks.*.most=32")),
    "showers": Case("showers:2000", 8_000, ("networks.*.width=8", "networks.*.most=32")),
    "series-gan": Case("ar:2000", 8_000),
    "audio-cyclegan": Case(two_voices, 2_000, ("networks.*.width=4", "run.batch_size=8",
                                               "networks.G_ab.blocks=1", "networks.G_ba.blocks=1")),
    "text-to-audio": Case(said_vowels, 3_200, NARROW, condition="caption"),
    "text-to-field": Case(lambda place: [write_fields(place)], 8_000, NARROW, condition="caption"),
    "text-to-table": Case(lambda place: [write_table(place)], 24_000, condition="told"),
}  # fmt: skip


def made(recipe: str, seed: int, images: int | None = None) -> tuple[Config, Dataset]:
    """The configuration and the data of a recipe's run."""
    case, task = CASES[recipe], RECIPES[recipe].task
    size = None if case.side is None else (case.side, case.side)
    kind = "auto" if WORK[task].from_noise else RECIPES[recipe].modality or "auto"
    source, *other = sources(recipe)
    asked = DataRequest(source=source, other=other[0] if other else None, size=size, modality=kind)
    data = WORK[task].open(asked, RECIPES[recipe].layout, lambda *_: None)
    names = [case.condition] if case.condition else usual(asked, task)
    data = WORK[task].conditioned(data, names, None) if names else data
    config = fit(recipe, data, source=source, labels="auto")
    config = with_settings(config, case.settings)
    config.run.images, config.run.seed = images or case.images, seed
    config.run.deterministic, config.run.compile = True, False
    config = complete(config)
    settle(config)
    return config, data


def played(trainer: Trainer, hooks: Sequence[Any], total: int) -> float:
    """Train to so many images; CPU seconds."""
    started = time.process_time()
    for report in trainer:
        for hook in hooks:
            hook(report)
        if report.images >= total:
            break
    return time.process_time() - started


def play(
    path: Path, recipe: str, seed: int, facts: dict[str, str], images: int | None = None
) -> float:
    """Train a recipe and write its log; CPU seconds of training. facts: for its last row."""
    config, data = made(recipe, seed, images)
    total = config.run.images or 0
    unfinished = path.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    with runtime.threads(1):
        trainer = build_trainer(config, data, torch.device("cpu"))
        meter = Meter()

        def record(kind: str, row: dict[str, Any]) -> None:
            metrics_log.append(unfinished, {"kind": kind, "images": trainer.images, **row})

        hooks: Sequence[Any] = [
            Every(config.run.batch_size, meter.add, 0),
            Every(config.run.log_every, lambda _: record("train", {"losses": meter.read()}), 0),
            *watch(trainer, config, data, record),
        ]
        spent = played(trainer, hooks, total)
    record("cost", {"seconds": round(spent, 2), **facts})
    unfinished.rename(path)
    return spent
