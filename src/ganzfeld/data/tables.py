"""Read labels from tables beside the images: dataset.json, labels.csv, metadata.jsonl."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import capped, natural, shortened, shown
from ganzfeld.data.layout import rest, role, words
from ganzfeld.data.table_files import Table, end_of, read
from ganzfeld.errors import DataError

SUFFIXES = ("csv", "tsv", "jsonl", "ndjson")
SAID = ("label", "attr", "annot", "class", "metadata", "identity", "caption")  # of samples
OTHERS = (*SAID, "train", "instances", "token", "list_")
PLAIN = frozenset({"list", "lists", "files", "file", "cls", "images", "names", "set", "instances"})
FILE_COLUMNS = (
    "file_name", "filename", "file", "image", "image_name", "image_path", "img", "path",
    "filepath", "image_id", "img_id", "imageid", "id", "name", "fname",
)  # fmt: skip
LABEL_COLUMNS = (
    "label", "labels", "class", "class_name", "classname", "class_label", "category", "target",
    "y", "class_id", "label_id", "species", "breed", "type", "diagnosis", "dx", "level", "style",
)  # fmt: skip
SPLIT_COLUMNS = ("split", "subset", "partition", "set")
ENOUGH = 0.9  # of the images must be named in a table for it to be theirs
DIGITS = re.compile(r"[+-]?[0-9]{1,400}")
LAST = 9  # rank of a CSV of any name; text and JSON are tried after it
SKIP = "\0"  # a label that is not there


@dataclass(kw_only=True)
class Labelled:
    """Labels for titles, by a table. `labels` is None where the table holds none of use.

    held: places of titles that the table calls test or validation. aside: sentences on what is
    not used. problem: why the labels cannot be taken, if they cannot.
    """

    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    column: str = ""
    held: list[int] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    problem: str = ""


def rank(name: str, rules: int) -> int:
    """How readily a file is taken for a table of labels; the lowest first, -1 for never."""
    base = name.rpartition("/")[2].casefold()
    if base == "dataset.json":
        return 0
    end = end_of(base) if rules >= 3 else base.rpartition(".")[2]
    if end not in SUFFIXES:
        named = end in ("txt", "json") and any(word in base for word in OTHERS)
        return LAST + 1 if named and rules >= 3 and not _of_one_class(base) else -1
    stem = base.rpartition(".")[0]
    starts = ("metadata", "labels", "label", "train", "annotations", "classes")
    return next((1 + n for n, start in enumerate(starts) if stem.startswith(start)), LAST)


def _of_one_class(base: str) -> bool:
    """Whether a list is of a part, or of one class in it: `cat_train.txt`, `val.partition.txt`."""
    if any(word in base for word in ("partition", "train_test_split")):
        return True
    stem = base.rpartition(".")[0]
    of_part = rest(stem) != tuple(words(stem)) and not any(word in base for word in SAID)
    return of_part and not {word for word in rest(stem) if not word.isdigit()} <= PLAIN


def looks_like_labels(name: str) -> bool:
    """Whether a file that is no table here may hold labels all the same: it should be named."""
    base = name.rpartition("/")[2].casefold()
    ends = ("txt", "json", "xml", "xlsx", "mat", "csv", "tsv")
    return end_of(base) in ends and any(word in base for word in SAID)


class Names:
    """Places of titles by what a table may call them: a path, a file's name, or its stem.

    Where several are meant, as by `places`, a title that one of them names by its path is no
    other's. rules: below 3, a file's name alone tells, whatever folder stands before it.
    """

    def __init__(self, titles: Sequence[str], folder: str, rules: int) -> None:
        start = f"{folder}/" if folder else ""
        self.rules, self.folder = rules, folder
        self.paths = {title.removeprefix(start): i for i, title in enumerate(titles)}
        self.whole = {title: i for i, title in enumerate(titles)}
        self.bases = _once([title.rpartition("/")[2] for title in titles])
        self.stems = _once([_stem(title) for title in titles])
        self.long_stems = _once([title.rpartition(".")[0] for title in titles])
        # 00012.png, of which a spreadsheet makes 12
        padded = [stem.lstrip("0") or "0" if stem.isdigit() else "" for stem in map(_stem, titles)]
        self.numbers = _once(padded) if rules >= 3 and any(padded) else {}
        self.numbers.pop("", None)

    def knows(self, cell: str) -> bool:
        """Whether a cell names a title: so the first line of a table is known to be no head."""
        return self.rules >= 3 and self.find(cell) is not None

    def exactly(self, text: str) -> int | None:
        """The place of a title that is called so in full."""
        for names in (self.paths, self.whole, self.long_stems):
            if text in names:
                return names[text]
        return None

    def find(self, value: Any) -> int | None:
        """The place of the title that a cell names; None where there is none."""
        text = _cell(value)
        found = self.exactly(text)
        return self.loosely(text) if found is None else found

    def loosely(self, text: str) -> int | None:
        """The place of the one title whose file's name, stem or number it is."""
        folder, _, base = text.rpartition("/")
        if self.rules >= 3 and any(role(part) == "held" for part in folder.split("/")):
            return None  # test/1.png is not train/1.png
        found = self.bases.get(base)
        found = self.stems.get(base) if found is None else found
        if found is None and self.rules >= 3:
            found = self.numbers.get(base)
            if found is None and "#" in base:  # 1000_a.jpg#0, of the first of its captions
                return self.loosely(text.rpartition("#")[0])
        return found

    def places(self, values: Iterable[Any]) -> list[int | None]:
        """The places that cells name, one for each."""
        texts = [_cell(value) for value in values]
        exact = [self.exactly(text) for text in texts]
        taken = {place for place in exact if place is not None} if self.rules >= 3 else set()
        return [
            place if place is not None else _unless(self.loosely(text), taken)
            for place, text in zip(exact, texts, strict=True)
        ]


def _cell(value: Any) -> str:
    return str(value).strip().replace("\\", "/").removeprefix("./")


def _unless(place: int | None, taken: set[int]) -> int | None:
    return None if place in taken else place


def _stem(title: str) -> str:
    base = title.rpartition("/")[2]
    return base.rpartition(".")[0] or base


def _once(names: Sequence[str]) -> dict[str, int]:
    counts = Counter(names)
    return {name: i for i, name in enumerate(names) if counts[name] == 1}


def rows_of(data: bytes, name: str, names: Names) -> Table:
    """Columns and rows of a table, see `table_files.read`. names: of what it may be about.

    What a file called captions.json says of each name are captions, not labels.
    """
    columns, rows = read(data, name, names.knows)
    captions = names.rules >= 4 and "caption" in name.rpartition("/")[2].casefold()
    if captions and columns == ["file_name", "label"]:
        columns = ["file_name", "caption"]
        rows = [{"file_name": row["file_name"], "caption": row.get("label")} for row in rows]
    return columns, rows


def apply(
    data: bytes,
    name: str,
    titles: Sequence[str],
    column: str = "",
    *,
    rules: int,
    asked: bool = False,
    apart: Sequence[str] = (),
) -> Labelled | None:
    """What a table says of the titles; None where it is not about them.

    column: of the labels; by default the usual names. asked: the user named this table, so what
    does not fit raises `DataError`. apart: titles of the test part, of which it may speak too.
    """
    names = Names(titles, name.rpartition("/")[0] if not asked else "", rules)
    columns, rows = rows_of(data, name, names)
    if columns == ["file_name"] and not rows:
        return Labelled(problem="its labels are null")
    found_column = file_column(columns, rows, names)
    if found_column is None:
        if asked:
            raise DataError(
                f"no column of {shown(name)} names the images; its columns are "
                f"{', '.join(map(shown, columns))}",
                fix="a column file_name with paths as they lie in the data",
            )
        tested = Names(apart, name.rpartition("/")[0], rules)
        return Labelled() if apart and file_column(columns, rows, tested) else None
    places = names.places(row.get(found_column, "") for row in rows)
    hits = len({place for place in places if place is not None})
    if hits < ENOUGH * len(titles) and not asked:
        if hits < max(1, len(titles) // 10):
            return None
        return Labelled(problem=f"it names {hits:,} of {len(titles):,} images only")
    result = Labelled()
    lost = [row.get(found_column) for row, at in zip(rows, places, strict=True) if at is None]
    if lost and apart:
        tested = Names(apart, names.folder, rules)
        lost = [cell for cell in lost if tested.find(cell) is None]
    if lost:
        listed = ", ".join(capped([shown(shortened(str(n), 60)) for n in lost], 3))
        result.aside.append(f"{shown(name)}: {len(lost):,} rows name no image here ({listed})")
    result.held = _held(columns, rows, places)
    others = [c for c in columns if c != found_column and c.casefold() not in SPLIT_COLUMNS]
    wanted = _label_column(others, rows, name, column)
    values, used = _values(wanted, others, rows, places, len(titles), name)
    if twice := _contradicted(used, rows, places):
        listed = ", ".join(capped([shown(titles[place]) for place in twice], 3))
        result.aside.append(
            f"{shown(name)}: {len(twice):,} images have two different labels in it ({listed}): "
            "the last one counts"
        )
    left = [c for c in others if c not in used]
    if left:
        listed = ", ".join(capped([shown(c) for c in left], 8))
        result.aside.append(
            f"{shown(name)}: columns {listed} are no labels (--condition takes them)"
        )
    if not values:
        if asked:
            raise DataError(
                f"{shown(name)} has no column of labels among {', '.join(map(shown, others))}",
                fix=f"--labels {name}:COLUMN",
            )
        return result
    _settle(result, values, titles, used, name, asked)
    return result


def file_column(columns: list[str], rows: list[dict[str, Any]], names: Names) -> str | None:
    some = rows[:: max(1, len(rows) // 200)]
    folded = {column.casefold().strip().replace(" ", "_"): column for column in columns}
    order = [folded[name] for name in FILE_COLUMNS if name in folded]
    order += [column for column in columns if column not in order]
    best, found = 0, None
    for column in order:
        there = [p for row in some if (p := names.find(row.get(column, ""))) is not None]
        hits = len({*there}) if names.rules >= 3 else len(there)
        if hits > best:
            best, found = hits, column
    return found


def _held(columns: list[str], rows: list[dict[str, Any]], places: list[int | None]) -> list[int]:
    """Places of the images that a column `split` calls test or validation."""
    column = next((c for c in columns if c.casefold() in SPLIT_COLUMNS), None)
    if column is None:
        return []
    roles = [role(str(row.get(column, ""))) for row in rows]
    if "train" not in roles:
        return []
    return sorted(
        p for p, part in zip(places, roles, strict=True) if part == "held" and p is not None
    )


def _label_column(others: list[str], rows: list[dict[str, Any]], name: str, asked: str) -> str:
    if asked:
        if asked not in others:
            raise DataError(
                f"{shown(name)} has no column {shown(asked)}; there are "
                f"{', '.join(map(shown, others))}"
            )
        return asked
    folded = {column.casefold().strip().replace(" ", "_"): column for column in others}
    found = next((folded[n] for n in LABEL_COLUMNS if n in folded), "")
    base = name.rpartition("/")[2].casefold()
    if not found and len(others) == 1 and base.startswith(("label", "train", "class", "annot")):
        values = {str(row.get(others[0], "")) for row in rows}
        if 2 * len(values) <= len(rows):
            found = others[0]
    return found


def _values(
    wanted: str,
    others: list[str],
    rows: list[dict[str, Any]],
    places: list[int | None],
    count: int,
    name: str,
) -> tuple[dict[int, Any], list[str]]:
    """The label of each place, and the columns that were used."""
    at = [(place, row) for place, row in zip(places, rows, strict=True) if place is not None]
    if wanted:
        values = {place: _hot(row.get(wanted)) for place, row in at}
        return values, [wanted]
    hot = [c for c in others if all(_is_bit(row.get(c)) for _, row in at)]
    if len(hot) >= 2 and all(sum(float(row[c]) for c in hot) == 1 for _, row in at):
        return {place: next(c for c in hot if float(row[c]) == 1) for place, row in at}, hot
    return {}, []


def _contradicted(
    used: list[str], rows: list[dict[str, Any]], places: list[int | None]
) -> list[int]:
    """Places that have several rows, which do not agree on these columns."""
    seen: dict[int, list[Any]] = {}
    found: dict[int, None] = {}
    for place, row in zip(places, rows, strict=True):
        if place is not None and used:
            said = [row.get(column) for column in used]
            if seen.setdefault(place, said) != said:
                found[place] = None
    return list(found)


def _hot(value: Any) -> Any:
    """A one-hot list as its place; other values as they are."""
    if isinstance(value, list) and len(value) > 1 and all(_is_bit(v) for v in value):
        return [float(v) for v in value].index(1.0) if sum(map(float, value)) == 1 else value
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _is_bit(value: Any) -> bool:
    return str(value).strip() in ("0", "1", "0.0", "1.0")


def _settle(
    result: Labelled,
    values: dict[int, Any],
    titles: Sequence[str],
    used: list[str],
    name: str,
    asked: bool,
) -> None:
    """Labels and classes from values, or the problem that is in the way."""
    held = set(result.held)
    wanted = [i for i in range(len(titles)) if i not in held]
    column = ", ".join(used[:3]) + ("..." if len(used) > 3 else "")
    texts = {i: _text(values.get(i, SKIP)) for i in wanted}
    lacking = [i for i in wanted if texts[i] in ("", SKIP)]
    distinct = sorted({t for t in texts.values() if t not in ("", SKIP)}, key=natural)
    if lacking:
        listed = ", ".join(capped([shown(titles[i]) for i in lacking], 3))
        result.problem = (
            f"{len(lacking):,} of {len(wanted):,} images have no label in it ({listed})"
        )
    elif any(isinstance(values[i], list | dict) for i in wanted):
        result.problem = f"its column {shown(column)} holds lists that are not one-hot"
    elif _measures(distinct):
        result.problem = f"its column {shown(column)} holds measurements, not classes"
    elif len(distinct) > max(2, len(wanted) // 2) and not asked:
        result.problem = f"its column {shown(column)} has another value for nearly every image"
    if result.problem:
        if asked:
            raise DataError(f"{shown(name)}: {result.problem}", fix="--labels none")
        return
    places = {text: place for place, text in enumerate(distinct)}
    result.labels = np.full(len(titles), -1, dtype=np.int64)
    for i in wanted:
        result.labels[i] = places[texts[i]]
    result.classes, result.column = tuple(distinct), column


def _text(value: Any) -> str:
    """A label as text: 3 for 3.0 too."""
    if value is None:
        return ""
    text = str(value).strip()
    try:
        if DIGITS.fullmatch(text):
            return str(int(text))
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if math.isfinite(number) and number == int(number) else text


def _measures(texts: Sequence[str]) -> bool:
    """Whether the values are numbers with fractions."""
    try:
        return bool(texts) and any(float(text) != int(float(text)) for text in texts)
    except (ValueError, OverflowError):
        return False
