"""Chains of which everything is known by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ganzfeld.metrics.markov import MarkovChain, events, mask_of

ROWS = np.array([[1, 2, 0, 0], [1, 1, 2, 0], [2, 0, 0, 0]])


def test_events_are_every_symbol_and_one_end_a_row() -> None:
    context, symbol = events(ROWS, 1, 3)
    assert symbol.tolist() == [1, 2, 0, 1, 1, 2, 0, 2, 0]
    assert context.tolist() == [0, 1, 2, 0, 1, 1, 2, 0, 2]
    assert mask_of(ROWS).sum() == 9


def test_witten_bell_by_hand() -> None:
    chain = MarkovChain(ROWS, order=1, symbols=3)
    unigram = [(3 + 3 / 3) / 12, (3 + 3 / 3) / 12, (3 + 3 / 3) / 12]  # three of each of three
    # after 1: once 1, twice 2, two kinds
    expected = (1 + 2 * unigram[1]) / 5
    (first, second, *_) = chain.probability(np.array([[1, 1, 0, 0]]))
    assert second == pytest.approx(expected)
    assert first == pytest.approx((2 + 2 * unigram[1]) / 5)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_the_probabilities_of_all_next_symbols_sum_to_one(order: int) -> None:
    chain = MarkovChain(ROWS, order=order, symbols=3)
    for start in itertools.product((1, 2), repeat=2):
        rows = np.array([[*start, symbol, 0] for symbol in range(3)])
        last = [chain.probability(row[None])[2] for row in rows]
        assert sum(last) == pytest.approx(1.0)


def test_a_long_line_of_a_known_chain_has_the_entropy_of_the_chain() -> None:
    """A first-order chain over 7 symbols and END: entropy of a line in closed form."""
    rng = np.random.default_rng(0)
    P = rng.dirichlet(np.full(8, 0.3), size=8)
    P[:, 0] = 0.3  # of lines that end here, so that next to none is as long as a row
    P[0, 0] = 0
    P[:, 1:] *= ((1 - P[:, 0]) / P[:, 1:].sum(1))[:, None]
    T = 40
    state, entropy = np.eye(8)[0], 0.0
    for _ in range(T):
        entropy -= float((state[:, None] * P * np.log(np.where(P > 0, P, 1))).sum())
        state = state @ P
        state[0] = 0
    rows = np.zeros((20_000, T), np.int64)
    now, alive = np.zeros(len(rows), np.int64), np.ones(len(rows), bool)
    for t in range(T - 1):
        now = (P[now].cumsum(1) < rng.random((len(rows), 1))).sum(1).clip(max=7)
        rows[:, t] = np.where(alive, now, 0)
        alive &= now != 0
        now = np.where(alive, now, 0)
    chain = MarkovChain(rows[:10_000], order=1, symbols=8)
    found = -chain.log_probability(rows[10_000:]).mean()
    assert found == pytest.approx(entropy, rel=0.02)
    higher = MarkovChain(rows[:10_000], order=3, symbols=8)
    assert -higher.log_probability(rows[10_000:]).mean() >= found


def test_samples_have_the_shares_of_the_counts_and_do_not_depend_on_the_others() -> None:
    chain = MarkovChain(ROWS, order=2, symbols=3)
    uniforms = np.random.default_rng(1).random((30_000, 4))
    rows = chain.sample(uniforms)
    assert np.array_equal(rows[:7], chain.sample(uniforms[:7]))
    started = (rows[:, 0] == 1).mean()
    assert started == pytest.approx(2 / 3, abs=0.01)
    # after 1 at the start: 1 or 2, alike
    assert (rows[rows[:, 0] == 1, 1] == 2).mean() == pytest.approx(0.5, abs=0.015)
    seen = {tuple(row) for row in ROWS.tolist()}
    assert {tuple(row) for row in rows.tolist()} == seen  # order 2 can only repeat these


def test_codes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="63 bits"):
        MarkovChain(ROWS, order=5, symbols=5_000)
