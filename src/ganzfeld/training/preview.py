"""The sample sheets of a run: always the same inputs, by the averaged networks."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ganzfeld.config import Config
from ganzfeld.core import files, marks
from ganzfeld.modalities import Modality, Spec
from ganzfeld.modalities.captions import lines_of
from ganzfeld.training.tasks import work_of
from ganzfeld.training.trainer import Trainer


@torch.inference_mode()
def preview(trainer: Trainer, config: Config) -> tuple[Tensor, int]:
    """Samples of the averaged networks from inputs that never change, and columns for a sheet.

    With classes there is a row for each, of at most ten. A translation shows inputs and outputs.
    """
    assert trainer.average is not None
    with trainer.average.applied(trainer.game) as game:
        return work_of(game).preview(game, trainer, config)


@torch.inference_mode()
def lines_beside(trainer: Trainer, config: Config) -> list[str]:
    """What belongs to each sample of `preview` in words, such as captions; [] for most tasks."""
    assert trainer.average is not None
    with trainer.average.applied(trainer.game) as game:
        return work_of(game).beside(game, trainer, config)


def write_sheet(trainer: Trainer, config: Config, kind: Modality, spec: Spec, path: Path) -> None:
    """Write the sheet of samples, marked as generated: its weights have no hash yet."""
    samples, columns = preview(trainer, config)
    mark = marks.new(
        translated=not work_of(trainer.game).from_noise,
        recipe=config.recipe,
        run_seed=config.run.seed,
        images_seen=trainer.images,
    )
    with marks.marking(path, mark) as place:
        kind.sheet(kind.to_store(samples, spec), columns, place, spec)
        if told := lines_beside(trainer, config):
            files.replace(lines_of(place), "".join(f"{line}\n" for line in told).encode())
