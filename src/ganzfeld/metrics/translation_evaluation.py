"""Measure a model that translates: how far its translations are from the truth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ganzfeld.config import Config, from_dict
from ganzfeld.core.names import capped
from ganzfeld.core.randomness import key
from ganzfeld.data import domains
from ganzfeld.data.adopting import as_spec
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pairs import Both, Side, TwoDomains
from ganzfeld.data.request import understood
from ganzfeld.errors import DataError, GanzfeldError, UsageError
from ganzfeld.metrics import translation
from ganzfeld.metrics.learning import Progress
from ganzfeld.modalities import Spec, modality_of, speak_of_kind
from ganzfeld.models.sample_translator import SampleTranslator
from ganzfeld.models.task import game_of
from ganzfeld.models.translator import Translator
from ganzfeld.version import __version__

COUNT = 1_000  # samples of each domain


def misplaced(option: str) -> UsageError:
    """What to say where an option of other models' metrics is given."""
    return UsageError(
        f"{option} is for models that draw samples, and this one translates",
        safe="nothing was measured",
        fix="ganzfeld evaluate MODEL DATA, with --with and --count alone",
    )


def measure(
    model: Translator | SampleTranslator,
    data: Any,
    *,
    other: Any = None,
    count: int | None = None,
    seed: int = 0,
    progress: Progress,
    on_bad_image: str | None = None,
) -> dict[str, Any]:
    """Errors of translations, see `translation.measure`, beside what no translation is worth.

    data, other: two domains, as `train` takes them. Of the data that the model was trained on, held
        out samples are translated, where there are such; of other data as many as there are.
    count: samples of each domain, spread evenly; None: COUNT at most. seed: nothing is drawn.
    """
    found = opened(model, data, other, progress, on_bad_image)
    trained = model.about["training"]["data"]
    own = trained.get("fingerprint") == found.fingerprint
    warnings = []
    if own and found.held is None:
        warnings.append("no samples are held out: these were trained on")
    if not own:
        found = whole(found)
    if isinstance(model, SampleTranslator):
        found.see_as(model.spec)  # sounds as their networks take them
    speak_of_kind(modality_of(found.spec))
    if not (found.held or found.train).paired:
        warnings.append("which samples belong together is not known: right cannot be told")
    told = translation.measure(Ways(model), found, device_of(model), count or COUNT)
    words = told.pop("protocol")
    number = int(words.rpartition("n=")[2])
    return {
        "count": number,
        **told,
        "held_out": told["held_out"] or not own,
        "real": {},
        "real_count": [number, number],
        "real_from": "counterparts",
        "protocol": protocol(found, words, number),
        "warnings": warnings,
    }


class Ways:
    """The translators of a model, as `translation.measure` takes a game."""

    def __init__(self, model: Translator | SampleTranslator) -> None:
        game = game_of(from_dict(Config, model.about["training"]))
        self.networks, self.directions = model.networks, {way: way for way in model.networks}
        self.error, self.measure = game.error, game.measure

    def get_submodule(self, name: str) -> nn.Module:
        return self.networks[name]


def opened(
    model: Translator | SampleTranslator,
    data: Any,
    other: Any,
    progress: Progress,
    on_bad_image: str | None,
) -> TwoDomains:
    """The data as those were opened from which the model learned."""
    trained = model.about["training"]["data"]
    layout = trained["kind"]
    read = understood(trained) | {"alpha": trained["alpha"], "labels": "none"}
    if isinstance(model, Translator):
        read |= {"size": model.size, "channels": model.channels["a"]}
    else:
        read["modality"] = model.spec.modality
    options = PackOptions(**read, on_bad_image=on_bad_image or trained.get("on_bad_image"))
    channels_b = model.channels["b"] if isinstance(model, Translator) else None
    more: dict[str, Any] = {"other": other, "channels_b": channels_b, "progress": progress}
    try:
        found = domains.open_domains(domains.named(data, layout), layout, options, **more)
    except GanzfeldError as error:
        if error.safe == "nothing was trained":
            error.safe = "nothing was measured"
        if (error.fix or "").startswith("ganzfeld train"):
            error.fix = "ganzfeld evaluate MODEL DATA --with OTHER"
        raise
    if isinstance(model, Translator) or found.fingerprint == trained.get("fingerprint"):
        return found
    held = None if found.held is None else turned(found.held, model.spec)
    return TwoDomains(turned(found.train, model.spec), held)


def turned(both: Both, spec: Spec) -> Both:
    """Samples that lie as those of the model. DataError for what it has never seen."""
    kind, sides = modality_of(spec), []
    for side in (both.a, both.b):
        if lacking := kind.foreign(side.spec, spec):
            raise DataError(
                f"the data hold {', '.join(capped(lacking, 8))}, which the model has never seen",
                safe="nothing was measured",
                fix="leave it out of these, or train on data that have it",
            )
        sides.append(Side(as_spec(side.pack, spec), side.chosen, side.names, side.lost))
    return Both(sides[0], sides[1], both.paired)


def whole(data: TwoDomains) -> TwoDomains:
    """Of data that were not trained on: the part that has pairs, of two such the larger one."""
    parts = [data.train, *([data.held] if data.held else [])]
    best = max(parts, key=lambda both: (both.paired, len(both.a)))
    return TwoDomains(best, None)


def protocol(data: TwoDomains, words: str, count: int) -> dict[str, Any]:
    """All that the numbers depend on but the model."""
    library = f"ganzfeld {__version__}"
    measured = words.partition(", of averaged")[0]
    about: Mapping[str, Any] = {
        "extractor": "translation",
        "generated": count,
        "reference": count,
        "data": data.fingerprint,
        "measure": measured,
        "library": library,
    }
    digest = f"{key(json.dumps(about, sort_keys=True)):016x}"
    told = ["translation", f"n{count}", f"data {data.fingerprint[:8]}", library]
    return {"id": f"{' / '.join(told)} / {digest[:8]}", "protocol": None, **about}


def device_of(model: Translator | SampleTranslator) -> torch.device:
    """Where its networks compute."""
    return next(next(iter(model.networks.values())).parameters()).device
