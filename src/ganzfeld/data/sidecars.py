"""Texts beside images, one file each: cat.jpg with cat.txt, cat.caption or cat.json.

They are noticed when a data set is found, and read only when it is packed.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from ganzfeld.core.names import capped, shown, suffix
from ganzfeld.data.candidates import SEVERAL, add_cells
from ganzfeld.data.columns import texts
from ganzfeld.data.encodings import decoded
from ganzfeld.data.readers import Unreadable
from ganzfeld.data.source import Encoded
from ganzfeld.data.tables import ENOUGH
from ganzfeld.data.tags import tags_of

ENDS = ("txt", "caption", "captions", "json")
LOOKED_AT = 8  # files by which it is decided what they hold
MOST_BYTES = 1 << 20  # of one
MOST_TAGS, RARE = 128, 0.01  # share of images that have a tag, below which it is no class
SHAPES = ("shapes", "annotations", "objects", "regions")  # of LabelMe, Supervisely, VIA


def note(source: Encoded) -> None:
    """Set `source.beside` where nearly each image has a text of its own stem, and say so."""
    for end, files in _found(source).items():
        some = [_text(source, name) for name in [*files.values()][:LOOKED_AT]]
        kind = _kind(some, end)
        if kind:
            source.aside.append(f"{len(files):,} .{end} files beside the images: {kind}")
        elif any(some):
            source.beside = files
            left = len(source.titles) - len(files)
            lack = f"; {left:,} images have none" if left else ""
            source.taken["captions"] = f"from the .{end} files beside the images{lack}"
            return


def others(source: Encoded) -> list[tuple[str, str]]:
    """The tables but for texts of which nearly each image has its own: they are no tables."""
    own = {name for files in _found(source).values() for name in files.values()}
    return [item for item in source.tables if item[0] not in own] if own else source.tables


def _found(source: Encoded) -> dict[str, dict[int, str]]:
    """By how they end, the texts of the images' own stems, where nearly each has one."""
    if not source.tables:
        return {}
    stems = {title.rpartition(".")[0] or title: place for place, title in enumerate(source.titles)}
    found: dict[str, dict[int, str]] = {end: {} for end in ENDS}
    for name, title in source.tables:
        place = stems.get(title.rpartition(".")[0]) if (end := suffix(title)) in ENDS else None
        if place is not None:
            found[end][place] = name
    least = max(2, ENOUGH * len(source.titles))
    return {end: files for end, files in found.items() if len(files) >= least}


def _text(source: Encoded, name: str) -> str:
    try:
        data = source.reader.read(name)
    except Unreadable:
        return ""
    return decoded(data[:MOST_BYTES]).strip()


def _kind(some: list[str], end: str) -> str:
    """What files hold that are no captions; "" for captions and for the columns of JSON."""
    if end == "json":
        trees = [tree for text in some if (tree := _object(text))]
        if not trees:
            return "not objects of JSON, not read"
        if all(any(key in tree for key in SHAPES) for tree in trees):
            return "shapes in the images, not read"
        return ""
    words = [word for text in some for word in text.split()]
    if words and all(_is_number(word) for word in words):
        return "numbers, such as boxes of YOLO, not read"
    return ""


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _object(text: str) -> dict[str, Any]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}


def add(source: Encoded) -> None:
    """Read the texts beside the images into columns: "caption" and "tags", or those of JSON."""
    if not source.beside:
        return
    found = {place: _text(source, name) for place, name in source.beside.items()}
    source.beside = {}
    count = len(source.titles)
    if source.taken["captions"].startswith("from the .json"):
        trees = [_object(found.get(place, "")) for place in range(count)]
        for key in dict.fromkeys(key for tree in trees for key in tree):
            cells = [tree.get(key) for tree in trees]
            if not any(isinstance(cell, dict) for cell in cells):
                _add_column(source, key, cells)
        return
    lines = [found.get(place, "").splitlines() for place in range(count)]
    _add_column(source, "caption", [some[0] if len(some) == 1 else some for some in lines])
    tagged = tags_of([some[0] if len(some) == 1 else "" for some in lines])
    if tagged is not None:
        _add_tags(source, tagged)


def _add_column(source: Encoded, name: str, cells: list[Any]) -> None:
    """A column of texts, of which a sample may have several, or of any other type."""
    lists = [cell if isinstance(cell, list) else [cell] for cell in cells]
    words = [
        [" ".join(text.split()) for text in some if isinstance(text, str) and text.strip()]
        for some in lists
    ]
    phrases = [text for some in words for text in some if " " in text]
    if 2 * len(phrases) <= sum(map(len, words)):
        add_cells(source.columns, name, cells, source.rules)
        return
    most = max(map(len, words))
    extra = {SEVERAL: most} if most > 1 else {}
    source.columns.setdefault(name, texts(["\n".join(some) for some in words], **extra))


def _add_tags(source: Encoded, tagged: list[list[str]]) -> None:
    counts = Counter(tag for tags in tagged for tag in {*tags})
    least = max(2, RARE * len(tagged))
    often = [tag for tag, count in counts.most_common(MOST_TAGS) if count >= least]
    if not often:
        return
    cells = [[tag for tag in tags if tag in {*often}] for tags in tagged]
    add_cells(source.columns, "tags", cells, source.rules)
    if left := len(counts) - len(often):
        some = ", ".join(capped([shown(tag) for tag in often], 3))
        source.notes.append(f"tags: the {len(often):,} most frequent ({some}), not {left:,} others")
