"""Recipes by name: functions that turn facts about the data into a `Config`.

Example::

    from ganzfeld import Facts, recipes

    facts = Facts(count=5_000, channels=3, height=64, width=64, classes=0)
    print(recipes.RECIPES["hinge"](facts).optimisers)
"""

from __future__ import annotations

from ganzfeld.recipes.base import Facts, Recipe
from ganzfeld.recipes.gan import (
    RECIPES,
    cyclegan,
    dcgan,
    default,
    gmmn,
    hinge,
    list_recipes,
    mlp,
    pix2pix,
    r3gan,
    vae,
    wgan_gp,
)

__all__ = [
    "RECIPES",
    "Facts",
    "Recipe",
    "cyclegan",
    "dcgan",
    "default",
    "gmmn",
    "hinge",
    "list_recipes",
    "mlp",
    "pix2pix",
    "r3gan",
    "vae",
    "wgan_gp",
]
