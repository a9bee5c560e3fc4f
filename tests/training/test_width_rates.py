"""Rates that follow the width of networks: twice the width, half the rate."""

from __future__ import annotations

import pytest
import torch

from ganzfeld.config import with_settings
from ganzfeld.errors import UsageError
from ganzfeld.recipes import RECIPES, Facts
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.trainer import as_data
from ganzfeld.training.width_rates import for_width

FACTS = Facts(count=24, channels=1, height=8, width=8)


def rate(*settings: str) -> tuple[float, float]:
    """The generator's rate at the start and at the end of a run."""
    config = RECIPES["default"](FACTS)
    config.run.images, config.run.batch_size, config.run.precision = 96, 8, "float32"
    config = complete(with_settings(config, ["networks.*.width=4", *settings]))
    trainer = build_trainer(config, as_data({"x": torch.zeros(24, 1, 8, 8)}), torch.device("cpu"))
    schedule = trainer.schedules["generator"]
    return schedule(0)["lr"], schedule(96)["lr"]


def test_rates_are_as_they_are_without_it_and_scaled_with_it() -> None:
    first, last = rate()
    assert rate("optimisers.*.at_width=4") == (first, last)
    assert rate("optimisers.*.at_width=2") == pytest.approx((first / 2, last / 2))
    wide = rate("optimisers.*.at_width=4", "networks.G.width=8")
    assert wide == pytest.approx((first / 2, last / 2))
    assert rate("networks.G.width=8") == (first, last)


def test_a_network_without_a_width_is_named() -> None:
    config = RECIPES["mlp"](FACTS)
    config.optimisers["generator"].at_width = 32
    with pytest.raises(UsageError, match="generator"):
        for_width(config, "generator", ["G"])
