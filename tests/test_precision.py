"""Losses under autocast: every recipe takes steps in bfloat16, and its losses stay float32."""

from __future__ import annotations

import pytest
import torch

from ganzfeld.config import with_settings
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.plan import settle

SMALL = ["networks.*.width=4"]


def losses_of(recipe: str, side: int, *settings: str) -> dict[str, torch.Tensor]:
    domains = None if RECIPES[recipe].task == "generation" else RECIPES[recipe].layout
    facts = Facts(count=64, channels=1, height=side, width=side, classes=0, channels_b=1)
    config = RECIPES[recipe](facts)
    if domains is None:
        config.run.batch_size = 4
    config.run.images = 1000
    config = complete(with_settings(config, ["run.precision=bfloat16", *settings]))
    settle(config)
    torch.manual_seed(0)
    names = ("x",) if domains is None else ("a", "b")
    data = {name: torch.rand(8, 1, side, side) * 2 - 1 for name in names}
    trainer = build_trainer(config, data, torch.device("cpu"))
    losses: dict[str, torch.Tensor] = {}
    for _ in range(trainer.game.period):
        losses |= trainer.take_step().losses
    return losses


@pytest.mark.parametrize(
    ("recipe", "side", "settings"),
    [
        *((recipe, 16, SMALL) for recipe in ("default", "dcgan", "hinge", "wgan-gp", "r3gan")),
        ("mlp", 16, []),
        ("vae", 16, SMALL),
        ("cyclegan", 16, SMALL),
        ("pix2pix", 16, SMALL),
        ("r3gan", 18, SMALL),  # whose halves are no whole numbers
        ("default", 16, [*SMALL, "game.loss=wasserstein", "game.gradient_penalty=10"]),
        ("default", 16, [*SMALL, "game.difference=0.01"]),
        ("default", 16, [*SMALL, "game.augment=adaptive"]),
    ],
)
def test_losses_are_finite_and_in_float32(recipe: str, side: int, settings: list[str]) -> None:
    losses = losses_of(recipe, side, *settings)
    assert losses
    for name, value in losses.items():
        assert value.dtype == torch.float32 and value.isfinite(), name
