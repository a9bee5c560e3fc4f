"""Power spectra of fields by the length of the wave vector, and the slope fitted to each field."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST_ENTRIES = 1 << 24  # of a matrix of cells and shells, above which sums are taken without it


def wave_lengths(sides: tuple[int, ...]) -> Floats:
    """Length of the wave vector of each entry of an FFT, of shape `sides`, in waves a side."""
    squares = np.zeros(sides)
    for axis, side in enumerate(sides):
        k = np.fft.fftfreq(side, 1 / side)
        squares += (k**2).reshape([-1 if i == axis else 1 for i in range(len(sides))])
    lengths: Floats = np.sqrt(squares)
    return lengths


def power(x: NDArray[Any]) -> Floats:
    """|fft(x)|^2 / cells of fields (N, C, ...), of the same shape: its mean is the mean square."""
    axes = tuple(range(2, x.ndim))
    waves = np.fft.fftn(np.asarray(x, np.float64), axes=axes)
    squared: Floats = np.abs(waves) ** 2 / math.prod(x.shape[2:])
    return squared


def radial_power(x: NDArray[Any]) -> Floats:
    """Mean power of fields (N, C, ...) in shells 1, 2, ... of half the shortest side: (C, shells).

    A shell k holds the wave vectors whose length rounds to k.

    Example::

        import numpy as np

        from ganzfeld.metrics.field_power import radial_power

        wave = np.cos(2 * np.pi * 3 * np.arange(16) / 16) * np.ones((1, 1, 16, 1))
        assert radial_power(wave).argmax() == 2  # shell 3
    """
    mean: Floats = shell_power(x).mean(0)
    return mean


def shell_power(x: NDArray[Any]) -> Floats:
    """The same of each field, (N, C, shells)."""
    sides = tuple(x.shape[2:])
    shells = np.rint(wave_lengths(sides)).astype(int).ravel()
    count = max(min(sides) // 2, 1)
    if len(shells) * count > MOST_ENTRIES:
        return _sums_by_shell(x, shells, count)
    member = np.stack([shells == shell for shell in range(1, count + 1)], 1).astype(np.float64)
    member /= np.maximum(member.sum(0), 1)  # a field of one cell has no waves
    found = np.empty((*x.shape[:2], count))
    for start in range(0, len(x), 256):  # a block at a time: complex numbers are four times as big
        block = power(x[start : start + 256])
        found[start : start + 256] = block.reshape(*block.shape[:2], -1) @ member
    return found


def _sums_by_shell(x: NDArray[Any], shells: NDArray[Any], count: int) -> Floats:
    """Means over shells 1 to count, without a matrix of all cells and shells."""
    order = np.argsort(shells, kind="stable")
    edges = np.searchsorted(shells[order], np.arange(1, count + 2))
    found = np.empty((*x.shape[:2], count))
    for row, sample in enumerate(x):
        sums = np.cumsum(power(sample[None]).reshape(x.shape[1], -1)[:, order], axis=1)
        sums = np.concatenate([np.zeros((len(sums), 1)), sums], 1)
        found[row] = np.diff(sums[:, edges]) / np.maximum(np.diff(edges), 1)
    return found


def power_ratio(generated: NDArray[Any], real: NDArray[Any]) -> Floats:
    """Radial power of generated fields over that of real ones, (C, shells); 1 is right."""
    ratio: Floats = radial_power(generated) / np.maximum(radial_power(real), 1e-300)
    return ratio


def fitted_slopes(x: NDArray[Any]) -> Floats:
    """The exponent a of a power k^-a fitted to each field of (N, C, ...), (N, C).

    Least squares of log power on log k over wave vectors of 0 < k < half the shortest side. Of a
    Gaussian random field the error is unbiased, and its deviation known: see
    `ganzfeld.data.field_sets.gaussian.slope_sd`.
    """
    sides = tuple(x.shape[2:])
    lengths = wave_lengths(sides)
    inside = (lengths > 0) & (lengths < min(sides) / 2)
    if not inside.any():
        return np.full(x.shape[:2], np.nan)
    log_k = np.log(lengths[inside])
    apart = log_k - log_k.mean()
    found = np.empty(x.shape[:2])
    for start in range(0, len(x), 256):
        squared = power(x[start : start + 256])[:, :, inside]
        logs = np.log(np.maximum(squared, 1e-30))
        found[start : start + 256] = -(logs @ apart) / max(float(apart @ apart), 1e-300)
    return found
