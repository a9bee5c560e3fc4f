"""What an evaluation says of series: floors of halves, windows that share steps, known optima."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from ganzfeld.data import series_sets as laws
from ganzfeld.data.columns import Column
from ganzfeld.metrics import series_family as family
from ganzfeld.metrics.family import Sets
from ganzfeld.metrics.registry import BY_NAME, choose_metrics
from ganzfeld.metrics.series_features import MOST, Described
from ganzfeld.metrics.series_metrics import forecast, standardised
from ganzfeld.modalities import Spec

NOTHING = np.zeros((0, 1), np.float32)


class Data:
    """As much of a pack as the metrics ask for."""

    def __init__(self, x: np.ndarray, begins: np.ndarray | None = None, **report: Any) -> None:
        self.x, self.report, self.columns = x, report, {}
        if begins is not None:
            self.columns["step"] = Column(spec=Spec("number", ()), stored=begins)

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, places: np.ndarray) -> dict[str, np.ndarray]:
        return {"x": self.x[places]}


def sets_of(made: np.ndarray, real: np.ndarray, pack: Any = None, **extra: Any) -> Sets:
    spec = Spec("series", real.shape[1:], "float32", extra)
    return Sets(
        extractor=None,  # type: ignore[arg-type]
        generated=NOTHING, data=NOTHING, generated_pixels=NOTHING, data_pixels=NOTHING,
        classes=(), wanted=None, data_labels=None, spec=spec, samples=made, data_samples=real,
        everything=pack or Data(real),
    )  # fmt: skip


REAL, OTHER = laws.var(range(1000)), laws.var(range(1000, 2000))


def test_fresh_series_of_the_law_lie_near_every_floor() -> None:
    sets = sets_of(OTHER, REAL)
    found = family.distributions(sets) | family.forecasts(sets) | family.told_apart(sets)
    for name in ("marginal", "autocorrelation", "squares", "spectrum", "cross_correlation"):
        assert found[f"series_{name}"] < 2 * found[f"series_{name}_floor"] + 0.01
    assert found["series_tstr"] == pytest.approx(found["series_trtr"], rel=0.02)
    assert found["series_told_apart"] < 0.08
    memory = np.array(found["series_memory"])
    exact = [[laws.var_correlation(k)[c, c] for k in range(4)] for c in range(2)]
    assert np.allclose(memory[:, :4], exact, atol=0.03)


def test_series_without_memory_are_told_by_every_family() -> None:
    sets = sets_of(np.random.default_rng(0).permuted(OTHER, axis=2), REAL)
    found = family.distributions(sets) | family.forecasts(sets) | family.told_apart(sets)
    assert found["series_autocorrelation"] > 3 * found["series_autocorrelation_floor"]
    assert found["series_spectrum"] > 5 * found["series_spectrum_floor"]
    assert found["series_tstr"] > 1.2 * found["series_trtr"]
    assert found["series_told_apart"] > 0.3


@pytest.mark.parametrize("name", ["ar", "var", "sines"])
def test_a_forecast_that_data_teach_comes_near_the_exact_optimum(name: str) -> None:
    make = laws.SETS[name].make
    train, test = make(range(1000)), make(range(1000, 2000))
    best = laws.SETS[name].best
    assert best is not None
    found = forecast(standardised(train), standardised(test, train))
    assert best * 0.97 <= found <= best * 1.03 + 1e-3
    pack = Data(train, source=name, kind="embedded")
    assert family.forecasts(sets_of(test, train, pack))["series_best"] == best
    assert "series_best" not in family.forecasts(sets_of(test, train, Data(train, source=name)))


def test_windows_that_share_steps_are_halved_in_time() -> None:
    """By chance, nearly each window of one half would have a neighbour in the other."""
    line = laws.ar([0], length=1_048)[0, 0]
    begins = np.arange(1_000)
    x = np.stack([line[b : b + 48] for b in begins])[:, None]
    mixed_up = x[np.random.default_rng(0).permutation(len(x))]
    sets = sets_of(x, mixed_up, Data(x, begins), at="step", lasts=48)
    first, second = family.halves(sets)
    ends = {float(v) for v in first[:, 0].ravel()}
    assert ends.isdisjoint(float(v) for v in second[:, 0].ravel()) and len(first) > 400
    apart = family.distributions(sets)["series_marginal_floor"]
    mixed = family.distributions(dataclasses.replace(sets, everything=None))
    assert apart > 2 * mixed["series_marginal_floor"]


def test_few_or_short_series_say_nothing() -> None:
    assert family.distributions(sets_of(OTHER[:10], REAL)) == {}
    assert family.forecasts(sets_of(OTHER[:, :, :3], REAL[:, :, :3])) == {}


def test_every_result_is_in_the_table_and_belongs_to_series_alone() -> None:
    found = family.distributions(sets_of(OTHER, REAL)) | family.forecasts(sets_of(OTHER, REAL))
    single = [name for name, value in found.items() if isinstance(value, float)]
    assert set(single) <= set(BY_NAME)
    assert set(family.FAMILIES) <= set(choose_metrics(None, "series"))
    assert not set(family.FAMILIES) & set(choose_metrics(None, "field"))


def test_features_are_few_finite_and_in_deviations_of_the_data() -> None:
    import torch

    wide = np.random.default_rng(0).normal(5, 100, (60, 12, 40)).astype(np.float32)
    for x in (REAL, wide):
        network = Described(Data(x))  # type: ignore[arg-type]
        found = network(torch.from_numpy(x)).numpy()
        assert found.shape[1] <= MOST and np.isfinite(found).all()
    assert np.abs(Described(Data(REAL))(torch.from_numpy(REAL)).numpy().std(0) - 1).max() < 0.2  # type: ignore[arg-type]
