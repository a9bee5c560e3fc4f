"""What a deviation of the latents ("truncation") costs in variety, by the model alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ganzfeld.shipping.engine import Batched, Engine
from ganzfeld.shipping.server.problem import Problem

PAIRS = 32  # static/price_here.js draws the same


def variety(
    engine: Engine,
    std: float,
    label: str | None = None,
    row: list[float] | None = None,
    breathe: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """How much two samples of one class and condition differ at `std`, in parts of that at 1.

    Of 32 pairs of seed 0, samples 2 i and 2 i + 1, as the network makes them; the second has the
    class and the condition of the first. The difference is the root mean square one, and of text
    the share of places with other symbols.

    label: a class for all; None: as drawn at random. row: a condition for all, as the network takes
    it. breathe: called between batches.

    Keys: "std", "variety", "pairs", "difference" ("rms" or "symbols"), "seed". Problem 422 where
    all samples are the same at 1.

    Example::

        import ganzfeld
        from ganzfeld.shipping.engine import TorchEngine
        from ganzfeld.shipping.server.varying import variety

        print(variety(TorchEngine(ganzfeld.load("runs/avatars-default")), 0.7)["variety"])
    """
    assert isinstance(engine, Batched)
    inputs, firsts = engine.inputs, list(range(0, 2 * PAIRS, 2))
    seeds = [0] * PAIRS
    labels: Any = None
    if inputs.classes:
        labels = inputs.labels_of(seeds, firsts, [label] * PAIRS).tolist()
    rows = list(inputs.numbers_of(seeds, firsts, [row] * PAIRS)) if inputs.conditions else None
    exact, found = inputs.kind.symbols, []
    for spread in (std, 1.0):
        one, other = (
            engine.samples([(0, first + more) for first in firsts], labels, rows, spread)
            for more in (0, 1)
        )
        breathe()
        apart = one != other if exact else np.square(one.astype(np.float64) - other)
        found.append(float(apart.mean()))
    if not found[1]:
        raise Problem(422, "all samples of this model are the same at std 1", field="std")
    share = found[0] / found[1]
    return {
        "std": std,
        "variety": share if exact else share**0.5,
        "pairs": PAIRS,
        "difference": "symbols" if exact else "rms",
        "seed": 0,
    }
