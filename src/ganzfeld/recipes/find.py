"""recipes.find"""

from __future__ import annotations

from collections.abc import Callable

from ganzfeld.config import Config
from ganzfeld.core import border
from ganzfeld.core.plugins import find
from ganzfeld.errors import GanzfeldError, UsageError
from ganzfeld.recipes.gan import RECIPES, Facts


def find_recipe(name: str) -> Callable[[Facts], Config]:
    border.part_name(name, "recipe")
    try:
        recipe: Callable[[Facts], Config] = find(name, RECIPES, "recipe")
    except (Exception, SystemExit) as error:
        if isinstance(error, GanzfeldError) or ":" not in name:
            raise
        told = f"{type(error).__name__}: {error}"
        raise UsageError(f"the recipe {name!r} cannot be loaded: {told}") from error
    if not callable(recipe):
        raise UsageError(f"{name} is not a function: a recipe takes Facts and returns a Config")
    return recipe


def find_generation(name: str) -> Callable[[Facts], Config]:
    """A recipe that makes images from noise; UsageError for one that translates."""
    recipe = find_recipe(name)
    if data_kind(recipe) != "pictures":
        raise UsageError(
            f"the recipe {name} translates images, and this needs one that makes them from noise",
            safe="nothing was trained",
            fix="another recipe: see `ganzfeld recipes`",
        )
    return recipe


def data_kind(recipe: Callable[[Facts], Config]) -> str:
    """ "images", or the "paired" or "unpaired" images of two domains that it learns from."""
    return str(getattr(recipe, "data", "pictures"))
