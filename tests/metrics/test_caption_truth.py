"""Captions against the truth: true ones, sharpened ones, wrong ones."""

from __future__ import annotations

import pytest

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.avatars.paraphrases import Wording, paraphrase, wording
from ganzfeld.data.avatars.parsing import parse
from ganzfeld.metrics.caption_truth import Asked, asked, attributes, report, scores

COUNT = 1_000


@pytest.fixture(scope="module")
def some() -> Asked:
    return asked(COUNT)


def test_true_captions_are_right_and_worded_as_the_grammar_says(some: Asked) -> None:
    for turn in range(3):
        found = scores(some.true(turn), some.facts)
        assert found["grammatical"] == 1 and found["precision"] == 1 and found["f1"] > 0.97
        assert 0.6 < found["wording"] < 1.5 and found["wording_freedom"] > 40


def test_captions_that_are_always_worded_alike_are_found_out(some: Asked) -> None:
    """Right in everything, and worded by one rule: f1 does not see it, the wording does."""
    alike = [paraphrase(one, Wording()) for one in some.facts]
    found = scores(alike, some.facts)
    assert found["precision"] == 1 and found["wording"] > 100
    assert "language" in scores(alike, some.facts)["wording_worst"]


def test_sharpened_odds_are_found_out(some: Asked) -> None:
    """As a temperature of 0.7 does: likely ways become likelier."""
    lines = []
    for place, one in enumerate(some.facts):
        draw = numpy_generator("sharp", place)
        first, second = wording(draw), wording(draw)
        lines.append(paraphrase(one, first if first.order <= second.order else second))
    assert scores(lines, some.facts)["wording"] > 1.5
    assert scores(lines, some.facts)["wording_worst"]


def test_captions_of_other_avatars_are_wrong_but_well_worded(some: Asked) -> None:
    lines = some.true()
    found = scores([*lines[1:], lines[0]], some.facts)
    assert found["grammatical"] == 1 and found["precision"] < 0.5 and found["f1"] < 0.5


def test_who_says_more_than_the_truth_gains_nothing(some: Asked) -> None:
    """Beyond what true captions say, recall does not grow; below, it falls."""
    full = attributes([parse(paraphrase(one, Wording())) for one in some.facts], some.facts)
    usual = attributes([parse(line) for line in some.true()], some.facts)
    silent = Wording(said=frozenset(["mouth"]))
    less = attributes([parse(paraphrase(one, silent)) for one in some.facts], some.facts)
    assert full["recall"] < 1.0 and abs(full["recall"] - usual["recall"]) < 0.1
    assert less["precision"] == 1 and less["recall"] < 0.2


def test_what_is_no_caption_says_nothing(some: Asked) -> None:
    lines = [*some.true()[: COUNT // 2], *["a man with a red"] * (COUNT // 2)]
    found = scores(lines, some.facts)
    assert found["grammatical"] == 0.5 and found["precision"] == 1 and found["recall"] < 0.55


def test_a_false_colour_counts_once_and_by_its_name(some: Asked) -> None:
    wrong = [{**one, "clothes_colour": "red"} for one in some.facts]
    lines = [paraphrase(one, wording(numpy_generator("c", n))) for n, one in enumerate(wrong)]
    found = attributes([parse(line) for line in lines], some.facts)
    worst = min(found["by_attribute"], key=found["by_attribute"].__getitem__)
    assert worst == "clothes_colour" and found["by_attribute"]["hair"] == 1


def test_a_report_asks_for_seen_and_new_combinations(some: Asked) -> None:
    def write(images: object) -> list[str]:
        return ["a smiling person"] * 40

    found = report(write, (8, 8), count=40)
    assert found["seen"]["true"]["f1"] > 0.8 and found["new"]["model"]["vocabulary"] == 3
