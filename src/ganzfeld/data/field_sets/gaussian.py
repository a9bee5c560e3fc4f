"""Gaussian random fields with a chosen spectral slope, and what is known of them exactly."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator

SLOPES = (1.0, 3.0)  # of the power spectrum, drawn uniformly

Floats = NDArray[np.float64]


@functools.lru_cache(8)
def radii(size: int) -> Floats:
    """Length of the wave vector of each entry of a 2-D FFT, (size, size), in waves a side."""
    k = np.fft.fftfreq(size, 1 / size)
    lengths: Floats = np.hypot(k[:, None], k[None, :])
    lengths.setflags(write=False)
    return lengths


def spectrum(slope: float, size: int = 32) -> Floats:
    """The mean of |fft2(x)|^2 / size^2, (size, size): max(|k|, 1)^-slope, its mean one.

    The entry at k = 0 is zero, so each field has mean zero; the variance of a cell is one.
    """
    power = np.maximum(radii(size), 1.0) ** -slope
    power[0, 0] = 0.0
    scaled: Floats = power * (size**2 / power.sum())
    return scaled


def make(
    indices: Sequence[int],
    *,
    seed: int = 0,
    size: int = 32,
    slope: float | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fields (n, 1, size, size) of variance one, and their slopes (n, 1), both float32.

    White noise, multiplied by the root of the spectrum in the Fourier domain.

    slope: of all; None: uniform in SLOPES, another for each sample.
    """
    x = np.empty((len(indices), 1, size, size), np.float32)
    c = np.empty((len(indices), 1), np.float32)
    for row, index in enumerate(indices):
        generator = numpy_generator(seed, "fields", int(index))
        drawn = SLOPES[0] + (SLOPES[1] - SLOPES[0]) * generator.random()
        c[row] = drawn if slope is None else slope
        white = np.fft.fft2(generator.standard_normal((size, size)))
        x[row, 0] = np.fft.ifft2(white * np.sqrt(spectrum(float(c[row, 0]), size))).real
    return x, c


def fit_cells(size: int) -> NDArray[np.bool_]:
    """Entries of an FFT from which a slope is fitted: 0 < |k| < size / 2."""
    k = radii(size)
    inside: NDArray[np.bool_] = (k > 0) & (k < size / 2)
    return inside


def slope_sd(size: int = 32) -> float:
    """Standard deviation of the slope fitted to one field; 0.133 at size 32.

    The logarithm of a squared amplitude has variance pi^2 / 6 (that of an exponential variable),
    and each one appears twice among the entries of a real field's FFT.
    """
    log_k = np.log(radii(size)[fit_cells(size)])
    spread = float(((log_k - log_k.mean()) ** 2).sum())
    return math.pi / math.sqrt(6) * math.sqrt(2 / spread)
