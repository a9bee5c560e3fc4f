"""Tables: what a schema finds in a training part, and rows there and back."""

from __future__ import annotations

import csv
import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities import Spec, modality_of
from ganzfeld.modalities.table import cells, mixtures, rows, schema, show

ABOUT = [
    {"name": "age", "whole": True},
    {"name": "pay", "whole": False},
    {"name": "town", "names": ["Bonn", "Köln", "Ulm"]},
    {"name": "member", "names": ["false", "true"], "boolean": True},
    {"name": "born", "whole": True, "unit": "day"},
    {"name": "hours", "whole": True},
    {"name": "same", "whole": True},
]


def table(n: int = 3000) -> NDArray[np.float32]:
    rng = np.random.default_rng(1)
    hours = np.where(rng.random(n) < 0.5, 40, rng.integers(1, 99, n))
    age = rng.integers(18, 90, n).astype(float)
    age[rng.random(n) < 0.1] = np.nan
    pay = np.round(np.where(rng.random(n) < 0.5, rng.normal(-50, 3, n), rng.normal(80, 9, n)), 2)
    town = rng.choice([0, 1, 2, np.nan], n, p=[0.7, 0.2, 0.05, 0.05])
    day = rng.integers(-20_000, 20_000, n)
    columns = [age, pay, town, rng.integers(0, 2, n), day, hours, np.full(n, 7)]
    return np.stack(columns, 1).astype(np.float32)


@pytest.fixture(scope="module")
def known() -> schema.Schema:
    return schema.fit(table(), ABOUT)


def test_a_mixture_has_as_many_components_as_the_values() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(-5, 1, 4000), rng.normal(0, 0.5, 4000), [9.0] * 2000])
    found = mixtures.fit(values)
    assert np.allclose(found.means, [-5, 0, 9], atol=0.1)
    assert np.allclose(found.weights, [0.4, 0.4, 0.2], atol=0.01)
    assert np.allclose(found.deviations[:2], [1, 0.5], atol=0.05)
    assert found.deviations[2] > 0
    assert len(mixtures.fit(rng.normal(0, 1, 5000)).means) == 1


def test_many_values_are_taken_together_without_a_loss() -> None:
    values = np.random.default_rng(0).normal(3, 2, 50_000)
    found = mixtures.fit(values)
    assert len(found.means) <= 2
    mean = found.weights @ found.means
    assert mean == pytest.approx(values.mean(), abs=1e-6)


def test_the_schema_finds_kinds_ranges_atoms_and_missing_cells(known: schema.Schema) -> None:
    age, pay, town, member, _, hours, same = known.columns
    kinds = [column.kind for column in known.columns]
    assert kinds == [
        "whole number", "number", "category", "boolean", "date", "whole number", "whole number",
    ]  # fmt: skip
    assert (age.low, age.high, age.missing, age.atoms) == (18, 89, True, ())
    assert pay.decimals == 2 and len(pay.means) == 2 and not pay.missing
    assert town.options == 4 and town.missing and member.head == (0, 2)
    assert hours.atoms == (40.0,) and 0.45 < hours.shares[0] < 0.55
    assert same.head == (0, 0) and same.atoms == (7.0,)
    for column in known.columns:
        assert sum(column.shares) == pytest.approx(1)
    assert len(known.shares) == len(known.layout.places)


def test_rows_come_back_to_the_digit(known: schema.Schema) -> None:
    stored = table()
    vectors = rows.encode(stored, known)
    assert vectors.dtype == np.float32 and vectors.shape == (3000, known.layout.width)
    for start, stop in known.layout.choices:
        assert (vectors[:, start:stop].sum(1) == 1).all()
    again = rows.decode(vectors, known)
    assert np.array_equal(again.astype(np.float32), stored, equal_nan=True)


def test_what_a_network_makes_has_the_types_and_ranges_of_the_data(known: schema.Schema) -> None:
    wild = np.random.default_rng(0).normal(0, 3, (2000, known.layout.width))
    made = rows.decode(wild, known)
    for column, values in zip(known.columns, made.T, strict=True):
        there = values[~np.isnan(values)]
        assert column.missing or len(there) == len(values), column.name
        if column.names:
            assert set(there) <= set(range(column.levels))
        else:
            assert there.min() >= column.low and there.max() <= column.high
            assert not column.whole or (there == np.round(there)).all()
    pay = made[:, 1]
    assert np.array_equal(np.round(pay, 2), pay)


def test_a_schema_is_json(known: schema.Schema) -> None:
    assert schema.Schema.from_json(json.loads(json.dumps(known.to_json()))) == known
    broken = known.to_json()
    broken["columns"][0]["shares"] = [1.0]
    with pytest.raises(ValueError, match="age"):
        schema.Schema.from_json(broken)


def test_values_that_training_has_not_seen_take_the_nearest_or_the_commonest(
    known: schema.Schema,
) -> None:
    strange = table(4)
    strange[:, 2] = [0, 7, -1, 2]  # a level beyond, one without a name
    strange[0, 1] = np.nan  # missing where the training part has no missing cell
    strange[1, 6] = 12
    again = rows.decode(rows.encode(strange, known), known)
    assert not np.isnan(again[0, 1])
    assert again[1, 6] == 7
    assert np.isnan(again[1, 2]) and np.isnan(again[2, 2]) and again[3, 2] == 2


def test_few_numbers_are_atoms_and_names_by_the_thousand_are_left_empty() -> None:
    few = np.repeat([1.0, 2.5, 7.0], 20)[:, None]
    assert schema.fit(few, [{"name": "grade"}]).columns[0].atoms == (1.0, 2.5, 7.0)
    many = np.stack([np.arange(1000.0), np.arange(1000.0) % 2], 1)
    about = [{"name": "id", "names": [f"n{i}" for i in range(1000)]}, {"name": "x"}]
    found = schema.fit(many, about)
    assert "1,000 different values" in found.columns[0].blank
    assert np.isnan(rows.decode(rows.encode(many, found), found)[:, 0]).all()


@pytest.mark.parametrize("rows_, about", [
    (np.zeros((0, 1)), [{"name": "a"}]),
    (np.full((9, 1), 3.0), [{"name": "a"}]),
    (np.full((9, 1), np.nan), [{"name": "a"}]),
])  # fmt: skip
def test_nothing_to_learn_is_said(rows_: NDArray[Any], about: list[dict[str, Any]]) -> None:
    with pytest.raises(DataError):
        schema.fit(rows_, about)


def test_a_csv_file_has_the_same_columns_and_cells(known: schema.Schema, tmp_path: Path) -> None:
    stored = np.array([
        [31, 12.5, 2, 1, 0, 40, 7],
        [np.nan, -50.25, np.nan, 0, 19_000, 12, 7],
    ])  # fmt: skip
    cells.write_csv(stored, known, tmp_path / "out" / "rows.csv")
    with open(tmp_path / "out" / "rows.csv", newline="", encoding="utf-8") as file:
        found = list(csv.reader(file))
    assert found == [
        [str(entry["name"]) for entry in ABOUT],
        ["31", "12.50", "Ulm", "true", "1970-01-01", "40", "7"],
        ["", "-50.25", "", "false", "2022-01-08", "12", "7"],
    ]


def test_a_parquet_file_has_the_same_columns_and_types(
    known: schema.Schema, tmp_path: Path
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    stored = np.array([
        [31, 12.51, 2, 1, 0, 40, 7],
        [np.nan, -50.25, np.nan, 0, 19_000, 12, 7],
    ], np.float32)  # fmt: skip
    cells.write_parquet(stored, known, tmp_path / "out" / "rows.parquet")
    found = parquet.read_table(tmp_path / "out" / "rows.parquet")
    assert [str(one) for one in found.schema.types] == [
        *("int64", "double", "string", "bool", "date32[day]", "int64", "int64")
    ]
    assert found.to_pylist()[0] == {
        **{"age": 31, "pay": 12.51, "town": "Ulm", "member": True},
        **{"born": datetime.date(1970, 1, 1), "hours": 40, "same": 7},
    }
    assert [found.to_pylist()[1][name] for name in ("age", "town")] == [None, None]


def test_times_of_the_day_stay_such_in_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    about = [{"name": "at", "whole": True, "unit": "second", "form": "hh:mm"}]
    stored = np.array([[3_600.0], [7_260.0], [np.nan]])
    cells.write_parquet(stored, schema.fit(stored, about), tmp_path / "a.parquet")
    found = parquet.read_table(tmp_path / "a.parquet").to_pydict()["at"]
    assert found == [datetime.time(1), datetime.time(2, 1), None]


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv"])
def test_rows_are_what_the_ending_of_their_file_says(
    name: str, known: schema.Schema, tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow")
    spec = Spec("table", (known.layout.width,), extra={"schema": known.to_json()})
    stored = np.array([[31, 12.51, 2, 1, 0, 40, 7]], np.float32)
    modality_of(spec).write([stored, stored], tmp_path / name, spec)
    begins = (tmp_path / name).read_bytes()[:4]
    assert begins == (b"PAR1" if name.endswith("parquet") else b"age,")
    with pytest.raises(UsageError, match=r"not as \.xlsx") as told:
        modality_of(spec).write([stored], tmp_path / "rows.xlsx", spec)
    assert told.value.fix == "--out rows.csv" and not (tmp_path / "rows.xlsx").exists()
    with pytest.raises(UsageError, match=r"not as \.png"):
        modality_of(spec).write([stored], tmp_path / "rows.png", spec)


def test_arrays_have_the_types_of_the_columns(known: schema.Schema) -> None:
    stored = table(500)
    found = [cells.array(stored[:, i], column) for i, column in enumerate(known.columns)]
    assert found[0].dtype == object and found[1].dtype == np.float64
    assert set(found[2]) == {"Bonn", "Köln", "Ulm", None}
    assert found[3].dtype == bool and found[4].dtype == "datetime64[D]"
    assert found[5].dtype == np.int64 and (found[5] == stored[:, 5]).all()


def test_a_page_shows_rows_and_shares_and_lets_no_markup_through(known: schema.Schema) -> None:
    page = show.html_of_rows(table(100), known)
    assert "and 88 rows more" in page and "Köln" in page
    shares = show.shares_of(table(100), known)
    assert sum(entry[1] for entry in shares["town"]) == pytest.approx(1)
    ages = show.shares_of(table(), known)["age"]
    assert ages[0][0].startswith("18 to ") and ages[-2][0].endswith(" to 89")
    assert ages[-1][0] == "missing" and sum(entry[1] for entry in ages) == pytest.approx(1)
    assert all(abs(made - there) < 0.03 for _, made, there in ages), "rows of the training part"
    bars = show.html_marginals({"<b>": [["<i>", 0.5, 0.4]]}, {"<b>": 0.123}, 0.0561)
    assert "Real rows differ from others by up to 0.056." in bars
    assert "<i>" not in bars and "0.123" in bars and "training part" in bars
    evil = show.html_of_csv('a,b\n<script>alert(1)</script>,"x, y"\n')
    assert evil is not None and "<script>" not in evil and "x, y" in evil
    assert show.html_of_csv("a,b\n") is None
    assert show.describe(known) == (
        "7 columns: 3 whole numbers, 1 number, 1 category, 1 boolean, 1 date"
    )
