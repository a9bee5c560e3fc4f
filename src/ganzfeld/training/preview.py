"""The sample grids of a run: always the same latents, by the averaged networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from ganzfeld.config import Config
from ganzfeld.core import latents
from ganzfeld.metrics import translation
from ganzfeld.training.trainer import Trainer

if TYPE_CHECKING:
    from ganzfeld.data.pairs import TwoDomains


@torch.inference_mode()
def preview(trainer: Trainer, config: Config) -> tuple[Tensor, int]:
    """Samples of the averaged networks from latents that never change, and columns for a grid.

    With classes there is a row for each, of at most ten. A translation shows inputs and outputs.
    """
    assert trainer.average is not None
    if trainer.game.task == "translation":
        with trainer.average.applied(trainer.game) as game:
            return translation.preview(game, cast("TwoDomains", trainer.data), trainer.device)
    classes = min(len(config.data.classes), 10)
    count, columns = (8 * classes, 8) if classes > 1 else (64, 8)
    name = config.run.latents or latents.PORTABLE
    z = torch.from_numpy(latents.draw(name, trainer.game.latent, config.run.seed, range(count)))
    y = torch.arange(count, device=trainer.device) // columns if classes else None
    with trainer.average.applied(trainer.game) as game:
        return game.sample(z.to(trainer.device), y).float().cpu(), columns
