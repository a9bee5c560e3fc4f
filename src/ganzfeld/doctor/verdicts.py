"""What a discriminator says of one sample twice, or under a wrong condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from ganzfeld.doctor import signals
from ganzfeld.doctor.reference import Floats
from ganzfeld.doctor.samples import Signals

AGAIN = 4  # real samples that are judged twice
EQUAL = 1e-3  # deviations: logits of one sample that differ by more than rounding does
SEEMS = 0.5  # deviations, below which held-out samples are asked for under wrong conditions, too


def twice(x: Tensor, count: int) -> Tensor:
    """Samples or conditions (N, ...), and the first of them again, backwards: (N + count, ...).

    In one batch, since a GPU rounds by its size. Backwards, so that each has other neighbours:
    conditions that move on by one place in a batch would else be the same twice.
    """
    return torch.cat([x, x[:count].flip(0)])


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


def little(right: Floats, wrong: Floats) -> bool:
    """Whether wrong conditions seem to be told by so little that more samples should say it: to
    show that something is nothing takes many, and a discriminator that tells much costs no more.

    right, wrong: logits (N,) of the same samples.
    """
    apart = signals.told_apart(right, wrong)
    return apart is not None and apart < SEEMS


def told(own: Mapping[str, Floats], more: Callable[[], Floats | None] | None) -> Signals:
    """How far logits fall under wrong conditions, in their deviations, and its standard error.

    own: logits of "real" samples, of the same under "wrong" conditions, and of "held" ones. more:
    gives those of the held-out ones under wrong conditions; None where they are not asked.
    """
    right, wrong = own["real"], own["wrong"]
    if more is not None and little(right, wrong) and (logits := more()) is not None:
        right, wrong = np.concatenate([right, own["held"]]), np.concatenate([wrong, logits])
    return {
        "told": signals.told_apart(right, wrong),
        "told_error": signals.told_error(right, wrong),
    }


def numbers(logits: Tensor) -> Floats:
    found: Floats = logits.float().cpu().numpy()
    return found
