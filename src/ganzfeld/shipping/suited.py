"""Models that cannot be shipped in a form, refused in one sentence before any work is done."""

from __future__ import annotations

from typing import Any

from ganzfeld.errors import UsageError
from ganzfeld.models.captioner import Captioner
from ganzfeld.models.sample_translator import SampleTranslator


def need_exported(model: Any, what: str) -> None:
    """UsageError for a writer of captions. what: "ONNX", "a page"."""
    if isinstance(model, Captioner):
        raise UsageError(
            f"{what} is for models that draw samples, and for translations; this one captions "
            "images",
            safe="nothing was written",
            fix="ganzfeld serve MODEL, or ganzfeld caption MODEL IMAGES --out captions.csv",
        )


def need_shown(model: Any, what: str) -> None:
    """The same, for a translation of samples that are no images: Python alone reads those."""
    need_exported(model, what)
    if isinstance(model, SampleTranslator):
        noun = model.kind.noun
        raise UsageError(
            f"{what} is for models that draw samples, and for translations of images; this one "
            f"translates {noun}",
            safe="nothing was written",
            fix="ganzfeld serve MODEL, or ganzfeld export MODEL --to onnx --out FOLDER",
        )
