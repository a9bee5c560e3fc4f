"""The grids of a run: always the same latents, by the averaged networks."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzfeld import generate
from ganzfeld.config import Config
from ganzfeld.trainer import Trainer


@torch.inference_mode()
def preview(trainer: Trainer, config: Config) -> tuple[Tensor, int]:
    """Samples of the averaged networks from latents that never change, and columns for a grid.

    With classes there is a row for each, of at most ten.
    """
    classes = min(len(config.data.classes), 10)
    count, columns = (8 * classes, 8) if classes > 1 else (64, 8)
    latent = trainer.game.latent
    z = torch.stack([generate.latent(latent, config.run.seed, i) for i in range(count)])
    y = torch.arange(count, device=trainer.device) // columns if classes else None
    assert trainer.average is not None
    with trainer.average.applied(trainer.game) as game:
        return game.sample(z.to(trainer.device), y).float().cpu(), columns
