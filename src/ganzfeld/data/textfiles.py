"""Text files as samples: a line each, or the text of each object of JSON lines."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ganzfeld.core.names import capped, shown, suffix
from ganzfeld.core.progress import Progress
from ganzfeld.data import table_files
from ganzfeld.data.candidates import add_cells, labels_by_column
from ganzfeld.data.columns import Values, scattered
from ganzfeld.data.encodings import (
    DAMAGED,
    FEW,
    MARK,
    WHITE,
    decoded,
    encoding_of,
    foreign,
    odd_lines,
    unmarked,
)
from ganzfeld.data.listing import Stamp
from ganzfeld.data.source import Gathered, Raw
from ganzfeld.data.tables import LABEL_COLUMNS
from ganzfeld.data.text_rows import add_lines
from ganzfeld.data.typed import typed
from ganzfeld.errors import DataError

MAX_BYTES = 1 << 30
BREAKS = re.compile(r"[^\S\r\n]*[\r\n]\s*")  # with the blanks around them
MAX_LINE = 1_000_000  # characters of a line; a longer one is bad
HEAD = 1 << 16  # bytes by which a file is told to be text
SURE_KEYS = ("text", "sentence", "content", "line", "prompt", "caption", "body")
PLAIN_TEXT = 16  # characters, on average, of a field of text that is called otherwise
TEXT_KEYS = ("text", "sentence", "content", "line", "name", "prompt", "caption", "body")


def looks_like_text(path: Path) -> bool:
    """Whether a file begins with UTF-8 without control characters, but for few lines of it, or with
    text in an encoding that can be told."""
    try:
        head = head_of(path, HEAD)
    except (OSError, EOFError, zlib.error):
        return False
    if foreign(head):
        return True
    if len(head) == HEAD:
        head = head[: head.rfind(b"\n") + 1] or whole_letters(head)
    lines, odd, _ = odd_lines(head)
    return bool(head.decode("utf-8-sig", "replace").strip()) and FEW * odd <= lines


def whole_letters(data: bytes) -> bytes:
    """UTF-8 without a letter at its end that is cut."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return data[: error.start] if error.start >= len(data) - 4 else data
    return data


def no_text(path: Path) -> DataError:
    """Why a file that is called text is none, and the command that mends it.

    It is one for which `looks_like_text` is false.
    """
    try:
        head = head_of(path, HEAD)
    except (OSError, EOFError, zlib.error) as error:
        return DataError(f"{shown(str(path))} is damaged or cut short ({error})")
    name, mended = shlex.quote(str(path)), shlex.quote(f"utf8-{path.name}")
    encoding = unmarked(head) or encoding_of(head)
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        return DataError(
            f"{shown(str(path))} is not UTF-8 text: line {line:,} breaks its rules",
            fix="save it as UTF-8 in the program that wrote it   or "
            f"iconv -f {encoding} -t UTF-8 {name} > {mended}   if {encoding} is its encoding",
        )
    odd = next((c for c in text if c < " " and c not in WHITE), "")
    if not odd:
        return DataError(f"{shown(str(path))} holds no text: all its lines are empty")
    line = text.count("\n", 0, text.index(odd)) + 1
    guess = f"   or iconv -f {encoding} -t UTF-8 {name} > {mended}   if {encoding} is its encoding"
    return DataError(
        f"{shown(str(path))} is not text: line {line:,} holds the control character "
        f"U+{ord(odd):04X}",
        fix=("save it as UTF-8 in the program that wrote it" + guess)
        if unmarked(head)
        else f"tr -d '\\000-\\010\\016-\\032' < {name} > {mended}   without such characters",
    )


def no_objects(path: Path) -> DataError:
    """Why a file that is called JSON lines is none. For it, `first_objects` gives none."""
    try:
        table_files.objects(head_of(path, MAX_LINE).decode("utf-8-sig", "replace"))
    except ValueError as error:
        why = f": {error}"
    else:
        why = ""
    return DataError(
        f"{shown(str(path))} holds no JSON lines{why}",
        fix='an object in each line, such as {"text": "..."}',
    )


def first_objects(path: Path, count: int = 20) -> list[dict[str, Any]]:
    """The first lines as objects of JSON; [] where one of them is none."""
    if suffix(path.name.removesuffix(".gz")) == "json":
        return _listed(path)[:count]
    text = head_of(path, MAX_LINE).decode("utf-8-sig", "replace")
    whole = text.rstrip().split("\n") if len(text) < MAX_LINE else text.split("\n")[:-1]
    try:
        return table_files.objects("\n".join([line for line in whole if line.strip()][:count]))
    except ValueError:
        return []


def head_of(path: Path, size: int) -> bytes:
    """The first bytes of a file, which may be packed by gzip."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        return gzip.GzipFile(fileobj=file).read(size) if packed else file.read(size)


def whole(path: Path) -> bytes:
    """All bytes of a file, which may be packed by gzip. DataError where these are too many."""
    try:
        data = head_of(path, MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{shown(str(path))} is damaged or cut short ({error})") from error
    if len(data) > MAX_BYTES:
        raise DataError(
            f"{shown(str(path))} is over {MAX_BYTES >> 20} MB", fix="split it, and give a part"
        )
    return data


def lines_of(path: Path, stamp: Stamp) -> Gathered:
    """A source of the lines of a file. Empty ones are no samples."""

    def gather(progress: Progress) -> Raw:
        raw = Raw(columns={}, titles=[])
        titles: list[str] = []
        lines: list[str] = []
        for number, line in enumerate(_split(path), 1):
            if not line.strip():
                raw.facts["empty lines passed over"] += 1
                continue
            titles.append(f"line {number}")
            lines.append(_good(line, len(lines), raw))
            if number % 100_000 == 0:
                progress("reading", number, number)
        raw.titles = titles
        raw.values = _in_words(lines, raw)
        add_lines(raw, lines, shown(str(path)))
        return raw

    source = source_of_text("text file", path, stamp, gather)
    source.taken["modality"] = "text: a sample a line; --as table reads it as a table"
    return source


def json_lines_of(path: Path, stamp: Stamp) -> Gathered:
    """A source of the texts of JSON lines; the other fields are labels, numbers or captions."""

    def gather(progress: Progress) -> Raw:
        raw = Raw(columns={}, titles=[])
        titles: list[str] = []
        rows: list[dict[str, Any]] = []
        for number, line in enumerate(_split(path), 1):
            if not line.strip():
                continue
            titles.append(f"line {number}")
            row, problem = _object(line)
            if problem:
                raw.bad[len(rows)] = problem
            rows.append(row)
            if number % 100_000 == 0:
                progress("reading", number, number)
        settle(raw, rows, titles, source)
        return raw

    source = source_of_text("JSON lines", path, stamp, gather)
    source.taken["modality"] = "text: a field of each JSON object; --as table reads it as a table"
    return source


def source_of_text(kind: str, path: Path, stamp: Stamp, gather: Any) -> Gathered:
    return Gathered(
        kind=kind,
        name=path.name.split(".")[0] or "data",
        place=str(path),
        stamps=[stamp],
        modality="text",
        gather=gather,
        taken=encoding_taken(path),
    )


def encoding_taken(path: Path) -> dict[str, str]:
    """What the plan says of text that is not UTF-8; {} of other text."""
    encoding = foreign(head_of(path, HEAD))
    told = f"{encoding}, told by its bytes: look whether its letters are right"
    return {"encoding": told} if encoding else {}


def settle(raw: Raw, rows: list[dict[str, Any]], titles: list[str], source: Gathered) -> None:
    """The text, the labels and the other columns of objects."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    key = text_key(rows, keys)
    if not key:
        listed = ", ".join(capped([shown(k) for k in keys], 8)) or "nothing"
        raise DataError(
            f"{shown(source.place)} has no field of text; its fields are {listed}",
            fix='{"text": "..."} in each line, or --as table',
        )
    lines = []
    for place, row in enumerate(rows):
        text = row.get(key)
        if place not in raw.bad and not (isinstance(text, str) and text.strip()):
            raw.bad[place] = f"has no text in {shown(key)}"
        line = str(text)
        if source.rules >= 10 and BREAKS.search(line.strip()):
            line = BREAKS.sub(" ", line.strip())
            raw.facts["line breaks to blanks"] += place not in raw.bad
        lines.append(_good(line, place, raw) if place not in raw.bad else "")
    raw.titles = titles
    source.taken["text"] = f"the field {shown(key)}"
    good = [place for place in range(len(rows)) if place not in raw.bad]
    found: dict[str, Values] = {}
    for other in keys:
        if other != key:
            add_cells(found, other, [rows[place].get(other) for place in good], source.rules)
    raw.columns |= {name: scattered(values, good, len(rows)) for name, values in found.items()}
    label = next((n for n in found if n.casefold() in LABEL_COLUMNS), "")
    if label and found[label].spec.modality == "class" and not found[label].spec.extra["missing"]:
        labels_by_column(source, raw.columns, label)
        raw.labels, raw.classes = source.labels, source.classes
    raw.values = _in_words(lines, raw)
    add_lines(raw, lines, shown(source.place))


def text_key(rows: list[dict[str, Any]], keys: list[str]) -> str:
    """The field that is the text: by a usual name, else with the longest texts; "" for none."""

    def share(key: str) -> float:
        return sum(isinstance(row.get(key), str) for row in rows) / max(1, len(rows))

    texts_in = [key for key in keys if share(key) > 0.5]
    usual = next((name for name in TEXT_KEYS for key in texts_in if key.casefold() == name), "")
    if usual:
        return next(key for key in texts_in if key.casefold() == usual)
    longest = {key: sum(len(str(row.get(key, ""))) for row in rows) for key in texts_in}
    return max(longest, key=lambda key: longest[key], default="")


def is_text(rows: list[dict[str, Any]]) -> bool:
    """Whether objects are texts with what is known of them, rather than rows of a table."""
    key = text_key(rows, list(rows[0]))
    mean = sum(len(str(row.get(key, ""))) for row in rows) / len(rows)
    return bool(key) and (key.casefold() in SURE_KEYS or mean >= PLAIN_TEXT)


def has_text(rows: list[dict[str, Any]], rules: int) -> bool:
    """Whether a field of objects is text: by a usual name, or as it holds neither dates nor few
    words over and over."""
    key = text_key(rows, list(dict.fromkeys(key for row in rows for key in row)))
    if key.casefold() in TEXT_KEYS:
        return True
    values = typed([row.get(key) for row in rows], rules=rules) if key else None
    return values is not None and values.spec.modality == "text"


def _split(path: Path) -> list[str]:
    """All lines of a file, without their ends. Bytes that are no UTF-8 become marks."""
    if suffix(path.name.removesuffix(".gz")) == "json":
        return [json.dumps(row) for row in _listed(path)]
    data = whole(path)
    text = decoded(data) if foreign(data[:HEAD]) else data.decode("utf-8-sig", "replace")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines  # a line's end is no empty line behind it


def _listed(path: Path) -> list[dict[str, Any]]:
    """The objects of a file that is one list of them; [] where it is none."""
    try:
        tree = json.loads(whole(path).decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return []
    several = isinstance(tree, list) and all(isinstance(row, dict) for row in tree)
    return tree if several else []


def _object(line: str) -> tuple[dict[str, Any], str]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}, "not readable as JSON"
    return (row, "") if isinstance(row, dict) else ({}, "no JSON object")


def _good(line: str, place: int, raw: Raw) -> str:
    """The line, or "" with its reason where it is bad."""
    if MARK in line:
        raw.bad[place] = DAMAGED
    elif "\0" in line:
        raw.bad[place] = "holds the character NUL"
    elif len(line) > MAX_LINE:
        raw.bad[place] = f"over {MAX_LINE:,} characters"
    return "" if place in raw.bad else line


def _in_words(lines: list[str], raw: Raw) -> str:
    lengths = [len(line) for i, line in enumerate(lines) if i not in raw.bad] or [0]
    middle = int(np.median(lengths))
    return (
        f"{min(lengths):,} to {max(lengths):,} characters a line, the middle one {middle:,}; "
        f"{len(set().union(*lines)):,} different characters"
    )
