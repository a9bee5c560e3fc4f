"""Each number of lines sees what it is for, and says nothing where lines are real."""

from __future__ import annotations

import numpy as np
import pytest

from ganzfeld.metrics.markov import MarkovChain
from ganzfeld.metrics.text_metrics import (
    distinct,
    js_divergence,
    one_side,
    share_in,
    text_metrics,
    unique_rows,
)

V, T = 6, 9


def language(count: int, seed: int) -> np.ndarray:
    """Lines of a second-order chain that no lower order can imitate."""
    rng = np.random.default_rng(seed)
    table = np.random.default_rng(5).dirichlet(np.full(V - 1, 0.4), size=(V, V))
    rows = np.zeros((count, T), np.int16)
    length = rng.integers(2, T, count)
    before = last = np.zeros(count, np.int64)
    for t in range(T - 1):
        u = rng.random((count, 1))
        symbol = 1 + (table[before, last].cumsum(1) < u).sum(1).clip(max=V - 2)
        before, last = last, symbol
        rows[:, t] = np.where(t < length, symbol, 0)
    return rows


TRAIN, HELD, FRESH = language(6000, 0), language(2000, 1), language(2000, 2)


def test_js_by_hand() -> None:
    a, b = np.array([[1, 0]]), np.array([[2, 0]])
    assert js_divergence(a, a, 2, 3) == 0
    assert js_divergence(a, b, 2, 3) == pytest.approx(1.0)  # not one bigram in common
    assert js_divergence(a, b, 1, 3) == pytest.approx(0.5)  # END is half of either


def test_real_lines_score_their_floors() -> None:
    found = text_metrics(FRESH, TRAIN, HELD, symbols=V)
    for n in (2, 3, 4):
        assert abs(found[f"excess_{n}"]) < 0.008
    assert found["forward"] == pytest.approx(found["forward_floor"], rel=0.03)
    assert found["reverse"] == pytest.approx(found["reverse_floor"], rel=0.02)
    assert found["distinct"] == pytest.approx(found["distinct_floor"], abs=0.02)
    assert found["count"] == 2000


@pytest.mark.parametrize("order", [0, 1])
def test_a_chain_of_too_low_an_order_is_found_out(order: int) -> None:
    chain = MarkovChain(TRAIN, order=order, symbols=V)
    rows = chain.sample(np.random.default_rng(3).random((2000, T)))
    found = text_metrics(rows, TRAIN, HELD, symbols=V)
    assert abs(found["excess_2"]) < 0.008 or order == 0
    assert found["excess_3"] > 0.01 and found["excess_4"] > 0.01
    assert found["reverse"] > 1.02 * found["reverse_floor"]
    assert found["forward"] > 1.02 * found["forward_floor"]


def test_collapse_looks_good_forward_and_bad_in_reverse() -> None:
    likely = np.argsort(-MarkovChain(TRAIN, order=2, symbols=V).log_probability(HELD))[:5]
    rows = np.repeat(HELD[likely], 400, 0)
    found = text_metrics(rows, TRAIN, HELD, symbols=V)
    assert found["forward"] < found["forward_floor"]
    assert found["reverse"] > 1.2 * found["reverse_floor"]
    assert found["distinct"] < 0.01 and found["hits"] == 1.0


def test_copies_of_the_training_lines_are_not_novel() -> None:
    found = text_metrics(TRAIN[:2000], TRAIN, HELD, symbols=V)
    assert found["novel"] == 0
    assert share_in(np.array([[1, 0]]), np.array([[1, 1], [1, 0]])) == 1


def test_no_line_is_on_both_sides_and_repeats_keep_their_share() -> None:
    rows = np.array([[1, 0], [2, 0], [1, 0], [3, 0], [4, 0], [4, 0], [5, 0]])
    training, held = one_side(rows, 2)
    ours, theirs = ({tuple(r) for r in rows[part].tolist()} for part in (training, held))
    assert not ours & theirs and len(theirs) == len(held) == 2
    assert len(training) == sum(tuple(r) in ours for r in rows.tolist())
    assert unique_rows(rows).tolist() == [0, 1, 3, 4, 6]
    assert distinct(rows) == pytest.approx(5 / 7)
