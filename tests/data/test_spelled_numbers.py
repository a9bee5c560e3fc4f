"""Tables as people write them: commas, currencies, a few cells of words, other encodings."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzfeld.data.check import check_data
from ganzfeld.data.encodings import decoded, encoding_of
from ganzfeld.data.npz import read_npz
from ganzfeld.data.source import RULES
from ganzfeld.data.spelled import spelled
from ganzfeld.data.table_files import objects
from ganzfeld.errors import DataError

ROWS = 60


@pytest.mark.parametrize(
    ("cells", "numbers", "said"),
    [
        (["1,5", "2"], [1.5, 2], "decimal commas"),
        (["1,234", "5"], [1234, 5], "commas taken for thousands"),
        (["0,125", "1,250"], [0.125, 1.25], "decimal commas"),
        (["1,234", "1,5"], [1.234, 1.5], "decimal commas"),
        (["1,234,567.8"], [1234567.8], "commas taken for thousands"),
        (["$3.50", "-$2"], [3.5, -2], "$ taken off"),
        (["5%", "6.5 %"], [5, 6.5], "% taken off"),
        (["€ 3", "4 €"], [3, 4], "€ taken off"),
        (["1.234,5", "7"], [1234.5, 7], "points taken for thousands, decimal commas"),
        (["1.234.567", "8,25"], [1234567, 8.25], "points taken for thousands, decimal commas"),
        (
            ["(1,234.50)", "7.25"],
            [-1234.5, 7.25],
            "brackets taken for a minus, commas taken for thousands",
        ),
        (["($3)", "$4"], [-3, 4], "$ taken off, brackets taken for a minus"),
        (["3.5-", "4"], [-3.5, 4], "a sign behind taken for a minus"),
        (["USD 5", "USD 1,000"], [5, 1000], "USD taken off, commas taken for thousands"),
        (
            ["EUR 5", "-EUR 7.5", "(EUR 8)"],
            [5, -7.5, -8],
            "brackets taken for a minus, EUR taken off",
        ),
        (["12.5 km", "-3 km"], [12.5, -3], "km taken off"),
        (["20 °C", "-3.5 °C"], [20, -3.5], "°C taken off"),
        (["12.50元", "3元"], [12.5, 3], "元 taken off"),
    ],
)
def test_numbers_as_people_spell_them(cells: list[str], numbers: list[float], said: str) -> None:
    assert spelled(cells, RULES) == (numbers, said)


@pytest.mark.parametrize(
    "cells",
    [
        ["abc"],
        ["1,2,3"],
        ["12.5.6"],
        ["1,5", "red"],
        ["1-2"],
        ["v1.0"],
        ["04109", "60001"],
        ["04109", "5%"],
        ["1,234.5,6"],
        [],
        ["(1)", "(2)"],
        ["5 km", "7 mi"],
        ["12a", "14a"],
        ["BMW 320", "BMW 520"],
        ["1-", "2-3"],
    ],
)
def test_what_is_no_number_is_left_as_it_is(cells: list[str]) -> None:
    assert spelled(cells, RULES) is None


def table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    place = path / "table.csv"
    place.write_text(text, encoding)
    return place


def test_a_table_with_decimal_commas_keeps_its_column(tmp_path: Path) -> None:
    rows = "".join(f"{n};{n},5\n" for n in range(ROWS))
    report = check_data(table(tmp_path, "size;price\n" + rows))
    assert report["converted"] == {"price: decimal commas": ROWS}
    assert report["columns"] == ["size (numbers 0 to 59)", "price (numbers 0.5 to 59.5)"]


def test_one_cell_that_is_no_number_makes_its_row_bad_and_not_its_column_text(
    tmp_path: Path,
) -> None:
    rows = "".join(f"{n},{'1e400' if n == 5 else n / 2}\n" for n in range(ROWS))
    report = check_data(table(tmp_path, "size,price\n" + rows))
    assert report["skipped"] == [["line 7", "price is no number: 1e400"]]
    assert [text.split()[0] for text in report["columns"]] == ["size", "price"]


@pytest.mark.parametrize("odd", ["1e300", "inf", "12.3kg"])
def test_no_number_becomes_a_gap_in_silence(tmp_path: Path, odd: str) -> None:
    rows = "".join(f"{n},{odd if n == 5 else n / 2}\n" for n in range(ROWS))
    report = check_data(table(tmp_path, "size,price\n" + rows))
    assert report["skipped"] == [["line 7", f"price is no number: {odd}"]]


def test_excel_names_the_sign_in_the_first_line(tmp_path: Path) -> None:
    rows = "".join(f"{n};{n},5\n" for n in range(ROWS))
    report = check_data(table(tmp_path, "sep=;\nsize;price\n" + rows))
    assert report["count"] == ROWS and len(report["columns"]) == 2


def test_german_dates_are_dates(tmp_path: Path) -> None:
    rows = "".join(f"{n % 28 + 1:02}.{n % 12 + 1:02}.2024,{n}\n" for n in range(ROWS))
    report = check_data(table(tmp_path, "when,size\n" + rows))
    assert report["columns"][0] == "when (dates 01.01.2024 to 24.12.2024)"


def test_conditions_of_images_are_spelled_so_too(tmp_path: Path) -> None:
    lines = ["file_name;price"]
    for number in range(20):
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png;{number},5")
    (tmp_path / "metadata.csv").write_text("\n".join(lines))
    assert "price (numbers 0.5 to 19.5)" in str(check_data(tmp_path))


def test_codes_with_a_zero_in_front_are_no_bad_numbers(tmp_path: Path) -> None:
    rows = "".join(f"{n},{'04109' if n == 5 else 60000 + n}\n" for n in range(ROWS))
    report = check_data(table(tmp_path, "size,code\n" + rows))
    assert not report["skipped"]
    assert "the column code of text values (--condition takes it)" in report["aside"]


def test_a_column_of_words_stays_one(tmp_path: Path) -> None:
    rows = "".join(f"{n},{f'word {n}' if n % 10 == 0 else n / 2}\n" for n in range(ROWS))
    report = check_data(table(tmp_path, "size,note\n" + rows))
    assert not report["skipped"]
    assert "the column note of text values (--condition takes it)" in report["aside"]


def test_whole_numbers_that_float32_rounds_are_named(tmp_path: Path) -> None:
    rows = "".join(f"{1_700_000_000 + n},{n}\n" for n in range(ROWS))
    report = check_data(table(tmp_path, "time,size\n" + rows))
    assert any("time has whole numbers above 16,777,216" in w for w in report["warnings"])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("size,price\n", "names of its columns and no rows"),
        (
            "a,b\n" + "".join(f"{n},{chr(34) if n == 7 else ''}{n}\n" for n in range(90)),
            "line 9 to line 91",
        ),
    ],
)
def test_a_table_without_rows_or_with_an_open_quotation_is_refused(
    tmp_path: Path, text: str, what: str
) -> None:
    with pytest.raises(DataError, match=what):
        check_data(table(tmp_path, text))


def test_european_and_chinese_letters_are_told_apart() -> None:
    german, chinese = "name,farbe\na,grün\nb,weiß\n", "名,色\na,红\nb,白\n"
    assert encoding_of(german.encode("latin-1")) == "WINDOWS-1252"
    assert encoding_of(chinese.encode("gb18030")) == "GB18030"
    for word in ("Größe", "Größe;Alter", "Straße, Größe", "Créée;année", "São;ações"):
        assert encoding_of(word.encode("latin-1")) == "WINDOWS-1252", word
        assert encoding_of(b"Gr\xf6\xdfe", usual=False) == "GB18030"  # in older runs
    for word in ("班级", "錢包,顏色", "圖像,標籤", "姓名，城市"):
        assert encoding_of(word.encode("gb18030")) == "GB18030", word
    for text, encoding in ((german, "latin-1"), (chinese, "gb18030"), (german, "utf-16")):
        assert decoded(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("lines", "what"), [('{"a": 1}\noops\n', "line 2 is not JSON"), ("\n[1]\n", "line 2 is no obj")]
)
def test_a_line_that_is_no_object_is_named(tmp_path: Path, lines: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        objects(lines)
    place = tmp_path / "texts.jsonl"
    place.write_text(lines)
    with pytest.raises(DataError, match=what):
        check_data(place)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_labels_in_other_encodings_are_read_and_rows_without_an_image_named(
    tmp_path: Path, encoding: str
) -> None:
    rng = np.random.default_rng(0)
    lines = ["file_name,label"]
    for number in range(20):
        pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{'grün' if number % 2 else 'weiß'}")
    lines += ["lost.png,grün", "../../etc/passwd,weiß"]
    (tmp_path / "metadata.csv").write_text("\n".join(lines), encoding)
    report = check_data(tmp_path)
    assert set(report["classes"]) == {"grün", "weiß"}
    assert "metadata.csv: 2 rows name no image here (lost.png, ../../etc/passwd)" in report["aside"]


def test_an_array_whose_head_promises_more_than_is_there_is_refused(tmp_path: Path) -> None:
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 3, 64, 64), }"
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr(
            "x.npy", b"\x93NUMPY\x01\x00\x76\x00" + head.ljust(117) + b"\n" + b"\0" * 9
        )
    with pytest.raises(DataError, match="its head promises"):
        read_npz(tmp_path / "x.npz")


@pytest.mark.parametrize("kind", ["<U3", "datetime64[D]", "f4,i4"])
def test_arrays_of_no_numbers_are_named_by_their_type(tmp_path: Path, kind: str) -> None:
    np.save(tmp_path / "x.npy", np.zeros(40, dtype=kind))
    with pytest.raises(DataError, match="such numbers are not read"):
        check_data(tmp_path / "x.npy")
