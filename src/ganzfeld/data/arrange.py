"""Choose the images to train on and their labels, from folders and tables."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganzfeld.core.names import PICTURE_SUFFIXES, capped, folded, natural, shown, suffix, tally
from ganzfeld.data import layout, named, sidecars, table_files, tables
from ganzfeld.data.candidates import BY_COLUMN, add_candidates
from ganzfeld.data.other_kinds import COMPANIONS, RAW
from ganzfeld.data.readers import Unreadable
from ganzfeld.data.source import Encoded, Reading
from ganzfeld.data.split_files import held_by_lists
from ganzfeld.errors import DataError

TRAIN_NAMES = frozenset({"train", "training"})
SPLIT_NAMES = TRAIN_NAMES | {"test", "testing", "val", "valid", "validation", "eval", "dev"}
TRIED = 40  # files beside the images that are looked into for labels


def arranged(source: Encoded, reading: Reading) -> Encoded:
    """The source with its test images set apart and its labels set, each with a word on it."""
    if reading.rules < 2:
        return _by_top_folders(source)
    tables_there = source.tables
    if reading.rules >= 4:
        _without_companions(source)
        source.tables = sidecars.others(source)
    _set_apart(source, reading)
    _label(source, reading)
    add_candidates(source, reading.rules)
    source.tables = tables_there
    if reading.rules >= 4:
        sidecars.note(source)
    return source


def _without_companions(source: Encoded) -> None:
    """Leave out films, sounds and raw files of cameras that lie beside images."""
    beside = [i for i, title in enumerate(source.titles) if suffix(title) in COMPANIONS | RAW]
    if not beside or not any(suffix(title) in PICTURE_SUFFIXES for title in source.titles):
        return
    ends = tally(f".{suffix(source.titles[i])}" for i in beside)
    listed = ", ".join(capped([f"{count:,} {end}" for end, count in ends.items()], 4))
    source.aside.append(f"what lies beside the images: {listed}")
    source.ignored += [source.titles[i] for i in beside]
    _without(source, dict.fromkeys(beside, "masks"))


def _label(source: Encoded, reading: Reading) -> None:
    """Set the labels, unless a column is to give them, and say where they are from."""
    if reading.labels == "none" or reading.labels.startswith(BY_COLUMN):
        _note_depth(source, depth_shared(source.titles))
        return
    if reading.labels == "names":
        _from_names(source)
        return
    if reading.labels not in ("auto", "folders"):
        _from_file(source, reading.labels, reading.rules)
    elif reading.labels == "folders" or not _from_tables(source, reading.rules):
        _from_folders(source, reading.rules, insist=reading.labels == "folders")
    if reading.labels == "folders":
        left = _label_files(source, reading.rules)
        source.aside += [f"{shown(title)}: a table of labels, not read" for title in left]
    unlabelled = source.labels is None and "labels" not in source.taken
    if unlabelled and reading.rules >= 4 and (found := named.classes_of(source.titles)):
        source.taken["labels"] = named.in_words(found)


def depth_shared(names: Sequence[str]) -> int:
    """How many folders all names have in common."""
    if not names:
        return 0
    first, last = (names_.split("/")[:-1] for names_ in (min(names), max(names)))
    depth = 0
    for a, b in zip(first, last, strict=False):
        if a != b:
            break
        depth += 1
    return depth


# Test images


def _set_apart(source: Encoded, reading: Reading) -> None:
    """Leave out test folders and masks, unless all are asked for."""
    aside = layout.set_aside(source.titles, masks=reading.masks, rules=reading.rules)
    if reading.splits == "all":
        aside = {path: kind for path, kind in aside.items() if kind == "masks"}
    folders = {title.rpartition("/")[0] for title in source.titles} if aside else set()
    goes: dict[str, str] = {}
    for folder in folders:
        path = folder
        while path:
            if path in aside:
                goes[folder] = path
            path = path.rpartition("/")[0]
    found = [goes.get(title.rpartition("/")[0], "") for title in source.titles] if goes else []
    if any(found) and not all(found):
        _leave(source, found, aside)
    if reading.rules >= 3:
        _by_names(source, reading)


def _leave(source: Encoded, found: Sequence[str], aside: dict[str, str]) -> None:
    """Leave out what lies in folders that are set aside, with a word on it."""
    counts = Counter(path for path in found if path)
    parts = [p for p in sorted(counts, key=natural) if aside[p] == "part"]
    masks = [p for p in sorted(counts, key=natural) if aside[p] == "masks"]
    _keep(source, [i for i, path in enumerate(found) if not path], found, aside)
    if parts:
        listed = ", ".join(capped([shown(path) for path in parts], 6))
        total = sum(counts[path] for path in parts)
        source.aside.append(f"test and validation folders {listed}: {total:,} images")
        kept = sorted({p for t in source.titles for p in t.split("/")[:-1] if layout.role(p)})
        only = ", ".join(capped([shown(name) for name in kept], 4)) or "the rest"
        source.taken["split"] = f"only {only}; --splits all takes the rest too"
        source.notes.append(f"only {only} is used; {listed} left out")
    if masks:
        listed = ", ".join(capped([shown(path) for path in masks], 6))
        total = sum(counts[path] for path in masks)
        source.aside.append(f"masks in {listed}: {total:,} images")


def _by_names(source: Encoded, reading: Reading) -> None:
    """Leave out masks that lie beside their images, and what lists call test images."""
    masks = layout.masks_by_name(source.titles) if reading.masks else []
    if masks and len(masks) < len(source.titles):
        some = ", ".join(capped([shown(source.titles[place]) for place in masks], 3))
        source.aside.append(f"{len(masks):,} masks beside their images: {some}")
        _without(source, {place: "masks" for place in masks})
    if reading.splits == "all":
        return
    held = held_by_lists(source, reading.rules)
    if held:
        lists = ", ".join(capped([shown(t) for t in sorted({*held.values()}, key=natural)], 3))
        source.aside.append(f"{len(held):,} images that {lists} calls test or validation")
        source.taken["split"] = f"train, by {lists}; --splits all takes the rest too"
        _without(source, dict.fromkeys(held, "part"))


def _without(source: Encoded, kinds: dict[int, str]) -> None:
    """Leave out places, each as "part" or "masks"."""
    found = [kinds.get(place, "") for place in range(len(source.titles))]
    _keep(
        source,
        [i for i, kind in enumerate(found) if not kind],
        found,
        {"part": "part", "masks": "masks"},
    )


def _keep(
    source: Encoded, kept: Sequence[int], found: Sequence[str], aside: dict[str, str]
) -> None:
    source.apart += [
        (source.names[i], source.titles[i])
        for i, path in enumerate(found)
        if path and aside[path] == "part"
    ]
    source.names = [source.names[i] for i in kept]
    source.titles = [source.titles[i] for i in kept]


# Labels


def _label_files(source: Encoded, rules: int) -> list[str]:
    ranks, titles = range(tables.LAST + 1), [title for _, title in source.tables]
    return [t for t in titles if tables.rank(t, rules) in ranks or tables.looks_like_labels(t)]


def _tables(source: Encoded, rules: int) -> list[tuple[str, str]]:
    """The tables, but for those in folders of test images that were set apart."""
    if rules < 4 or not source.apart:
        return source.tables
    apart = {title.rpartition("/")[0] for _, title in source.apart} - {""}
    apart -= {title.rpartition("/")[0] for title in source.titles}
    return [item for item in source.tables if item[1].rpartition("/")[0] not in apart]


def _from_tables(source: Encoded, rules: int) -> bool:
    """Labels by the first table that holds them. Whether folders need not be asked."""
    ranked = [(tables.rank(t, rules), n, t) for n, t in _tables(source, rules)]
    tried = sorted((place, natural(t), n, t) for place, n, t in ranked if place >= 0)
    candidates = [(name, title) for _, _, name, title in tried][:TRIED]
    spoken, settled = set(), False
    apart = [title for _, title in source.apart] if rules >= 3 else []
    for name, title in candidates:
        try:
            content = source.reader.read(name)
            found = tables.apply(content, title, source.titles, rules=rules, apart=apart)
        except (DataError, Unreadable) as error:
            if tables.rank(title, rules) > tables.LAST:
                continue  # by its name only
            what = error.what if isinstance(error, DataError) else f"{shown(title)}: {error}"
            source.aside.append(f"labels not read: {what}")
            spoken.add(title)
            continue
        if found is None:
            continue
        spoken.add(title)
        source.aside += found.aside
        if found.problem and title.rpartition("/")[2].casefold() == "dataset.json":
            source.taken["labels"] = f"none: {shown(title)}: {found.problem}"
            _note_depth(source, depth_shared(source.titles))
            settled = True
            break
        if found.problem:
            source.warnings.append(f"labels of {shown(title)} are left aside: {found.problem}")
        if _take(source, found, title):
            settled = True
            break
    about = {title for _, title in _tables(source, rules)}
    left = [t for t in _label_files(source, rules) if t not in spoken and t in about]
    source.aside += [f"{shown(t)}: a table of labels that is not read" for t in left[:3]]
    if len(left) > 3:
        source.aside.append(f"and {len(left) - 3} more tables")
    return settled


def _from_file(source: Encoded, labels: str, rules: int) -> None:
    """Labels by the table that the user named, beside the images or anywhere."""
    path, column = labels, ""
    inside = {title: name for name, title in source.tables}
    if not os.path.exists(path) and path not in inside and ":" in path:
        path, _, column = path.rpartition(":")
    if path in inside:
        data = source.reader.read(inside[path])
    else:
        beside = Path(source.place) / path
        place = Path(path) if os.path.isfile(path) or not beside.is_file() else beside
        data = _table_bytes(place)
        info = place.stat()
        source.stamps = [*source.stamps, (str(place), info.st_size, info.st_mtime_ns)]
    found = tables.apply(data, path, source.titles, column, rules=rules, asked=True)
    assert found is not None
    source.aside += found.aside
    _take(source, found, path)


def _table_bytes(place: Path) -> bytes:
    if not place.is_file():
        raise DataError(
            f"--labels {shown(str(place))}: there is no such file",
            fix="--labels auto, none, folders, names, or the path of a table",
        )
    with open(place, "rb") as file:
        return file.read(table_files.MAX_BYTES + 1)


def _take(source: Encoded, found: tables.Labelled, title: str) -> bool:
    """Set labels, and leave out what the table calls test. Whether there were labels."""
    if found.held:
        held = set(found.held)
        kept = [i for i in range(len(source.titles)) if i not in held]
        source.apart += [(source.names[i], source.titles[i]) for i in found.held]
        source.names = [source.names[i] for i in kept]
        source.titles = [source.titles[i] for i in kept]
        if found.labels is not None:
            found.labels = found.labels[kept]
        source.aside.append(f"{len(held):,} images that {shown(title)} calls test or validation")
        source.taken["split"] = f"train, by {shown(title)}"
    if found.labels is None:
        return False
    classes = [unicodedata.normalize("NFC", name) for name in found.classes]
    for name in classes:
        refuse_odd_bytes(name)
    source.labels, source.classes = found.labels, tuple(classes)
    source.taken["labels"] = f"column {shown(found.column)} of {shown(title)}"
    return True


def _note_depth(source: Encoded, depth: int) -> None:
    if depth:
        within = "/".join(source.titles[0].split("/")[:depth])
        source.notes.append(f"all images lie in {shown(within)}")


def _tops(source: Encoded) -> tuple[int, list[str]]:
    depth = depth_shared(source.titles)
    split = (title.split("/") for title in source.titles)
    return depth, [parts[depth] if len(parts) > depth + 1 else "" for parts in split]


def _from_folders(source: Encoded, rules: int, *, insist: bool) -> None:
    """Labels by the folders of the names, or why there are none."""
    depth, tops = _tops(source)
    found = sorted(set(tops) - {""}, key=natural)
    _note_depth(source, depth)
    if found and "" in tops:
        source.warnings.append(
            f"{tops.count(''):,} images lie beside the folders {', '.join(capped(found, 3))}: "
            "taken as one set without labels"
        )
        return
    if not found:
        return
    why = "" if insist else layout.why_no_classes(tops, source.titles, rules)
    if why:
        listed = ", ".join(capped([shown(name) for name in found], 3))
        source.taken["labels"] = (
            f"none: the folders {listed} are {why}, no classes; --labels folders takes them "
            "as classes"
        )
        return
    _set_classes(source, tops, found)
    source.taken["labels"] = "the folders' names"


def _from_names(source: Encoded) -> None:
    """Labels by the names of the files, as asked."""
    found = named.classes_of(source.titles)
    if found is None:
        raise DataError(
            "--labels names: the files' names do not begin as classes would, each with a number "
            "behind it, such as cat.1.jpg or 7_0123.png",
            safe="nothing was changed",
            fix="--labels labels.csv, a table with the columns file_name and label",
        )
    _set_classes(source, found, sorted({*found}, key=natural))
    source.taken["labels"] = "the files' names"


def _set_classes(source: Encoded, tops: Sequence[str], found: Sequence[str]) -> None:
    for name in found:
        refuse_odd_bytes(name)
    _refuse_twins(found)
    places = {name: place for place, name in enumerate(found)}
    source.labels = np.array([places[top] for top in tops], dtype=np.int64)
    # As one machine writes é in one way and another in two, names are put into one form.
    source.classes = tuple(unicodedata.normalize("NFC", name) for name in found)


def _by_top_folders(source: Encoded) -> Encoded:
    """As runs of before understood folders, so that they find their data again."""
    depth, tops = _tops(source)
    found = sorted(set(tops) - {""}, key=natural)
    train = [top for top in found if top.casefold() in TRAIN_NAMES]
    if train and len(found) > 1 and all(top.casefold() in SPLIT_NAMES for top in found):
        kept = [i for i, top in enumerate(tops) if top == train[0]]
        aside = {"other": "part"}
        _keep(source, kept, ["" if top == train[0] else "other" for top in tops], aside)
        return _by_top_folders(source)
    _note_depth(source, depth)
    if found and "" not in tops:
        _set_classes(source, tops, found)
    return source


def refuse_odd_bytes(name: str) -> None:
    """Names are written into files that must be UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(
            f"the name {os.fsencode(name)!r} is not UTF-8",
            safe="nothing was changed",
            fix="rename it, for instance with convmv -f latin1 -t utf8 --notest",
        ) from None


def _refuse_twins(classes: Sequence[str]) -> None:
    """Two class folders that differ in case or Unicode form only are one class, or a mistake."""
    seen: dict[str, str] = {}
    for name in classes:
        other = seen.setdefault(folded(name), name)
        if other != name:
            raise DataError(
                f"two classes have the same name but for case or Unicode form: "
                f"{other!a} and {name!a}",
                safe="nothing was changed",
                fix="rename one, or put their images into one folder",
            )
