"""The embedded fields have the statistics that theory gives them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ganzfeld.data.field_sets import SETS, gaussian, ising, showers
from ganzfeld.metrics.field_power import fitted_slopes, radial_power


@pytest.mark.parametrize("name", SETS)
def test_a_sample_depends_on_its_number_and_the_seed_alone(name: str) -> None:
    make = SETS[name].make
    x, c = make([3, 7, 4], seed=1)
    alone, c_alone = make([7], seed=1)
    assert np.array_equal(x[1], alone[0]) and np.array_equal(c[1], c_alone[0])
    assert not np.array_equal(x[0], x[1])
    assert not np.array_equal(make([7], seed=2)[0], alone)
    assert x.dtype == c.dtype == np.float32
    assert x.shape == (3, *SETS[name].shape) and c.shape == (3, len(SETS[name].conditions))
    for column, (low, high) in zip(c.T, SETS[name].ranges, strict=True):
        assert (column >= low).all() and (column <= high).all()


@pytest.mark.parametrize("slope", [1.0, 2.0, 3.0])
def test_fields_have_the_spectrum_variance_and_slope_of_theory(slope: float) -> None:
    x, _ = gaussian.make(range(1500), slope=slope)
    assert x.var() == pytest.approx(1, abs=0.02 if slope < 2.5 else 0.06)
    assert np.abs(x.mean((1, 2, 3))).max() < 1e-5
    k = np.rint(gaussian.radii(32)).astype(int)
    truth = np.array([gaussian.spectrum(slope)[k == shell].mean() for shell in range(1, 17)])
    cells = np.array([(k == shell).sum() for shell in range(1, 17)])
    # |fft|^2 is exponential, and each one is there twice: sd of the mean sqrt(2 / (n cells))
    apart = (radial_power(x)[0] / truth - 1) / np.sqrt(2 / (1500 * cells))
    assert np.abs(apart).max() < 4.5
    fitted = fitted_slopes(x)[:, 0]
    assert fitted.mean() == pytest.approx(slope, abs=5 * 0.133 / math.sqrt(1500))
    assert fitted.std() == pytest.approx(gaussian.slope_sd(), abs=0.012)


def test_the_deviation_of_a_fitted_slope_is_the_known_one() -> None:
    assert gaussian.slope_sd(32) == pytest.approx(0.1332, abs=1e-4)


def test_fields_are_gaussian() -> None:
    x, _ = gaussian.make(range(1000), slope=1.5)
    assert (x**4).mean() / x.var() ** 2 == pytest.approx(3, abs=0.03)


def test_the_incomplete_gamma_function_is_the_exact_one() -> None:
    x = np.array([0.0, 0.5, 1.5, 4.0, 20.0])
    assert showers.incomplete_gamma(1.0, x) == pytest.approx(1 - np.exp(-x), abs=1e-14)
    assert showers.incomplete_gamma(2.0, x) == pytest.approx(1 - (1 + x) * np.exp(-x), abs=1e-14)
    half = np.array([math.erf(math.sqrt(v)) for v in x])
    assert showers.incomplete_gamma(0.5, x) == pytest.approx(half, abs=1e-13)


@pytest.mark.parametrize("energy", [1.0, 5.0, 20.0, 100.0])
def test_showers_obey_the_law_of_response_and_resolution(energy: float) -> None:
    x, c = showers.make(range(1500), energy=energy)
    assert (c == np.float32(energy)).all()
    sums = x.sum((1, 2, 3), dtype=np.float64)
    law = showers.resolution(energy)
    assert sums.mean() / energy == pytest.approx(0.9, abs=0.9 * 4.5 * law / math.sqrt(1500))
    assert sums.std() / sums.mean() == pytest.approx(law, rel=0.09)
    quanta = x / np.float32(showers.Q)
    assert np.abs(quanta - quanta.round()).max() < 1e-3 and x.min() == 0


def test_showers_go_deeper_at_high_energies() -> None:
    assert showers.shares(1.0) == pytest.approx([0.44, 0.46, 0.10], abs=0.02)
    assert showers.shares(100.0) == pytest.approx([0.03, 0.39, 0.58], abs=0.02)


KAUFMAN = {  # energies a spin, by brute force and by the literature
    (8, 1.5): -1.951115,
    (8, 2.269185): -1.491589,
    (8, 3.5): -0.664905,
    (16, 2.0): -1.745531,
    (16, 2.5): -1.131318,
    (32, 2.269185): -1.433659,
}


def test_kaufmans_energies() -> None:
    for (size, temperature), energy in KAUFMAN.items():
        assert ising.exact_energy(temperature, size) == pytest.approx(energy, abs=2e-6)


def test_kaufmans_formula_is_the_sum_over_all_states() -> None:
    states = np.array(np.meshgrid(*[[-1, 1]] * 9)).reshape(9, -1).T.reshape(-1, 3, 3)
    energies = 9 * ising.energy(states)
    for k in (0.2, 0.44, 0.9):
        assert ising.log_partition(k, 3) == pytest.approx(np.log(np.exp(-k * energies).sum()))


@pytest.mark.parametrize("temperature", [1.7, 2.269185, 3.0])
def test_spins_have_the_exact_energy_and_no_favourite_sign(temperature: float) -> None:
    x, _ = ising.make(range(512), size=8, temperature=temperature)
    assert set(np.unique(x)) == {-1.0, 1.0}
    energy = ising.energy(x)
    error = energy.std() / math.sqrt(512)
    assert energy.mean() == pytest.approx(ising.exact_energy(temperature, 8), abs=4 * error)
    up = (x.mean((1, 2, 3)) > 0).mean() + (x.mean((1, 2, 3)) == 0).mean() / 2
    assert up == pytest.approx(0.5, abs=0.1)


def test_clusters_are_those_of_the_joints() -> None:
    right = np.zeros((2, 3, 3), bool)
    down = np.zeros((2, 3, 3), bool)
    right[0, 0, 2] = down[0, 0, 0] = True  # 2 - 0 round the border, 0 - 3
    found = ising.clusters(right, down)
    assert found[0].tolist() == [0, 1, 0, 0, 4, 5, 6, 7, 8]
    assert found[1].tolist() == list(range(9))


def test_magnetisation_vanishes_above_the_critical_temperature() -> None:
    assert ising.magnetisation(3.0) == 0
    assert ising.magnetisation(2.0) == pytest.approx(0.911319, abs=1e-5)
