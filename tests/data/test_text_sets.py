"""The embedded grammar: its numbers are exact, and its sentences come from their numbers alone."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from ganzfeld.data.text_sets import Grammar, brackets, english, grammar_lines


def test_89_strings_of_balanced_brackets() -> None:
    grammar = brackets(6, 3)
    strings = ["".join(s) for s in itertools.product("()", repeat=12)]
    p = np.array([grammar.probability(list(s)) for s in strings])
    assert (p > 0).sum() == 89 and p.sum() == pytest.approx(1)
    assert p[p > 0] == pytest.approx(1 / 89)
    assert grammar.entropy() == pytest.approx(math.log(89))
    found = grammar.measure([list(s) for s in strings])
    assert found["acceptance"] == pytest.approx(89 / 4096)
    assert found["kl"] == pytest.approx(0, abs=1e-12)  # all strings are equally likely


def test_entropy_and_probability_agree_with_an_enumeration() -> None:
    grammar = Grammar(
        {
            "S": [(0.3, ("A",)), (0.7, ("A", "b", "A"))],
            "A": [(0.6, ("x",)), (0.25, ("y", "y")), (0.15, ())],
        }
    )
    strings = {
        s for n in range(6) for s in itertools.product("xyb", repeat=n) if grammar.probability(s)
    }
    p = np.array([grammar.probability(s) for s in strings])
    assert p.sum() == pytest.approx(1)
    assert -(p * np.log(p)).sum() == pytest.approx(grammar.entropy())
    assert grammar.longest == 5


def test_sentences_are_of_the_language_with_its_entropy() -> None:
    grammar = english()
    sentences = grammar.sample(0, 0, 4000)
    found = grammar.measure(sentences)
    assert found["acceptance"] == 1
    assert found["entropy"] == pytest.approx(grammar.entropy(), rel=0.02)
    assert found["kl"] < 3 * found["kl_floor"]
    surprise = -np.mean([math.log(grammar.probability(s)) for s in sentences])
    assert surprise == pytest.approx(found["entropy"])  # one derivation each
    assert max(map(len, sentences)) <= grammar.longest


def test_a_broken_agreement_is_no_sentence() -> None:
    grammar = english()
    assert grammar.probability(["the", "cats", "near", "a", "dog", "sleep"]) > 0
    assert grammar.probability(["the", "cats", "near", "a", "dog", "sleeps"]) == 0
    assert grammar.probability(["the", "cats", "near", "a", "dog"]) == 0


def test_dull_sentences_show_in_entropy_and_divergence() -> None:
    found = english().measure([["the", "cat", "sleeps"]] * 500)
    assert found["acceptance"] == 1
    assert found["entropy"] < 0.7 * found["entropy_true"]
    assert found["kl"] > 1


def test_a_sentence_is_a_function_of_seed_and_number() -> None:
    assert grammar_lines(3, seed=4, first=4095) == grammar_lines(4098, seed=4)[-3:]
    assert grammar_lines(20, seed=1) != grammar_lines(20, seed=2)


def test_rules_that_are_no_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        Grammar({"S": [(0.5, ("a",)), (0.4, ("b",))]})
