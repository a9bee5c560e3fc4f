"""Numbers as conditions where few values of them are known: each image also stands for its
neighbourhood.

Where the ages 20, 30 and 40 are in the data and 25 is asked for, nothing was judged at 25. The
hard vicinal estimate (Ding et al. 2021, "CcGAN") judges at each number the images of all numbers
that are at most a width away, alike. To move each image's own number evenly by up to that width
says the same of the images that belong to a number, and takes no search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)
from ganzfeld.core.randomness import WIDE, torch_generator
from ganzfeld.core.types import Batch
from ganzfeld.errors import UsageError
from ganzfeld.modalities.image.transforms import Vary


def nearby(
    conditions: Mapping[str, Any] | None, vicinity: float, then: Vary | None, noise: str = WIDE
) -> Vary | None:
    """`vicinal` of a run's conditions, where its config asks for it (`data.vicinity`).

    UsageError where there are no numbers to move.
    """
    if not vicinity:
        return then
    widths = widths_of((conditions or {}).get("columns", []), vicinity)
    if not any(widths):
        raise UsageError(
            "data.vicinity moves numbers that samples are conditioned on, and there are none",
            safe="nothing was trained",
            fix="--condition NAME, of a column of numbers, or leave data.vicinity out",
        )
    return vicinal(widths, then, noise)


def widths_of(columns: Sequence[Mapping[str, Any]], vicinity: float) -> list[float]:
    """How far each number in "c" may be moved; 0 for those that say whether a class applies.

    columns: what conditions are, see `ganzfeld.data.conditions.describe`. vicinity: in the largest
    gap between two neighbouring values of the data.
    """
    found = []
    for column in columns:
        numbers = 1 if column["kind"] == "number" else len(column.get("classes", ()))
        found += [vicinity * float(column.get("gap", 0.0))] * numbers
    return found


def vicinal(widths: Sequence[float], then: Vary | None = None, noise: str = WIDE) -> Vary | None:
    """A function of a batch and a seed that moves "c" (N, k) by up to a width each.

    then: what else is changed by chance. None where nothing is to be changed.

    Example::

        import torch
        from ganzfeld.data.vicinity import vicinal

        vary = vicinal([0.5, 0.0])
        c = vary({"c": torch.zeros(8, 2)}, 0)["c"]  # (8, 2): -0.5 to 0.5, and 0
    """
    if not any(widths):
        return then
    far = torch.tensor(widths)

    def vary(batch: Batch, seed: int) -> Batch:
        batch = batch if then is None else then(batch, seed)
        c = batch["c"]
        drawn = torch.rand(c.shape, generator=torch_generator(seed, "vicinity", noise=noise))
        return {**batch, "c": c + ((2 * drawn - 1) * far).to(c)}

    return vary
