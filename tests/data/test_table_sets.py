"""The embedded tables have the distribution that they say they have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ganzfeld.data.table_sets import TABLES, census, census_truth, income_logit, known_truth

COUNT = 40_000


@pytest.fixture(scope="module", params=sorted(TABLES))
def both(request: pytest.FixtureRequest) -> tuple[dict[str, Any], Any]:
    make, truth = TABLES[request.param]
    return make(5, range(COUNT)), truth()


def test_shares_and_means_are_those_that_are_known(both: tuple[dict[str, Any], Any]) -> None:
    table, truth = both
    for name, shares in truth.shares.items():
        cells = np.array(["" if cell is None else str(cell) for cell in table[name]])
        assert sum(shares.values()) == pytest.approx(1)
        assert set(cells) <= set(shares)
        for level, share in shares.items():
            error = 4.5 * np.sqrt(share * (1 - share) / COUNT)
            assert abs((cells == level).mean() - share) <= error, (name, level)
    for name, mean in truth.means.items():
        values = table[name].astype(float)
        assert abs(values.mean() - mean) <= 4.5 * values.std() / np.sqrt(COUNT), name
    positive = np.array([str(cell) for cell in table[truth.target]]) == truth.positive
    assert abs(positive.mean() - truth.probability) < 0.01


def test_the_known_answers() -> None:
    truth = known_truth()
    assert truth.means["x"] == pytest.approx(-0.98)
    assert truth.probability == pytest.approx(0.1691, abs=5e-5)
    assert truth.bayes == pytest.approx(0.9146, abs=5e-5)


def test_no_rule_does_better_than_the_best_one() -> None:
    table, truth = census(1, range(COUNT)), census_truth()
    logit = income_logit(
        table["age"], table["school_years"], table["marital"] == "Married",
        table["sex"] == "Male", table["hours"], table["gain"],
    )  # fmt: skip
    accuracy = ((logit > 0) == (table["income"] == ">50K")).mean()
    assert accuracy == pytest.approx(truth.bayes, abs=0.008)
    assert truth.bayes - (1 - truth.probability) > 0.05, "worth learning"


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_row_is_a_function_of_seed_and_number(name: str) -> None:
    make, _ = TABLES[name]
    whole, part = make(0, range(40)), make(0, [7, 39])
    other = make(1, range(40))
    for column in whole:
        assert list(whole[column][[7, 39]]) == list(part[column])
    assert any(list(whole[column]) != list(other[column]) for column in whole)


def test_the_census_has_the_shape_that_it_should_have() -> None:
    table = census(0, range(5000))
    assert len(table) == 15
    assert sum(v.dtype.kind == "i" for v in table.values()) == 6
    assert {name for name, v in table.items() if None in v.tolist()} == {
        "work", "works_in", "country",
    }  # fmt: skip
    assert ((table["work"] == None) == (table["works_in"] == None)).all()  # noqa: E711
