"""Metrics as plain functions of feature arrays (N, D): NumPy in, numbers out, float64 inside.

Example::

    import numpy as np
    from ganzfeld import metrics

    draw = np.random.default_rng(0)
    data, generated = draw.normal(size=(200, 4)), draw.normal(0.5, 1, size=(200, 4))
    print(metrics.frechet_distance(generated, data))
    print(metrics.kernel_distance(generated, data))
    print(metrics.precision_recall(generated, data), metrics.density_coverage(generated, data))
    print(metrics.diversity(generated, data))
"""

from ganzfeld.core import runtime as _runtime  # noqa: F401  (it warms MKL up)
from ganzfeld.metrics.diversity import diversity, pairwise_distance
from ganzfeld.metrics.frechet import frechet_distance, frechet_estimate, frechet_infinite
from ganzfeld.metrics.kernel import kernel_distance, mmd, scaled_mmd
from ganzfeld.metrics.labels import intra_class_frechet, score, split_score, total_variation
from ganzfeld.metrics.memorisation import memorisation
from ganzfeld.metrics.precision_recall import density_coverage, manifolds, precision_recall

__all__ = [
    "density_coverage",
    "diversity",
    "frechet_distance",
    "frechet_estimate",
    "frechet_infinite",
    "intra_class_frechet",
    "kernel_distance",
    "manifolds",
    "memorisation",
    "mmd",
    "pairwise_distance",
    "precision_recall",
    "scaled_mmd",
    "score",
    "split_score",
    "total_variation",
]
