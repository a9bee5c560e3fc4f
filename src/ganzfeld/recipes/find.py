"""Find a recipe by name, or one of your own as `file.py:name`."""

from __future__ import annotations

from ganzfeld.core import border
from ganzfeld.core.plugins import find
from ganzfeld.errors import UsageError
from ganzfeld.recipes.base import Recipe, as_recipe
from ganzfeld.recipes.gan import RECIPES

FORMER = {"modern": "r3gan"}  # names that recipes had, in commands and runs of before


def find_recipe(name: str) -> Recipe:
    """A recipe by its name, or a user's own function or `Recipe` by `file.py:name`."""
    border.part_name(name, "recipe")
    recipe = find(FORMER.get(name, name), RECIPES, "recipe")
    if not callable(recipe):
        raise UsageError(f"{name} is not a function: a recipe takes Facts and returns a Config")
    return as_recipe(recipe)


def find_generation(name: str) -> Recipe:
    """A recipe that makes samples from noise; UsageError for one that translates."""
    recipe = find_recipe(name)
    if recipe.task != "generation":
        raise UsageError(
            f"the recipe {name} translates images, and this needs one that makes them from noise",
            safe="nothing was trained",
            fix="another recipe: see `ganzfeld recipes`",
        )
    return recipe


def data_kind(recipe: object) -> str:
    """How the data of a recipe come, see `Recipe.layout`."""
    return as_recipe(recipe).layout  # type: ignore[arg-type]
