"""Evaluations of text: real lines and a Markov chain stand beside each number."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ganzfeld.data.held import Part
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.metrics.evaluate import evaluate
from ganzfeld.metrics.registry import choose_metrics
from ganzfeld.modalities import image_spec, spec_of_data
from ganzfeld.recipes import RECIPES, Facts
from ganzfeld.training.plan import settle

pytestmark = pytest.mark.long

NUMBERS = ("js_2", "js_3", "js_4", "forward", "reverse", "distinct")


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    """Other sentences of the grammar in place of a model's."""
    pack = open_pack("grammar:4000", PackOptions(), workers=0)
    data, others = Part(pack, np.arange(3000)), Part(pack, np.arange(3000, 4000))
    return evaluate(others, data, count=1000)


def test_real_lines_score_what_real_lines_score(found: dict) -> None:
    for name in NUMBERS:
        assert found[name] == pytest.approx(found["real"][name], rel=0.15, abs=0.02), name
    assert found["acceptance"] == 1 and found["real"]["acceptance"] == 1
    assert found["entropy_share"] == pytest.approx(1, abs=0.03)


def test_new_lines_are_as_many_as_among_real_ones(found: dict) -> None:
    """A line is new where the data do not hold it: real ones, where no other one is the same."""
    assert found["real"]["novel"] == pytest.approx(found["novel"], abs=0.06)
    assert 0.1 < found["real"]["novel"] < 0.98


def test_lines_that_the_data_repeat_are_not_called_copies(found: dict) -> None:
    """Real sentences hold some that others hold too: no more than that is no copying."""
    usual = found["memorisation_copies_of_fresh"]
    assert found["memorisation_copies"] == pytest.approx(usual, abs=0.06) and usual > 0.02
    assert not found["memorisation_found"]


def test_a_markov_chain_stands_beside_and_is_worse_where_it_must_be(found: dict) -> None:
    assert {f"markov_{name}" for name in NUMBERS} <= found.keys()
    assert found["markov_js_4"] < 2 * found["real"]["js_4"]


def test_families_of_text_are_for_text() -> None:
    assert "text" in choose_metrics(None, "text") and "text" not in choose_metrics(None, "image")


def test_dull_samples_are_found_out() -> None:
    data = open_pack("grammar:2000", PackOptions(), workers=0)
    rows = data.rows(np.arange(2000))["x"]
    from ganzfeld.metrics.lines import compared

    dull = compared(np.repeat(rows[:5], 200, 0), rows[1000:], 40)
    good = compared(rows[:1000], rows[1000:], 40)
    assert dull["distinct"] < 0.01 < good["distinct"]
    assert dull["reverse"] > 1.3 * good["reverse"] and dull["js_4"] > good["js_4"]


def test_rules_of_no_sentence_have_no_divergence() -> None:
    from ganzfeld.metrics.lines import grammar

    pack = open_pack("grammar:200", PackOptions(), workers=0)
    rows = pack.rows(np.arange(200))["x"]
    sets = SimpleNamespace(spec=pack.spec, samples=rows)
    assert grammar(sets)["grammar_kl"] < 1  # type: ignore[arg-type]
    same = SimpleNamespace(spec=pack.spec, samples=np.repeat(rows[:, :1], rows.shape[1], axis=1))
    found = grammar(same)  # type: ignore[arg-type]
    assert found == {"acceptance": 0, "entropy_share": None, "grammar_kl": None}


def test_runs_measure_enough_lines_to_see_their_spelling() -> None:
    """140 lines of a Markov chain of pairs had the Frechet distance of real ones."""
    counts = []
    for spec in (
        spec_of_data(open_pack("grammar:40", PackOptions(), workers=0)),
        image_spec(1, 8, 8),
    ):
        config = RECIPES["default"](Facts(count=20, channels=1, height=8, width=8))
        config.data.spec = spec.to_json()
        config.run.images, config.run.batch_size = 48_000, 16
        settle(config)
        counts.append(config.run.evaluate_count)
    assert counts == [500, 150]
