"""Data as people have them: each screen says what is so, and what to do."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest

from ganzfeld.data.check import check_data, describe
from ganzfeld.data.options import unused
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.errors import DataError, UsageError

ROWS = 40


def test_a_number_alone_in_an_npz_is_refused_in_a_sentence(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.float32(3))
    with pytest.raises(DataError, match="has the shape"):
        check_data(tmp_path / "a.npz")


def test_the_line_that_mends_a_row_of_numbers_makes_a_series(tmp_path: Path) -> None:
    x = np.sin(np.arange(ROWS))
    np.save(tmp_path / "a.npy", x)
    with pytest.raises(DataError, match="has the shape") as told:
        check_data(tmp_path / "a.npy")
    assert told.value.fix.startswith("np.savetxt('data.csv', x, header='x', comments='')")
    np.savetxt(tmp_path / "data.csv", x, header="x", comments="")
    assert check_data(tmp_path / "data.csv")["modality"] == "table"


def test_samples_are_called_what_they_are(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(ROWS, 8, 8)) * 9
    x[1] = x[0]
    np.save(tmp_path / "a.npy", x)
    told = describe(check_data(tmp_path / "a.npy"))
    assert "Near copies: 2 fields in 1 group" in told and "images in" not in told
    np.save(tmp_path / "a.npy", x[1:])
    assert "Near copies of other fields: none." in describe(check_data(tmp_path / "a.npy"))


def test_a_column_that_numbers_the_rows_is_named(tmp_path: Path) -> None:
    rows = [f"{i},{i * 7 % 5},{3 + i}" for i in range(1, ROWS + 1)]
    (tmp_path / "a.csv").write_text("\n".join(["id,n,year", *rows]))
    told = check_data(tmp_path / "a.csv")["warnings"]
    assert [one.partition(" ")[0] for one in told if "numbers the rows" in one] == ["id"]
    rows = [f"{100_000 + i},{i * 7 % 5}" for i in range(300)]
    (tmp_path / "a.csv").write_text("\n".join(["customer,n", *rows]))
    told = check_data(tmp_path / "a.csv")["warnings"]
    assert any(one.startswith("customer numbers the rows") for one in told)


def test_series_by_the_names_of_months(tmp_path: Path) -> None:
    start = datetime.date(1990, 1, 1)
    months = [start.replace(year=1990 + i // 12, month=1 + i % 12) for i in range(3 * ROWS)]
    rows = [f"{day:%b-%Y},{np.sin(i / 6):.3f}" for i, day in enumerate(months)]
    (tmp_path / "a.csv").write_text("\n".join(["month,level", *rows]))
    report = check_data(tmp_path / "a.csv")
    assert report["modality"] == "series" and "in steps of 1 month" in describe(report)


def test_lists_in_the_columns_of_parquet_are_said_to_be_lists(tmp_path: Path) -> None:
    arrow, file = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = arrow.table({"n": [i * 7 % 5 for i in range(ROWS)], "v": [[1.0, 2.5]] * ROWS})
    file.write_table(table, tmp_path / "a.parquet")
    aside = check_data(tmp_path / "a.parquet")["aside"]
    assert aside == ["the column v of lists or objects"]
    file.write_table(table.slice(0, 0), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="holds no rows"):
        check_data(tmp_path / "a.parquet")


def clock(path: Path, times: list[int]) -> Path:
    rows = [f"{t},{np.sin(i / 6):.3f}" for i, t in enumerate(times)]
    path.write_text("\n".join(["time,level", *rows]))
    return path


@pytest.mark.parametrize("unit", [1, 1000])
def test_numbers_since_1970_are_times(unit: int, tmp_path: Path) -> None:
    times = [unit * (1_704_067_200 + 3_600 * i) for i in range(3 * ROWS)]
    told = describe(check_data(clock(tmp_path / "a.csv", times)))
    assert "in steps of 1 hour" in told
    plain = describe(check_data(clock(tmp_path / "a.csv", [5 * i for i in range(3 * ROWS)])))
    assert "in steps of 5" in plain


def test_times_that_repeat_are_said_to(tmp_path: Path) -> None:
    start = datetime.datetime(2026, 1, 1)
    hours = [start + datetime.timedelta(hours=i - (i % 10 == 5)) for i in range(3 * ROWS)]
    rows = [f"{time},{np.sin(i / 6):.3f}" for i, time in enumerate(hours)]
    (tmp_path / "a.csv").write_text("\n".join(["time,level", *rows]))
    taken = check_data(tmp_path / "a.csv")["taken"]["modality"]
    assert "not series, for 10 % of the times in the column time do not go on" in taken


def test_series_keep_the_decimals_of_their_channels(tmp_path: Path) -> None:
    times = [f"2026-01-{1 + i // 24:02} {i % 24:02}:00" for i in range(90)]
    rows = [f"{time},${i % 9}.50,{i * 7 % 50},{i / 7}" for i, time in enumerate(times)]
    (tmp_path / "a.csv").write_text("\n".join(["time,price,count,ratio", *rows]))
    for rules, found in ((6, [1, 0, None]), (5, None)):
        options = PackOptions(rules=rules)
        pack = open_pack(tmp_path / "a.csv", options, cache=tmp_path / "cache", workers=0)
        assert pack.spec.extra.get("decimals") == found


def test_options_that_change_nothing_are_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n" + "\n".join(f"{i % 7},{i % 3}" for i in range(ROWS)))
    asked = PackOptions(size=(32, 32), window=8, labels="kinds.csv")
    told = check_data(tmp_path / "a.csv", asked)["notes"]
    assert told == ["without effect on rows: --size, --labels, --window"]
    drawn = PackOptions(size=(16, 16), range="0:1", labels="kinds.csv")
    told = check_data("avatars:4", drawn, workers=0)["notes"]
    assert "without effect on images: --labels, --range" in told
    for asked in (PackOptions(size=(16, 16), labels="none"), PackOptions(splits="all")):
        assert not unused(asked, "image", False)
    with pytest.raises(UsageError, match="avatars:4 holds images, where lines are expected"):
        check_data("avatars:4", PackOptions(modality="text"))
