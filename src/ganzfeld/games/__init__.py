"""Games by name."""

from __future__ import annotations

from ganzfeld.games.adversarial import Adversarial
from ganzfeld.games.game import Batch, Clock, Game, Losses

GAMES: dict[str, type[Game]] = {"adversarial": Adversarial}

__all__ = ["GAMES", "Adversarial", "Batch", "Clock", "Game", "Losses"]
