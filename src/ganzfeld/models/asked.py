"""What samples are asked for by: numbers or a text, as rows of a model's conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganzfeld.data.conditions import is_captioned, row_of
from ganzfeld.data.label_names import class_of
from ganzfeld.errors import UsageError
from ganzfeld.modalities import captions
from ganzfeld.models.draws import Labels
from ganzfeld.text import shown

Text = str | Sequence[str] | None


def rows_of(conditions: Mapping[str, Any], numbers: Any, text: Text = None) -> Tensor | None:
    """Conditions as rows (n, k), float32; UsageError where the model takes others or none.

    conditions: of a model. text: a caption, or several, for a model of captions.
    """
    if text is not None:
        if numbers is not None:
            raise UsageError("a sample is asked for by numbers or by a text, not by both")
        return rows_of_text(conditions, [text] if isinstance(text, str) else list(text))
    if numbers is None:
        return None
    names = conditions.get("names", [])
    wide = len(names)
    if is_captioned(conditions):
        wide = conditions["columns"][0]["length"]
    try:
        rows = torch.as_tensor(np.asarray(numbers, dtype=np.float32))
    except (ValueError, TypeError, OverflowError) as error:  # text, or rows of unequal length
        raise UsageError(
            f"conditions are rows of numbers, not {shown(repr(numbers), 80)}: {shown(error, 80)}",
            fix="in Python: numbers=model.given({'age': 30}, count)",
        ) from error
    rows = rows.reshape(1, -1) if rows.ndim < 2 else rows
    if not names or rows.ndim != 2 or rows.shape[1] != wide or not len(rows):
        takes = f"rows of {', '.join(names)}" if names else "no numbers"
        raise UsageError(f"this model takes {takes}, not an array {tuple(rows.shape)}")
    return rows


def parted(
    model: Any,
    labels: Labels,
    numbers: Any,
    count: int,
    seed: int = 0,
    start: int = 0,
    text: Text = None,
) -> tuple[Labels, Tensor | None]:
    """What samples are asked for as labels and as rows of conditions (n, k), None for none.

    model: a `Model`. numbers: rows, or values by name, {"age": 30, "kind": "a"}, of which one may
        be the class.
    UsageError for what the model does not have, and for a class that is named twice.
    """
    if not isinstance(numbers, Mapping):
        return labels, rows_of(model.conditions, numbers, text)
    if text is not None:
        raise UsageError("a sample is asked for by numbers or by a text, not by both")
    label, left = class_of(model.about, numbers)
    if label is not None and labels is not None:
        raise UsageError("labels and numbers both name the class", fix="one of them")
    rows = model.given(left, count, seed=seed, start=start) if left else None
    return (labels if label is None else label), rows


def fixed_by(about: Mapping[str, Any], values: Mapping[str, Any]) -> dict[int, float]:
    """Scaled numbers by their place in a row of conditions, as `ganzfeld.data.conditions.row_of`.

    about: of a model. UsageError for what it is not conditioned on, its classes included.
    """
    label, left = class_of(about, values)
    if label is not None:
        (name,) = values.keys() - left.keys()
        raise UsageError(
            f"{shown(name)} is the class of this model's samples, and no number beside them",
            fix=f"in Python: model.sample(8, numbers={{{name!r}: {label!r}}})",
        )
    return row_of(about.get("conditions") or {}, {k: str(value) for k, value in values.items()})


def rows_of_text(conditions: Mapping[str, Any], texts: Sequence[str]) -> Tensor:
    """Captions as rows of word numbers (n, T); UsageError for words that the model does not know,
    and for a model that takes no captions."""
    if not is_captioned(conditions):
        raise UsageError(
            "this model was not trained with captions, so it takes no text",
            fix="ganzfeld train avatars-captions --recipe text-to-image",
        )
    if not texts:
        raise UsageError("text is a caption or several, not an empty list")
    about = conditions["columns"][0]
    return torch.tensor(np.stack([captions.asked(one, about) for one in texts])).float()


def told(conditions: Mapping[str, Any], rows: Tensor) -> list[str]:
    """Rows of word numbers (n, T) as captions that people read.

    Example::

        model = ganzfeld.load("runs/avatars-captions-text-to-image")
        lines = told(model.conditions, model.numbers_of(range(4), 0, None))
    """
    symbols = list(conditions["columns"][0]["symbols"])
    return [captions.decode(row, symbols) for row in rows.tolist()]
