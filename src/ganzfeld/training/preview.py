"""The sample sheets of a run: always the same inputs, by the averaged networks."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzfeld.config import Config
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
