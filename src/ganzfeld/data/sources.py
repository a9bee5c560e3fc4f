"""What a data set is, decided by what is there and not by how it is called.

A source is found without decoding anything: `Encoded` names pictures that are still files, `Ready`
holds pictures that are already numbers. Both know their labels, and a key that changes when the
data do.
"""

from __future__ import annotations

import difflib
import gzip
import os
import stat
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.data import arrays
from ganzfeld.data.listing import Listing, Stamp, list_folder
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
from ganzfeld.data.parquet import class_names, picture_columns, titles_and_labels
from ganzfeld.data.readers import FolderReader, ParquetReader, Reader, ZipReader
from ganzfeld.errors import DataError, did_you_mean

EMBEDDED = ("avatars",)
MAX_MEMBERS = 10_000_000
TRAIN_NAMES = frozenset({"train", "training"})
SPLIT_NAMES = TRAIN_NAMES | {"test", "testing", "val", "valid", "validation", "eval", "dev"}
KNOWN = "a folder of pictures, a ZIP of them, IDX files (MNIST), .npy, .npz, Parquet, or avatars"
# What a file's name cannot hide: (kind, its first bytes).
MAGIC = (
    ("zip", b"PK\x03\x04"),
    ("zip", b"PK\x05\x06"),
    ("gzip", b"\x1f\x8b"),
    ("npy", b"\x93NUMPY"),
    ("parquet", b"PAR1"),
)
CONTAINERS = ("idx", "parquet", "zip", "npy")


@dataclass(kw_only=True)
class Source:
    """What all sources know."""

    kind: str
    name: str  # short, for the pack's file name
    place: str  # the path, or the name of the embedded data
    part: str = ""  # the folder in it, where the rest is another set
    stamps: Sequence[Stamp] = ()
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    ignored: list[str] = field(default_factory=list)  # system files, and files that are no pictures
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Encoded(Source):
    """Pictures that must be decoded."""

    reader: Reader
    names: list[str]  # for the reader
    titles: list[str]  # for people; the same unless rows of a table
    broken: list[tuple[str, str]] = field(default_factory=list)  # (name, reason) known by now
    apart: list[tuple[str, str]] = field(default_factory=list)  # (name, title) of a test set


@dataclass(kw_only=True)
class Ready(Source):
    """Pictures that are numbers already. They and their labels are there after `load`: a pack
    that is found again needs neither."""

    loader: Callable[[], tuple[arrays.Stack, NDArray[np.int64] | None, tuple[str, ...]]]
    stack: arrays.Stack = field(init=False)

    def load(self) -> None:
        self.stack, self.labels, self.classes = self.loader()


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
        if suffix(name) not in PICTURE_SUFFIXES and (kind := _sniff(root / name)) in CONTAINERS
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
        return _idx_in([root / name for name in by_kind["idx"]], root)
    if by_kind["parquet"]:
        train = [n for n in by_kind["parquet"] if "train" in n.rsplit("/", 1)[-1].lower()]
        chosen = train or by_kind["parquet"]
        source = _parquet([root / name for name in chosen], root)
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


def _sniff(path: Path) -> str:
    """The kind of a file by its first bytes; "" for anything else."""
    try:
        with open(path, "rb") as file:
            head = file.read(16)
        kind = next((kind for kind, start in MAGIC if head.startswith(start)), "")
        if kind == "gzip":
            with gzip.open(path) as inner:
                head = inner.read(16)
            return "idx" if _is_idx(head) else "gzip"
    except (OSError, EOFError, zlib.error):
        return ""
    return "idx" if not kind and _is_idx(head) else kind


def _is_idx(head: bytes) -> bool:
    return (
        len(head) >= 8
        and head[:2] == b"\0\0"
        and head[2] in arrays.IDX_TYPES
        and (1 <= head[3] <= 5)
    )


def _in_file(path: Path) -> Encoded | Ready:
    kind = _sniff(path)
    if kind == "zip":
        return _zip(path)
    if kind == "idx":
        return _idx_in([path], path)
    if kind == "npy":
        return _ready("npy", path, lambda: (arrays.read_npy(path), None))
    if kind == "parquet":
        return _parquet([path], path)
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


def _stamp(path: Path) -> Stamp:
    info = path.stat()
    return path.name, info.st_size, info.st_mtime_ns


def _plain_name(path: Path) -> str:
    return path.name.split(".")[0] or "data"


def _zip(path: Path) -> Encoded | Ready:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise DataError(
            f"{shown(str(path))} is a damaged ZIP archive, or is cut short ({error})",
            fix="download it again, or test it with: unzip -t",
        ) from error
    _check_members(path, members)
    files = [info.filename for info in members if not info.is_dir()]
    if files and all(name.endswith(".npy") for name in files):
        return _ready("npz", path, lambda: arrays.read_npz(path))
    # Some Windows programs write backslashes.
    titles = {name: name.replace("\\", "/") for name in sorted(files, key=natural)}
    hidden = [n for n, title in titles.items() if any(map(is_system, title.split("/")))]
    documents = [n for n, title in titles.items() if is_document(title)]
    passed_over = {*hidden, *documents}
    kept = [name for name in titles if name not in passed_over]
    if not kept:
        there = ", ".join(capped([shown(name) for name in files], 5)) or "nothing"
        raise DataError(f"{shown(str(path))} holds no pictures; there is {there} in it")
    return _with_classes(
        Encoded(
            kind="zip",
            name=_plain_name(path),
            place=str(path),
            stamps=[_stamp(path)],
            ignored=[titles[name] for name in titles if name in passed_over],
            reader=ZipReader(str(path)),
            names=kept,
            titles=[titles[name] for name in kept],
        )
    )


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive that no honest packer makes. Nothing is ever extracted."""
    if len(members) > MAX_MEMBERS:
        raise DataError(f"{shown(str(path))} holds over {MAX_MEMBERS:,} files")
    seen: set[str] = set()
    for info in members:
        name = info.filename
        parts = name.replace("\\", "/").split("/")
        reason = ""
        if name.startswith(("/", "\\")) or (len(name) > 1 and name[1] == ":"):
            reason = "an absolute path"
        elif ".." in parts:
            reason = "a path that leads out of it"
        elif stat.S_ISLNK(info.external_attr >> 16):
            reason = "a link"
        elif name in seen:
            reason = "a name that comes twice"
        if reason:
            raise DataError(
                f"{shown(str(path))} is refused: {shown(name)!r} is {reason}",
                safe="nothing was unpacked",
                fix="pack the pictures again, or give a folder",
            )
        seen.add(name)


def _idx_in(paths: list[Path], place: Path) -> Ready:
    """The training pictures among IDX files, and the labels that belong to them."""
    images = [path for path in paths if len(_idx_shape(path)) in (3, 4)]
    train = [path for path in images if "train" in path.name.lower()]
    chosen = sorted(train or images, key=lambda path: natural(path.name))
    if not chosen:
        names = ", ".join(shown(path.name) for path in paths)
        raise DataError(f"no pictures among the IDX files: {names} (3 or 4 dimensions expected)")
    path = chosen[0]
    labels_path = _idx_labels_of(path)

    def read() -> tuple[NDArray[Any], NDArray[Any] | None]:
        labels = arrays.read_idx(labels_path) if labels_path else None
        return arrays.read_idx(path), labels

    source = _ready("idx", path, read)
    source.name, source.place = _plain_name(place), str(place)
    if labels_path:
        source.stamps = [_stamp(path), _stamp(labels_path)]
    else:
        source.notes.append(f"no labels file beside {shown(path.name)}")
    others = [shown(other.name) for other in images if other != path]
    if others:
        source.notes.append(f"only {shown(path.name)} is used; {', '.join(others)} left out")
    return source


def _idx_shape(path: Path) -> tuple[int, ...]:
    try:
        with gzip.open(path) if _is_gzip(path) else open(path, "rb") as file:
            return arrays.read_idx_header(file)[1]  # type: ignore[arg-type]
    except (OSError, EOFError, zlib.error, DataError):
        return ()


def _is_gzip(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _idx_labels_of(path: Path) -> Path | None:
    """The file beside it that is called the same, but for images/labels, idx3/idx1 and .gz."""

    def plain(name: str) -> str:
        name = name.lower().removesuffix(".gz").replace(".", "-")
        return name.replace("idx3", "idx1").replace("idx4", "idx1").replace("images", "labels")

    beside = sorted(other for other in path.parent.iterdir() if other.name != path.name)
    same = (other for other in beside if plain(other.name) == plain(path.name))
    return next((other for other in same if len(_idx_shape(other)) == 1), None)


def _ready(
    kind: str, path: Path, read: Callable[[], tuple[NDArray[Any], NDArray[Any] | None]]
) -> Ready:
    def load() -> tuple[arrays.Stack, NDArray[np.int64] | None, tuple[str, ...]]:
        images, labels = read()
        stack = arrays.stack_of(images, path.name)
        if labels is None:
            return stack, None, ()
        places, names = arrays.classes_of(labels, len(images), path.name)
        return stack, places, tuple(names)

    return Ready(
        kind=kind, name=_plain_name(path), place=str(path), stamps=[_stamp(path)], loader=load
    )


# Parquet (the layout of Hugging Face's image data sets)


def _parquet(paths: list[Path], place: Path) -> Encoded:
    paths = sorted(paths, key=lambda path: natural(path.name))
    column, label = picture_columns(paths[0])
    names: list[str] = []
    titles: list[str] = []
    labels: list[Any] = []
    for number, path in enumerate(paths):
        for group, rows in enumerate(titles_and_labels(path, column, label)):
            names += [f"{number}/{group}/{row}" for row in range(len(rows))]
            first = len(titles)
            titles += [title or f"row {first + i}" for i, (title, _) in enumerate(rows)]
            labels += [value for _, value in rows]
    if not names:
        raise DataError(f"{shown(str(place))} holds no rows")
    many = {title for title, count in Counter(titles).items() if count > 1}
    titles = [f"{title} (row {i})" if title in many else title for i, title in enumerate(titles)]
    source = Encoded(
        kind="parquet",
        name=_plain_name(place),
        place=str(place),
        stamps=[_stamp(path) for path in paths],
        reader=ParquetReader("\n".join([*map(str, paths), column])),
        names=names,
        titles=titles,
    )
    if label:
        _label_rows(source, labels, class_names(paths[0], label), paths[0])
    return source


def _label_rows(source: Encoded, labels: list[Any], names: list[str], path: Path) -> None:
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in labels)
    if names and whole and all(0 <= value < len(names) for value in labels):
        source.labels, source.classes = np.array(labels, dtype=np.int64), tuple(names)
    elif whole or all(isinstance(value, str) for value in labels):
        values = sorted(set(labels)) if whole else sorted(set(labels), key=natural)
        places = {value: place for place, value in enumerate(values)}
        source.labels = np.array([places[value] for value in labels], dtype=np.int64)
        source.classes = tuple(str(value) for value in values)
    else:
        source.warnings.append(
            f"{shown(path.name)}: some labels are missing or neither whole numbers nor text: "
            "taken as a set without labels"
        )
