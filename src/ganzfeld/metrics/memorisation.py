"""Does the generator copy? How near its samples come to the training data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.metrics.distances import as_features, as_pair, nearest, nearest_others


@dataclass(frozen=True)
class Memorisation:
    """ratio: median distance of generated samples to the data over that of fresh data.

    About 1 for a generator that does not copy, and 0 for one that only copies; below 0.5 is a
    warning. copies: share of generated samples that come nearer to the data than 99 of 100
    fresh ones. pairs: (generated index, data index, distance), closest first.
    """

    ratio: float
    copies: float
    pairs: list[tuple[int, int, float]]


def memorisation(
    generated: NDArray[Any],
    data: NDArray[Any],
    held_out: NDArray[Any] | None = None,
    *,
    pairs: int = 16,
) -> Memorisation:
    """Nearest-neighbour distances from generated to training data, against those of real ones.

    held_out: features of real samples that were not trained on; None takes each training sample
        against all others, which is the same for independent samples, but too small where the
        data hold copies of their own.
    """
    generated, data = as_pair(generated, data)
    indices, distances = nearest(generated, data)
    near = distances[:, 0]
    if held_out is None:
        real = nearest_others(data)[1][:, 0]
    else:
        real = nearest(as_features(held_out, "held_out", 1), data)[1][:, 0]
    middle = float(np.median(real))
    closest = np.argsort(near, kind="stable")[:pairs]
    return Memorisation(
        ratio=float(np.median(near)) / middle if middle else float("nan"),
        copies=float((near < np.quantile(real, 0.01)).mean()),
        pairs=[(int(i), int(indices[i, 0]), float(near[i])) for i in closest],
    )
