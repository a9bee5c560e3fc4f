"""Metrics as plain functions of feature arrays (N, D): NumPy in, numbers out, float64 inside."""

from ganzfeld.metrics.diversity import diversity, pairwise_distance
from ganzfeld.metrics.frechet import frechet_distance
from ganzfeld.metrics.kernel import kernel_distance, mmd
from ganzfeld.metrics.labels import intra_class_frechet, score, total_variation
from ganzfeld.metrics.manifold import density_coverage, precision_recall
from ganzfeld.metrics.memorisation import memorisation

__all__ = [
    "density_coverage",
    "diversity",
    "frechet_distance",
    "intra_class_frechet",
    "kernel_distance",
    "memorisation",
    "mmd",
    "pairwise_distance",
    "precision_recall",
    "score",
    "total_variation",
]
