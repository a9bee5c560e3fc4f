"""Write a run's checkpoints, prune older ones, and remember what was written."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ganzfeld.config import Config
from ganzfeld.core import checkpoint, distributed
from ganzfeld.errors import ResourceError
from ganzfeld.training import resume, retention
from ganzfeld.version import __version__

Scores = Mapping[int, float]  # images seen -> Frechet distance


def newest(folder: Path) -> checkpoint.Newest:
    """The newest checkpoint of a run, once what a killed process left is cleaned."""
    if distributed.rank() == 0:
        checkpoint.clean(folder / "checkpoints")
    return checkpoint.newest(folder / "checkpoints")


class Saver:
    """The checkpoints of one run.

    at: images seen at the newest one. parent: at the newest that is not extra, see `retention`.
    """

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.folder, self.device = folder, device
        self.at, self.parent = -1, None  # type: int, int | None
        self.time = time.monotonic()

    def protected(self, scores: Scores) -> frozenset[str]:
        """Never prune the best-scoring checkpoint."""
        best = checkpoint.best(self.folder, dict(scores))
        return frozenset() if best is None else frozenset({checkpoint.name_of(best)})

    def prune(self, config: Config, scores: Scores, sure: Path) -> None:
        """sure: a checkpoint that was verified just now."""
        retention.prune(self.folder, config.run.keep, self.protected(scores), sure)

    def save(
        self,
        state: dict[str, Any],
        images: int,
        config: Config,
        scores: Scores,
        extra: dict[str, Any] | None = None,
    ) -> None:
        """A checkpoint of this moment, and older ones pruned. extra: what its manifest says."""
        about = resume.now(self.device) | {
            "ganzfeld": __version__,
            "data": config.data.fingerprint,
            "parent": self.parent,
            **({"extra": extra} if extra else {}),
        }
        try:
            made = checkpoint.save(self.folder, images, state, about)
        except ResourceError:
            # once more, with what room this gives
            checkpoint.prune(self.folder, 2, self.protected(scores))
            made = checkpoint.save(self.folder, images, state, about)
        self.prune(config, scores, made)
        self.at, self.time = images, time.monotonic()
        if not extra:
            self.parent = images

    def went_back(self, found: checkpoint.Checkpoint, images: int) -> dict[str, Any] | None:
        """The run has gone on from a checkpoint; what that is as an extra one, if it is."""
        self.at = images
        extra = retention.extra(found.manifest)
        self.parent = self.at if extra is None else found.manifest["parent"]
        return extra

    def late(self, config: Config) -> bool:
        """Whether the newest one is older than a run should lose."""
        return time.monotonic() - self.time > 60 * config.run.save_minutes
