"""Mixtures of Gaussians in the plane, and which of their modes samples reach."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator

WITHIN = 3.0  # standard deviations
RING_IMAGES, GRID_IMAGES = 640_000, 1_920_000  # points to see in training

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mixture:
    """Equal Gaussians: centres (K, 2), and the standard deviation of each coordinate.

    images: points to see in training.
    """

    name: str
    centres: Floats
    sigma: float
    images: int

    def draw(self, count: int, seed: int = 0) -> NDArray[np.float32]:
        """Points (count, 2)."""
        g = numpy_generator(seed, "mixture", self.name)
        points = self.centres[g.integers(len(self.centres), size=count)]
        noise = self.sigma * g.standard_normal(points.shape)
        return (points + noise).astype(np.float32)


def ring(modes: int = 8, radius: float = 1.0, sigma: float = 0.01) -> Mixture:
    """Gaussians on a circle."""
    angles = 2 * math.pi * np.arange(modes) / modes
    centres = radius * np.stack([np.cos(angles), np.sin(angles)], 1)
    return Mixture("ring", centres, sigma, RING_IMAGES)


def grid(side: int = 5, spacing: float = 2.0, sigma: float = 0.05) -> Mixture:
    """Gaussians on a square grid about the origin."""
    places = spacing * (np.arange(side) - (side - 1) / 2)
    centres = np.stack(np.meshgrid(places, places, indexing="ij"), -1).reshape(-1, 2)
    return Mixture("grid", centres, sigma, GRID_IMAGES)


MIXTURES: dict[str, Callable[[], Mixture]] = {"ring": ring, "grid": grid}


class ModeCount(NamedTuple):
    """modes: found, out of `of`. high_quality: share of the samples, in [0, 1]."""

    modes: int
    of: int
    high_quality: float


def count_modes(
    samples: NDArray[Any], centres: NDArray[Any], sigma: float, within: float = WITHIN
) -> ModeCount:
    """Modes that samples (N, D) find among centres (K, D), and how many samples are near one.

    A sample that is not finite is near none. Raises ValueError where there are no samples.
    """
    x, c = np.asarray(samples, np.float64), np.asarray(centres, np.float64)
    if not len(x):
        raise ValueError("there are no samples to count modes in")
    distances = np.sqrt(((x[:, None] - c[None]) ** 2).sum(2))
    nearest = distances.argmin(1)
    good = distances[np.arange(len(x)), nearest] <= within * sigma
    return ModeCount(len(np.unique(nearest[good])), len(c), float(good.mean()))
