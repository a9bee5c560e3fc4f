"""Days in one column and the time of the day in another: one axis of series, columns of tables."""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganzfeld.cli import main
from ganzfeld.data.check import check_data
from ganzfeld.data.clock import NAMES, names_of, read_times
from ganzfeld.data.one_axis import joined
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.data.source import RULES
from ganzfeld.data.typed import unclear_dates

START = datetime.datetime(2024, 1, 1)
WALK = np.random.default_rng(0).normal(size=600).cumsum().round(3)
Moment = datetime.datetime


def put(path: Path, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def opened(path: Path, **options: Any) -> Pack:
    return open_pack(path, PackOptions(**options))


WAYS: dict[str, tuple[list[str], Callable[[Moment], list[Any]]]] = {
    "iso": (["date", "time"], lambda t: [f"{t:%Y-%m-%d}", f"{t:%H:%M}"]),
    "day first": (["Date", "Time"], lambda t: [f"{t:%d/%m/%Y}", f"{t:%H.00.00}"]),
    "AM": (["date", "clock"], lambda t: [f"{t:%m/%d/%Y}", f"{t:%I:%M %p}"]),
    "midnight": (["day", "at"], lambda t: [f"{t:%Y-%m-%d} 00:00:00", f"{t:%H:%M:%S}"]),
    "named": (["date", "time"], lambda t: [f"{t:%d %b %Y}", f"{t:%H:%M}"]),
    "digits": (["date", "time"], lambda t: [f"{t:%Y-%m-%d}", f"{t:%H%M}"]),
    "few digits": (["date", "time"], lambda t: [f"{t:%Y-%m-%d}", 100 * t.hour]),
    "to 24": (
        ["date", "time"],
        lambda t: (
            [f"{t:%Y-%m-%d}", f"{t:%H:%M}"]
            if t.hour
            else [f"{t - datetime.timedelta(days=1):%Y-%m-%d}", "24:00"]
        ),
    ),
    "hours": (["date", "hour"], lambda t: [f"{t:%Y-%m-%d}", t.hour]),
    "from one": (["date", "hour"], lambda t: [f"{t:%Y-%m-%d}", t.hour + 1]),
    "parts": (["year", "month", "day", "hour"], lambda t: [t.year, t.month, t.day, t.hour]),
    "minutes": (
        ["Year", "Month", "Day", "Hour", "Minute"],
        lambda t: [t.year, t.month, t.day, t.hour, t.minute],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_days_and_times_of_the_day_are_one_axis(way: str, tmp_path: Path) -> None:
    head, cells = WAYS[way]
    times = [START + datetime.timedelta(hours=n) for n in range(len(WALK))]
    rows = [
        [*cells(time), n, value] for n, (time, value) in enumerate(zip(times, WALK, strict=True))
    ]
    head = [*head, "No"]
    pack = opened(put(tmp_path / "a.csv", [*head, "value"], rows))
    assert "the column No, which numbers the rows" in pack.report["aside"]
    assert pack.spec.modality == "series" and pack.spec.extra["names"] == ["value"]
    assert pack.spec.extra["step"] == "1 hour" and pack.spec.extra["time"] == " + ".join(head[:-1])
    assert np.array_equal(pack.rows(np.arange(1))["x"][0, 0], WALK[:48].astype(np.float32))
    shuffled = put(tmp_path / "b.csv", [*head, "value"], [rows[7 * n % 600] for n in range(600)])
    again = opened(shuffled, modality="series").rows(np.arange(1))["x"][0]
    assert np.array_equal(again[-1], pack.rows(np.arange(1))["x"][0, 0])


MORE: dict[str, tuple[list[str], Callable[[Moment], list[Any]]]] = {
    "zone": (["date", "time"], lambda t: [f"{t:%Y-%m-%d}", f"{t:%H:%M}+01:00"]),
    "PM alone": (["date", "time"], lambda t: [f"{t:%m/%d/%Y}", f"{t:%I} {t:%p}"]),
    "Chinese": (["日期", "时间"], lambda t: [f"{t:%Y年%m月%d日}", f"{t.hour}时{t:%M}分"]),
    "Chinese half days": (
        ["日期", "时间"],
        lambda t: [f"{t:%Y/%m/%d}", f"{'上下'[t.hour // 12]}午{(t.hour - 1) % 12 + 1}:{t:%M}"],
    ),
    "Chinese parts": (["年", "月", "日", "时"], lambda t: [t.year, t.month, t.day, t.hour]),
    "German hours": (["Datum", "Stunde"], lambda t: [f"{t:%d.%m.%Y}", t.hour]),
}


@pytest.mark.parametrize("way", MORE)
def test_more_ways_to_write_times_of_the_day(way: str) -> None:
    head, cells = MORE[way]
    times = [START + datetime.timedelta(hours=n) for n in range(100)]
    columns = [list(column) for column in zip(*map(cells, times), strict=True)]
    names, found = joined([*head, "x"], [*columns, WALK[:100].tolist()], RULES)
    assert names == [" + ".join(head), "x"]
    read = read_times(found[0], RULES)
    assert read is not None and (np.diff(read.values) == 3_600).all()


def test_series_side_by_side_and_months_are_joined_too(tmp_path: Path) -> None:
    rows = [
        [name, f"{time:%Y-%m-%d}", f"{time:%H:%M}", WALK[n + shift]]
        for shift, name in enumerate("abc")
        for n, time in enumerate(START + datetime.timedelta(minutes=30 * n) for n in range(300))
    ]
    pack = opened(put(tmp_path / "a.csv", ["station", "date", "time", "x"], rows))
    assert pack.spec.extra["step"] == "30 minutes" and "3 recordings" in str(pack.report["taken"])
    months = [[1980 + n // 12, 1 + n % 12, value] for n, value in enumerate(WALK)]
    pack = opened(put(tmp_path / "b.csv", ["Year", "Month", "x"], months))
    assert pack.spec.extra["step"] == "1 month"


def test_nothing_is_joined_where_one_column_has_the_times(tmp_path: Path) -> None:
    times = [START + datetime.timedelta(hours=n) for n in range(300)]
    parts = [[f"{t}", t.month, t.day, t.hour, x] for t, x in zip(times, WALK, strict=False)]
    path = put(tmp_path / "a.csv", ["timestamp", "month", "day", "hour", "x"], parts)
    assert opened(path).spec.extra["names"] == ["month", "day", "hour", "x"]
    days = [START + datetime.timedelta(days=n) for n in range(300)]
    rows = [[f"{t:%Y-%m-%d}", f"0{5 + n % 3}:30", WALK[n]] for n, t in enumerate(days)]
    pack = opened(put(tmp_path / "b.csv", ["date", "sunrise", "x"], rows))
    assert pack.spec.extra["step"] == "1 day"
    assert "the column sunrise of times of the day" in " ".join(pack.report["aside"])


def test_names_of_times_are_chinese_and_german_too(tmp_path: Path) -> None:
    stamps = [int((START + datetime.timedelta(hours=n)).timestamp() * 1_000) for n in range(300)]
    for name in ("时间戳", "Zeitstempel"):
        path = put(tmp_path / "a.csv", [name, "x"], [*zip(stamps, WALK, strict=False)])
        assert opened(path).spec.extra["step"] == "1 hour"
    assert names_of(6) == NAMES, "runs of before take such columns for numbers"


def test_what_is_wrong_with_series_is_told_in_chinese(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GANZFELD_LANG", "zh")
    times = [START + datetime.timedelta(hours=n) for n in range(300) if n != 150]
    rows: list[list[Any]] = [[f"{t}", x] for t, x in zip(times, WALK, strict=False)]
    rows += [rows[200], ["", 1.0], [f"{times[90] + datetime.timedelta(minutes=30)}", 2.0]]
    with pytest.raises(SystemExit):
        main.main(["data", "check", str(put(tmp_path / "a.csv", ["time", "x"], rows))])
    said = capsys.readouterr().out
    assert "与另一行的时间相同：第 " in said and "没有时间：第 302 行" in said
    assert "落在两步之间：第 303 行" in said and "在第 151 行之后" in said
    assert "line " not in said and " time " not in said, said


def test_runs_of_before_join_nothing() -> None:
    names, cells = ["date", "time"], [["2024-01-01"] * 30, [f"{n % 24}:00" for n in range(30)]]
    assert joined(names, cells, 6) == (names, cells)
    assert joined(names, cells, RULES)[0] == ["date + time"]
    gap = [["2024-01-01", ""] * 20, ["9:00"] * 40]
    assert joined(names, gap, RULES)[1][0][:2] == ["2024-01-01 9:00", ""]


def test_a_table_has_times_of_the_day_and_says_so(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    times = [f"{hour}:{minute:02}" for hour, minute in draw.integers((24, 60), size=(200, 2))]
    rows = [[f"2024-{1 + i % 12:02}-{1 + i % 28:02}", time, i % 7] for i, time in enumerate(times)]
    path = put(tmp_path / "a.csv", ["date", "time", "age"], rows)
    report = check_data(path, PackOptions(modality="table"))
    assert "1 of dates, 1 of times of the day" in report["values"]
    assert any("time (times of the day 0:" in one for one in report["columns"])
    lengths = [f"{n % 25}:30" for n in range(100)]
    assert not unclear_dates(lengths), "lengths of time are no dates in several forms"


def test_as_series_takes_rows_whose_times_differ(tmp_path: Path) -> None:
    draw, time, rows = np.random.default_rng(2), START, []
    for value in WALK[:300]:
        time += datetime.timedelta(seconds=int(draw.integers(0, 4_000)))
        rows.append([f"{time}", value])
    path = put(tmp_path / "a.csv", ["time", "x"], rows)
    assert "(--as series takes windows)" in opened(path).report["taken"]["modality"]
    pack = opened(put(tmp_path / "b.csv", ["time", "x"], rows[::-1]), modality="series")
    assert pack.spec.extra["step"] == "1 row" and "resample" in " ".join(pack.report["warnings"])
    assert not pack.report["skipped"]
    first = pack.rows(np.arange(1))["x"][0, 0]
    assert np.array_equal(first, WALK[: len(first)].astype(np.float32))


def test_json_lines_without_a_text_are_a_table_or_series(tmp_path: Path) -> None:
    times = [START + datetime.timedelta(hours=n) for n in range(300)]
    rows: list[dict[str, Any]] = [
        {"date": f"{time:%Y-%m-%d}", "time": f"{time:%H:%M}", "x": float(x)}
        for time, x in zip(times, WALK, strict=False)
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    assert opened(path).spec.extra["step"] == "1 hour"
    assert opened(path, rules=6).spec.modality == "text", "as runs of before read it"
    rows = [{"kind": "abc"[n % 3], "age": n % 7} for n in range(90)]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    assert opened(path).spec.modality == "table"
    rows = [{"word": f"{x:.3f} and so", "age": n % 7} for n, x in enumerate(WALK)]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    assert opened(path).spec.modality == "text"


def test_no_series_are_offered_where_nothing_changes_in_time(tmp_path: Path) -> None:
    rows = [[f"{START + datetime.timedelta(hours=n)}", "abc"[n % 3]] for n in range(100)]
    path = put(tmp_path / "a.csv", ["time", "event"], rows)
    assert "--as series" not in opened(path).report["taken"]["modality"]
