"""What a page says of its model, and writes into the files that it makes."""

from __future__ import annotations

import hashlib
from typing import Any

import safetensors.torch
from torch import nn

from ganzfeld.models.model import Model, Translator
from ganzfeld.version import __version__

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
EXTRA = ("rate", "scaling", "offset", "scale", "unit", "least", "whole", "unit_name")


def facts(model: Model | Translator) -> dict[str, Any]:
    """As JSON: title, kind, shape, classes, the start of a mark. No path and no setting of training.

    Example::

        import ganzfeld
        from ganzfeld.shipping.page_facts import facts

        print(facts(ganzfeld.load("runs/avatars-default"))["title"])
    """
    about = model.about
    recipe, source = str(about["recipe"]), str(about["training"]["data"]["source"])
    translates = isinstance(model, Translator)
    mark: dict[str, Any] = {
        "software": f"ganzfeld {__version__}",
        "digital_source_type": IPTC
        + ("compositeWithTrainedAlgorithmicMedia" if translates else "trainedAlgorithmicMedia"),
        "model": weights_of(model),
        "recipe": recipe,
    }
    found = {
        "title": f"{source} · {recipe}",
        "name": mark["model"][:16],
        "recipe": recipe,
        "data": source,
        "mark": mark,
    }
    if isinstance(model, Translator):
        return found | {
            **{"task": "translation", "modality": "image", "noun": "images", "one": "image"},
            **{"classes": [], "rows": None, "latent": 0, "shape": None},
            **{"size": list(model.size), "channels": model.channels},
            "ways": list(model.networks),
        }
    mark["latents"] = model.latents
    rows = model.conditions.get("rows")
    return found | {
        **{"task": "generation", "modality": model.spec.modality},
        **{"noun": model.modality.noun, "one": model.modality.one},
        **{"classes": list(model.classes), "rows": rows, "latent": model.latent},
        "shape": list(model.shape),
        "extra": {name: model.spec.extra[name] for name in EXTRA if name in model.spec.extra},
    }


def weights_of(model: Model | Translator) -> str:
    """SHA-256 of the weights, as model.safetensors has or would have it."""
    known = model.about.get("weights", {}).get("sha256")
    if known is not None:
        return str(known)
    networks: dict[str, nn.Module]
    networks = dict(model.networks) if isinstance(model, Translator) else {"": model.generator}
    state = {}
    for way, network in networks.items():
        start = f"{model.about['translators'][way]['network']}." if way else ""
        for name, value in network.state_dict().items():
            state[f"{start}{name}"] = value.cpu().contiguous().clone()
    return hashlib.sha256(safetensors.torch.save(state)).hexdigest()
