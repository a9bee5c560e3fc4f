"""Tasks by name, as models know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganzfeld.config import Config
from ganzfeld.models.captioning import Captioning
from ganzfeld.models.generation import Generation
from ganzfeld.models.task import Task, game_of
from ganzfeld.models.translation import Translation

GENERATION = Generation()
TASKS: dict[str, Task] = {task.name: task for task in (GENERATION, Translation(), Captioning())}


def task_of(about: Mapping[str, Any] | None) -> Task:
    """The task of a model, by its description, which its reader has checked; old ones generate."""
    return TASKS[str((about or {}).get("task", GENERATION.name))]


def task_of_run(config: Config) -> Task:
    """The task of a run, as its game says it."""
    return TASKS[str(getattr(game_of(config), "task", GENERATION.name))]
