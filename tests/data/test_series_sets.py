"""The embedded series have the statistics that they say they have."""

from __future__ import annotations

import numpy as np
import pytest

from ganzfeld.data import series_sets as sets
from ganzfeld.metrics.series_metrics import autocorrelation, cross_correlation, spectrum

COUNT = 3_000


@pytest.mark.parametrize("name", sorted(sets.SETS))
def test_a_series_is_a_function_of_seed_and_number(name: str) -> None:
    one = sets.SETS[name]
    whole, part = one.make(range(9)), one.make([2, 8])
    assert whole.shape == (9, one.channels, 48) and whole.dtype == np.float32
    assert np.array_equal(whole[[2, 8]], part)
    assert not np.array_equal(one.make(range(9), seed=1), whole)


def test_the_autoregression_has_the_known_autocorrelation_and_forecast() -> None:
    x = sets.ar(range(COUNT))
    found = autocorrelation(x, 8)[0]
    assert np.allclose(found[[1, 2, 4, 8]], [0.9, 0.81, 0.656, 0.430], atol=0.02)
    assert sets.ar_forecast_error() == pytest.approx(0.348, abs=5e-4)
    error = np.abs(x[:, 0, 1:] - 0.9 * x[:, 0, :-1]).mean()
    assert error == pytest.approx(sets.ar_forecast_error(), abs=0.003)


def test_the_vector_autoregression_has_the_known_correlations() -> None:
    covariance = sets.var_covariance()
    assert np.allclose(covariance, sets.A @ covariance @ sets.A.T + sets.Q)
    found = cross_correlation(sets.var(range(COUNT)), 3)
    for lag in range(4):
        assert np.allclose(found[lag], sets.var_correlation(lag), atol=0.02), lag


def test_the_returns_are_white_with_heavy_tails_and_clustered_squares() -> None:
    x = sets.garch(range(4 * COUNT)).astype(np.float64)
    assert np.abs(autocorrelation(x, 8)[0, 1:]).max() < 0.02
    assert x.var() == pytest.approx(1.0, abs=0.03)
    kurtosis = (x**4).mean() / (x**2).mean() ** 2
    assert sets.garch_kurtosis() == pytest.approx(5.571, abs=1e-3)
    assert kurtosis == pytest.approx(sets.garch_kurtosis(), abs=0.8)
    squares = autocorrelation(x**2, 4)[0]
    expected = [sets.garch_square_correlation(lag) for lag in range(1, 5)]
    assert np.allclose(squares[1:], expected, atol=0.07)


def test_the_power_of_each_sine_lies_in_one_bin() -> None:
    power = spectrum(sets.sines(range(50)))
    for channel, wave in enumerate(sets.WAVES):
        assert power[channel, wave - 1] == pytest.approx(1.0, abs=1e-6)
