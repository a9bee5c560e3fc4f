"""Would more time help? The trend of a run's validated quality, with its interval.

A straight line through the logarithm of the Frechet distance against that of images seen, over the
last part of the run, says by what factor twice as many images would change it (learning curves
follow power laws: Hestness et al. 2017).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LAST = 0.25  # of a run, from which on evaluations count: the last three quarters
LEAST = 5  # evaluations
NEAR = 1.2  # times what real samples have, up to which a distance says nothing of the way on
SLIGHT = 0.95  # a factor above which, up to its inverse, twice the time changes little
# Student's t at 97.5 %, by degrees of freedom from 1 on; 1.96 and a little beyond the last
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179,
           2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086)  # fmt: skip


@dataclass(frozen=True)
class Trend:
    """What twice the images would do to the Frechet distance: times `factor`, 95 % interval.

    of: evaluations that the line goes through. images: seen at the last. near: whether the samples
    are as near to the data as so many real ones, so that no line can be trusted to go on.
    """

    factor: float
    interval: tuple[float, float]
    of: int
    images: int
    near: bool = False

    @property
    def name(self) -> str:
        """ "better", "worse", "flat", "open" or "near": whether more time would help, if known."""
        if self.near:
            return "near"
        low, high = self.interval
        if high < 1:
            return "better" if self.factor < SLIGHT else "flat"
        if low > 1:
            return "worse" if self.factor > 1 / SLIGHT else "flat"
        return "flat" if low > SLIGHT else "open"

    def to_json(self) -> dict[str, Any]:
        return {"says": self.name, "factor": self.factor, "interval": list(self.interval),
                "evaluations": self.of}  # fmt: skip


def trend(scores: Sequence[tuple[int, float]], real: float | None = None) -> Trend | None:
    """The trend of Frechet distances by images seen; None for too few of them.

    real: what as many real samples have, below which no distance is expected to fall.

    Example::

        from ganzfeld.doctor.trend import trend

        found = trend([(n * 1_000, 90 / n**0.5) for n in range(1, 9)])
        assert abs(found.factor - 0.5**0.5) < 1e-6 and found.name == "better"
    """
    known = sorted({n: v for n, v in scores if n > 0 and v > 0 and math.isfinite(v)}.items())
    if not known:
        return None
    late = [(n, v) for n, v in known if n >= LAST * known[-1][0]]
    if len(late) < LEAST:
        return None
    x, y = (np.log2(np.array(side, float)) for side in zip(*late, strict=True))
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
    left = y - y.mean() - slope * (x - x.mean())
    free = len(late) - 2
    t = STUDENT[free - 1] if free <= len(STUDENT) else 2.0
    half = t * math.sqrt(float((left**2).sum()) / free / spread)
    now = 2 ** float(y.mean() + slope * (x[-1] - x.mean()))
    floor = 0.0 if real is None else min(real / now, 1.0)
    factor, low, high = (max(2**power, floor) for power in (slope, slope - half, slope + half))
    return Trend(
        factor, (low, high), len(late), late[-1][0], real is not None and now < NEAR * real
    )


def in_words(found: Trend | None) -> str:
    """Whether more time would help, in a sentence. None: of a run with too few evaluations."""
    if found is None:
        few = f"that takes {LEAST} evaluations in the last three quarters of a run"
        return f"How much more time would help is not known: {few}."
    low, high = found.interval
    said = f"{found.factor:.2f} times what it is ({low:.2f} to {high:.2f}; lower is better)"
    by = f"by the trend of the last {found.of} evaluations, twice the images would make the"
    return {
        "near": "Whether more time would help cannot be told: the samples of evaluations in "
        "training are as near to the data as so many real ones.",
        "better": f"More time would help: {by} Frechet distance {said}.",
        "worse": f"More time would make it worse: {by} Frechet distance {said}.",
        "flat": f"More time would change little: {by} Frechet distance {said}.",
        "open": f"Whether more time would help is not known: {by} Frechet distance {said}.",
    }[found.name]
