"""The same samples while one number that they are asked for goes from one end to the other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganzfeld.core.names import shown
from ganzfeld.data.conditions import beyond, row_of
from ganzfeld.errors import UsageError
from ganzfeld.models.draws import CHUNK
from ganzfeld.models.generator import Model


def parse(text: str) -> tuple[str, float, float]:
    """("slope", 1.0, 3.0) for "slope=1:3"; UsageError for what is no way along a number.

    Example::

        from ganzfeld.models.sweep import parse

        assert parse("slope=1:3") == ("slope", 1.0, 3.0)
    """
    name, equals, ends = text.partition("=")
    low, colon, high = ends.partition(":")
    try:
        if not (equals and colon and name.strip()):
            raise ValueError
        return name.strip(), float(low), float(high)
    except ValueError:
        raise UsageError(
            f"--sweep takes NAME=FROM:TO, not {shown(text[:40])!r}", fix="--sweep slope=1:3"
        ) from None


@torch.inference_mode()
def sweep(
    model: Model,
    name: str,
    low: float,
    high: float,
    *,
    steps: int = 8,
    count: int = 4,
    seed: int = 0,
    labels: Any = None,
    std: float = 1.0,
) -> tuple[Tensor, list[float]]:
    """Samples (count * steps, ...), each with all steps behind one another, and the values.

    Each of `count` samples keeps its latent, class and other conditions; only `name` changes, in
    even steps. The sample at a value is the one that `Model.sample` gives for it.

    Raises UsageError where the model has no such number.

    Example::

        import ganzfeld
        from ganzfeld.models.sweep import sweep

        model = ganzfeld.load("runs/fields-default")
        x, values = sweep(model, "slope", 1.0, 3.0)
    """
    kinds = {column["name"]: column["kind"] for column in model.conditions.get("columns", [])}
    numbers = [one for one, kind in kinds.items() if kind == "number"]
    if name not in numbers:
        has = ", ".join(shown(one) for one in numbers) or "none"
        raise UsageError(
            f"{shown(name)} is no number that this model is conditioned on; it has {has}",
            fix=f"--sweep {numbers[0]}=FROM:TO" if numbers else "train with --condition NAME",
        )
    values = torch.linspace(low, high, steps, dtype=torch.float64).tolist()
    own = model.numbers_of(range(count), seed, None)
    assert own is not None
    rows = own.repeat_interleave(steps, 0)
    for step, value in enumerate(values):
        for place, scaled in row_of(model.conditions, {name: repr(value)}).items():
            rows[step::steps, place] = scaled
    wanted = model.label_numbers(labels) if labels is not None else []
    which = [number for number in range(count) for _ in range(steps)]
    found = []
    for start in range(0, len(which), CHUNK):
        some = which[start : start + CHUNK]
        given = rows[start : start + CHUNK]
        classes = model.labels_of(some, seed, wanted)
        found.append(model.draw_few(model.latents_of(some, seed, 0.0, std), classes, given))
    return torch.cat(found), values


def notes(model: Model, name: str, low: float, high: float) -> list[str]:
    """Sentences on ends that lie outside of what the data held."""
    ends = [beyond(model.conditions, {name: repr(value)}) for value in (low, high)]
    return [sentence for some in ends for sentence in some]
