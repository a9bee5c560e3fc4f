"""Tables as people have them: titles and comments before the head, blanks, ARFF, JSON, Excel's."""

import json

import pytest

from ganzfeld.data.check import check_data, describe
from ganzfeld.data.csv_files import read_csv
from ganzfeld.data.tabular import head_cells
from ganzfeld.errors import DataError

ROWS = [[str(k), "ab"[k % 2]] for k in range(30)]
BODY = "".join(f"{a},{b}\n" for a, b in ROWS)


@pytest.mark.parametrize(
    "text",
    [
        f"age,sex\n{BODY}",
        f"# made in May\n# by hand, by me\nage,sex\n{BODY}".replace(", by me", ""),
        f"My table\n\nLast updated\nage,sex\n{BODY}",
        "age;sex\n" + BODY.replace(",", ";"),
        "sep=|\nage|sex\n" + BODY.replace(",", "|"),
        '"age;""sex"""\n' + "".join(f'"{a};""{b}"""\n' for a, b in ROWS),
        f"% a comment\n@relation x\n@ATTRIBUTE age REAL\n@attribute 'sex' {{a,b}}\n@DATA\n{BODY}",
        json.dumps([{"age": a, "sex": b} for a, b in ROWS]),
        "\n".join(json.dumps({"age": a, "sex": b}) for a, b in ROWS),
    ],
)
def test_the_same_table_in_many_dresses(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text)
    names, rows, numbers = read_csv(path)
    assert names == ["age", "sex"] and rows == ROWS and len(numbers) == len(ROWS)
    names, cells = head_cells(path, "csv", 5)
    assert names == ["age", "sex"] and [row[:5] for row in cells] == [
        [row[at] for row in ROWS[:5]] for at in range(2)
    ]


@pytest.mark.parametrize(
    ("encoding", "name"), [("gbk", "GB18030"), ("utf-16", "UTF-16"), ("cp1252", "WINDOWS-1252")]
)
def test_text_in_another_encoding_is_read_and_said(tmp_path, encoding, name):
    """As spreadsheets write it on Windows: a table, lines, and a plan that names the encoding."""
    town = "Köln" if name == "WINDOWS-1252" else "北京"
    lines = [f"{town},{20 + i % 50}" for i in range(400)]
    for path, head in ((tmp_path / "a.csv", ["name,age"]), (tmp_path / "a.txt", [])):
        path.write_bytes("\r\n".join([*head, *lines, ""]).encode(encoding))
        report = check_data(path)
        assert report["count"] == 400 and not report["skipped"]
        assert f"Encoding: {name}, told by its bytes" in describe(report)
    assert read_csv(tmp_path / "a.csv")[1][0] == [town, "20"]


@pytest.mark.parametrize("names", [("温度", "gbk"), ("Länge", "latin-1"), ("µ", "utf-8")])
def test_names_of_columns_may_be_in_another_encoding(tmp_path, names):
    name, encoding = names
    path = tmp_path / "t.csv"
    path.write_bytes(f"{name},sex\n{BODY}".encode(encoding))
    assert read_csv(path)[0] == [name, "sex"]
    assert head_cells(path, "csv", 5)[0] == [name, "sex"]
    if encoding != "utf-8":
        assert read_csv(path, rules=6)[0] != [name, "sex"], "runs of before have other names"


def test_columns_between_blanks_and_heads_that_are_too_short(tmp_path):
    path = tmp_path / "housing.data"
    path.write_text("".join(f" {k}.5   {k % 7}  1.0\n" for k in range(20)))
    names, rows, _ = read_csv(path)
    assert names == ["column_1", "column_2", "column_3"] and rows[3] == ["3.5", "3", "1.0"]
    path.write_text("age sex\n" + "".join(f"{k} {k % 2}\n" for k in range(20)))
    assert read_csv(path)[0] == ["age", "sex"]
    path.write_text("age,sex\n" + "".join(f"r{k},{k},{k % 2}\n" for k in range(20)))  # as R
    assert read_csv(path)[0] == ["row", "age", "sex"]
    path.write_text("age,sex\n" + "".join(f"{k},{k % 2},\n" for k in range(20)))
    assert read_csv(path)[0] == ["age", "sex", "column_3"]


def test_lines_of_text_stay_one_column(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("height\n" + "".join(f"{k}\n" for k in range(9)))
    assert read_csv(path)[0] == ["height"]
    path.write_text('{"a": 1}\n{"a"')
    with pytest.raises(DataError, match="not a readable table"):
        read_csv(path)
    path.write_text("[3, 4]")
    with pytest.raises(DataError, match="no objects"):
        read_csv(path)


def test_a_row_that_is_short_in_the_middle_stays_where_it_is(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"age,sex\n{BODY}7\n{BODY}")
    names, rows, _ = read_csv(path)
    assert names == ["age", "sex"] and rows[len(ROWS)] == ["7"]
