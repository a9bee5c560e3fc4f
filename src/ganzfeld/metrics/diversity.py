"""Are the samples as different from each other as the data?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.metrics.distances import as_features, squared_distances


def pairwise_distance(a: NDArray[Any]) -> float:
    """Mean Euclidean distance between different rows of features (N, D)."""
    a = as_features(a)
    total = sum(float(np.sqrt(block).sum()) for _, block in squared_distances(a, a))
    return total / (len(a) * (len(a) - 1))


def diversity(generated: NDArray[Any], data: NDArray[Any]) -> float:
    """Mean distance between generated samples over that between data; below 0.3 is collapse."""
    own = pairwise_distance(data)
    return pairwise_distance(generated) / own if own else float("nan")
