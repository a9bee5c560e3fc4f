"""Generative adversarial networks: one command from data to a generator.

Names load on first use, so that `import ganzfeld` costs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganzfeld import games, losses, metrics, networks, recipes
    from ganzfeld.comparison import compare
    from ganzfeld.config import Config
    from ganzfeld.ema import Average
    from ganzfeld.errors import GanzfeldError
    from ganzfeld.evaluation import evaluate
    from ganzfeld.games import (
        GMMN,
        VAE,
        Adversarial,
        Batch,
        CycleGAN,
        Game,
        Losses,
        Pix2Pix,
    )
    from ganzfeld.generate import Model, load
    from ganzfeld.recipes import Facts, list_recipes
    from ganzfeld.run import Run, resume, train
    from ganzfeld.trainer import Report, Trainer
    from ganzfeld.translate import Translator

__version__ = "0.1.0"

_HOMES = {
    "Adversarial": "games",
    "Average": "ema",
    "Batch": "games",
    "Config": "config",
    "CycleGAN": "games",
    "Facts": "recipes",
    "GMMN": "games",
    "Game": "games",
    "GanzfeldError": "errors",
    "Losses": "games",
    "Model": "generate",
    "Pix2Pix": "games",
    "Report": "trainer",
    "Run": "run",
    "Trainer": "trainer",
    "Translator": "translate",
    "VAE": "games",
    "compare": "comparison",
    "evaluate": "evaluation",
    "list_recipes": "recipes",
    "load": "generate",
    "resume": "run",
    "train": "run",
}
_MODULES = ("games", "losses", "metrics", "networks", "recipes")

__all__ = [
    "GMMN",
    "VAE",
    "Adversarial",
    "Average",
    "Batch",
    "Config",
    "CycleGAN",
    "Facts",
    "Game",
    "GanzfeldError",
    "Losses",
    "Model",
    "Pix2Pix",
    "Report",
    "Run",
    "Trainer",
    "Translator",
    "compare",
    "evaluate",
    "games",
    "list_recipes",
    "load",
    "losses",
    "metrics",
    "networks",
    "recipes",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"ganzfeld.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'ganzfeld' has no attribute {name!r}")
    return getattr(import_module(f"ganzfeld.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
