"""Metrics as plain functions of feature arrays (N, D): NumPy in, numbers out, float64 inside."""

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
