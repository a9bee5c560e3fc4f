"""Options of networks and games that cannot be meant are refused before anything is read."""

from __future__ import annotations

import pytest

from ganzfeld.core.border import ArgumentError
from ganzfeld.recipes import RECIPES
from ganzfeld.training.plan import check_settings

WRONG = [
    ("networks.D.spectral=no", "should be bool"),
    ("networks.D.condition=both", "concat, projection"),
    ("networks.G.norm=bach", "'batch'"),
    ("networks.G.width=0", "whole number from 1"),
    ("networks.G.most=0", "whole number from 1"),
    ("networks.G.latent=0", "whole number from 1"),
    ("networks.G.refine=-1", "whole number from 0"),
    ("game.r1=lots", "is a number"),
    ("game.r1=[1,lots]", "is a number"),
    ("game.penalty_every=0", "whole number from 1"),
    ("game.discriminator_moves=-1", "whole number from 1"),
    ("game.augment_kinds=7", "augment_kinds"),
]


@pytest.mark.parametrize(("setting", "said"), WRONG)
def test_what_cannot_be_meant_is_refused(setting: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("'", ".")):
        check_settings("default", [setting])


@pytest.mark.parametrize(
    "setting",
    ["game.r1=[2,0.5]", "game.r1=.5", "networks.D.condition=concat", "networks.G.norm=none"],
)
def test_what_can_be_meant_is_taken(setting: str) -> None:
    check_settings("default", [setting])


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_options_of_every_recipe_pass(recipe: str) -> None:
    check_settings(recipe, ["run.keep=2"])


def test_a_wrong_value_is_an_argument_error() -> None:
    with pytest.raises(ArgumentError):
        check_settings("default", ["networks.D.spectral=no"])
