"""What a data set is, decided by what is there and not by how it is called.

A source is found without decoding anything: `Encoded` names pictures that are still files, `Ready`
holds pictures that are already numbers. Both know their labels, and a key that changes when the
data do.
"""

from __future__ import annotations

import difflib
import os
import stat
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganzfeld.data import arrays
from ganzfeld.data.containers import (
    CONTAINERS,
    read_idx,
    read_numbers,
    read_parquet,
    read_zip,
    sniff,
)
from ganzfeld.data.listing import Listing, list_folder
from ganzfeld.data.names import (
    PICTURE_SUFFIXES,
    capped,
    folded,
    is_document,
    is_system,
    natural,
    shown,
    suffix,
    tally,
)
from ganzfeld.data.readers import FolderReader
from ganzfeld.data.source import Encoded, Ready
from ganzfeld.errors import DataError, did_you_mean
from ganzfeld.reader import not_regular

EMBEDDED = ("avatars",)
TRAIN_NAMES = frozenset({"train", "training"})
SPLIT_NAMES = TRAIN_NAMES | {"test", "testing", "val", "valid", "validation", "eval", "dev"}
KNOWN = "a folder of pictures, a ZIP of them, IDX files (MNIST), .npy, .npz, Parquet, or avatars"


def find_source(source: str | os.PathLike[str]) -> Encoded | Ready:
    """The data set at a path. Raises `DataError` that says what is there and what was expected."""
    path = Path(os.fspath(source)).expanduser()
    _refuse_odd_bytes(str(path))
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # a NUL in the name
        raise _missing(path) from None
    except OSError as error:
        raise DataError(f"{shown(str(path))} cannot be read: {error.strerror}") from error
    if what := "" if stat.S_ISDIR(mode) else not_regular(mode):
        raise DataError(
            f"{shown(str(path))} is {what}, not a file or a folder",
            safe="it was not opened",
            fix="give a folder, or a file of images",
        )
    path = path.resolve()
    try:
        return _in_folder(path) if stat.S_ISDIR(mode) else _in_file(path)
    except PermissionError as error:
        raise DataError(
            f"{shown(str(error.filename or path))} cannot be read: permission denied"
        ) from error


def embedded_count(source: str | os.PathLike[str]) -> int | None:
    """0 for "avatars", 2000 for "avatars:2000"; None for all else, and for a path of that name."""
    if not isinstance(source, str):
        return None
    name, colon, number = source.partition(":")
    if name not in EMBEDDED or os.path.lexists(source):
        return None
    if not colon:
        return 0
    if not number.isascii() or not number.isdigit() or not 1 <= len(number) <= 9 or int(number) < 1:
        raise DataError(
            f"{shown(source)}: a number of pictures was expected behind the colon",
            fix="avatars:2000",
        )
    return int(number)


def _missing(path: Path) -> DataError:
    """There is no such path: near names beside it help more than the bare fact."""
    hint = ""
    try:
        beside = [name for name in os.listdir(path.parent) if not is_system(name)]
        near = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.6)
        if near:
            hint = f" Did you mean {shown(str(path.parent / near[0]))!r}?"
        elif difflib.get_close_matches(str(path), EMBEDDED, n=1, cutoff=0.6):
            hint = " " + did_you_mean(str(path), EMBEDDED)
    except OSError:
        hint = f" {shown(str(path.parent))} does not exist either."
    return DataError(
        f"there is nothing at {shown(str(path))} (looked for {KNOWN}).{hint}",
        fix="give the path of the data, or `avatars` for the embedded data set",
    )


# Folders


def _in_folder(root: Path) -> Encoded | Ready:
    listing = list_folder(root)
    kinds = {
        name: kind
        for name, _, _ in listing.files
        if suffix(name) not in PICTURE_SUFFIXES and (kind := sniff(root / name)) in CONTAINERS
    }
    names = [n for n, _, _ in listing.files if not is_document(n) and n not in kinds]
    if not any(suffix(name) in PICTURE_SUFFIXES for name in names) and kinds:
        return _container_in(root, kinds, listing)
    if not names and not listing.broken:
        raise _no_pictures(root, listing)
    kept = set(names)
    left_out = [n for n, _, _ in listing.files if n not in kept]
    source = Encoded(
        kind="folder",
        name=root.name or "root",
        place=str(root),
        stamps=listing.files,
        ignored=listing.ignored + left_out,
        reader=FolderReader(str(root)),
        names=names,
        titles=names,
        broken=listing.broken,
    )
    if listing.links:
        source.warnings.append(
            f"links to folders are not followed: {', '.join(capped(listing.links, 3))}"
        )
    return _with_classes(source)


def _no_pictures(root: Path, listing: Listing) -> DataError:
    kinds = tally(f".{suffix(n)}" if suffix(n) else shown(n) for n, _, _ in listing.files)
    there = ", ".join(capped([f"{count:,} {kind}" for kind, count in kinds.items()], 5))
    return DataError(
        f"{shown(str(root))} holds no pictures; there is {there or 'nothing'} in it "
        f"(and in its sub-folders). Expected: {KNOWN}",
        fix="give the folder that holds the pictures, or the folders of its classes",
    )


def _container_in(root: Path, kinds: dict[str, str], listing: Listing) -> Encoded | Ready:
    """A folder without pictures that holds IDX or Parquet files, or one archive."""
    by_kind = {kind: [n for n, k in kinds.items() if k == kind] for kind in CONTAINERS}
    if by_kind["idx"]:
        return read_idx([root / name for name in by_kind["idx"]], root)
    if by_kind["parquet"]:
        train = [n for n in by_kind["parquet"] if "train" in n.rsplit("/", 1)[-1].lower()]
        chosen = train or by_kind["parquet"]
        source = read_parquet([root / name for name in chosen], root)
        if len(chosen) < len(by_kind["parquet"]):
            source.notes.append(
                f"{len(by_kind['parquet']) - len(chosen)} other Parquet files left out"
            )
        return source
    if len(kinds) > 1:
        names = ", ".join(capped([shown(name) for name in kinds], 5))
        raise DataError(
            f"{shown(str(root))} holds several data sets: {names}",
            fix="give the path of one of them",
        )
    (name,) = kinds
    found = _in_file(root / name)
    found.notes.append(f"{shown(name)}: the only data set in {shown(root.name)}")
    return found


# Classes


def _with_classes(source: Encoded) -> Encoded:
    """Set labels from the folders of the names, or say why there are none."""
    depth = depth_shared(source.titles)
    split = [name.split("/") for name in source.titles]
    tops = [parts[depth] if len(parts) > depth + 1 else "" for parts in split]
    found = sorted(set(tops) - {""}, key=natural)
    train = [top for top in found if top.casefold() in TRAIN_NAMES]
    if train and len(found) > 1 and all(top.casefold() in SPLIT_NAMES for top in found):
        return _with_classes(_only(source, tops, train[0], found))
    if depth:
        within = "/".join(split[0][:depth])
        source.notes.append(f"all pictures lie in {shown(within)}")
    if found and "" in tops:
        source.warnings.append(
            f"{tops.count(''):,} pictures lie beside the folders {', '.join(capped(found, 3))}: "
            "taken as one set without labels"
        )
        found = []
    if found:
        for name in found:
            _refuse_odd_bytes(name)
        _refuse_twins(found)
        places = {name: place for place, name in enumerate(found)}
        source.labels = np.array([places[top] for top in tops], dtype=np.int64)
        # As one machine writes é in one way and another in two, names are put into one form.
        source.classes = tuple(unicodedata.normalize("NFC", name) for name in found)
    return source


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


def _only(source: Encoded, tops: list[str], kept: str, found: list[str]) -> Encoded:
    """Of a set that is split into train and test, the pictures to train on."""
    chosen = [i for i, top in enumerate(tops) if top == kept]
    source.apart = [(source.names[i], source.titles[i]) for i, t in enumerate(tops) if t != kept]
    source.names = [source.names[i] for i in chosen]
    source.titles = [source.titles[i] for i in chosen]
    others = ", ".join(shown(name) for name in found if name != kept)
    source.notes.append(f"only {shown(kept)} is used; {others} left out")
    return source


def _refuse_odd_bytes(name: str) -> None:
    """Names are written into files that must be UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(
            f"the name {os.fsencode(name)!r} is not UTF-8",
            safe="nothing was changed",
            fix="rename it, for instance with convmv -f latin1 -t utf8 --notest",
        ) from None


def _refuse_twins(classes: list[str]) -> None:
    """Two class folders that differ in case or Unicode form only are one class, or a mistake."""
    seen: dict[str, str] = {}
    for name in classes:
        other = seen.setdefault(folded(name), name)
        if other != name:
            raise DataError(
                f"two classes have the same name but for case or Unicode form: "
                f"{other!a} and {name!a}",
                safe="nothing was changed",
                fix="rename one, or put their pictures into one folder",
            )


# Single files


def _in_file(path: Path) -> Encoded | Ready:
    kind = sniff(path)
    if kind == "zip":
        found = read_zip(path)
        return _with_classes(found) if isinstance(found, Encoded) else found
    if kind == "idx":
        return read_idx([path], path)
    if kind == "npy":
        return read_numbers("npy", path, lambda: (arrays.read_npy(path), None))
    if kind == "parquet":
        return read_parquet([path], path)
    if not path.is_file():
        raise DataError(f"{shown(str(path))} is neither a file nor a folder")
    what = "is no data set that can be read here"
    if not path.stat().st_size:
        what = "is empty (0 bytes)"
    elif suffix(path.name) in PICTURE_SUFFIXES:
        what = "is one picture"
    elif suffix(path.name) == "zip":
        what = "is no ZIP archive, or its beginning is damaged"
    elif kind == "gzip":
        what = "is a gzip file that holds no IDX data"
    raise DataError(f"{shown(str(path))} {what}. Expected: {KNOWN}")
