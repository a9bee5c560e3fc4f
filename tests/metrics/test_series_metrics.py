"""Metrics of series: floors, and that each notices its own fault."""

from __future__ import annotations

import numpy as np
import pytest

from ganzfeld.data import series_sets as sets
from ganzfeld.metrics import series_metrics as metrics

REAL, OTHER = sets.var(range(1500)), sets.var(range(1500, 3000))


def test_two_real_halves_lie_near_the_floor() -> None:
    floor = metrics.errors(REAL, OTHER)
    assert set(floor) == {
        "marginal", "autocorrelation", "squares", "spectrum", "cross_correlation",
    }  # fmt: skip
    assert max(floor.values()) < 0.03
    assert metrics.told_apart(REAL, OTHER) < 0.06


def test_series_without_memory_are_noticed() -> None:
    shuffled = np.random.default_rng(0).permuted(OTHER, axis=2)
    floor, found = metrics.errors(REAL, OTHER), metrics.errors(REAL, shuffled)
    assert found["marginal"] == pytest.approx(floor["marginal"], abs=1e-9)
    assert found["autocorrelation"] > 0.05 > floor["autocorrelation"]
    assert found["spectrum"] > 0.1
    assert metrics.told_apart(REAL, shuffled) > 0.3


def test_channels_that_do_not_belong_together_are_noticed() -> None:
    mixed = OTHER.copy()
    mixed[:, 1] = mixed[np.random.default_rng(0).permutation(len(mixed)), 1]
    found = metrics.errors(REAL, mixed)
    assert found["cross_correlation"] > 3 * metrics.errors(REAL, OTHER)["cross_correlation"]


def test_sizes_that_do_not_cluster_are_noticed() -> None:
    real = sets.garch(range(3000))
    calm = np.random.default_rng(0).permutation(real.flatten()).reshape(real.shape)
    floor = metrics.errors(real, sets.garch(range(3000, 6000)))
    assert metrics.errors(real, calm)["squares"] > 1.5 * floor["squares"]


def test_a_forecast_comes_near_the_optimum_and_needs_real_dynamics() -> None:
    train, test = sets.ar(range(1500)), sets.ar(range(1500, 3000))
    best = sets.ar_forecast_error()
    assert metrics.forecast(train, test) == pytest.approx(best, rel=0.02)
    white = np.random.default_rng(0).standard_normal(train.shape)
    assert metrics.forecast(white, test) > 1.5 * best
