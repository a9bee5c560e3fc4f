"""Series out of tables and arrays: what they are told by, what is bad, and how windows are cut."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganzfeld.data import held
from ganzfeld.data.check import check_data
from ganzfeld.data.clock import read_times, steps_of
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.data.series_sets import var
from ganzfeld.data.source import RULES
from ganzfeld.errors import DataError, UsageError

START = datetime.datetime(2020, 1, 1)


def put(path: Path, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def hours(count: int) -> list[list[Any]]:
    x = var([0], length=count)[0].T
    times = (START + datetime.timedelta(hours=n) for n in range(count))
    return [[f"{t:%Y-%m-%d %H:%M}", float(a), float(b)] for t, (a, b) in zip(times, x, strict=True)]


def opened(path: Path, **options: Any) -> Pack:
    return open_pack(path, PackOptions(**options))


def x_of(pack: Pack) -> np.ndarray:
    return pack.rows(np.arange(len(pack)))["x"]


# What is taken for series


def test_a_table_with_times_in_equal_steps_is_series_and_says_so(tmp_path: Path) -> None:
    rows = hours(600)
    pack = opened(put(tmp_path / "a.csv", ["when", "load", "heat"], rows))
    assert pack.spec.modality == "series" and pack.spec.shape == (2, 48)
    assert pack.spec.extra["names"] == ["load", "heat"] and pack.spec.extra["step"] == "1 hour"
    told = pack.report["taken"]["modality"]
    assert "column when" in told and "--as table" in told and "--window" in told
    exact = np.array([row[1:] for row in rows], np.float32)
    assert np.array_equal(x_of(pack)[7], exact[7:55].T)
    assert opened(tmp_path / "a.csv", modality="table").spec.modality == "table"


def test_the_newest_first_is_turned_round(tmp_path: Path) -> None:
    rows = hours(300)
    pack = opened(put(tmp_path / "a.csv", ["time", "a", "b"], rows[::-1]))
    first = x_of(pack)[np.argmin(pack.columns["step"].rows(np.arange(len(pack))))]
    assert np.array_equal(
        first, np.array([row[1:] for row in rows[: first.shape[1]]], np.float32).T
    )


@pytest.mark.parametrize("what", ["irregular", "names", "short", "no time", "unsorted"])
def test_tables_stay_tables(what: str, tmp_path: Path) -> None:
    rows = hours(200)
    head = ["date", "a", "b"]
    if what == "irregular":
        rows = [row for n, row in enumerate(rows) if n % 3]
        rows = [[f"{START + datetime.timedelta(days=n * n % 9 + 5 * n):%Y-%m-%d}", *row[1:]]
                for n, row in enumerate(rows)]  # fmt: skip
    elif what == "names":
        head, rows = [*head, "c", "d", "e"], [[*row, *"xyz"] for row in rows]
    elif what == "short":
        rows = rows[:40]
    elif what == "no time":
        head, rows = ["a", "b"], [row[1:] for row in rows]
    else:
        rows = [rows[n * 77 % 200] for n in range(200)]
    path = put(tmp_path / "a.csv", head, rows)
    assert opened(path).spec.modality == "table"
    assert opened(path, modality="series").spec.modality == "series", "as asked"


def test_parquet_is_read_likewise(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    x = var([0], length=300)[0]
    times = [START + datetime.timedelta(minutes=10 * n) for n in range(300)]
    parquet.write_table(pyarrow.table({"t": times, "a": x[0], "b": x[1]}), tmp_path / "a.parquet")
    pack = opened(tmp_path / "a.parquet")
    assert pack.spec.modality == "series" and pack.spec.extra["step"] == "10 minutes"
    assert np.array_equal(x_of(pack)[0], x[:, : pack.spec.shape[1]])


# Times


@pytest.mark.parametrize(
    ("cells", "words", "numbers"),
    [
        (["2020-01-31", "2020-02-29", "2020-03-31", "2020-05-31"], "1 month", [0, 1, 2, 4]),
        (["16/12/2006 17:24", "16/12/2006 17:25", "16/12/2006 17:27"], "90 seconds", None),
        (["12/30/2019", "12/31/2019", "01/01/2020", "01/02/2020"], "1 day", [0, 1, 2, 3]),
        (["2020-01", "2020-04", "2020-07", "2020-10"], "1 quarter", [0, 1, 2, 3]),
        (["0.1", "0.2", "0.3", "0.6"], "0.1", [0, 1, 2, 5]),
        (["2020-01-01T00:00:00Z", "2020-01-01T02:00:00+01:00"], "1 hour", [0, 1]),
    ],
)
def test_times_are_read_in_many_ways(
    cells: list[str], words: str, numbers: list[int] | None
) -> None:
    times = read_times(cells, RULES)
    assert times is not None
    steps = steps_of(times.values, times.dates)
    assert steps.words == words
    assert numbers is None or steps.numbers.tolist() == numbers


def test_holidays_and_weekends_are_no_gaps_among_weekdays() -> None:
    days = [START + datetime.timedelta(days=n) for n in range(60)]
    kept = [day for day in days if day.weekday() < 5 and day.day != 20]
    times = read_times([f"{day:%Y-%m-%d}" for day in kept], RULES)
    assert times is not None
    steps = steps_of(times.values, times.dates)
    assert steps.words == "1 weekday" and steps.numbers.tolist() == list(range(len(kept)))


def test_a_clock_that_is_set_anew_leaves_a_gap_and_one_time_beside_is_bad() -> None:
    found = steps_of(np.array([0.0, 1, 2, 2.5, 3, 4, 5.5, 6.5, 7.5]), dates=False)
    assert found.beside.tolist() == [False] * 3 + [True] + [False] * 5
    assert np.diff(found.numbers[[0, 1, 2, 4, 5, 6, 7, 8]]).tolist() == [1, 1, 1, 1, 2, 1, 1]


# What is bad


def test_bad_rows_and_gaps_are_named_and_in_no_window(tmp_path: Path) -> None:
    rows = hours(900)
    rows[100][1] = ""
    rows[200] = rows[200][:2]
    rows[300][0] = rows[299][0]
    rows[400][0] = rows[400][0].replace(":00", ":30")
    del rows[500:503]
    pack = opened(put(tmp_path / "a.csv", ["time", "a", "b"], rows), on_bad_image="skip")
    told = dict(pack.report["skipped"])
    assert told["line 102"] == "has no value of a"
    assert told["line 202"] == "has 2 cells, where 3 were expected"
    assert told["line 302"] == "has the time of another row"
    assert told["line 402"] == "lies between two steps"
    assert any("gaps in time" in note for note in pack.report["notes"])
    steps = pack.columns["step"].rows(np.arange(len(pack)))
    real = {float(row[1]) for row in rows if len(row) == 3 and row[1] != ""}
    assert {float(np.float32(v)) for v in x_of(pack)[:, 0].ravel()} <= {
        float(np.float32(v)) for v in real
    }
    assert not any(100 - 47 <= s <= 100 for s in steps), "none lies across the row without a value"


def test_series_that_are_too_short_are_named(tmp_path: Path) -> None:
    x = var(range(30), length=24)
    rows = [[f"s{n}", t, *map(float, x[n, :, t])] for n in range(30) for t in range(24)]
    rows = [row for row in rows if row[0] != "s5" or row[1] < 9]
    pack = opened(put(tmp_path / "a.csv", ["id", "step", "a", "b"], rows), on_bad_image="skip")
    assert pack.spec.shape == (2, 24) and len(pack) == 29
    ((name, reason),) = pack.report["skipped"]
    assert name.startswith("s5, line") and reason == "shorter than a window of 24 steps"


def test_too_many_bad_rows_are_refused_with_the_list(tmp_path: Path) -> None:
    rows = hours(200)
    for row in rows[10:190:20]:
        row[2] = "nan"
    with pytest.raises(DataError, match="has no value of b") as told:
        opened(put(tmp_path / "a.csv", ["time", "a", "b"], rows), window=8)
    assert "--on-bad-image skip" in told.value.fix


def test_a_window_longer_than_all_series_says_so(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", ["time", "a", "b"], hours(100))
    with pytest.raises(DataError, match="no 300 steps in a row") as told:
        opened(path, window=300)
    assert "--window" in told.value.fix
    with pytest.raises(UsageError, match="window 1"):
        PackOptions(window=1)


# Several series


def subjects(tmp_path: Path, length: int = 24) -> Path:
    x = var(range(300), length=length)
    rows = [
        [f"s{n}", t, *map(float, x[n, :, t]), 30 + n % 7, "ab"[n % 2]]
        for n in range(300)
        for t in range(length)
    ]
    return put(tmp_path / "a.csv", ["subject", "step", "a", "b", "age", "label"], rows)


def test_whole_series_by_an_id_are_samples_with_their_numbers_and_classes(tmp_path: Path) -> None:
    pack = opened(subjects(tmp_path))
    assert np.array_equal(x_of(pack), var(range(300), length=24))
    assert pack.classes == ("a", "b") and pack.labels is not None
    assert pack.labels.tolist() == [n % 2 for n in range(300)]
    assert pack.columns["age"].rows(np.arange(4)).tolist() == [30, 31, 32, 33]
    assert "at" not in pack.spec.extra


def test_windows_of_many_series_hold_whole_series_out(tmp_path: Path) -> None:
    pack = opened(subjects(tmp_path), window=12)
    rows, train = held.held_rows(pack, 200), held.training_rows(pack, 200)
    begins = pack.columns["place"].rows(np.arange(len(pack)))
    of = begins // (24 + 2 * 12)
    assert len(np.unique(of)) > 290
    cut = set(of[rows])
    assert sum(o in cut for o in of[train]) == 0, "no series on both sides"


def test_windows_that_are_held_out_lie_a_window_behind_what_is_trained_on(tmp_path: Path) -> None:
    pack = opened(put(tmp_path / "a.csv", ["time", "a", "b"], hours(1_000)), window=16)
    rows, train = held.held_rows(pack, 50), held.training_rows(pack, 50)
    begins = pack.columns["step"].rows(np.arange(len(pack)))
    assert len(rows) == 50 and begins[rows].min() > begins[train].max()
    assert begins[train].max() + 16 + 16 == begins[rows].min(), "a gap of one window"
    assert len(held.training(pack, 50)) == len(train)
    with pytest.raises(UsageError, match="nothing is left"):
        held.training(pack, len(pack) - 20)


def test_long_series_give_no_more_windows_than_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzfeld.data.windows.MOST", 100)
    pack = opened(put(tmp_path / "a.csv", ["time", "a", "b"], hours(600)))
    assert 50 < len(pack) <= 101 and "every 6 steps" in pack.report["taken"]["modality"]


# Arrays


def test_arrays_are_series_where_asked_and_where_they_say_so(tmp_path: Path) -> None:
    x = var(range(200), length=24)
    np.save(tmp_path / "nct.npy", x)
    np.save(tmp_path / "ntc.npy", x.transpose(0, 2, 1))
    for name in ("nct.npy", "ntc.npy"):
        pack = opened(tmp_path / name, modality="series")
        assert pack.spec.modality == "series" and np.array_equal(x_of(pack), x)
    assert opened(tmp_path / "nct.npy").spec.modality == "field"
    np.savez(tmp_path / "a.npz", x=x, modality="series", names=["u", "v"], dose=np.arange(200) % 9)
    pack = opened(tmp_path / "a.npz")
    assert pack.spec.extra["names"] == ["u", "v"] and "dose" in pack.columns
    np.savez(tmp_path / "b.npz", x=x.transpose(0, 2, 1), time=np.arange(24))
    assert opened(tmp_path / "b.npz").spec.shape == (2, 24)
    np.savez(tmp_path / "c.npz", x=x)
    assert opened(tmp_path / "c.npz").spec.modality == "field"


def test_bad_series_of_an_array_are_named(tmp_path: Path) -> None:
    x = var(range(200), length=24)
    x[3, 0, 5] = np.nan
    np.save(tmp_path / "a.npy", x)
    pack = opened(tmp_path / "a.npy", modality="series")
    assert len(pack) == 199 and pack.report["skipped"][0][0] == "index 3"
    np.save(tmp_path / "b.npy", np.zeros((4, 2, 2, 2)))
    with pytest.raises(DataError, match="not that of series"):
        opened(tmp_path / "b.npy", modality="series")


def test_records_with_holes_are_a_table_and_weather_with_holes_is_series(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    days = [f"{1 + i % 28}/{1 + i // 28 % 12}/{2020 + i // 336}" for i in range(400)]
    noise = draw.normal(size=400)
    for name, values in (("records", noise), ("weather", np.cumsum(noise) / 9)):
        cells = ["" if i % 11 == 5 else f"{value:.2f}" for i, value in enumerate(values)]
        rows = [f"{day},{cell}" for day, cell in zip(days, cells, strict=True)]
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join(["day,value", *rows]))
        report = check_data(path)
        assert report["modality"] == ("table" if name == "records" else "series")
        said = report["taken"]
        assert said["read as"] == "day: dates read as day, month, year"
        if name == "records":
            assert "9 % of its rows lack a value" in said["modality"]
            assert "--as series" in said["modality"]
            assert check_data(path, PackOptions(modality="series"))["modality"] == "series"
        else:
            assert "--as table" in said["modality"]
    path = tmp_path / "apart.csv"
    path.write_text("\n".join(["time,value", *(f"{i * i},{i % 5}" for i in range(80))]))
    told = check_data(path)["taken"]["modality"]
    assert told.startswith("a table") and "the steps of the column time differ" in told
