"""The same samples while one thing that they are asked for goes from one end to the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ganzfeld.core.dates import of_day
from ganzfeld.core.names import of_column, shown
from ganzfeld.data.conditions import beyond, row_of, value_of, written
from ganzfeld.data.label_names import label_names
from ganzfeld.errors import UsageError
from ganzfeld.models.draws import CHUNK
from ganzfeld.models.generator import Model


def parse(text: str) -> tuple[str, str, str]:
    """("slope", "1", "3") for "slope=1:3"; UsageError for what is no way from one end to another.

    The colon in the middle parts the ends: times of the day have some of their own.

    Example::

        from ganzfeld.models.sweep import parse

        assert parse("slope=1:3") == ("slope", "1", "3")
        assert parse("time=8:00:9:30") == ("time", "8:00", "9:30")
    """
    name, equals, ends = text.partition("=")
    parts = ends.split(":")
    half = len(parts) // 2
    low, high = ":".join(parts[:half]), ":".join(parts[half:])
    if not (equals and all(part.strip() for part in (name, low, high))):
        raise UsageError(
            f"--sweep takes NAME=FROM:TO, not {shown(text[:40])!r}", fix="--sweep slope=1:3"
        )
    return name.strip(), low.strip(), high.strip()


@torch.inference_mode()
def sweep(
    model: Model,
    name: str,
    low: float | str,
    high: float | str,
    *,
    steps: int = 8,
    count: int = 4,
    seed: int = 0,
    labels: Any = None,
    std: float = 1.0,
    given: Mapping[str, Any] | None = None,
) -> tuple[Tensor, list[str]]:
    """Samples (count * steps, ...), each with all steps behind one another, and the values.

    Each of `count` samples keeps its latent, class and other conditions; only `name` changes, in
    even steps. The sample at a value is the one that `Model.sample` gives for it. Of a condition of
    classes, the ends are classes ("red", or "red|small" where several may apply), and between them
    the networks are given what lies between their numbers.

    given: values of other conditions, which each sample keeps.
    Raises UsageError where the model has no such condition, or an end is none of its values.

    Example::

        import ganzfeld
        from ganzfeld.models.sweep import sweep

        model = ganzfeld.load("runs/fields-default")
        x, values = sweep(model, "slope", 1.0, 3.0)
    """
    columns = model.conditions.get("columns", [])
    has = [one["name"] for one in columns if one["kind"] in ("number", "class", "several")]
    name = of_column(name, has)
    if name not in has and "caption" in [one["kind"] for one in columns]:
        raise UsageError(
            "a sweep goes along a number or between classes, and this model is asked for by text",
            fix="a row for each of several captions: --text CAPTION --text CAPTION --grid FILE",
        )
    if name not in has and not has and model.classes:
        raise UsageError(
            f"{shown(name)} is no condition of this model, which is asked for by class alone",
            fix="a row for each of several classes: --label NAME --label NAME --grid FILE",
        )
    if name not in has and name in label_names(model.about):
        raise UsageError(
            f"{shown(name)} is the class of a sample, which has no steps; a sweep goes along "
            f"{', '.join(shown(one) for one in has)}",
            fix="a row for each of several classes: --label NAME --label NAME --grid FILE",
        )
    if name not in has:
        raise UsageError(
            f"{shown(name)} is nothing that this model is conditioned on; it has "
            f"{', '.join(shown(one) for one in has) or 'none'}",
            fix=f"--sweep {shown(has[0])}=FROM:TO" if has else "train with --condition NAME",
        )
    if given and name in given:
        raise UsageError(
            f"{shown(name)} goes from one end to the other, so no one value of it can be given",
            fix=f"either --sweep or --given with {shown(name)}",
        )
    column = next(one for one in columns if one["name"] == name)
    if column["kind"] == "number":
        start, end = number_of(column, low), number_of(column, high)
        numbers = torch.linspace(start, end, steps, dtype=torch.float64).tolist()
        values = [written(column, value) for value in numbers]
        exact = values if column.get("unit") else [repr(value) for value in numbers]
        places = [row_of(model.conditions, {name: value}) for value in exact]
    else:
        first, last = (row_of(model.conditions, {name: str(end)}) for end in (low, high))
        shares = torch.linspace(0, 1, steps, dtype=torch.float64).tolist()
        values = [f"{share:.0%}" for share in shares]
        places = [{p: (1 - s) * first[p] + s * last[p] for p in first} for s in shares]
    rows = model.given(given or {}, count, seed=seed).repeat_interleave(steps, 0)
    for step, wanted_there in enumerate(places):
        for place, scaled in wanted_there.items():
            rows[step::steps, place] = scaled
    wanted = model.label_numbers(labels) if labels is not None else []
    which = [number for number in range(count) for _ in range(steps)]
    found = []
    for place in range(0, len(which), CHUNK):
        some = which[place : place + CHUNK]
        numbers_ = rows[place : place + CHUNK]
        classes = model.labels_of(some, seed, wanted)
        found.append(model.draw_few(model.latents_of(some, seed, 0.0, std), classes, numbers_))
    return torch.cat(found), values


def number_of(column: Mapping[str, Any], end: float | str) -> float:
    name, value = column["name"], value_of(column, str(end))
    if not math.isfinite(value):
        said = f"--sweep {shown(name)}: a number was expected, not {shown(str(end)[:40])!r}"
        if column.get("unit"):
            said = f"--sweep {shown(name)}: a date was expected, not {shown(str(end)[:40])!r}"
        if column.get("unit") and of_day(column.get("form", "")):
            said = said.replace(": a date was", ": a time of the day was")
        raise UsageError(
            said,
            fix=f"--sweep {shown(name)}="
            f"{written(column, column['low'])}:{written(column, column['high'])}",
        )
    return value


def notes(model: Model, name: str, low: float | str, high: float | str) -> list[str]:
    """Sentences on ends that lie outside of what the data held."""
    ends = [beyond(model.conditions, {name: str(value)}) for value in (low, high)]
    return [sentence for some in ends for sentence in some]
