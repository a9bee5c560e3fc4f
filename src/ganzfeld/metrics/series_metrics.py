"""How like real time series made ones are: correlation in time and between channels, spectrum,
use and what tells them apart. Series are (N, C, T); every error has a floor, two real halves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.metrics.table_learners import Trees

Floats = NDArray[np.float64]
TREES = 40  # that tell two sets of series apart


def standardised(x: NDArray[Any], by: NDArray[Any] | None = None) -> Floats:
    """Channels of mean 0 and deviation 1 over all series and times of `by`."""
    like = np.asarray(x if by is None else by, np.float64)
    mean = like.mean((0, 2), keepdims=True)
    spread = like.std((0, 2), keepdims=True)
    return np.asarray((np.asarray(x, np.float64) - mean) / np.where(spread > 0, spread, 1.0))


def autocorrelation(x: NDArray[Any], lags: int) -> Floats:
    """Of each channel at lags 0 to `lags`, (C, lags + 1): over all series, around their one mean.

    The mean is that of all series: of short ones, their own means would take correlation away.

    Example::

        import numpy as np
        from ganzfeld.data.series_sets import ar
        from ganzfeld.metrics.series_metrics import autocorrelation

        found = autocorrelation(ar(range(2000)), 4)[0]
        assert np.allclose(found, 0.9 ** np.arange(5), atol=0.03)
    """
    z = standardised(x)
    length = z.shape[2]
    rows = [(z[:, :, : length - k] * z[:, :, k:]).mean((0, 2)) for k in range(lags + 1)]
    return np.stack(rows, 1)


def cross_correlation(x: NDArray[Any], lags: int) -> Floats:
    """Of channel i at t + lag and channel j at t, (lags + 1, C, C)."""
    z = standardised(x)
    length = z.shape[2]
    return np.stack(
        [
            np.einsum("nit,njt->ij", z[:, :, k:], z[:, :, : length - k]) / (len(z) * (length - k))
            for k in range(lags + 1)
        ]
    )


def spectrum(x: NDArray[Any]) -> Floats:
    """The share of each frequency but the mean in the power of each channel, (C, T // 2)."""
    power = (np.abs(np.fft.rfft(np.asarray(x, np.float64), axis=2)) ** 2).mean(0)[:, 1:]
    total = power.sum(1, keepdims=True)
    return np.asarray(power / np.where(total > 0, total, 1.0))


def marginal(real: NDArray[Any], made: NDArray[Any]) -> float:
    """The mean one-dimensional Wasserstein distance of the channels, in deviations of the real."""
    a, b = standardised(real), standardised(made, real)
    grid = (np.arange(1_000) + 0.5) / 1_000
    distances = [
        np.abs(np.quantile(a[:, c], grid) - np.quantile(b[:, c], grid)).mean()
        for c in range(a.shape[1])
    ]
    return float(np.mean(distances))


def errors(real: NDArray[Any], made: NDArray[Any]) -> dict[str, float]:
    """Mean absolute errors, at lags up to half of the length; 0 is best.

    "squares" is of the autocorrelation of squares: whether sizes cluster, as those of returns do.
    """
    lags = max(real.shape[2] // 2, 1)
    squares = [standardised(x, real) ** 2 for x in (real, made)]
    found = {
        "marginal": marginal(real, made),
        "autocorrelation": mean_error(autocorrelation, real, made, lags),
        "squares": mean_error(autocorrelation, squares[0], squares[1], lags),
        "spectrum": float(np.abs(spectrum(real) - spectrum(made)).sum(1).mean() / 2),
    }
    if real.shape[1] > 1:
        found["cross_correlation"] = mean_error(cross_correlation, real, made, lags)
    return found


def mean_error(of: Any, real: NDArray[Any], made: NDArray[Any], lags: int) -> float:
    return float(np.abs(of(real, lags) - of(made, lags)).mean())


def forecast(train: NDArray[Any], test: NDArray[Any], past: int = 4) -> float:
    """The mean absolute error on `test` of a linear forecast one step on that `train` gave.

    From the last `past` values of all channels, by ridge regression: train on synthetic and test
    on real, or on real both times.
    """
    inputs, targets = windows(train, past)
    gram = inputs.T @ inputs + 1e-3 * np.eye(inputs.shape[1])
    weights = np.linalg.solve(gram, inputs.T @ targets)
    unseen, truth = windows(test, past)
    return float(np.abs(unseen @ weights - truth).mean())


def windows(x: NDArray[Any], past: int) -> tuple[Floats, Floats]:
    """Rows of the last values and a one, and the values that follow."""
    x = np.asarray(x, np.float64)
    n, channels, length = x.shape
    steps = range(past, length)
    inputs = np.stack([x[:, :, t - past : t].reshape(n, -1) for t in steps], 1).reshape(
        -1, channels * past
    )
    targets = x[:, :, past:].transpose(0, 2, 1).reshape(-1, channels)
    return np.concatenate([inputs, np.ones((len(inputs), 1))], 1), targets


def features(x: NDArray[Any], real: NDArray[Any]) -> Floats:
    """What trees look at: values, differences, own correlations and spectrum of each series."""
    z = standardised(x, real)
    n, _, length = z.shape
    lags = [(z[:, :, : length - k] * z[:, :, k:]).mean(2) for k in (1, 2, 4, 8) if k < length]
    power = np.log1p(np.abs(np.fft.rfft(z, axis=2)) ** 2)
    steps = np.diff(z, axis=2)
    parts = [z.mean(2), z.std(2), steps.std(2), np.abs(z).max(2), *lags, *np.moveaxis(power, 2, 0)]
    some = z[:, :, :: max(1, length // 12)].reshape(n, -1)
    return np.concatenate([*parts, some], 1)


def told_apart(real: NDArray[Any], made: NDArray[Any], seed: int = 0) -> float:
    """|accuracy - 1/2| of boosted trees on half of the series, which they did not see."""
    n = min(len(real), len(made))
    x = np.concatenate([features(real[:n], real), features(made[:n], real)])
    y = np.repeat([1.0, 0.0], n)
    order = numpy_generator(seed, "told apart").permutation(2 * n)
    first, second = order[:n], order[n:]
    logits = Trees.fit(x[first], y[first], trees=TREES, depth=3).logits(x[second])
    return float(abs(((logits > 0) == (y[second] > 0.5)).mean() - 0.5))
