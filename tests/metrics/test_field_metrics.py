"""Metrics of fields know the answers of simple cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganzfeld.data.field_sets import gaussian, showers
from ganzfeld.metrics.field_classifier import auc, classifier_auc, standard_error
from ganzfeld.metrics.field_conditions import agreement, response_curve
from ganzfeld.metrics.field_observables import (
    compare,
    deposits,
    kolmogorov_smirnov,
    observables,
    varying,
    wasserstein,
)
from ganzfeld.metrics.field_power import fitted_slopes, power, power_ratio, radial_power


@pytest.mark.filterwarnings("error")
def test_fields_of_one_cell_have_no_power() -> None:
    assert radial_power(np.ones((4, 1, 1, 1))).tolist() == [[0.0]]
    assert "mean" in observables(np.random.default_rng(0).normal(size=(4, 1, 1, 1)))


def test_a_wave_has_its_power_in_its_shell() -> None:
    y, x = np.mgrid[:16, :16]
    wave = np.cos(2 * np.pi * (3 * x + 4 * y) / 16)[None, None]
    assert radial_power(wave).argmax() == 4  # |k| = 5
    assert power(wave).mean() == pytest.approx((wave**2).mean())  # Parseval
    assert power_ratio(2 * wave, wave)[0, 4] == pytest.approx(4)


def test_a_pure_power_law_has_its_slope() -> None:
    k = gaussian.radii(16)
    phases = np.fft.fft2(np.random.default_rng(0).normal(size=(16, 16)))
    waves = phases / np.abs(phases) * np.maximum(k, 1.0) ** -1.3
    x = np.fft.ifft2(waves).real[None, None]
    assert fitted_slopes(x)[0, 0] == pytest.approx(2.6, abs=1e-6)


def test_distances_of_shifted_samples() -> None:
    a = np.random.default_rng(0).normal(size=500)
    assert wasserstein(a, a + 0.3) == pytest.approx(0.3)
    assert wasserstein(a, np.repeat(a, 3)) == pytest.approx(0)
    assert kolmogorov_smirnov(a, a) == 0
    assert kolmogorov_smirnov([0, 1], [2, 3]) == 1
    assert kolmogorov_smirnov([0, 1, 2, 3], [2, 3, 4, 5]) == 0.5


def test_observables_tell_other_fields_and_not_equal_ones() -> None:
    x, _ = gaussian.make(range(600), size=16, slope=2.0)
    same, _ = gaussian.make(range(600, 900), size=16, slope=2.0)
    other, _ = gaussian.make(range(600, 900), size=16, slope=1.0)
    real = observables(x)
    near, far = compare(observables(same), real), compare(observables(other), real)
    for name, distance in near.items():
        assert distance.ks < 2.5 * max(distance.ks_floor, 0.03), name
    assert far["slope"].ks > 0.9 and far["roughness"].ks > 0.9
    assert far["slope"].wasserstein > 10 * far["slope"].wasserstein_floor


def test_deposits_of_one_cell() -> None:
    x = np.zeros((1, 2, 5, 5))
    x[0, 0, 2, 2], x[0, 1, 0, 0], x[0, 1, 0, 4] = 1.0, 1.0, 2.0
    found = {name: float(values[0]) for name, values in deposits(x).items()}
    assert found["sum"] == 4 and found["share 0"] == 0.25
    assert found["occupancy 1"] == pytest.approx(2 / 25)
    assert found["greatest 1"] == 2 and found["width 0"] == 0
    assert found["width 1"] == pytest.approx(np.sqrt(np.var([0, 4, 4])))


def test_response_and_resolution_of_showers() -> None:
    x, c = showers.make(range(1500))
    curve = response_curve(x.sum((1, 2, 3)), c[:, 0], [1, 5, 20, 100])
    for found in curve:
        assert found.response == pytest.approx(0.9, abs=5 * found.response_error)
    assert curve[0].resolution > curve[1].resolution > curve[2].resolution
    assert sum(found.count for found in curve) == 1500


def test_agreement_finds_bias_and_blur() -> None:
    asked = np.linspace(0, 1, 2000)
    noise = 0.1 * np.random.default_rng(0).normal(size=2000)
    found = agreement(asked + 0.2 + noise, asked)
    assert found.bias == pytest.approx(0.2, abs=0.01) and found.sd == pytest.approx(0.1, rel=0.1)
    assert agreement(np.ones(5), asked[:5]).correlation == 0


def test_auc_by_hand() -> None:
    assert auc(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 1
    assert auc(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0.5
    assert auc(np.array([2.0]), np.array([1.0, 3.0])) == 0.5
    assert standard_error(0.5, 100) == pytest.approx(np.sqrt(201 / 120_000), rel=0.01)


@pytest.mark.long
def test_a_classifier_tells_other_fields_and_not_equal_ones() -> None:
    def fields(first: int, slope: float) -> torch.Tensor:
        return torch.from_numpy(gaussian.make(range(first, first + 200), size=8, slope=slope)[0])

    real, same, other = fields(0, 1.0), fields(200, 1.0), fields(200, 3.0)
    before = torch.random.get_rng_state()
    chance = classifier_auc(same, real)
    assert abs(chance.value - 0.5) < 4 * chance.error
    assert classifier_auc(other, real).value > 0.9
    assert torch.equal(torch.random.get_rng_state(), before)
    assert classifier_auc(same, real) == chance


def test_an_observable_that_is_all_rounding_is_left_out() -> None:
    """These fields have mean zero exactly: one of 0.01 is no million deviations."""
    x, _ = gaussian.make(range(200), size=16)
    names = varying(observables(x), 1.0)
    assert "mean" not in names and {"deviation", "kurtosis", "slope"} <= set(names)
    assert "mean" in varying(observables(x + np.arange(200)[:, None, None, None] / 100), 1.0)
    assert "kurtosis" in varying(observables(1e6 * x), 1e6)
