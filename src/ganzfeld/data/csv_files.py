"""Read a file of rows: CSV with any sign, columns between blanks, ARFF, and objects of JSON."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ganzfeld.core.names import shown
from ganzfeld.data.encodings import FEW, decoded, foreign, odd_lines
from ganzfeld.data.source import RULES
from ganzfeld.data.table_files import objects
from ganzfeld.data.textfiles import head_of, whole
from ganzfeld.errors import DataError

SIGNS = ",;\t|"
BLANK = " "  # of a table whose columns stand between blanks
EXCEL = re.compile(r"sep=(.)", re.IGNORECASE)  # a first line that names the sign
ATTRIBUTE = re.compile(r"\s*@attribute\s+('[^']*'|\"[^\"]*\"|\S+)", re.IGNORECASE)  # of ARFF
LOOKED_AT = 200  # rows by which it is decided what a table is
MOSTLY = 0.6  # of them have as many cells: fewer before them are a title, not rows
TITLE = 20  # lines that may stand before the head
MANY_LINES = 20  # that a cell may hold
HEAD = 1 << 20  # bytes that hold so many rows
USUAL = 9  # those from which on two European letters in a row are no rare Chinese one
HEADS = 7  # the rules from which on names of columns may be in another encoding than UTF-8
Rows = tuple[list[str], list[list[Any]], list[int]]


def read_csv(path: Path, most: int | None = None, *, rules: int = RULES) -> Rows:
    """Names of the columns, rows of cells, and the line of the file that each row ends in.

    Without a head the columns are called column_1 and so on. Lines before the head, such as
    comments and a title, are passed over. most: rows to read. rules: see `source.RULES`.
    """
    data = head_of(path, HEAD) if most else whole(path)
    plain = most and not (rules >= HEADS and odd_head(data)) and not foreign(data)
    text = data.decode("utf-8-sig", "replace") if plain else rows_decoded(data, rules)
    if text.lstrip()[:1] in ("{", "["):
        return _of_json(path, text, most)
    names, start = _arff(text)
    if start:
        text = "\n" * text.count("\n", 0, start) + text[start:]  # the numbers of lines stay
    rows, numbers = _parsed(path, text, most)
    if not rows:
        raise DataError(f"{shown(str(path))} holds no rows")
    if names:
        return names, rows, numbers
    rows, numbers = _without_title(rows, numbers)
    if len(rows) == 1 and not any(map(_is_number, rows[0])):
        raise DataError(f"{shown(str(path))} holds the names of its columns and no rows")
    if has_head(rows):
        return _unlike(_as_wide(rows[0], rows[1:])), rows[1:], numbers[1:]
    return [f"column_{i}" for i in range(1, len(rows[0]) + 1)], rows, numbers


def odd_head(data: bytes) -> bool:
    """Whether the first line, which names the columns, is not UTF-8."""
    return odd_lines(data.partition(b"\n")[0])[1] > 0


def rows_decoded(data: bytes, rules: int = RULES) -> str:
    """A table as text: where few lines are damaged, with marks in these (`encodings.decoded`).

    Where the first line is not UTF-8, and no other is UTF-8 beyond ASCII, the names of columns of
    numbers are in another encoding, and nothing is damaged.
    """
    lines, odd, beyond = odd_lines(data) if not data.isascii() else (1, 0, 0)
    if rules >= HEADS and not beyond and odd_head(data):
        return decoded(data, usual=rules >= USUAL)
    if FEW * odd <= lines:
        return data.decode("utf-8-sig", "replace")
    return decoded(data, usual=rules >= USUAL)


def _parsed(path: Path, text: str, most: int | None) -> tuple[list[list[str]], list[int]]:
    """The cells of all lines, by the sign that stands between them."""
    first, _, rest = text.partition("\n")
    told = EXCEL.fullmatch(first.strip())
    if told:
        text = f"\n{rest}"
    sign = told[1] if told else _sign(text)
    rows, numbers = [], []
    try:
        for row, number in _lines(text, sign):
            if row and any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])
                numbers.append(number)
            if most and len(rows) > most + TITLE:
                break
    except csv.Error as error:
        last = numbers[-1] if numbers else 0
        raise DataError(
            f"{shown(str(path))} is not a readable table: {error}, behind line {last:,}"
        ) from error
    if not most:
        need_closed(path, rows, numbers, sign)
    return _unquoted(rows), numbers


def _unquoted(rows: list[list[str]]) -> list[list[str]]:
    """The cells of lines that stand in quotation marks as a whole; other rows as they are."""
    if not rows or any(len(row) != 1 for row in rows):
        return rows
    sign = max(SIGNS, key=rows[0][0].count)
    if not all(sign in row[0] for row in rows):
        return rows
    return [next(csv.reader([row[0]], delimiter=sign)) for row in rows]


def _lines(text: str, sign: str) -> Iterator[tuple[list[str], int]]:
    """Cells of each line, and its number; comments before the rows are passed over."""
    if sign == BLANK:
        for number, line in enumerate(text.splitlines(), 1):
            if not line.lstrip().startswith("#"):
                yield line.split(), number
        return
    comment = True
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, skipinitialspace=True)
    for row in reader:
        comment = comment and bool(row) and row[0].startswith(("#", "%")) and len(row) == 1
        if not comment:
            yield row, reader.line_num


def _sign(text: str) -> str:
    """What stands between cells: the sign of the first line, or that which most lines have alike.

    A blank, where lines of numbers have no other sign, and as many words each.
    """
    some = [line for line in text[: 1 << 16].splitlines()[:LOOKED_AT] if line.strip()]
    some = some[: -1 if len(text) > 1 << 16 else None]
    if not some:
        return ","
    head = max(SIGNS, key=some[0].count)
    shares = {}
    for sign in SIGNS:
        (count, times) = Counter(line.count(sign) for line in some).most_common(1)[0]
        shares[sign] = (times / len(some) if count else 0.0, count)
    if some[0].count(head) and shares[head][0] >= MOSTLY / 2:
        return head
    best = max(SIGNS, key=lambda sign: shares[sign])
    if shares[best][0] >= MOSTLY:
        return best
    words = [line.split() for line in some if not line.lstrip().startswith("#")]
    numeric = sum(all(map(_is_number, row)) for row in words[1:])
    even = len({len(row) for row in words}) == 1 and len(words[0]) > 1 if words else False
    return BLANK if even and 2 * numeric >= len(words) - 1 and not some[0].count(head) else head


def _without_title(rows: list[Any], numbers: list[int]) -> tuple[list[Any], list[int]]:
    """Rows without a title before the head, whose lines have fewer cells than all others."""
    counts = Counter(len(row) for row in rows[:LOOKED_AT])
    usual, times = counts.most_common(1)[0]
    if times < MOSTLY * min(len(rows), LOOKED_AT) or len(rows) < 3:
        return rows, numbers
    start = next(place for place, row in enumerate(rows) if len(row) == usual)
    above = rows[start - 1] if start else []
    if all(above) and abs(len(above) - usual) == 1 and not has_head(rows[start:]):
        start -= 1  # a head that lacks the name of the first column, or of an empty last one
    return (rows[start:], numbers[start:]) if start <= TITLE else (rows, numbers)


def _as_wide(head: list[str], rows: Sequence[list[str]]) -> list[str]:
    """The head as wide as its rows: R writes none above its names, others a sign too many."""
    some = rows[:LOOKED_AT]
    if not some or any(len(row) != len(head) + 1 for row in some):
        return head
    return [*head, ""] if not any(row[-1] for row in some) else ["row", *head]


def _arff(text: str) -> tuple[list[str], int]:
    """Names of the attributes of an ARFF file, and where its data begin; [] and 0 for others."""
    begun = re.search(r"^\s*@relation\b", text[:HEAD], re.IGNORECASE | re.MULTILINE)
    data = re.search(r"^\s*@data[^\n]*\n", text[:HEAD], re.IGNORECASE | re.MULTILINE)
    if not begun or not data:
        return [], 0
    found = [ATTRIBUTE.match(line) for line in text[: data.start()].splitlines()]
    return _unlike([match[1].strip("'\"") for match in found if match]), data.end()


def _of_json(path: Path, text: str, most: int | None) -> Rows:
    """Objects of JSON, a list or a line each, as rows of the values of all their keys."""
    try:
        if text.lstrip().startswith("["):
            found = json.loads(text if not most or len(text) < HEAD else decoded(whole(path)))
        else:
            kept = text.splitlines()
            found = objects("\n".join(kept[: most + 1] if most else kept))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{shown(str(path))} is not a readable table: {error}") from error
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    if not rows:
        raise DataError(
            f"{shown(str(path))} holds no objects of JSON",
            fix='a list of objects, or one in each line: {"age": 30, "city": "Rome"}',
        )
    names = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[row.get(name) for name in names] for row in rows[: most + 1 if most else None]]
    return names, cells, list(range(1, len(cells) + 1))


def need_closed(path: Path, rows: list[list[str]], numbers: list[int], sign: str) -> None:
    """DataError where a cell holds many lines of other cells: its quotation mark is not closed."""
    for row, last in zip(rows, numbers, strict=True):
        cell = max(row, key=len)
        if cell.count("\n") > MANY_LINES and sign in cell:
            raise DataError(
                f"{shown(str(path))} has a quotation mark that is not closed: one cell goes from "
                f"line {last - cell.count(chr(10)):,} to line {last:,}",
                fix="close it, or write it twice where it belongs to the text",
            )


def has_head(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: no number among it, and no value seen again."""
    first, rest = rows[0], rows[1 : LOOKED_AT + 1]
    years = [int(cell) for cell in first if str(cell).isdigit() and 1800 <= int(cell) <= 2100]
    if len(years) > 1 and all(b - a == 1 for a, b in itertools.pairwise(years)):
        first = [cell for cell in first if not str(cell).isdigit()]  # a column a year
        if first and not any(_is_number(cell) for cell in first):
            return not {*first} & {cell for row in rest for cell in row}
        return False
    if any(_is_number(cell) for cell in first):
        return False
    numeric = any(
        rest and all(_is_number(row[i]) for row in rest if i < len(row) and row[i])
        for i in range(len(first))
    )
    again = any(first[i] in {row[i] for row in rest if i < len(row)} for i in range(len(first)))
    return numeric or not (again or len(set(first)) < len(first))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _unlike(names: Sequence[str]) -> list[str]:
    """Names without gaps, of which none is there twice.

    >>> _unlike(["age", "", "age"])
    ['age', 'column_2', 'age (2)']
    """
    found: dict[str, None] = {}
    for place, name in enumerate(names, 1):
        own, times = name or f"column_{place}", 1
        while (unlike := own if times == 1 else f"{own} ({times})") in found:
            times += 1
        found[unlike] = None
    return list(found)
