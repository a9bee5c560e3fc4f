"""Shares of classes, distances within them, and the score."""

import numpy as np
import pytest

from ganzfeld.metrics import (
    frechet_distance,
    intra_class_frechet,
    score,
    split_score,
    total_variation,
)
from ganzfeld.metrics.labels import class_shares


def test_total_variation_of_shares() -> None:
    p = class_shares(np.array([0, 0, 1, 1]), 3)
    q = class_shares(np.array([0, 1, 2, 2]), 3)
    assert p.tolist() == [0.5, 0.5, 0]
    assert total_variation(p, q) == 0.5
    assert total_variation(p, p) == 0
    assert total_variation(np.array([1.0, 0]), np.array([0.0, 1])) == 1


def test_score_at_its_ends_and_by_hand() -> None:
    sure = 50 * np.eye(7)
    assert score(sure) == pytest.approx(7)
    assert score(np.zeros((9, 7))) == pytest.approx(1)
    assert score(sure[:1].repeat(5, 0)) == pytest.approx(1)
    logits = np.random.default_rng(0).standard_normal((30, 4)) * 2
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    by_hand = np.exp(np.mean([(r * np.log(r / p.mean(0))).sum() for r in p]))
    assert score(logits) == pytest.approx(by_hand)
    assert score(logits + 1000) == pytest.approx(by_hand)


def test_intra_class_frechet_is_the_distance_of_each_class() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((90, 5)), draw.standard_normal((80, 5))
    la, lb = np.arange(90) % 3, np.arange(80) % 4
    found = intra_class_frechet(a, la, b, lb)
    assert sorted(found) == [0, 1, 2]
    assert found[1] == frechet_distance(a[la == 1], b[lb == 1])
    assert intra_class_frechet(a, la, b[:8], lb[:8]) == {}


def test_the_score_of_ten_parts() -> None:
    """As papers give it: lower than that of all at once, with its deviation."""
    logits = np.random.default_rng(0).standard_normal((1000, 40)) * 3
    parts = [score(logits[i * 100 : (i + 1) * 100]) for i in range(10)]
    found = split_score(logits)
    assert found.mean == pytest.approx(np.mean(parts))
    assert found.deviation == pytest.approx(np.std(parts))
    assert found.mean < score(logits)
    assert split_score(logits, 1).mean == pytest.approx(score(logits))
