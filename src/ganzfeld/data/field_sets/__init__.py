"""Embedded sets of fields: float arrays whose statistics are known exactly.

Each is made from a seed by NumPy alone, and sample i is a function of (seed, i) and of the set's
parameters, whatever the count. `SETS` names them::

    from ganzfeld.data.field_sets import SETS

    x, c = SETS["fields"].make(range(4), seed=0)
    assert x.shape == (4, 1, 32, 32) and c.shape == (4, 1)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.data.columns import Values
from ganzfeld.data.field_sets import gaussian, ising, showers
from ganzfeld.data.source import Raw
from ganzfeld.data.typed import number
from ganzfeld.modalities.base import Spec

Array = NDArray[np.float32]


@dataclass(frozen=True)
class FieldSet:
    """One embedded set.

    make: (indices, seed=...) to samples (n, ...) in physical units and conditions (n, k), float32.
    conditions: names of the numbers. ranges: the least and the greatest value of each.
    shape: of a sample. extra: what a spec says beside: unit, axes, whether it is periodic.
    """

    name: str
    about: str
    make: Callable[..., tuple[Array, Array]]
    shape: tuple[int, ...]
    conditions: tuple[str, ...]
    ranges: tuple[tuple[float, float], ...]
    extra: dict[str, Any] = field(default_factory=dict)


SETS: dict[str, FieldSet] = {
    "fields": FieldSet(
        name="fields",
        about="Gaussian random fields, periodic, whose power falls as the slope says",
        make=gaussian.make,
        shape=(1, 32, 32),
        conditions=("slope",),
        ranges=(gaussian.SLOPES,),
        extra={"scaling": "standard", "periodic": True, "axes": ["y", "x"], "unit_name": ""},
    ),
    "showers": FieldSet(
        name="showers",
        about="particle showers in the three layers of a calorimeter",
        make=showers.make,
        shape=(3, 16, 16),
        conditions=("energy",),
        ranges=(showers.ENERGIES,),
        extra={"scaling": "log", "periodic": False, "axes": ["y", "x"], "unit_name": "GeV"},
    ),
    "ising": FieldSet(
        name="ising",
        about="spins of the Ising model on a periodic square",
        make=ising.make,
        shape=(1, 16, 16),
        conditions=("temperature",),
        ranges=(ising.TEMPERATURES,),
        extra={"scaling": "standard", "periodic": True, "axes": ["y", "x"], "unit_name": ""},
    ),
}


def raw(name: str, count: int, seed: int = 0) -> Raw:
    """So many samples of a set as columns of a pack: "x", and the number that each was made by."""
    from ganzfeld.data.fields import Titles

    found = SETS[name]
    x, c = found.make(range(count), seed=seed)
    made = Raw(
        columns={"x": Values(spec=Spec("field", found.shape, "float32", found.extra), rows=x)},
        titles=Titles(count),
        values=f"float32 {x.min():.3g} to {x.max():.3g} {found.extra['unit_name']}".strip(),
    )
    for column, values in zip(found.conditions, c.T, strict=True):
        made.columns[column] = number(values, whole=False)
    return made


def fields(count: int) -> Raw:
    """Gaussian random fields."""
    return raw("fields", count)


def deposits(count: int) -> Raw:
    """Calorimeter showers."""
    return raw("showers", count)


def spins(count: int) -> Raw:
    """Spins of the Ising model."""
    return raw("ising", count)
