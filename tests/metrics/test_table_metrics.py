"""Metrics of tables: known answers, floors, and that each notices its own fault."""

from __future__ import annotations

import numpy as np
import pytest

from ganzfeld.metrics import table_metrics as metrics
from ganzfeld.metrics.table_learners import Logistic, Trees

LEVELS = {"a": 3, "y": 2}


def table(n: int, seed: int) -> metrics.Columns:
    rng = np.random.default_rng(seed)
    a = rng.choice(3, n, p=[0.6, 0.38, 0.02])
    x = rng.normal(0, 1, n) + a
    z = x + rng.normal(0, 1, n)
    y = (rng.random(n) < 1 / (1 + np.exp(-2 * (x - 1)))).astype(np.int64)
    return {"x": x, "z": z, "a": a, "y": y}


REAL, OTHER = table(4000, 0), table(4000, 1)


def test_ks_and_tv_have_known_answers() -> None:
    assert metrics.kolmogorov(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 0
    assert metrics.kolmogorov(np.array([0.0, 1.0]), np.array([2.0, 3.0])) == 1
    assert metrics.kolmogorov(np.array([0.0, 1.0, 2.0, 3.0]), np.array([2.0, 3.0])) == 0.5
    half = np.array([1.0, np.nan])
    assert metrics.kolmogorov(half, np.array([1.0, 1.0])) == 0.5, "missing cells count"
    codes = np.array([0, 0, 1, -1])
    assert metrics.variation(codes, codes, 2) == 0
    assert metrics.variation(codes, np.array([0, 0, 1, 1]), 2) == 0.25
    assert metrics.variation(np.array([0]), np.array([1]), 2) == 1


def test_rank_correlation_has_known_answers() -> None:
    x = np.arange(10.0)
    assert metrics.spearman(x, np.exp(x)) == pytest.approx(1)
    assert metrics.spearman(x, -x) == pytest.approx(-1)
    assert metrics.spearman(x, np.ones(10)) == 0
    assert metrics.ranks(np.array([5.0, 1.0, 5.0])).tolist() == [2.5, 1.0, 2.5]


def test_two_real_halves_lie_near_the_floor_and_wrong_columns_do_not() -> None:
    floor = metrics.marginals(REAL, OTHER, LEVELS)
    assert max(floor.values()) < 0.05
    moved = {**OTHER, "x": OTHER["x"] + 1}
    found = metrics.marginals(REAL, moved, LEVELS)
    assert found["x"] > 0.3 and found["a"] == floor["a"]


def test_pairs_notice_a_column_that_was_shuffled() -> None:
    floor = metrics.pairs(REAL, OTHER, LEVELS)
    shuffled = {**OTHER, "z": np.random.default_rng(0).permutation(OTHER["z"])}
    assert metrics.marginals(REAL, shuffled, LEVELS) == metrics.marginals(REAL, OTHER, LEVELS)
    found = metrics.pairs(REAL, shuffled, LEVELS)
    assert floor["spearman"] < 0.05 and found["spearman"] > 0.3
    assert found["contingency"] > 1.5 * floor["contingency"]


def test_classifiers_come_near_the_best_accuracy_and_agree_with_the_truth() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (4000, 2))
    p = 1 / (1 + np.exp(-(2 * x[:, 0] - x[:, 1])))
    y = (rng.random(4000) < p).astype(float)
    model = Logistic.fit(x, y, ridge=1e-3)
    weights = model.weights[:2] / model.deviation
    assert np.allclose(weights, [2, -1], atol=0.2)
    square = ((x[:, 0] > 0) ^ (x[:, 1] > 0)).astype(float)  # no line divides it
    trees = Trees.fit(x, square, trees=20)
    fresh = rng.normal(0, 1, (2000, 2))
    truth = (fresh[:, 0] > 0) ^ (fresh[:, 1] > 0)
    assert ((trees.logits(fresh) > 0) == truth).mean() > 0.95
    assert ((Logistic.fit(x, square).logits(fresh) > 0) == truth).mean() < 0.65


def test_use_falls_where_the_target_does_not_follow_from_the_rest() -> None:
    real = metrics.scores(REAL, OTHER, LEVELS, "y")
    useless = {**REAL, "y": np.random.default_rng(0).permutation(REAL["y"])}
    found = metrics.scores(useless, OTHER, LEVELS, "y")
    for name in ("logistic", "trees"):
        assert real[name] > found[name] + 0.1
        assert real[f"{name}_auc"] > 0.8 > found[f"{name}_auc"]
    constant = {**REAL, "y": np.zeros(4000, dtype=np.int64)}
    assert metrics.scores(constant, OTHER, LEVELS, "y")["trees"] == (OTHER["y"] == 0).mean()


def test_the_discriminative_score_has_a_floor_and_a_ceiling() -> None:
    assert metrics.discriminative(REAL, OTHER, LEVELS) < 0.03
    moved = {**OTHER, "x": OTHER["x"] + 5}
    assert metrics.discriminative(REAL, moved, LEVELS) > 0.4


def test_copies_are_found() -> None:
    few = {name: values[:500] for name, values in REAL.items()}
    held = {name: values[500:1000] for name, values in REAL.items()}
    fresh = metrics.privacy(few, OTHER, held, LEVELS)
    assert fresh["copies"] == 0 and fresh["distance"] == pytest.approx(
        fresh["distance_held"], rel=0.3
    )
    copied = metrics.privacy(few, few, held, LEVELS)
    assert copied["copies"] == 1 and copied["distance"] == 0
    mixed = {name: np.r_[few[name][:250], held[name][:250]] for name in few}
    copied = metrics.copied(few, held, mixed, LEVELS)  # a row of either half is a copy
    assert (copied["copies"], copied["copies_held"]) == (1, 0)
    fresh = metrics.copied(few, held, OTHER, LEVELS)
    assert fresh["copies"] == 0
    assert fresh["distance"] == pytest.approx(fresh["distance_held"], rel=0.3)


def test_rare_levels_are_those_of_a_small_share() -> None:
    found = metrics.rare(REAL, OTHER, LEVELS)
    assert set(found) == {"a=2"} and 0.6 < found["a=2"] < 1.5
    gone = {**OTHER, "a": np.where(OTHER["a"] == 2, 0, OTHER["a"])}
    assert metrics.rare(REAL, gone, LEVELS) == {"a=2": 0.0}
