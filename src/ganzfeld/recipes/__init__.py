"""Recipes by name: functions that turn facts about the data into a `Config`."""

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
    modern,
    pix2pix,
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
    "modern",
    "pix2pix",
    "vae",
    "wgan_gp",
]
