"""Read the columns and rows of a table, as people and data sets write them.

CSV and its kin with or without a head, JSON lines, and JSON: StyleGAN's dataset.json, a list of
objects, an object of names, and COCO. Text in columns: CelebA's list_attr_celeba.txt, "path label".
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

from ganzfeld.core.names import shown, suffix
from ganzfeld.data.encodings import decoded
from ganzfeld.errors import DataError

MAX_BYTES = 256 << 20
SEPARATED = ("csv", "tsv")
OBJECTS = ("jsonl", "ndjson")
NAMED = ("label", "class", "train", "annot", "target")  # files whose second column is labels
SIGNS = ("\t", "|", ";", ",")
EXCEL = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # a first line that names the sign
LOOKED_AT = 50  # lines by which it is decided how a text is laid out
Table = tuple[list[str], list[dict[str, Any]]]


def end_of(name: str) -> str:
    """How the name of a table ends, but for ".gz"."""
    return suffix(name.removesuffix(".gz"))


def read(data: bytes, name: str, knows: Callable[[str], bool] | None = None) -> Table:
    """Columns and rows of a table. Raises `DataError` where it is none.

    knows: whether a cell names a sample; a first line with such a cell is no head.

    Example::

        from ganzfeld.data.table_files import read

        columns, rows = read(b"a.png 3\\nb.png 5\\n", "labels.txt")
        assert columns == ["file_name", "label"] and rows[1] == {"file_name": "b.png", "label": "5"}
    """
    try:
        data = unpacked(data)
        if len(data) > MAX_BYTES:
            raise DataError(f"{shown(name)} is over {MAX_BYTES >> 20} MB, too large for a table")
        text, end = decoded(data), end_of(name)
        if end == "json":
            return of_tree(json.loads(text))
        if end in OBJECTS:
            rows = objects(text)
            return list(dict.fromkeys(key for row in rows for key in row)), rows
        if end in SEPARATED:
            return _separated(text, "\t" if end == "tsv" else "", name, knows)
        return _columns(text, name, knows)
    except (ValueError, RecursionError, csv.Error, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{shown(name)} is not a readable table: {shown(str(error))}") from error


def unpacked(data: bytes) -> bytes:
    """Data without gzip round them, no more than a table may have and a byte."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    return gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_BYTES + 1)


# Text


def _separated(text: str, sign: str, name: str, knows: Callable[[str], bool] | None) -> Table:
    if told := EXCEL.match(text):
        sign, text = told[1], text[told.end() :]
    sign = sign or _sign(text)
    quoting: Literal[0, 3] = csv.QUOTE_NONE if sign == "|" else csv.QUOTE_MINIMAL
    found = csv.reader(io.StringIO(text, newline=""), delimiter=sign, quoting=quoting)
    lines = [[cell.strip() for cell in line] for line in found if line]
    if not lines or len(lines[0]) < 2:
        raise ValueError("two columns or more were expected")
    return _headed(lines, name, knows)


def _sign(text: str) -> str:
    """What stands between the cells: most often in the head, or a | as often in every line."""
    some = text[: 1 << 16].split("\n")[:LOOKED_AT]
    bars = {line.count("|") for line in some[: -1 if len(some) > 1 else None]}
    return "|" if len(bars) == 1 and bars != {0} else max(",;\t", key=some[0].count)


def _headed(lines: list[list[str]], name: str, knows: Callable[[str], bool] | None) -> Table:
    """Rows by their head, or where there is none, by what the columns look like."""
    first = lines[0]
    files = any(suffix(cell) and not cell.replace(".", "").isdigit() for cell in first)
    if not files and not (knows and any(map(knows, first))):
        return first, [dict(zip(first, line, strict=False)) for line in lines[1:]]
    at = next((i for i, cell in enumerate(first) if knows and knows(cell)), 0)
    others = [i for i in range(len(first)) if i != at]
    columns = {at: "file_name", **{i: f"column {i + 1}" for i in others}}
    if others:
        columns[others[0]] = _second([line[others[0]] for line in lines if len(line) > 1], name)
    names = [columns[i] for i in range(len(first))]
    return names, [dict(zip(names, line, strict=False)) for line in lines]


def _second(cells: list[str], name: str) -> str:
    """What the column beside the names of a table without a head is: "label", "text" or so."""
    base = name.rpartition("/")[2].casefold()
    named = any(word in base for word in NAMED)
    if 2 * len({*cells}) > max(4, len(cells)) or (
        not named and 2 * sum(cell.count(" ") > 1 for cell in cells) > len(cells)
    ):
        return "text" if any(" " in cell for cell in cells) else "label"
    return "label" if named or end_of(base) in SEPARATED else base.split(".")[0].split("_")[0]


def _columns(text: str, name: str, knows: Callable[[str], bool] | None) -> Table:
    """A text file of columns: with signs between them or blanks, with a head or none."""
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    if len(lines) > 2 and lines[0].strip().isdigit():  # CelebA: a count, then the names
        names = lines[1].split()
        rows = [line.split() for line in lines[2:]]
        if rows and len(rows[0]) == len(names) + 1:
            names = ["file_name", *names]
        return names, [dict(zip(names, row, strict=False)) for row in rows]
    some = lines[:LOOKED_AT]
    sign = next((s for s in SIGNS if some and all(s in line for line in some)), None)
    if sign in (";", ","):
        return _separated(text, sign, name, knows)
    most = min((len(line.split(sign)) for line in some), default=0)
    if most < 2:
        raise ValueError("two columns or more were expected")
    even = len({len(line.split(sign)) for line in some}) == 1
    cells = [
        [cell.strip() for cell in line.split(sign, -1 if even or sign else 1)] for line in lines
    ]
    return _headed(cells, name, knows)


def listed(data: bytes) -> list[str]:
    """The first word of each line of a text: the names that a list of files holds."""
    lines = decoded(unpacked(data)).splitlines()
    return [re.split(r"[\t,;]|\s+", line.strip(), maxsplit=1)[0] for line in lines if line.strip()]


# JSON


def objects(text: str) -> list[dict[str, Any]]:
    """The objects of JSON lines. ValueError names a line that is none."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise ValueError(f"line {number:,} is not JSON") from None
        if not isinstance(row, dict):
            raise ValueError(f"line {number:,} is no object")
        found.append(row)
    return found


def of_tree(tree: Any) -> Table:
    """The rows that JSON holds, in one of the layouts in use. ValueError for others."""
    if isinstance(tree, dict) and "labels" in tree and isinstance(tree["labels"], list | None):
        return _stylegan(tree["labels"])
    if isinstance(tree, list) and tree and all(isinstance(row, dict) for row in tree):
        return list(dict.fromkeys(key for row in tree for key in row)), tree
    if isinstance(tree, dict) and isinstance(tree.get("images"), list):
        return _coco(tree)
    if isinstance(tree, dict) and isinstance(tree.get("labels"), dict):
        tree = tree["labels"]
    if not isinstance(tree, dict) or not tree or {*tree} <= {"labels", "images"}:
        raise ValueError('no "labels"')
    if all(isinstance(value, dict) for value in tree.values()):
        rows = [{"file_name": name, **value} for name, value in tree.items()]
        return list(dict.fromkeys(key for row in rows for key in row)), rows
    return ["file_name", "label"], [{"file_name": n, "label": v} for n, v in tree.items()]


def _stylegan(pairs: Any) -> Table:
    """The layout of StyleGAN's dataset.json: {"labels": [[name, label], ...]}, or null."""
    if pairs is None:
        return ["file_name"], []
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise ValueError('"labels" are no pairs of a name and a label')
    return ["file_name", "label"], [{"file_name": n, "label": v} for n, v in pairs]


def _coco(tree: dict[str, Any]) -> Table:
    """COCO's layout: for each image its categories and its captions.

    Where each image has annotations of one category, the column is called "category".
    """
    names = {row.get("id"): str(row.get("name")) for row in _rows(tree, "categories")}
    found: dict[Any, dict[str, Any]] = {}
    for row in _rows(tree, "images"):
        found[row.get("id")] = {"file_name": row.get("file_name", row.get("id"))}
    kinds: dict[Any, Counter[str]] = {place: Counter() for place in found}
    for row in _rows(tree, "annotations"):
        place = row.get("image_id")
        if place not in found:
            continue
        if row.get("category_id") in names:
            kinds[place][names[row["category_id"]]] += 1
        if isinstance(row.get("caption"), str):
            found[place].setdefault("caption", []).append(row["caption"].strip())
    columns = ["file_name"]
    if any(kinds.values()):
        single = all(len(counts) == 1 for counts in kinds.values())
        columns.append("category" if single else "categories")
        for place, counts in kinds.items():
            found[place][columns[1]] = next(iter(counts)) if single else sorted(counts)
    if any("caption" in row for row in found.values()):
        columns.append("caption")
    for row in found.values():
        if len(row.get("caption", ())) == 1:
            (row["caption"],) = row["caption"]
    return columns, list(found.values())


def _rows(tree: dict[str, Any], key: str) -> list[dict[str, Any]]:
    rows = tree.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f'"{key}" is no list of objects')
    return rows
