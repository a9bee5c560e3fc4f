"""Generative adversarial networks: one command from data to a generator.

Names load on first use, so that `import ganzfeld` costs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ganzfeld.version import __version__ as __version__

if TYPE_CHECKING:
    from ganzfeld import games, metrics, networks, recipes
    from ganzfeld.config import Config
    from ganzfeld.errors import GanzfeldError
    from ganzfeld.games import (
        GMMN,
        VAE,
        Adversarial,
        Batch,
        CycleGAN,
        Game,
        Losses,
        Pix2Pix,
        losses,
    )
    from ganzfeld.games.ema import Average
    from ganzfeld.metrics.evaluate import evaluate
    from ganzfeld.models.model import Model, load
    from ganzfeld.models.translator import Translator
    from ganzfeld.recipes.gan import Facts, list_recipes
    from ganzfeld.report.compare import compare
    from ganzfeld.shipping.export import export
    from ganzfeld.training.run import Run, resume, train
    from ganzfeld.training.trainer import Report, Trainer


_HOMES = {
    "Adversarial": "games",
    "Average": "games.ema",
    "Batch": "games",
    "Config": "config",
    "CycleGAN": "games",
    "Facts": "recipes.gan",
    "GMMN": "games",
    "Game": "games",
    "GanzfeldError": "errors",
    "Losses": "games",
    "Model": "models.model",
    "Pix2Pix": "games",
    "Report": "training.trainer",
    "Run": "training.run",
    "Trainer": "training.trainer",
    "Translator": "models.translator",
    "VAE": "games",
    "compare": "report.compare",
    "evaluate": "metrics.evaluate",
    "export": "shipping.export",
    "list_recipes": "recipes.gan",
    "load": "models.model",
    "resume": "training.run",
    "train": "training.run",
}
_MODULES = {
    "games": "games",
    "losses": "games.losses",
    "metrics": "metrics",
    "networks": "networks",
    "recipes": "recipes",
}

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
    "export",
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
        return import_module(f"ganzfeld.{_MODULES[name]}")
    if name not in _HOMES:
        raise AttributeError(f"module 'ganzfeld' has no attribute {name!r}")
    return getattr(import_module(f"ganzfeld.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
