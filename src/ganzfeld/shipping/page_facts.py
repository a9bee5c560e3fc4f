"""What a page says of its model, and writes into the files that it makes."""

from __future__ import annotations

from typing import Any

from ganzfeld.core import marks
from ganzfeld.data.conditions import is_captioned
from ganzfeld.models.marking import weights_of
from ganzfeld.models.model import Model
from ganzfeld.models.translator import Translator

EXTRA = (  # of a `Spec.extra`: what a page shows samples by
    *("rate", "scaling", "offset", "scale", "unit", "least", "whole", "unit_name"),
    *("names", "mean", "deviation", "step", "symbols", "schema"),
)


def facts(model: Model | Translator) -> dict[str, Any]:
    """As JSON: title, kind, shape, classes, the start of a mark; no path, no setting of training.

    Example::

        import ganzfeld
        from ganzfeld.shipping.page_facts import facts

        print(facts(ganzfeld.load("runs/avatars-default"))["title"])
    """
    about = model.about
    recipe, source = str(about["recipe"]), str(about["training"]["data"]["source"])
    translates = isinstance(model, Translator)
    mark = marks.new(translates, model=weights_of(model), recipe=recipe)
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
        "symbols": model.modality.symbols,
        **{"classes": list(model.classes), "rows": rows, "latent": model.latent},
        "shape": list(model.shape),
        **asked(model),
        "extra": {name: model.spec.extra[name] for name in EXTRA if name in model.spec.extra},
    }


def asked(model: Model) -> dict[str, Any]:
    """What a model that is asked by text needs to read it: the words by number, and how many."""
    if not is_captioned(model.conditions):
        return {}
    column = model.conditions["columns"][0]
    caption = {"symbols": list(column["symbols"]), "length": column["length"]}
    return {"text": True, "caption": caption}
