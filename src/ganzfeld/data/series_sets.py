"""Embedded time series whose autocorrelation, spectrum and best forecast are known exactly.

Sample i of a seed is a function of (seed, i): each series has a generator of its own key. `SETS`
names them::

    from ganzfeld.data.series_sets import SETS

    x = SETS["ar"].make(range(4), seed=0)
    assert x.shape == (4, 1, 48)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator

Floats = NDArray[np.float64]

PHI = 0.9  # of the AR(1)
A = np.array([[0.7, 0.2], [-0.3, 0.6]])  # of the VAR(1): eigenvalues of modulus 0.69
Q = np.array([[1.0, 0.4], [0.4, 1.0]])  # covariance of its noise
OMEGA, ALPHA, BETA = 0.05, 0.15, 0.80  # of the GARCH(1, 1): variance 1
WAVES = (3, 5)  # periods in a series of the sines, one a channel
BURN = 200  # steps before the first that counts, of the GARCH


@dataclass(frozen=True)
class SeriesSet:
    """One embedded set. make: (indices, seed=..., length=...) to (n, channels, length) float32.

    best: the mean absolute error of the best forecast one step on, in deviations of each channel;
    None where it has no closed form.
    """

    name: str
    about: str
    channels: int
    make: Callable[..., NDArray[np.float32]]
    best: float | None = None


def drawn(
    indices: Sequence[int], seed: int, name: str, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Standard normal numbers (n, *shape), those of each sample from its own key."""
    found = np.empty((len(indices), *shape))
    for row, index in zip(found, indices, strict=True):
        row[...] = numpy_generator(seed, "series", name, int(index)).standard_normal(shape)
    return found


def ar(indices: Sequence[int], *, seed: int = 0, length: int = 48) -> NDArray[np.float32]:
    """x_t = 0.9 x_{t-1} + noise, of variance 1, begun where it is stationary."""
    noise = drawn(indices, seed, "ar", (length,))
    x = np.empty_like(noise)
    x[:, 0] = noise[:, 0]
    for t in range(1, length):
        x[:, t] = PHI * x[:, t - 1] + math.sqrt(1 - PHI**2) * noise[:, t]
    return x[:, None].astype(np.float32)


def var(indices: Sequence[int], *, seed: int = 0, length: int = 48) -> NDArray[np.float32]:
    """x_t = A x_{t-1} + noise of covariance Q, two channels, begun where it is stationary."""
    noise = drawn(indices, seed, "var", (length, 2))
    x = np.empty_like(noise)
    x[:, 0] = noise[:, 0] @ np.linalg.cholesky(var_covariance()).T
    root = np.linalg.cholesky(Q).T
    for t in range(1, length):
        x[:, t] = x[:, t - 1] @ A.T + noise[:, t] @ root
    return x.transpose(0, 2, 1).astype(np.float32)


def garch(indices: Sequence[int], *, seed: int = 0, length: int = 48) -> NDArray[np.float32]:
    """Returns whose variance follows their squares: white, with clustered sizes and heavy tails."""
    noise = drawn(indices, seed, "garch", (BURN + length,))
    x, variance = np.empty_like(noise), np.ones(len(noise))
    for t in range(BURN + length):
        x[:, t] = np.sqrt(variance) * noise[:, t]
        variance = OMEGA + ALPHA * x[:, t] ** 2 + BETA * variance
    return x[:, None, BURN:].astype(np.float32)


def sines(indices: Sequence[int], *, seed: int = 0, length: int = 48) -> NDArray[np.float32]:
    """Two sines of whole periods with random phases: the power of each lies in one bin."""
    phase = drawn(indices, seed, "sines", (len(WAVES), 2))
    angle = np.arctan2(phase[..., 0], phase[..., 1])
    t = 2 * math.pi * np.arange(length) / length
    waves = np.array(WAVES)[None, :, None] * t[None, None]
    return np.sin(waves + angle[..., None]).astype(np.float32)


def var_covariance() -> Floats:
    """The S that solves S = A S A' + Q: the covariance of both channels at one time."""
    size = A.shape[0]
    found = np.linalg.solve(np.eye(size**2) - np.kron(A, A), Q.flatten())
    return np.asarray(found.reshape(size, size))


def var_correlation(lag: int) -> Floats:
    """Correlations (2, 2) of x_{t+lag} and x_t: A^lag S over the deviations."""
    covariance = var_covariance()
    spread = np.sqrt(np.diag(covariance))
    return np.asarray(np.linalg.matrix_power(A, lag) @ covariance / np.outer(spread, spread))


def garch_kurtosis() -> float:
    """3 (1 - (a + b)^2) / (1 - (a + b)^2 - 2 a^2), of all values (Bollerslev 1986)."""
    total = (ALPHA + BETA) ** 2
    return 3 * (1 - total) / (1 - total - 2 * ALPHA**2)


def garch_square_correlation(lag: int) -> float:
    """Of the squares: its first value, then falling at the rate a + b (Bollerslev 1986, eq. 17)."""
    total = ALPHA + BETA
    first = ALPHA * (1 - total * BETA) / (1 - total**2 + ALPHA**2)
    return first * total ** (lag - 1)


def ar_forecast_error() -> float:
    """The mean absolute error of the best forecast one step on: sqrt(2 / pi) sqrt(1 - phi^2)."""
    return math.sqrt(2 / math.pi) * math.sqrt(1 - PHI**2)


def var_forecast_error() -> float:
    """The same of the VAR, the mean of its channels, each in its own deviations."""
    each = np.sqrt(np.diag(Q) / np.diag(var_covariance()))
    return math.sqrt(2 / math.pi) * float(each.mean())


SETS: dict[str, SeriesSet] = {
    "ar": SeriesSet("ar", "an autoregression of order 1", 1, ar, ar_forecast_error()),
    "var": SeriesSet(
        "var", "a vector autoregression of two channels", 2, var, var_forecast_error()
    ),
    "garch": SeriesSet("garch", "returns with clustered variance", 1, garch),
    "sines": SeriesSet("sines", "two sines with random phases", 2, sines, 0.0),
}


def arrays(name: str, count: int) -> dict[str, Any]:
    """So many series as the "x" of a pack."""
    return {"x": SETS[name].make(range(count))}


ar_rows, var_rows, garch_rows, sines_rows = (partial(arrays, name) for name in SETS)
