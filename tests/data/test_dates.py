"""Dates as people write them: read where their order is clear, and written in the same form."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from ganzfeld.core import dates
from ganzfeld.core.names import place_of
from ganzfeld.data.check import check_data, describe
from ganzfeld.data.clock import read_times
from ganzfeld.data.conditions import beyond, row_of
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.data.source import RULES
from ganzfeld.data.typed import typed, typed_but_for_few, unclear_dates
from ganzfeld.errors import UsageError
from ganzfeld.modalities.table import cells, schema

DAY = 20_786  # 2026-11-29


@pytest.mark.parametrize(
    ("words", "unit", "form", "order"),
    [
        (["11/29/2026", "01/02/2026"], "day", "MM/DD/YYYY", "mdy"),
        (["29/11/2026", "1/2/2026"], "day", "D/M/YYYY", "dmy"),
        (["29/11/26", "01/02/69"], "day", "DD/MM/YY", "dmy"),
        (["29-11-2026", "01-02-2026"], "day", "DD-MM-YYYY", "dmy"),
        (["29.11.2026", "1.2.2026"], "day", "D.M.YYYY", ""),
        (["2026/11/29", "2026/1/2"], "day", "YYYY/M/D", ""),
        (["2026-11-29", "2026-01-02"], "day", "", ""),
        (["2026-11-29", "2.1.2026"], "day", "", ""),
        (["11/29/2026 2:30 PM", "1/2/2026 12:05 AM"], "second", "M/D/YYYY h:mm AM", "mdy"),
        (["29.11.2026 14:30", "02.01.2026 00:05"], "second", "DD.MM.YYYY hh:mm", ""),
        (["2026-11-29T14:30:00Z", "2026-01-02T00:00:05Z"], "second", "YYYY-MM-DDThh:mm:ssZ", ""),
        (["29 Nov 2026", "2 May 2026"], "day", "D Mon YYYY", ""),
        (["29-Nov-26", "02-May-26"], "day", "DD-Mon-YY", ""),
        (["November 29, 2026", "May 2, 2026"], "day", "Month D, YYYY", ""),
        (["2026年11月29日", "2026年1月2日"], "day", "YYYY年M月D日", ""),
        (["29 Nov 2026 14:30", "02 Jan 2026 00:05"], "second", "DD Mon YYYY hh:mm", ""),
        (["2026-11-29 00:00:00", "2026-01-02 00:00:00"], "day", "YYYY-MM-DD hh:mm:ss", ""),
    ],
)
def test_dates_are_read_and_written_in_their_form(
    words: list[str], unit: str, form: str, order: str
) -> None:
    values = typed(words, rules=RULES)
    assert values is not None and values.spec.modality == "number"
    extra = values.spec.extra
    assert (extra["unit"], extra.get("form", ""), extra.get("order", "")) == (unit, form, order)
    first = float(np.asarray(values.rows, np.float64)[0])
    assert math.floor(first * dates.UNITS[unit] / dates.UNITS["day"]) == DAY
    again = [
        dates.written(dates.seconds(word, order or ("dmy" if word[2] == "." else "ymd"))
                      / dates.UNITS[unit], unit, form)
        for word in words[:1]
    ]  # fmt: skip
    assert again == words[:1]
    assert typed([dates.written(first, unit, form), *words[:1]], rules=RULES) is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["1/2/2026", "03/04/2026"], "dates such as 1/2/2026, of which nothing tells whether"),
        (["31/12/2026", "12/31/2026"], "dates in several forms"),
        (["2026-11-29", "11/29/2026"], "dates in several forms"),
        (["1/2", "3/4"], ""),
        (["1.2.3", "3.4.5"], ""),
        (["red", "blue"], ""),
    ],
)
def test_dates_of_no_clear_order_are_named(words: list[str], said: str) -> None:
    values = typed(words * 40, rules=RULES)
    assert values is not None and values.spec.modality == "class"
    assert unclear_dates(words * 40).startswith(said) and bool(unclear_dates(words)) == bool(said)


@pytest.mark.parametrize(
    ("words", "form"),
    [(["9:05", "23:59"], "h:mm"), (["09:05:30", "23:59:00"], "hh:mm:ss"),
     (["9:05 AM", "11:59 PM"], "h:mm AM"), (["24:00", "10:30"], "hh:mm")],
)  # fmt: skip
def test_times_of_the_day_are_numbers_in_the_same_form(words: list[str], form: str) -> None:
    values, odd = typed_but_for_few(words * 30, rules=RULES)
    assert values is not None and values.spec.extra["form"] == form and not odd
    assert [dates.written(v, "second", form) for v in values.rows[:2].tolist()] == words
    for longer in ("25:10", "24:01", "soon"):
        values, odd = typed_but_for_few([*words * 30, longer], rules=RULES)
        assert values is not None and values.spec.modality == "class" and not odd
    before = typed(words, rules=5 if "24:00" not in words else 7)
    assert before is not None and before.spec.modality == "class"


def test_months_by_their_names_need_no_day() -> None:
    words = ["NOV-2026", "MAY-2026", "JUN-2025"]
    values = typed(words, rules=RULES)
    assert values is not None and values.spec.extra["form"] == "MON-YYYY"
    assert [dates.written(day, "day", "MON-YYYY") for day in values.rows.tolist()] == words
    assert dates.seconds("2026-11-29 24:00") == dates.seconds("2026-11-30")
    assert dates.seconds("10:24:00") == 37_440
    for word in ("30 Feb 2026", "3 Mai 2026", "Max 2026", "May", "Mar 3"):
        assert not dates.is_date(word)


def test_days_that_are_none_make_their_rows_bad() -> None:
    words = [f"{1 + i % 28}/{1 + i % 12}/2026" for i in range(60)]
    values, odd = typed_but_for_few([*words, "31/02/2026", "soon"], rules=RULES)
    assert values is not None and values.spec.extra["order"] == "dmy"
    assert odd == {60: "no date: 31/02/2026", 61: "no date: soon"}
    values, odd = typed_but_for_few(
        [*(f"2026-01-{1 + i % 28:02}" for i in range(60)), "2026-02-30"], rules=RULES
    )
    assert values is not None and odd == {60: "no date: 2026-02-30"}


def test_booleans_are_written_as_they_are_read() -> None:
    values = typed(["No", "Yes", "", "Yes", "no"], rules=RULES)
    assert values is not None and values.spec.extra["form"] == "No|Yes"
    about = [{"name": "member", **values.spec.extra}]
    column = schema.fit(np.array([[0.0], [1.0], [np.nan]]), about).columns[0]
    assert cells.texts(np.array([0.0, 1.0, np.nan]), column) == ["No", "Yes", ""]
    found = schema.Schema((column,))
    assert schema.Schema.from_json(found.to_json()) == found
    assert cells.values(np.array([1.0]), found) == [True]
    assert [place_of(word, ["false", "true"]) for word in ("Yes", "NO", "True", True, 0, "x")] == [
        1, 0, 1, 1, 0, None,
    ]  # fmt: skip
    assert place_of("yes", ["cat", "dog"]) is None
    plain = typed(["true", "false"], rules=RULES)
    assert plain is not None and "form" not in plain.spec.extra
    later = found.to_json()
    later["columns"][0]["from_a_later_release"] = 1
    assert schema.Schema.from_json(later) == found


def test_a_table_says_how_its_dates_were_read(tmp_path: Path) -> None:
    rows = ["signup,seen,sent,n"]
    for i in range(60):
        day, month = 1 + i % 28, 1 + i % 12
        rows.append(f"{month}/{day}/2026,{month}/{1 + i % 9}/2026,{day}.{month}.2026,{i}")
    path = tmp_path / "shop.csv"
    path.write_text("\n".join(rows))
    report = check_data(path)
    told = describe(report)
    assert "signup: dates read as month, day, year" in told
    assert "the column seen of dates such as 1/1/2026, of which nothing tells whether" in told
    assert "signup (dates 1/1/2026 to 12/" in told and "sent (dates 1.1.2026 to " in told
    pack = open_pack(path, cache=tmp_path / "cache", workers=0)
    names = [column["name"] for column in pack.spec.extra["columns"]]
    assert names == ["signup", "sent", "n"]
    assert pack.columns["signup"].rows(np.arange(60)).min() == 20_454  # 2026-01-01


def test_a_condition_of_dates_is_asked_for_by_a_date() -> None:
    column = {"name": "signup", "kind": "number", "unit": "day", "form": "M/D/YYYY", "order": "mdy",
              "mean": 20_700.0, "spread": 100.0, "low": 20_454.0, "high": 20_786.0}  # fmt: skip
    about = {"columns": [column], "names": ["signup"]}
    for text in ("11/29/2026", "2026-11-29"):
        assert row_of(about, {"signup": text}) == {0: pytest.approx(0.86)}
    assert beyond(about, {"signup": "12/31/2030"}) == [
        "signup 12/31/2030 lies outside of the data's 1/1/2026 to 11/29/2026"
    ]
    for text in ("2026", "soon"):
        with pytest.raises(UsageError, match="a date was expected") as told:
            row_of(about, {"signup": text})
        assert told.value.fix == "--given signup=1/1/2026, or up to 11/29/2026"


def test_the_order_of_a_series_is_that_of_equal_steps() -> None:
    months = [f"01/{1 + i % 12:02}/{2020 + i // 12}" for i in range(40)]
    for words, order in ((months, "dmy"), ([f"01/{1 + i:02}/2026" for i in range(12)], "dmy")):
        times = read_times(words, RULES)
        assert times is not None and times.order == order
    times = read_times([f"{1 + i // 28}/{1 + i % 28}/2026" for i in range(80)], RULES)
    assert times is not None and times.order == "mdy"


def test_runs_of_before_read_their_tables_as_before(tmp_path: Path) -> None:
    columns = {
        "slashed": [f"11/{1 + i % 28}/2026" for i in range(60)],
        "dotted": [f"{1 + i % 28}.11.2026" for i in range(60)],
        "timed": [f"2026-11-{1 + i % 28:02}T10:{i:02}" for i in range(60)],
        "told": [("Yes", "No")[i % 2] for i in range(60)],
    }
    path = tmp_path / "old.csv"
    rows = zip(*columns.values(), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(row) for row in rows)]))
    options = PackOptions(rules=4)
    pack = open_pack(path, options, cache=tmp_path / "cache", workers=0)
    about = {column["name"]: column for column in pack.spec.extra["columns"]}
    assert about["slashed"]["modality"] == "class" and "form" not in str(about)
    assert about["dotted"]["unit"] == "day" and about["timed"]["unit"] == "second"
    now = open_pack(path, cache=tmp_path / "cache", workers=0)
    assert now.spec.extra["columns"][0]["order"] == "mdy"
    months = [f"{1 + i % 28} Nov {2026 + i // 28}" for i in range(60)]
    assert read_times(months, 5) is None and read_times(months, RULES) is not None
    mixed = [*(f"2026-01-{1 + i:02}" for i in range(28)), "29 Jan 2026"]
    assert [np.isnan(read_times(mixed, rules).values).sum() for rules in (5, RULES)] == [1, 0]
    values = typed(months, rules=5)
    assert values is not None and values.spec.modality == "text"
    for name in ("dotted", "timed", "told"):
        assert np.array_equal(
            now.columns[name].rows(np.arange(60)), pack.columns[name].rows(np.arange(60))
        )
    values, odd = typed_but_for_few([*columns["dotted"], "soon"], rules=4)
    assert values is not None and odd == {60: "no date: soon"}
