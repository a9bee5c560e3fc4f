"""The trainer of a run, and the trial of its speed that comes before its first step."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections import deque
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganzfeld.config import Config, to_json
from ganzfeld.core import runtime
from ganzfeld.core.progress import Progress, silent
from ganzfeld.training.build import build_trainer, set_length
from ganzfeld.training.init_from import start_from
from ganzfeld.training.memory import out_of_memory
from ganzfeld.training.pace import Pace
from ganzfeld.training.speed import afforded, measure, slowest, suited_threads
from ganzfeld.training.tasks import Dataset
from ganzfeld.training.trainer import Trainer

PLAIN = (bool, int, float, str, tuple, list, dict, set, deque, type(None))
SETTLED = ("precision", "products", "latents", "noise")  # by building, where left open
LATER = ("images", "minutes", "afford", "threads", *SETTLED)  # no network depends on these


class Trial:
    """The one trainer of a run. Steps are tried with it, and then it starts from the beginning.

    That takes a copy of the weights, which are small beside what steps need.
    """

    def __init__(self, config: Config, pack: Dataset, device: torch.device) -> None:
        """Build it, with fresh weights or with those of `--init`."""
        self.config, self.pack = config, pack
        runtime.tune()
        with out_of_memory(config):
            self.trainer = build_trainer(config, pack, device)
            self.started = ""  # what weights of `--init` were taken
            if config.run.init:
                self.started = start_from(self.trainer, Path(config.run.init))
            self.beginning = Beginning(self.trainer)

    def affords(self, seconds: float) -> int:
        """Images that its networks could see in these seconds."""
        with out_of_memory(self.config):
            return afforded(self.trainer, self.config, seconds)

    def serves(self, config: Config) -> bool:
        """Whether this configuration makes the same trainer, but for the length of the run.

        If so, the configuration gets what building settled.
        """
        if blurred(config) != blurred(self.config):
            return False
        for name in SETTLED:
            setattr(config.run, name, getattr(self.config.run, name))
        self.config = config
        return True

    def pace(self, progress: Progress = silent) -> Pace:
        """How fast it is here, with as many threads as suit it; `run.threads` keeps these."""
        run = self.config.run
        started = time.monotonic()
        with out_of_memory(self.config):
            run.threads = suited_threads(self.trainer, self.config)
            runtime.use_threads(run.threads, exactly=run.deterministic)
            chosen = slowest(time.monotonic() - started)
            pace = measure(self.trainer, self.config, self.pack, progress)
        return dataclasses.replace(pace, tried=pace.tried + chosen)

    def over(self) -> Trainer:
        """The trainer before its first step again, for a run whose length is known by now."""
        self.beginning.restore(self.trainer)
        set_length(self.trainer, self.config)
        return self.trainer


class Beginning:
    """All that a trainer's steps change, as it is now: tensors, and plain attributes of modules."""

    def __init__(self, trainer: Trainer) -> None:
        now = tensors_of(trainer).items()
        self.tensors = {name: t.detach().to("cpu", copy=True) for name, t in now}
        self.plain = [(m, {k: copy.copy(v) for k, v in plain_of(m)}) for m in modules_of(trainer)]
        self.counts = trainer.state_dict()["counts"]

    @torch.no_grad()
    def restore(self, trainer: Trainer) -> None:
        """Give it back, and forget every gradient and every moment."""
        now = tensors_of(trainer)
        for name, value in self.tensors.items():
            now[name].copy_(value)
        for module, values in self.plain:
            vars(module).update(values)
        for optimiser in trainer.optimisers.values():
            optimiser.state.clear()
            optimiser.zero_grad()
        trainer.step, trainer.images, trainer.salt = (
            self.counts[name] for name in ("step", "images", "salt")
        )
        trainer.skipped = torch.zeros_like(trainer.skipped)


def blurred(config: Config) -> str:
    """A configuration without what no network depends on."""
    later: dict[str, Any] = dict.fromkeys(LATER)
    run = dataclasses.replace(config.run, **later)
    return to_json(dataclasses.replace(config, run=run))


def roots_of(trainer: Trainer) -> list[nn.Module]:
    return [trainer.game, *([trainer.average] if trainer.average else [])]


def modules_of(trainer: Trainer) -> list[nn.Module]:
    return [module for root in roots_of(trainer) for module in root.modules()]


def tensors_of(trainer: Trainer) -> dict[tuple[int, str], torch.Tensor]:
    """Parameters and buffers by name, those that no checkpoint keeps included."""
    return {
        (place, name): tensor
        for place, root in enumerate(roots_of(trainer))
        for name, tensor in (*root.named_parameters(), *root.named_buffers())
    }


def plain_of(module: nn.Module) -> list[tuple[str, Any]]:
    """A module's own numbers, words and collections, which a user's game may count with."""
    own = vars(module).items()
    return [(k, v) for k, v in own if not k.startswith("_") and isinstance(v, PLAIN)]
