"""A sheet of samples that are asked for by one number goes from its least to its greatest."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ganzfeld.training.tasks import WORK


class Told:
    """A game that gives back what it is told."""

    latent = 3

    def sample(self, z: Tensor, y: Tensor | None, c: Tensor) -> Tensor:
        self.c = c
        return z


def test_a_sheet_goes_from_low_to_high() -> None:
    game = Told()
    rows = torch.randn(256, 1).tolist()
    config: Any = SimpleNamespace(
        data=SimpleNamespace(classes=[], conditions={"names": ["slope"], "rows": rows}),
        run=SimpleNamespace(latents=None, seed=0),
    )
    trainer: Any = SimpleNamespace(device=torch.device("cpu"))
    WORK["generation"].preview(game, trainer, config)  # type: ignore[arg-type]
    assert (game.c[1:] >= game.c[:-1]).all()
    assert game.c[0] == min(rows)[0] and abs(float(game.c[-1]) - max(rows)[0]) < 1e-6
