"""Embedded sets of fields: float arrays whose statistics are known exactly.

Each is made from a seed by NumPy alone, and sample i is a function of (seed, i) and of the set's
parameters, whatever the count. `SETS` names them, with what a pack says of them::

    from ganzfeld.data.field_sets import SETS

    x, c = SETS["fields"].make(range(4), seed=0)
    assert x.shape == (4, 1, 32, 32) and c.shape == (4, 1)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.data.field_sets import gaussian, ising, showers

Array = NDArray[np.float32]


@dataclass(frozen=True)
class FieldSet:
    """One embedded set.

    make: (indices, seed=...) to samples (n, ...) in physical units and conditions (n, k), float32.
    conditions: names of the numbers. ranges: the least and the greatest value of each.
    count: samples by default. shape: of one. extra: what a spec says beside: units, axes, periodic.
    """

    name: str
    about: str
    make: Callable[..., tuple[Array, Array]]
    shape: tuple[int, ...]
    conditions: tuple[str, ...]
    ranges: tuple[tuple[float, float], ...]
    count: int
    extra: dict[str, Any] = field(default_factory=dict)

    def sample(self, indices: Sequence[int], seed: int = 0) -> tuple[Array, Array]:
        """Samples and conditions of these numbers."""
        return self.make(indices, seed=seed)


SETS: dict[str, FieldSet] = {
    "fields": FieldSet(
        name="fields",
        about="Gaussian random fields, periodic, whose power falls as the slope says",
        make=gaussian.make,
        shape=(1, 32, 32),
        conditions=("slope",),
        ranges=(gaussian.SLOPES,),
        count=10_000,
        extra={"scaling": "standard", "periodic": True, "axes": ["y", "x"], "unit_name": ""},
    ),
    "showers": FieldSet(
        name="showers",
        about="particle showers in the three layers of a calorimeter",
        make=showers.make,
        shape=(3, 16, 16),
        conditions=("energy",),
        ranges=(showers.ENERGIES,),
        count=20_000,
        extra={"scaling": "log", "periodic": False, "axes": ["y", "x"], "unit_name": "GeV"},
    ),
    "ising": FieldSet(
        name="ising",
        about="spins of the Ising model on a periodic square",
        make=ising.make,
        shape=(1, 16, 16),
        conditions=("temperature",),
        ranges=(ising.TEMPERATURES,),
        count=10_000,
        extra={"scaling": "standard", "periodic": True, "axes": ["y", "x"], "unit_name": ""},
    ),
}
