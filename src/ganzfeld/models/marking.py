"""What the marks of a model's samples say: which model, seed, number and class they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import safetensors.torch
import torch
from torch import nn

from ganzfeld.core import marks
from ganzfeld.data.conditions import is_captioned
from ganzfeld.models.asked import told

Model = Any  # a `ganzfeld.Model` or `Translator`, which import this module


def weights_of(model: Model) -> str:
    """SHA-256 of a model's weights, as its folder has it; found once for a model."""
    known = model.about.get("weights", {}).get("sha256")
    if known is None:
        known = vars(model).get("weights_hash") or hash_of(model)
        model.weights_hash = known
    return str(known)


def hash_of(model: Model) -> str:
    """The SHA-256 that model.safetensors would have."""
    networks: dict[str, nn.Module] = getattr(model, "networks", None) or {"": model.generator}
    state = {}
    for way, network in networks.items():
        start = f"{model.about['translators'][way]['network']}." if way else ""
        for name, value in network.state_dict().items():
            state[f"{start}{name}"] = value.cpu().contiguous().clone()  # none share memory
    return hashlib.sha256(safetensors.torch.save(state)).hexdigest()


def mark_of(
    model: Model,
    *,
    seed: int,
    index: int,
    label: str | None = None,
    mean: float = 0.0,
    std: float = 1.0,
    numbers: Sequence[float] | None = None,
    directions: Mapping[str, float] | None = None,
) -> marks.Mark:
    """The mark of one sample, from which `ganzfeld sample --from` draws it again.

    label: the name of its class. numbers: the conditions that were asked for; None for those of
    the data that it is drawn for. A caption stands in the mark as text, too. directions: steps
    along directions of the latent, by number.
    """
    given = drawn_for(model, seed, index) if numbers is None else [float(v) for v in numbers]
    says: dict[str, Any] = {"label": label, "numbers": given, "directions": directions}
    if given is not None and is_captioned(model.conditions):
        (says["caption"],) = told(model.conditions, torch.tensor([given]))
    return of_model(model, seed=seed, index=index, mean=mean, std=std, **says)


def drawn_for(model: Model, seed: int, index: int) -> list[float] | None:
    """The conditions of the data that a sample is drawn for where none are asked for."""
    if not (getattr(model, "conditions", None) or {}).get("rows"):
        return None  # also of what translates or captions
    found: list[float] = model.numbers_of([index], seed, None)[0].tolist()
    return found


def of_model(model: Model, *, mean: float = 0.0, std: float = 1.0, **says: Any) -> marks.Mark:
    """A mark of what was drawn from a model: a grid, a table, an animation."""
    return marks.new(
        model=weights_of(model),
        recipe=model.about.get("recipe"),
        latents=model.latents,
        mean=mean,
        std=std,
        **says,
    )


def of_translation(model: Model, to: str, dropout: int | None = None) -> marks.Mark:
    """The mark of an image, or of another sample, that a model translated to the domain `to`."""
    return marks.new(
        translated=True,
        model=weights_of(model),
        recipe=model.about.get("recipe"),
        to=to,
        dropout=dropout,
    )
