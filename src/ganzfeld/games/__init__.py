"""Games by name."""

from __future__ import annotations

from ganzfeld.games.adversarial import Adversarial
from ganzfeld.games.game import Batch, Clock, Game, Losses
from ganzfeld.games.translation import CycleGAN, Pix2Pix

GAMES: dict[str, type[Game]] = {
    "adversarial": Adversarial,
    "cyclegan": CycleGAN,
    "pix2pix": Pix2Pix,
}

__all__ = ["GAMES", "Adversarial", "Batch", "Clock", "CycleGAN", "Game", "Losses", "Pix2Pix"]
