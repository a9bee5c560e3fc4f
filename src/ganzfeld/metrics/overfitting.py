"""Has the generator overfitted? Compare distances to training and to held-out images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.metrics.frechet import frechet_distances

LEAST = 16  # held-out images
LOTS = 8  # of training images, at most
SURE = 4  # lots, from which their range can be told
BEYOND = 1.5  # times the furthest lot: what chance does not do (docs/report.md)


def overfitting(
    generated: NDArray[Any], data: NDArray[Any], held_out: NDArray[Any]
) -> dict[str, Any]:
    """Frechet distances to held-out images, and to lots of as many training images.

    generated, data, held_out: features (N, D), (M, D), (H, D); data are training images in random
    order. Both distances are equally biased, since all lots have H images. A generator that has
    not overfitted is as far from the one as from the others. {} for too few held-out images.

    "overfitted": half as far again from the held-out images as from the furthest lot; None where
    there are fewer than four lots. It is a weak sign, since lots of the same size differ by chance:
    copies of 1,600 training images mostly stay in their range. `memorisation` finds copies.
    """
    count = len(held_out)
    lots = [data[low : low + count] for low in range(0, len(data) - count + 1, count)][:LOTS]
    if count < LEAST or not lots:
        return {}
    fresh, *found = frechet_distances(generated, [held_out, *lots])
    mean = float(np.mean(found))
    limit = BEYOND * max(found) if len(found) >= SURE else None
    return {
        "frechet_held_out": fresh,
        "frechet_training": mean,
        "frechet_training_range": [min(found), max(found)],
        "held_out_count": count,
        "overfitted": None if limit is None else fresh > limit,
    }
