"""What a user asks a generation to be conditioned on, as a run's settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ganzfeld.config import Config
from ganzfeld.core.names import shown
from ganzfeld.data.conditions import resolve
from ganzfeld.data.options import PackOptions
from ganzfeld.errors import UsageError


def condition_names(condition: str | Sequence[str]) -> list[str]:
    """Names of columns, each once, of "age,breed" or a list of them."""
    given = condition.split(",") if isinstance(condition, str) else list(condition)
    if not all(isinstance(name, str) for name in given):
        raise UsageError("condition takes names of columns", fix='condition=["age"]')
    return list(dict.fromkeys(name.strip() for name in given if name.strip()))


def resolved(
    source: str, task: str, names: list[str], reading: dict[str, Any]
) -> tuple[str, list[str]]:
    """The option `labels`, and the columns of numbers; UsageError where nothing is generated."""
    if task != "generation":
        raise UsageError("--condition is for generation; a translation has the image it is given")
    return resolve(source, PackOptions(**reading), names)


def need_taken(config: Config, conditions: list[str]) -> None:
    """UsageError where numbers were asked for as conditions and the recipe takes none."""
    if conditions and config.data.conditions is None:
        raise UsageError(
            f"the recipe {config.recipe} takes no numbers as conditions "
            f"({', '.join(map(shown, conditions))})",
            safe="nothing was trained",
            fix="--recipe default, or leave --condition out",
        )
