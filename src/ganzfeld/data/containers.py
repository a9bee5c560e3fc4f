"""Data sets in single files: ZIP, IDX (MNIST), .npy, .npz and Parquet."""

from __future__ import annotations

import gzip
import shlex
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import capped, is_document, is_system, natural, shown, suffix
from ganzfeld.core.reader import open_regular
from ganzfeld.data import arrays
from ganzfeld.data.candidates import BY_COLUMN, add_cells
from ganzfeld.data.fields import columns_beside, npz_fields
from ganzfeld.data.listing import Stamp
from ganzfeld.data.npz import key_of, read_npz
from ganzfeld.data.parquet import class_names, other_columns, picture_columns, titles_and_labels
from ganzfeld.data.readers import ParquetReader, ZipReader
from ganzfeld.data.series_arrays import npz_series
from ganzfeld.data.source import WORDS, Encoded, Gathered, Reading, Ready
from ganzfeld.data.unzip import titles_of
from ganzfeld.errors import DataError, UsageError

MAX_MEMBERS = 10_000_000
# What a file's name cannot hide: (kind, its first bytes).
MAGIC = (
    ("zip", b"PK\x03\x04"),
    ("zip", b"PK\x05\x06"),
    ("gzip", b"\x1f\x8b"),
    ("npy", b"\x93NUMPY"),
    ("parquet", b"PAR1"),
    ("hdf5", b"\x89HDF\r\n\x1a\n"),
    ("7z", b"7z\xbc\xaf\x27\x1c"),
    ("rar", b"Rar!\x1a\x07"),
    ("xz", b"\xfd7zXZ\0"),
    ("bz2", b"BZh"),
    ("zstd", b"\x28\xb5\x2f\xfd"),
    ("matlab", b"MATLAB 5.0 MAT"),
    ("pickle", b"\x80\x02"),
    ("pickle", b"\x80\x03"),
    ("pickle", b"\x80\x04"),
    ("lfs", b"version https://git-lfs"),
    ("sqlite", b"SQLite format 3\0"),
    ("lmdb", b"\0\0\0\0\0\0\0\0\0\0\x08\0\0\0\0\0"),
)
# Files that stand for others.
LEFT_OVER = {
    "lfs": ("a Git LFS pointer: the file itself was not downloaded", "git lfs pull"),
}
IMAGES = (
    *(b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"8BPS", b"qoif", b"DDS "),
    *(b"\x93NUMPY", b"SIMPLE", b"\0\0\1\0", b"icns", b"\0\0\0\x0cjP", b"BLP", b"\xb1h\xde:"),
    *(
        b"P1",
        b"P2",
        b"P3",
        b"P4",
        b"P5",
        b"P6",
        b"P7",
        b"Pf",
        b"PF",
        b"\x01\xda",
        b"\x59\xa6\x6a\x95",
    ),
)
CONTAINERS = ("idx", "parquet", "zip", "tar", "npy")


def sniff(path: Path) -> str:
    """The kind of a file by its first bytes; "" for anything else."""
    try:
        with open_regular(path) as file:
            head = file.read(512)
        kind = next((kind for kind, start in MAGIC if head.startswith(start)), "")
        if head[257:262] == b"ustar":
            return "tar"
        if kind == "gzip":
            with gzip.open(path) as inner:
                head = inner.read(512)
            if head[257:262] == b"ustar":
                return "tar.gz"
            return "idx" if _is_idx(head) else "gzip"
        if not kind and _is_tfrecord(head):
            return "tfrecord"
    except (OSError, EOFError, zlib.error, ValueError):  # a pipe or a device, too
        return ""
    return "idx" if not kind and _is_idx(head) else kind


def begins_as_image(path: Path) -> bool:
    """Whether a file begins as one of an image does."""
    try:
        with open_regular(path) as file:
            head = file.read(132)
    except OSError:
        return True  # it is named when it is read
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return webp or head.startswith(IMAGES) or head[4:8] == b"ftyp" or head[128:132] == b"DICM"


def _is_idx(head: bytes) -> bool:
    return (
        len(head) >= 8
        and head[:2] == b"\0\0"
        and head[2] in arrays.IDX_TYPES
        and (1 <= head[3] <= 5)
    )


def _is_tfrecord(head: bytes) -> bool:
    """A length, its checksum, and a protobuf that begins with a field of bytes."""
    size = int.from_bytes(head[:8], "little")
    return (
        len(head) > 16
        and 0 < size < 1 << 32
        and head[12:13] == b"\x0a"
        and bool(head[8:12].strip(b"\0"))
    )


def stamp_of(path: Path) -> Stamp:
    info = path.stat()
    return path.name, info.st_size, info.st_mtime_ns


def _plain_name(path: Path) -> str:
    return path.name.split(".")[0] or "data"


def read_zip(path: Path, reading: Reading) -> Encoded | Ready | Gathered:
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
    if _is_npz(path, files):
        free = reading.modality == "auto" and reading.rules >= 2 and reading.range is None
        stamps: list[Stamp] = [stamp_of(path)]
        found: Gathered | None = None
        if reading.modality == "series" or free:
            found = npz_series(path, not free, stamps)
        if found is None and (reading.modality == "field" or free):
            found = npz_fields(path, reading.modality, stamps=stamps)
        if found is not None:
            return found
        return _read_npz(path, reading)
    meant = titles_of(info for info in members if not info.is_dir())
    titles = {name: meant[name] for name in sorted(files, key=lambda name: natural(meant[name]))}
    hidden = [n for n, title in titles.items() if any(map(is_system, title.split("/")))]
    arrays_in = all(suffix(t) == "npy" for n, t in titles.items() if n not in hidden)
    documents = [n for n, title in titles.items() if is_document(title) and not arrays_in]
    passed_over = {*hidden, *documents}
    kept = [name for name in titles if name not in passed_over]
    if not kept:
        there = ", ".join(capped([shown(name) for name in files], 5)) or "nothing"
        goal = shlex.quote(path.name.removesuffix(".zip") + "-unpacked")
        raise DataError(
            f"{shown(str(path))} holds no images; there is {there} in it",
            fix=f"unpack it, and give the folder: unzip {shlex.quote(str(path))} -d {goal}"
            if files
            else "pack the images again",
        )
    return Encoded(
        kind="zip",
        name=_plain_name(path),
        place=str(path),
        stamps=[stamp_of(path)],
        ignored=[titles[name] for name in titles if name in passed_over],
        reader=ZipReader(str(path)),
        names=kept,
        titles=[titles[name] for name in kept],
        tables=[(name, titles[name]) for name in documents if name not in hidden],
    )


def _is_npz(path: Path, files: list[str]) -> bool:
    """Whether an archive is NumPy's: named arrays, rather than a folder of them, one an image."""
    if not files or not all(name.endswith(".npy") and "/" not in name for name in files):
        return False
    known = any(key_of(name.removesuffix(".npy")).what == "image" for name in files)
    return known or path.suffix == ".npz" or len(files) == 1


def _read_npz(path: Path, reading: Reading) -> Ready:
    def read() -> tuple[NDArray[Any], NDArray[Any] | None]:
        found = read_npz(path, reading.splits)
        source.aside += found.aside
        source.taken["arrays"] = found.keys
        source.columns = columns_beside(found.beside, len(np.atleast_1d(found.images)), source)
        return found.images, found.labels

    source = read_numbers("npz", path, read, reading)
    return source


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
                fix="pack the images again, or give a folder",
            )
        seen.add(name)


def read_idx(paths: list[Path], place: Path, reading: Reading) -> Ready:
    """The training images among IDX files, and the labels that belong to them."""
    images = [path for path in paths if len(_idx_shape(path)) in (3, 4)]
    train = [path for path in images if "train" in path.name.lower()]
    chosen = sorted(train or images, key=lambda path: natural(path.name))
    if not chosen:
        names = ", ".join(shown(path.name) for path in paths)
        raise DataError(f"no images among the IDX files: {names} (3 or 4 dimensions expected)")
    path = chosen[0]
    labels_path = _idx_labels_of(path)

    def read() -> tuple[NDArray[Any], NDArray[Any] | None]:
        labels = arrays.read_idx(labels_path) if labels_path else None
        return arrays.read_idx(path), labels

    source = read_numbers("idx", path, read, reading)
    source.name, source.place = _plain_name(place), str(place)
    if labels_path:
        source.stamps = [stamp_of(path), stamp_of(labels_path)]
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


def read_numbers(
    kind: str,
    path: Path,
    read: Callable[[], tuple[NDArray[Any], NDArray[Any] | None]],
    reading: Reading,
) -> Ready:
    by_column = reading.labels.startswith(BY_COLUMN)
    if reading.labels not in WORDS and not by_column:
        raise UsageError(
            f"--labels {shown(reading.labels)}: labels of arrays lie beside them in the .npz",
            fix='np.savez("data.npz", x=images, y=labels)',
        )

    def load() -> tuple[arrays.Stack, NDArray[np.int64] | None, tuple[str, ...]]:
        images, labels = read()
        how = arrays.How(range=reading.range, rules=reading.rules)
        stack = arrays.stack_of(images, path.name, how)
        if labels is None or reading.labels == "none" or by_column:
            return stack, None, ()
        places, names, problem = arrays.classes_of(labels, len(images), path.name)
        if problem:
            source.columns |= columns_beside({"y": np.asarray(labels)}, len(images), source)
            source.warnings.append(f"the labels of {shown(path.name)} are left aside: {problem}")
        return stack, places, tuple(names)

    source = Ready(
        kind=kind, name=_plain_name(path), place=str(path), stamps=[stamp_of(path)], loader=load
    )
    return source


def read_parquet(paths: list[Path], place: Path, wanted: str, rules: int) -> Encoded:
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
        stamps=[stamp_of(path) for path in paths],
        reader=ParquetReader("\n".join([*map(str, paths), column])),
        names=names,
        titles=titles,
    )
    for name, cells in other_columns(paths, column, label).items():
        add_cells(source.columns, name, cells, rules)
    if label and wanted != "none":
        source.taken["labels"] = f"the column {shown(label)}"
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
