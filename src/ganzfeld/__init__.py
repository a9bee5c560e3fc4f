"""Generative adversarial networks: one command from data to a generator.

Names load on first use, so that `import ganzfeld` costs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganzfeld.comparison import compare
    from ganzfeld.config import Config
    from ganzfeld.ema import Average
    from ganzfeld.errors import GanzfeldError
    from ganzfeld.evaluation import evaluate
    from ganzfeld.games import Adversarial, CycleGAN, Game, Pix2Pix
    from ganzfeld.generate import Model, load
    from ganzfeld.run import Run, resume, train
    from ganzfeld.trainer import Report, Trainer
    from ganzfeld.translate import Translator

__version__ = "0.1.0"

_HOMES = {
    "Adversarial": "games",
    "Average": "ema",
    "Config": "config",
    "CycleGAN": "games",
    "Game": "games",
    "GanzfeldError": "errors",
    "Model": "generate",
    "Pix2Pix": "games",
    "Report": "trainer",
    "Run": "run",
    "Trainer": "trainer",
    "compare": "comparison",
    "Translator": "translate",
    "evaluate": "evaluation",
    "load": "generate",
    "resume": "run",
    "train": "run",
}

__all__ = [
    "Adversarial",
    "Average",
    "Config",
    "CycleGAN",
    "Game",
    "GanzfeldError",
    "Model",
    "Pix2Pix",
    "Report",
    "Run",
    "Trainer",
    "Translator",
    "compare",
    "evaluate",
    "load",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ganzfeld' has no attribute {name!r}")
    return getattr(import_module(f"ganzfeld.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
