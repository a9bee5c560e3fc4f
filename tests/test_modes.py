"""Counting modes: the arithmetic on samples made by hand, and the default recipe on a ring."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ganzfeld.cli.main import main
from ganzfeld.data.pack import Pack, open_pack
from ganzfeld.errors import DataError
from ganzfeld.recipes.gan import Facts, default
from ganzfeld.studies import mode_coverage


def test_mixtures_are_those_of_the_literature() -> None:
    ring, grid = mode_coverage.ring(), mode_coverage.grid()
    assert ring.centres.shape == (8, 2) and ring.sigma == 0.01
    assert np.allclose(np.hypot(*ring.centres.T), 1)
    assert sorted(map(tuple, grid.centres)) == [
        (-4 + 2 * i, -4 + 2 * j) for i in range(5) for j in range(5)
    ]
    assert grid.sigma == 0.05


@pytest.mark.parametrize(
    "mixture", [mode_coverage.ring(), mode_coverage.grid()], ids=lambda m: m.name
)
def test_the_data_themselves_have_every_mode(mixture: mode_coverage.Mixture) -> None:
    points = mixture.draw(mode_coverage.SAMPLES)
    found = mode_coverage.count_modes(points, mixture.centres, mixture.sigma)
    # three standard deviations in the plane hold 1 - exp(-9 / 2) of a Gaussian
    assert found.modes == found.of == len(mixture.centres)
    assert found.high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.007)
    assert np.array_equal(points, mixture.draw(mode_coverage.SAMPLES))
    assert not np.array_equal(points, mixture.draw(mode_coverage.SAMPLES, seed=1))


def test_a_collapsed_set_has_one_mode() -> None:
    ring = mode_coverage.ring()
    assert mode_coverage.count_modes(np.tile(ring.centres[3], (50, 1)), ring.centres, 0.01) == (
        1,
        8,
        1.0,
    )


def test_far_samples_find_nothing() -> None:
    grid = mode_coverage.grid()
    between = grid.centres + 1.0  # as far as can be from all of them
    for samples in (between, between + 100, np.full((5, 2), np.nan), np.full((5, 2), np.inf)):
        assert mode_coverage.count_modes(samples, grid.centres, grid.sigma) == (0, 25, 0.0)


def test_the_limit_is_three_standard_deviations() -> None:
    centres = np.array([[0.0, 0.0], [10.0, 0.0]])
    samples = np.array([[0.29, 0.0], [0.0, -0.31], [10.2, 0.2], [9.7, 0.29]])
    assert mode_coverage.count_modes(samples, centres, 0.1) == (2, 2, 0.5)
    assert mode_coverage.count_modes(samples, centres, 0.1, within=2.8) == (0, 2, 0.0)
    with pytest.raises(ValueError, match="no samples"):
        mode_coverage.count_modes(samples[:0], centres, 0.1)


def test_the_mixtures_are_learned_as_the_recipe_learns() -> None:
    config = mode_coverage.plane_config(mode_coverage.ring(), "default", seed=3)
    recipe = default(Facts(count=mode_coverage.DRAWN, channels=2, height=1, width=1, classes=0))
    assert config.optimisers == recipe.optimisers
    assert recipe.game.options.items() <= config.game.options.items()
    assert (
        mode_coverage.plane_config(mode_coverage.ring(), "hinge").networks["D"].options["spectral"]
    )
    other = mode_coverage.plane_config(mode_coverage.ring(), settings=["game.loss=relativistic"])
    assert other.game.options == config.game.options | {"loss": "relativistic"}
    assert config.run.precision == "float32"


@pytest.mark.slow
def test_the_default_recipe_finds_the_ring() -> None:
    found = mode_coverage.bench_mixture(mode_coverage.ring(), images=192_000)
    assert found["modes"] == 8
    assert found["high_quality"] > 0.2


def test_counts_of_stacked_digits() -> None:
    shares = np.array([0.5, 0.25, 0.25])
    every = np.stack(np.meshgrid(*[np.arange(3)] * 3), -1).reshape(-1, 3)
    found = mode_coverage.count_stacked(every, shares)
    assert found[:2] == (27, 27)
    assert found.kl_uniform == pytest.approx(0)
    assert found.kl_data == pytest.approx(3 * sum(math.log(1 / 3 / s) / 3 for s in shares))
    collapsed = mode_coverage.count_stacked(np.tile([0, 0, 2], (9, 1)), shares)
    assert collapsed[:2] == (1, 27)
    assert collapsed.kl_uniform == pytest.approx(math.log(27))
    assert collapsed.kl_data == pytest.approx(math.log(16))
    assert (
        mode_coverage.count_stacked(np.array([[0, 1, 2]]), np.array([0.5, 0.5, 0])).kl_data
        == math.inf
    )


@pytest.fixture
def grey(tmp_path: Path) -> Pack:
    """Images of one shade each, which is a hundred times their label."""
    y = np.arange(30) % 3
    x = np.broadcast_to((100 * y).astype(np.uint8)[:, None, None], (30, 8, 8))
    np.savez(tmp_path / "grey.npz", x=x, y=y)
    return open_pack(tmp_path / "grey.npz")


def test_stacked_pictures_and_what_is_seen_in_them(grey: Pack) -> None:
    data = mode_coverage.stacked(grey, 500, seed=4)
    assert grey.labels is not None and len(data) == 500
    chosen = np.array([7, 400, 7])
    x = data.rows(chosen)["x"]
    wanted = grey.labels[data.triples[chosen]]
    assert x.shape == (3, 3, 8, 8) and x.dtype == np.uint8
    assert np.array_equal(x[:, :, 0, 0], 100 * wanted)
    again = mode_coverage.stacked(grey, 500, seed=4)
    assert np.array_equal(data.triples, again.triples)
    assert not np.array_equal(data.triples, mode_coverage.stacked(grey, 500, seed=5).triples)

    class Shade(nn.Module):
        """Knows the classes by their shades."""

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return ((pixels.mean((1, 2, 3)) + 1) * 127.5)[:, None]

        def head(self, shade: torch.Tensor) -> torch.Tensor:
            return -(shade - torch.tensor([0.0, 100.0, 200.0])).abs()

    assert np.array_equal(mode_coverage.classes_of(x, Shade()), wanted)
    everything = mode_coverage.classes_of(data.rows(np.arange(500))["x"], Shade())
    assert mode_coverage.count_stacked(everything, np.full(3, 1 / 3)).modes == 27


class Blind(nn.Module):
    """Tells shades of 0, 10 and 20, but takes one image in so many of any class for the last."""

    def __init__(self, every: int) -> None:
        super().__init__()
        self.every = every

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        shade = ((pixels.mean((1, 2, 3)) + 1) * 127.5 / 20).round()
        wrong = torch.arange(len(pixels)) % self.every == 0 if self.every else shade < 0
        return torch.where(wrong, torch.full_like(shade, 2.0), shade)[:, None]

    def head(self, shade: torch.Tensor) -> torch.Tensor:
        return -(shade - torch.arange(3.0)).abs()


@pytest.mark.parametrize(("every", "counted"), [(0, 18), (5, 27)])
def test_the_floor_counts_what_a_classifier_invents(
    tmp_path: Path, every: int, counted: int
) -> None:
    y = np.arange(900) % 3
    x = np.broadcast_to((20 * y).astype(np.uint8)[:, None, None], (900, 8, 8))
    np.savez(tmp_path / "x.npz", x=x, y=y)
    pack = open_pack(tmp_path / "x.npz")
    floor = mode_coverage.confusion_floor(pack, Blind(every), np.full(3, 1 / 3), 3_000)
    assert (floor.modes, floor.of) == (counted, 18)
    assert (floor.kl_data < 0.02) == (every == 0)


def test_what_cannot_be_stacked_is_refused(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "colour.npz",
        x=np.arange(12 * 192, dtype=np.uint8).reshape(12, 8, 8, 3),
        y=np.arange(12) % 2,
    )
    with pytest.raises(DataError, match="3 channel"):
        mode_coverage.stacked(open_pack(tmp_path / "colour.npz"))
    np.savez(tmp_path / "plain.npz", x=np.arange(12 * 64, dtype=np.uint8).reshape(12, 8, 8))
    with pytest.raises(DataError, match="no labels"):
        mode_coverage.stacked(open_pack(tmp_path / "plain.npz"))


def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzfeld.studies.mixtures.RING_IMAGES", 640)
    path = tmp_path / "modes.json"
    with pytest.raises(SystemExit) as stacked:
        main(["bench", "modes", "--only", "stacked"])
    assert stacked.value.code == 2
    capsys.readouterr()
    loss = "game.loss=relativistic"
    main(["bench", "modes", "--only", "ring", "--seeds", "2", "--json", str(path), "--set", loss])
    results = json.loads(path.read_text())
    assert [(r["data"], r["seed"], r["images"]) for r in results] == [
        ("ring", i, 640) for i in (0, 1)
    ]
    out = capsys.readouterr().out
    assert out.count(" of 8 modes") == 2 and f"seed 1, {loss}: " in out
