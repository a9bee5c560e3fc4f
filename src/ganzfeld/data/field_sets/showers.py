"""Particle showers in a calorimeter of three layers, with an exact law of its resolution.

A particle of energy E leaves a visible energy v, gamma distributed round F E. It is shared by the
layers as a longitudinal profile says, and in each layer falls in quanta of Q GeV round an axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator

ENERGIES = (1.0, 100.0)  # GeV, drawn log-uniformly
F, A, C, Q = 0.9, 0.10, 0.01, 0.05  # visible part; stochastic and constant term; quantum in GeV
SIDE, DEPTHS, RATE = 16, (0.0, 3.0, 8.0, 40.0), 0.5  # cells; borders of the layers; of the profile
# of each layer: widths of core and halo in cells, and the share of the core
WIDTHS = ((0.7, 2.5, 0.85), (1.0, 3.0, 0.8), (1.4, 4.0, 0.7))
TERMS = 160  # of the series below: enough to the last bit for x up to 20

Floats = NDArray[np.float64]


def response(energy: float) -> float:
    """The mean of (sum of a shower) / energy: F at all energies."""
    return F


def resolution(energy: float) -> float:
    """Standard deviation of the sum of a shower, in parts of its mean; energy in GeV."""
    return math.sqrt(A**2 / energy + C**2 + Q / (F * energy))


def incomplete_gamma(a: float, x: Floats) -> Floats:
    """The regularised lower incomplete gamma function P(a, x), for a > 0 and x in [0, 20].

    By its power series (Abramowitz and Stegun 6.5.29).
    """
    terms = x[:, None] / (a + np.arange(1, TERMS))
    total = 1.0 + np.cumprod(terms, axis=1).sum(1)
    with np.errstate(divide="ignore"):
        front = np.exp(a * np.log(x) - x - math.lgamma(a + 1))
    found: Floats = np.where(x > 0, front * total, 0.0)
    return found


def shares(energy: float, depth: float = 1.0) -> Floats:
    """Parts of a shower's energy in the three layers; depth: a factor of its own, 1 in the mean."""
    shape = (2 + 0.6 * math.log(energy)) * depth
    parts = np.diff(incomplete_gamma(shape, RATE * np.array(DEPTHS)))
    scaled: Floats = parts / parts.sum()
    return scaled


def one(generator: np.random.Generator, energy: float | None) -> tuple[NDArray[np.int64], float]:
    """Counts of quanta (3, SIDE, SIDE) of one shower, and its energy in GeV."""
    low, high = (math.log(e) for e in ENERGIES)
    drawn = math.exp(low + (high - low) * generator.random())
    e = drawn if energy is None else energy
    spread = A**2 / e + C**2
    visible = F * e * generator.gamma(1 / spread, spread)
    parts = shares(e, math.exp(0.15 * generator.standard_normal()))
    centre = (SIDE - 1) / 2 + 0.5 * generator.standard_normal(2)
    counts = np.zeros((3, SIDE, SIDE), np.int64)
    for layer, (core, halo, share) in enumerate(WIDTHS):
        n = generator.poisson(visible * parts[layer] / Q)
        width = np.where(generator.random(n) < share, core, halo)
        places = np.rint(centre + width[:, None] * generator.standard_normal((n, 2)))
        # what falls beside is seen by the outermost cells, so that no energy is lost
        y, x = places.clip(0, SIDE - 1).astype(np.int64).T
        counts[layer] = np.bincount(SIDE * y + x, minlength=SIDE**2).reshape(SIDE, SIDE)
    return counts, e


def make(
    indices: Sequence[int], *, seed: int = 0, energy: float | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Deposits (n, 3, 16, 16) in GeV and energies (n, 1) in GeV, both float32.

    energy: of all; None: log-uniform in ENERGIES, another for each sample.
    """
    x = np.empty((len(indices), 3, SIDE, SIDE), np.float32)
    c = np.empty((len(indices), 1), np.float32)
    for row, index in enumerate(indices):
        counts, c[row] = one(numpy_generator(seed, "showers", int(index)), energy)
        x[row] = Q * counts
    return x, c
