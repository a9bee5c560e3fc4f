"""The default has a filter against dots from 64 pixels on; its runs of before go on without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import ganzfeld
from ganzfeld.cli.train import recipe_text
from ganzfeld.recipes.find import find_recipe
from ganzfeld.recipes.gan import RECIPES, Facts

SETTINGS = ["networks.*.width=4", "run.precision=float32", "networks.G.blur=0"]
SMALL: dict[str, Any] = {"size": 16, "images": 64, "batch": 16, "quiet": True}


@pytest.mark.parametrize("recipe", ["default", "projected"])
@pytest.mark.parametrize(("height", "width", "blur"), [(64, 96, 1), (96, 48, None)])
def test_large_images_have_a_filter(recipe: str, height: int, width: int, blur: int | None) -> None:
    facts = Facts(count=1000, channels=3, height=height, width=width)
    assert RECIPES[recipe](facts).networks["G"].options.get("blur") == blur


@pytest.mark.long
def test_a_run_from_before_the_filter_draws_and_goes_on_without_it(tmp_path: Path) -> None:
    for name in ("old", "new"):
        ganzfeld.train("avatars:64", out=tmp_path / name, settings=SETTINGS, **SMALL)
    old, new = tmp_path / "old", tmp_path / "new"
    before = ganzfeld.load(new).sample(4)
    for path in (old / "config.json", old / "model" / "config.json"):
        config = json.loads(path.read_text())  # as it was written before there was the option
        generator = config["networks"]["G"] if "networks" in config else config["generator"]
        assert generator["options"].pop("blur") == 0
        path.write_text(json.dumps(config))
    assert torch.equal(ganzfeld.load(old).sample(4), before)
    resumed = [ganzfeld.resume(run, images=96, quiet=True).model.sample(4) for run in (old, new)]
    assert torch.equal(*resumed) and not torch.equal(resumed[0], before)


def test_a_recipe_is_found_by_the_name_it_had() -> None:
    """In commands and in runs of before; it is no longer listed."""
    assert find_recipe("modern") is RECIPES["r3gan"] and "modern" not in RECIPES
    assert json.loads(recipe_text("modern"))["recipe"] == "r3gan"
