"""Signals of what a discriminator says of one sample: twice, and under a wrong condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ganzfeld.doctor import signals
from ganzfeld.doctor.reference import Floats
from ganzfeld.doctor.samples import Signals

AGAIN = 4  # real samples that are judged twice
EQUAL = 1e-3  # deviations: logits of one sample that differ by more than rounding does
SEEMS, MORE = 0.5, 96  # deviations, below which so many more are asked about wrong conditions


def noise(own: Mapping[str, Floats], alone: Callable[[], Floats | None] | None) -> Signals:
    """How far apart the logits of samples are that are judged twice, in the unit of `gap`.

    own: logits of "real" samples and "fake" ones, and those of the first real ones "again". alone:
    gives logits (2, N) of the same samples, judged twice where all have one condition; None where
    there are no conditions. "mixed" is what is apart, "noise" what conditions do not explain.
    """
    scale = signals.spread(own["real"], own["fake"])
    again = own["again"]
    apart = signals.noise(own["real"][: len(again)], again, scale)
    if alone is None:
        return {"noise": apart}
    found: Signals = {"noise": apart, "mixed": apart}
    if apart is not None and apart > EQUAL and (logits := alone()) is not None:
        found["noise"] = signals.noise(logits[0], logits[1], scale)
    return found


def told(
    right: Floats, wrong: Floats, more: Callable[[], tuple[Floats, Floats] | None] | None
) -> Signals:
    """How well wrong conditions are told from right ones, and its standard error.

    right, wrong: logits (N,) of the same samples. more: gives those of MORE others. They are asked
    for where the first tell little: to show that it is nothing takes many, and a discriminator
    that tells much costs no more.
    """
    apart = signals.told_apart(right, wrong)
    if more is not None and apart is not None and apart < SEEMS and (others := more()) is not None:
        right, wrong = np.concatenate([right, others[0]]), np.concatenate([wrong, others[1]])
    error = signals.told_error(right, wrong)
    return {"told": signals.told_apart(right, wrong), "told_error": error}
