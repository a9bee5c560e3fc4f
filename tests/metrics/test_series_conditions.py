"""Whether series show what they were asked for: classes, numbers, and windows that share steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_series_family import Data, sets_of

import ganzfeld
from ganzfeld.metrics import series_conditions
from ganzfeld.metrics.family import Sets
from ganzfeld.metrics.series_family import conditions, teach_and_test

COUNT = 400


def remembering(phi: np.ndarray, seed: int) -> np.ndarray:
    """Series (n, 1, 32) of variance 1 whose autocorrelation at lag 1 is phi (n,)."""
    rng = np.random.default_rng(seed)
    x = np.empty((len(phi), 32))
    x[:, 0] = rng.normal(size=len(phi))
    for t in range(1, 32):
        x[:, t] = phi * x[:, t - 1] + np.sqrt(1 - phi**2) * rng.normal(size=len(phi))
    return x[:, None].astype(np.float32)


def asked(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two classes (n,), and the memory of each series (n,)."""
    classes = np.random.default_rng(seed).integers(0, 2, COUNT)
    return classes, np.where(classes == 1, 0.9, 0.0)


def measured(wanted: np.ndarray, phi: np.ndarray, **more: Any) -> dict[str, Any]:
    """Of series that have phi, asked for by `wanted`, against data whose classes are known."""
    given, theirs = asked(0)
    sets = sets_of(remembering(phi, 1), remembering(theirs, 2))
    about = {"wanted": wanted, "data_labels": given, "classes": ("short", "long"), **more}
    return conditions(Sets(**(vars(sets) | about)))


def test_series_that_obey_reach_the_ceiling_and_others_are_at_chance() -> None:
    wanted, phi = asked(3)
    found = measured(wanted, phi)
    assert found["series_class_of_data"] > 0.95
    assert found["series_class"] > found["series_class_of_data"] - 0.03
    assert found["series_class_by_chance"] == pytest.approx(0.5, abs=0.06)
    ignoring = measured(wanted, np.random.default_rng(4).permutation(phi))
    assert abs(ignoring["series_class"] - 0.5) < 0.08


def test_numbers_are_read_off_series() -> None:
    phi = np.random.default_rng(0).uniform(0, 0.95, COUNT)
    data = remembering(phi, 0), ((phi - 0.5) / 0.3)[:, None]
    teach, test = ((data[0][part], data[1][part]) for part in (slice(0, 200), slice(200, 400)))
    other = np.random.default_rng(1).uniform(0, 0.95, COUNT)
    made, wanted = remembering(other, 1), ((other - 0.5) / 0.3)[:, None]
    obeys = series_conditions.numbers_shown(made, wanted, teach, test)
    assert obeys["series_asked"] < 1.25 * obeys["series_asked_floor"] < 0.9
    assert obeys["series_bias"] < 0.15
    more = series_conditions.numbers_shown(made, wanted - 1.0, teach, test)
    assert more["series_bias"] == pytest.approx(1.0, abs=0.2)
    mixed = series_conditions.numbers_shown(made[::-1], wanted, teach, test)
    assert mixed["series_asked"] > 1.5 * obeys["series_asked"]


def test_many_channels_are_looked_at_by_few_sums() -> None:
    wide = np.random.default_rng(0).normal(size=(80, 12, 40))
    assert series_conditions.Described(wide)(wide).shape == (80, 10)


def test_what_teaches_shares_no_step_with_what_tests() -> None:
    begins = np.random.default_rng(0).permutation(1000)
    x = remembering(np.zeros(1000), 0)
    sets = sets_of(x[:50], x[:300], Data(x, begins), at="step", lasts=32)
    sets = Sets(**(vars(sets) | {"data_rows": np.arange(300)}))
    teach, test = teach_and_test(sets)
    assert len(teach) > 120 and len(test) == 150
    assert begins[teach].max() + 32 <= begins[test].min()


def test_nothing_is_said_of_series_that_were_not_asked_for() -> None:
    assert measured(None, asked(3)[1]) == {}  # type: ignore[arg-type]
    one_class = np.zeros(COUNT, int)
    assert measured(one_class, asked(3)[1], data_labels=one_class) == {}


@pytest.mark.long
def test_an_evaluation_of_a_run_says_it(tmp_path: Path) -> None:
    classes, phi = asked(0)
    data = tmp_path / "memory.npz"
    x = remembering(phi, 0)
    np.savez(data, x=x, time=np.arange(32), phi=phi + 0.01 * classes)
    run = ganzfeld.train(
        data, out=tmp_path / "run", images=320, batch=32, condition="phi", quiet=True,
        settings=["networks.G.hidden=8", "networks.D.hidden=8", "run.evaluate_final=false",
                  "run.evaluate_every=320", "run.evaluate_count=64", "run.sample_every=320"],
    )  # fmt: skip
    found = ganzfeld.evaluate(run, data, metrics=["series_conditions"], count=100)
    assert 0 < found["series_asked"] < 5 and found["series_asked_floor"] < 0.9
