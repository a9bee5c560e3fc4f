"""A finished or running run from Python: its folder, its model, its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ganzfeld.config import flatten
from ganzfeld.core.formats import logged
from ganzfeld.core.reader import read_lines
from ganzfeld.models import model as generate


@dataclass(frozen=True)
class Run:
    """A run's folder, and its model.

    Example::

        import ganzfeld

        run = ganzfeld.Run("runs/avatars-default")
        x = run.model.sample(4)
    """

    path: Path

    @cached_property
    def model(self) -> generate.Model | Any:
        return generate.load(self.path)

    def metrics(self) -> list[dict[str, Any]]:
        """What was logged while it trained, oldest first: a flat dictionary for each row.

        Each has "kind" ("train", "evaluation" or "health") and "images"; losses are named as in
        "losses.generator/adversarial". `pandas.DataFrame(run.metrics())` makes a table of it.

        Example::

            import ganzfeld

            run = ganzfeld.Run("runs/avatars-default")
            scores = {r["images"]: r["frechet"] for r in run.metrics() if "frechet" in r}
        """
        found = (logged(line) for line in read_lines(Path(self.path) / "metrics.jsonl"))
        return [flatten(row) for row in found if row is not None]
