"""Look at what translators make of samples: is it blank, or nearly always the same?

Each way is compared with the side of the data that it leads to. Of two ways the worse one counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.doctor import signals
from ganzfeld.doctor.measure import LEAST, PART, Subject, chosen, tidy, undisturbed
from ganzfeld.doctor.reference import PAIRS, STILL, Data
from ganzfeld.doctor.samples import Signals
from ganzfeld.modalities import Modality, Spec

VITALS = ("level", "entropy", "distinct")  # of which too little is an illness


class Side:
    """Some stored samples of one side (M, ...), and what they have."""

    def __init__(self, kind: Modality, stored: NDArray[Any]) -> None:
        self.kind, self.stored = kind, stored
        self.still = STILL * signals.median(np.asarray(kind.plain(stored)).std(1))

    def beside(self, made: NDArray[Any], sources: NDArray[Any]) -> Signals:
        """The signals of translations (N, ...) of as many sources."""
        real = self.stored[: len(made)]
        usual = self.kind.vitals(real)
        ours = self.kind.vitals(made)
        return {
            "blank": float((np.asarray(self.kind.plain(made)).std(1) <= self.still).mean()),
            "merged": merged(made, sources) - merged(real, real, len(real)),
            **{name: signals.ratio(ours[name], usual[name]) for name in VITALS if name in ours},
        }


def merged(made: NDArray[Any], sources: NDArray[Any], of: int | None = None) -> float:
    """The share of samples that are lost, since others equal them to the bit, though their sources
    differ. of: how many there are to differ; by default as many as there are different sources."""
    first, second = (len({bytes(np.ascontiguousarray(row)) for row in x}) for x in (made, sources))
    return 1 - min(first / (of or second), 1.0)


class Sides:
    """Both sides of the data of a translation. specs: of the columns "a" and "b"."""

    def __init__(self, kind: Modality, specs: Mapping[str, Spec], data: Data) -> None:
        self.kind, self.specs, self.data = kind, specs, data
        rows = data.rows(chosen(numpy_generator("doctor", len(data)), len(data), PAIRS))
        self.sides = {name: Side(kind, rows[name]) for name in specs}

    @torch.no_grad()
    def look(self, subject: Subject, count: int, images: int) -> Signals:
        """The signals after so many images. count: of samples that others draw; of translations a
        part is enough, each way."""
        drawer = numpy_generator(subject.seed, "doctor", images)
        few = min(max(count // PART, LEAST), count)
        rows = self.data.rows(chosen(drawer, len(self.data), few))
        ways: list[Signals] = []
        with undisturbed(subject.game):
            for way, name in subject.game.directions.items():
                x = subject.ready(way[0], torch.as_tensor(rows[way[0]]))
                made = subject.game.shown(subject.game.get_submodule(name)(x)).cpu()
                broken = float((~made.float().isfinite().flatten(1).all(1)).float().mean())
                if broken:
                    return {"broken": broken}
                whole = made.float() if made.is_floating_point() else made
                stored = self.kind.to_store(whole, self.specs[way[1]])
                ways.append(self.sides[way[1]].beside(stored, rows[way[0]]))
        found: Signals = {"broken": 0.0}
        for name in ways[0]:
            known = [value for one in ways if (value := one[name]) is not None]
            worse = min if name in VITALS else max
            found[name] = tidy(worse(known)) if known else None
        return found
