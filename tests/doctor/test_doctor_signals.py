"""Signals have the values that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganzfeld.config import FEWER, LIGHT, WATCH
from ganzfeld.doctor import signals
from ganzfeld.doctor.players import of_player, step_of
from ganzfeld.doctor.reference import Reference, Side
from ganzfeld.doctor.samples import Beside, kept, stuck
from ganzfeld.doctor.translated import Side as Target
from ganzfeld.modalities import MODALITIES
from ganzfeld.modalities.base import Modality
from ganzfeld.modalities.spectrum import fine_power
from ganzfeld.training.trainer import Tensors


def test_the_gap_is_in_deviations_and_does_not_change_with_the_scale_of_logits() -> None:
    g = np.random.default_rng(0)
    real, fake = g.standard_normal(20_000) + 3, g.standard_normal(20_000)
    assert signals.gap(real, fake) == pytest.approx(3, abs=0.05)
    assert signals.gap(7 * real - 2, 7 * fake - 2) == pytest.approx(signals.gap(real, fake))
    assert signals.gap(np.ones(4), np.zeros(4)) == math.inf
    assert signals.gap(np.ones(4), np.ones(4)) is None


def test_overfitting_is_the_share_of_the_gap_that_held_out_samples_lose() -> None:
    train, fake = np.array([1.0, 3.0]), np.array([-3.0, -1.0])  # means 2 and -2
    assert signals.overfit(train, np.array([2.0, 2.0]), fake) == 0
    assert signals.overfit(train, np.array([-2.0, -2.0]), fake) == 1
    assert signals.overfit(train, np.array([1.0, 1.0]), fake) == pytest.approx(0.25)
    assert signals.overfit(train, train, train + 0.01) is None  # it tells nothing apart


def test_vendi_counts_different_samples() -> None:
    far = np.eye(8) * 100.0
    assert signals.vendi(far, 100.0 * math.sqrt(2)) == pytest.approx(8, rel=0.4)
    assert signals.vendi(np.repeat(far[:2], 4, axis=0), 1.0) == pytest.approx(2, abs=1e-6)
    assert signals.vendi(np.zeros((8, 3)), 1.0) == pytest.approx(1)


def test_duplicates_are_samples_that_equal_another() -> None:
    x = np.array([[0.0], [0.0], [1.0], [5.0]])
    assert signals.duplicates(signals.pairwise(x), 1.0) == 0.5


def test_numbers_that_are_the_same_in_all_fakes_are_stuck() -> None:
    g = np.random.default_rng(0)
    real, fake = g.standard_normal((32, 8)), g.standard_normal((32, 8))
    real[:, 0] = 0  # the data do not vary there
    real[1:, 1] = 5  # or hardly
    assert stuck(fake, Side(real, real)) == 0
    fake[:, :4] = 1
    assert stuck(fake, Side(real, real)) == pytest.approx(2 / 6)
    assert stuck(fake[:, :4], Side(real[:, :4], real[:, :4])) is None


def test_energy_is_zero_for_one_distribution_and_grows_with_a_shift() -> None:
    g = np.random.default_rng(1)
    a, b = g.standard_normal((300, 3)), g.standard_normal((300, 3))

    def energy(x: np.ndarray, y: np.ndarray) -> float:
        found = signals.energy(signals.pairwise(x), signals.pairwise(y), signals.pairwise(x, y))
        assert found is not None
        return found

    assert abs(energy(a, b)) < 0.02
    assert energy(a + 1, b) > 0.1 and energy(a + 3, b) > 2 * energy(a + 1, b)


def test_wrong_conditions_lower_logits_by_so_many_deviations() -> None:
    right = np.array([1.0, 3.0])
    assert signals.told_apart(right, right - 2) == 2
    assert signals.told_apart(np.ones(3), np.zeros(3)) is None


def test_a_chessboard_is_power_at_the_highest_frequency() -> None:
    g = np.random.default_rng(2)
    smooth = np.cumsum(np.cumsum(g.standard_normal((8, 1, 32, 32)), 2), 3)
    board = smooth + 10 * ((np.indices((32, 32)).sum(0) % 2) - 0.5)
    assert fine_power(board)["grid"] > 20 * fine_power(smooth)["grid"]
    assert fine_power(smooth[:, :, :8, :8]) == {}


@pytest.mark.parametrize("rules", [1, WATCH])
def test_many_numbers_keep_their_distances(rules: int) -> None:
    g = np.random.default_rng(4)
    x = g.standard_normal((300, 500)) + np.arange(500)
    reference = Reference(Modality(), Tensors({"x": torch.from_numpy(x)}), None, rules=rules)
    assert reference.features.shape == (300, 128)
    unit = 1.1  # in which a deviation of 1 is measured
    assert reference.mean == pytest.approx(math.sqrt(2 * 500) / unit, rel=0.05)
    fakes = g.standard_normal((16, 500)) + np.arange(500) + 1
    across = Beside(reference, kept(reference, fakes), x[:16]).across
    assert across.mean() == pytest.approx(math.sqrt(3 * 500) / unit, rel=0.1)
    assert across.shape == (16, 256 if rules == WATCH else 16)


def test_vitals_of_lines_see_repeats() -> None:
    kind = MODALITIES["text"]
    lines = np.random.default_rng(3).integers(1, 20, (64, 12))
    same = np.repeat(lines[:1], 64, axis=0)
    varied, repeated = kind.vitals(lines), kind.vitals(same)
    assert varied["distinct"] == 1 and repeated["distinct"] == 1 / 64
    assert repeated["entropy"] < varied["entropy"]


def test_chance_is_what_the_same_neighbours_show_of_others() -> None:
    """Young samples lie near the same few of the data, whatever they were made for."""
    reference = object.__new__(Reference)
    g = np.random.default_rng(0)
    reference.conditions = np.linspace(0, 1, 100)[:, None]
    asked = g.random((32, 1))
    few = np.repeat([0, 1], 16)  # the data's least: far from most of what was asked for
    found, error = reference.skill_of(few, asked)
    assert found is not None and error is not None and abs(found) < 2 * error
    right, _ = reference.skill_of((99 * asked[:, 0]).round().astype(int), asked)
    assert right is not None and right > 0.95
    reference.conditions = np.arange(100) % 4
    classes = np.arange(32) % 4
    assert reference.skill_of(classes, classes)[0] == 1
    assert abs(reference.skill_of(np.zeros(32, int), classes)[0] or 0) < 0.02
    wrong, _ = reference.skill_of((classes + 1) % 4, classes)
    assert wrong is not None and wrong < -0.2


def test_weights_that_no_gradient_reaches_are_not_said_to_stand_still() -> None:
    """A kernel of 4 x 4 over one point meets its middle alone; every chosen weight is a corner."""
    up = torch.nn.ConvTranspose2d(16, 16, 4, 2, 1, bias=False)
    flat = torch.nn.Linear(4, 4)
    parameters = [*up.parameters(), *flat.parameters()]
    adam = torch.optim.Adam(parameters)
    (up(torch.randn(2, 16, 1, 1)).sum() + flat(torch.randn(2, 4)).square().sum()).backward()
    adam.step()
    for rules, told in ((FEWER, 2), (LIGHT, 3)):  # of the three tensors: now some are no corners
        found = of_player("generator", adam, parameters, rules)
        assert sum(name.startswith("trace/generator/") for name in found) == told
    with torch.no_grad():
        up.weight[:, :, 1:3, 1:3] = 0
    adam.state[up.weight]["exp_avg_sq"][:, :, 1:3, 1:3] = 0  # no gradient reaches any of it
    found = of_player("generator", adam, parameters)
    assert sum(name.startswith("trace/generator/") for name in found) == 2


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_sizes_by_some_weights_are_those_of_all(order: torch.memory_format) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(32, 64, 4), torch.nn.ReLU(), torch.nn.Conv2d(64, 64, 3)
    ).to(memory_format=order)
    parameters = [*network.parameters()]
    adam = torch.optim.Adam(parameters, 1e-3)
    for _ in range(3):
        adam.zero_grad()
        network(torch.randn(4, 32, 8, 8)).square().mean().backward()
        adam.step()
    every, some = (of_player("generator", adam, parameters, rules) for rules in (FEWER, LIGHT))
    assert every.keys() == some.keys() and every["age/generator"] == some["age/generator"] == 3
    for name in ("weights/generator", "update/generator", "pull/generator"):
        assert some[name] == pytest.approx(every[name], rel=0.1), name
    moved = of_player("generator", adam, parameters)
    assert moved == some
    with torch.no_grad():
        parameters[0].mul_(1.001)
    moved = of_player("generator", adam, parameters)
    assert moved["trace/generator"] != some["trace/generator"]
    assert moved["trace/generator/7"] == some["trace/generator/7"]


def test_some_weights_meet_all_places_of_a_kernel() -> None:
    for kernel in (3, 4, 5, 7):
        size = 64 * 32 * kernel**2
        step, count = step_of(size)
        places = step * np.arange(count)
        assert size - step <= places[-1] < size and 200 < count <= 257
        assert len({*(places % kernel**2).tolist()}) == kernel**2
    assert step_of(0) == (1, 0) and step_of(2_000) == (1, 2_000)


def test_distances_from_a_side_are_those_of_its_rows() -> None:
    g = np.random.default_rng(6)
    rows, ours = g.standard_normal((64, 9)) + 100, g.standard_normal((16, 9)) + 101
    ours[3] = rows[5]
    found = Side(rows, rows).across(ours)
    assert found == pytest.approx(signals.pairwise(ours, rows), abs=1e-9) and found[3, 5] == 0


def test_translations_that_lose_their_sources_are_seen() -> None:
    kind = MODALITIES["text"]
    lines = np.random.default_rng(5).integers(1, 20, (64, 12))
    side = Target(kind, lines)
    good = side.beside((lines[:16] + 3) % 20 + 1, lines[:16])
    assert good["merged"] == 0 and good["blank"] == 0 and good["level"] == 1
    assert (good["entropy"] or 0) > 0.9
    one = side.beside(np.full_like(lines[:16], 7), lines[:16])
    assert (one["merged"] or 0) > 0.9 and one["entropy"] == 0
    empty = side.beside(np.zeros_like(lines[:16]), lines[:16])
    assert empty["level"] == 0
