"""Which weights of a run are shipped, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ganzfeld.games.ema import Average


@dataclass(frozen=True)
class Choice:
    """about: "images" seen, the "average"'s span, and the "candidates" with their numbers."""

    average: Average
    about: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.about['images']:,} images seen, {self.about['average']} average"
