"""Which images are test images by lists that lie beside them.

`test.txt`, `val.csv`, `testing_list.txt` name files, a name a line; a table such as CelebA's
list_eval_partition.txt says of each file which part it is in; and CUB's train_test_split.txt says
it of the numbers in images.txt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ganzfeld.core.names import natural
from ganzfeld.data import table_files, tables
from ganzfeld.data.layout import role, words
from ganzfeld.data.readers import Unreadable
from ganzfeld.data.source import Encoded
from ganzfeld.errors import DataError

ENDS = ("txt", "csv", "tsv", "lst", "list", "jsonl", "json")
TRIED = 60  # lists
NAMED = 0.9  # of a list's lines name files that are there, or it is no list of them
PARTITION = ("partition", "train test split")
NUMBERED = {"0": "train", "1": "held", "2": "held"}  # training, validation, test


def held_by_lists(source: Encoded, rules: int) -> dict[int, str]:
    """Places of the titles that a list calls test or validation, each with the list's title.

    What a list of training images names stays, whatever another says.
    """
    files = {title: name for name, title in source.tables}
    own = {title.rpartition(".")[0] for title in source.titles}
    listed = [t for t in files if _about_parts(t) and t.rpartition(".")[0] not in own]
    listed = sorted(listed, key=natural)[:TRIED]
    if not listed:
        return {}

    def content(title: str) -> bytes:
        return source.reader.read(files[title])

    held: dict[int, str] = {}
    kept: set[int] = set()
    for title in listed:
        names = tables.Names(source.titles, title.rpartition("/")[0], rules)
        try:
            for place, part in _parts(title, names, files, content).items():
                if part == "train":
                    kept.add(place)
                else:
                    held.setdefault(place, title)
        except (DataError, Unreadable):
            continue  # no list
    found = {place: title for place, title in held.items() if place not in kept}
    return {} if len(found) == len(source.titles) else found


def _about_parts(title: str) -> bool:
    """Whether a file's name says that it lists training, validation or test files."""
    base = title.rpartition("/")[2]
    if table_files.end_of(base) not in ENDS:
        return False
    return bool(_is_partition(base) or _listed_part(base))


def _is_partition(base: str) -> bool:
    said = " ".join(words(base.split(".")[0]))
    return any(word in said for word in PARTITION)


def _listed_part(base: str) -> str:
    """ "train", "held" or "" by the name of a list, such as `val.txt` or `testing_list.txt`."""
    stem = base.split(".")[0]
    if " ".join(words(stem)) in ("trainval", "train val"):
        return "train"
    if "submission" in words(stem):
        return "held"
    return role(stem)


def _parts(
    title: str,
    names: tables.Names,
    files: dict[str, str],
    content: Callable[[str], bytes],
) -> dict[int, str]:
    """ "train" or "held" for each place that one file names; DataError where it is no table."""
    data, base = content(title), title.rpartition("/")[2]
    if _is_partition(base):
        folder = title.rpartition("/")[0]
        numbers = f"{folder}/images.txt" if folder else "images.txt"
        return _partition(data, title, names, content(numbers) if numbers in files else b"")
    part = _listed_part(base)
    places = _listed(data, title, names)
    return dict.fromkeys(places, part)


def _listed(data: bytes, title: str, names: tables.Names) -> list[int]:
    """The places that a list names, or the rows of a table with a head."""
    if table_files.end_of(title) in ("jsonl", "json"):
        columns, rows = table_files.read(data, title)
        column = tables.file_column(columns, rows, names)
        cells: Sequence[Any] = [row.get(column or "") for row in rows]
    else:
        cells = table_files.listed(data)
    found = names.places(cells)
    if found and found[0] is None:  # a head
        found = found[1:]
    there = [place for place in found if place is not None]
    return there if there and len(there) >= NAMED * len(found) else []


def _partition(data: bytes, title: str, names: tables.Names, numbers: bytes) -> dict[int, str]:
    """Parts by a table of a name and a part: a word, or CelebA's 0, 1, 2, or CUB's 1 for train."""
    columns, rows = table_files.read(data, title, names.knows)
    if numbers:  # of a table without a head
        lines = [line.split(None, 1) for line in numbers.decode("utf-8", "replace").splitlines()]
        paths = {line[0]: line[1].strip() for line in lines if len(line) == 2}
        flags = [line.split() for line in data.decode("utf-8", "replace").splitlines()]
        pairs = [(paths.get(line[0], ""), line[1]) for line in flags if len(line) == 2]
        meant = {"1": "train", "0": "held"}
    else:
        column = tables.file_column(columns, rows, names)
        others = [name for name in columns if name != column]
        if column is None or not others:
            return {}
        pairs = [(row.get(column, ""), str(row.get(others[0], "")).strip()) for row in rows]
        meant = NUMBERED
    said = [meant.get(value) or role(value) for _, value in pairs]
    if "train" not in said:
        return {}
    places = names.places(name for name, _ in pairs)
    return {p: part for p, part in zip(places, said, strict=True) if p is not None and part}
