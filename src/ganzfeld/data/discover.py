"""Recognise a kind of data set by its content, not by its name.

A source is found without decoding anything: `Encoded` names images that are still files, `Ready`
holds images that are already numbers. Both know their labels, and a key that changes when the
data do.
"""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from ganzfeld.core.names import PICTURE_SUFFIXES, capped, is_document, shown, suffix
from ganzfeld.core.reader import not_regular
from ganzfeld.data import arrays, made, shards, textfiles
from ganzfeld.data.arrange import SPLIT_NAMES, TRAIN_NAMES, arranged, depth_shared
from ganzfeld.data.array_files import of_arrays, several
from ganzfeld.data.containers import (
    CONTAINERS,
    LEFT_OVER,
    begins_as_image,
    read_idx,
    read_numbers,
    read_parquet,
    read_zip,
    sniff,
)
from ganzfeld.data.embedded import SETS
from ganzfeld.data.gather import NOUNS
from ganzfeld.data.kinds import of_sounds, other_file, other_folder, parquet_rows
from ganzfeld.data.listing import Listing, list_folder
from ganzfeld.data.missing import missing
from ganzfeld.data.other_kinds import COMPANIONS, next_step, texts_as_one, what_is_there
from ganzfeld.data.readers import FolderReader
from ganzfeld.data.sounds import sounds_of
from ganzfeld.data.source import Encoded, Gathered, Reading, Ready
from ganzfeld.data.tarfiles import read_tars
from ganzfeld.errors import DataError

__all__ = ["SPLIT_NAMES", "TRAIN_NAMES", "depth_shared", "embedded_count", "find_source"]

CAPTIONED = ("avatars-captions", "avatars-paraphrases")  # avatars, each with a caption
EMBEDDED = ("avatars", *CAPTIONED, *SETS)
LOOKED_AT = 50  # files that are not called images
ZIPPED = {  # kinds of files that are ZIP archives inside
    **dict.fromkeys(("xlsx", "xlsm", "ods"), "a workbook"),
    **dict.fromkeys(("pt", "pth"), "a file of PyTorch"),
}
UNZIP = (
    "; if each is a class, unpack each into a folder of its name: "
    'for f in *.zip; do unzip -q "$f" -d "${f%.zip}"; done'
)
KNOWN = (
    "a folder of images or sounds, a ZIP or tar of them, IDX files (MNIST), .npy, .npz, Parquet, "
    "CSV, a text file, or embedded data (" + ", ".join(EMBEDDED) + ")"
)


def find_source(
    source: str | os.PathLike[str],
    reading: Reading = Reading(),  # noqa: B008  frozen
) -> Encoded | Ready | Gathered:
    """The data set at a path. Raises `DataError` that says what is there and what was expected."""
    if shards.is_pattern(source):
        found = _in_shards(str(source), reading)
        found.rules = reading.rules
        return found
    path = Path(os.fspath(source)).expanduser()
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # a NUL in the name
        raise missing(path, EMBEDDED, KNOWN) from None
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
        found = _in_folder(path, reading) if stat.S_ISDIR(mode) else _in_file(path, reading)
    except PermissionError as error:
        raise DataError(
            f"{shown(str(error.filename or path))} cannot be read: permission denied"
        ) from error
    found.rules = reading.rules
    if reading.modality in NOUNS and not isinstance(found, Gathered):
        noun = NOUNS[reading.modality]
        raise DataError(
            f"{shown(str(path))} holds images, where {noun} are expected",
            safe="nothing was read",
            fix=f"give {noun}, or leave out --as {reading.modality} if you gave it",
        )
    return found


def embedded_count(source: object) -> int | None:
    """0 for "avatars", 2000 for "avatars:2000"; None for all else, and for a path of that name."""
    if not isinstance(source, str):
        return None
    name, colon, number = source.partition(":")
    if name not in (*EMBEDDED, *SETS) or os.path.lexists(source):
        return None
    if not colon:
        return 0
    if not number.isascii() or not number.isdigit() or not 1 <= len(number) <= 9 or int(number) < 1:
        raise DataError(
            f"{shown(source)}: a number of samples was expected behind the colon",
            fix=f"{name}:2000",
        )
    return int(number)


# Folders


def _in_folder(root: Path, reading: Reading) -> Encoded | Ready | Gathered:
    listing = list_folder(root, follow=reading.follow_links)
    made.refuse(root, listing)
    others = reading.rules >= 2 and reading.modality != "image"
    if others and (found := other_folder(root, listing, reading)):
        return found
    listed = [name for name, _, _ in listing.files]
    pictures = {name for name in listed if suffix(name) in PICTURE_SUFFIXES}
    others_there = [name for name in listed if name not in pictures]
    kinds = {name: kind for name in others_there if (kind := sniff(root / name)) in CONTAINERS}
    passed = {name for name in others_there if is_document(name) or name in kinds}
    if pictures and reading.rules >= 3:
        passed |= {name for name in others_there if suffix(name) in COMPANIONS}
    names = [name for name in listed if name not in passed] if passed else listed
    if not pictures and kinds:
        stacks = _stacks(root, kinds, reading)
        if stacks is not None:
            return stacks
        arrays_of_one = _one_image_each(root, kinds)
        if not arrays_of_one:
            return _container_in(root, kinds, listing, reading)
        names = arrays_of_one
    if not pictures and not _may_be_images(root, names, listing):
        raise _no_images(root, listing)
    kept = set(names)
    left_out = [n for n in listed if n not in kept] if len(kept) < len(listed) else []
    source = Encoded(
        kind="folder",
        name=root.name or "root",
        place=str(root),
        stamps=listing.files,
        ignored=listing.ignored + left_out,
        reader=FolderReader(str(root)),
        names=names,
        titles=list(names),
        broken=listing.broken,
        tables=[(n, n) for n in left_out],
        linked=listing.linked,
    )
    _note_links(source, listing)
    if listing.runs:
        some = ", ".join(capped([shown(name) for name in listing.runs], 3))
        source.aside.append(f"folders of runs: {some}")
    boxes = [n for n in kinds if n not in kept]
    if boxes:
        some = ", ".join(capped([shown(name) for name in boxes], 3))
        source.aside.append(f"data sets beside the images: {some}")
    return arranged(source, reading)


def _may_be_images(root: Path, names: list[str], listing: Listing) -> bool:
    """Whether files that are not called images may be some, by what they begin with."""
    if not names or what_is_there(names)[1]:
        return not names and bool(listing.broken)
    some = names[:: max(1, len(names) // LOOKED_AT)]
    return bool(listing.broken) or any(begins_as_image(root / name) for name in some)


def _note_links(source: Encoded, listing: Listing) -> None:
    """Say which links out of the folder were followed, and which were not."""
    if listing.followed:
        some = ", ".join(capped([shown(name) for name in listing.followed], 3))
        source.notes.append(f"{len(listing.followed):,} links out of the folder are read: {some}")
    if listing.outward:
        some = ", ".join(capped([shown(name) for name in listing.outward], 3))
        count = len(listing.outward)
        source.aside.append(
            f"{count:,} links out of the folder: {some} (--follow-links reads them)"
        )
        source.warnings.append(
            f"{count:,} links out of the folder are not followed: {some}; --follow-links reads them"
        )
    if listing.again:
        some = ", ".join(capped([shown(name) for name in listing.again], 3))
        source.notes.append(f"links to folders that are read anyway are not followed: {some}")


def _stacks(root: Path, kinds: dict[str, str], reading: Reading) -> Ready | None:
    """Several .npy files as one set, where they are nothing else."""
    alone = reading.rules >= 3 and {*kinds.values()} == {"npy"}
    return of_arrays(root, list(kinds), reading) if alone else None


def _one_image_each(root: Path, kinds: dict[str, str]) -> list[str]:
    """The .npy files of a folder where there are several and each holds one image; else []."""
    names = [name for name, kind in kinds.items() if kind == "npy"]
    if len(names) < 2 or len(names) < len(kinds):
        return []
    for name in {*names[:3], names[len(names) // 2], names[-1]}:
        try:
            shape = arrays.read_npy(root / name).shape
        except DataError:
            continue
        channels_last = len(shape) == 3 and shape[2] <= 4
        channels_first = len(shape) == 3 and shape[0] <= 4 and min(shape[1:]) > 4
        if not (len(shape) == 2 or channels_last or channels_first):
            return []
    return names


def _no_images(root: Path, listing: Listing) -> DataError:
    names = [name for name, _, _ in listing.files]
    there, kind = what_is_there(names)
    if not names and listing.outward:
        some = ", ".join(capped([shown(name) for name in listing.outward], 3))
        there = f"links that lead out of it ({some})"
    return DataError(
        f"{shown(str(root))} holds no images; there is {there or 'nothing'} in it "
        f"(and in its sub-folders). {kind or f'Expected: {KNOWN}'}",
        fix=_step_of(root, names)
        or texts_as_one(root, names)
        or "give the folder that holds the images, or the folders of its classes",
    )


def _step_of(root: Path, names: list[str]) -> str:
    """What to do about the first file that is a data set of a kind that is not read."""
    for name in names[:20]:
        step = next_step(root / name, sniff(root / name))
        if step:
            return step
    return ""


def _container_in(
    root: Path, kinds: dict[str, str], listing: Listing, reading: Reading
) -> Encoded | Ready | Gathered:
    """A folder without images that holds IDX, Parquet or tar files, or one archive."""
    by_kind = {kind: [n for n, k in kinds.items() if k == kind] for kind in CONTAINERS}
    if by_kind["idx"]:
        return read_idx([root / name for name in by_kind["idx"]], root, reading)
    for kind in ("parquet", "tar"):
        if not by_kind[kind] or (kind == "tar" and len(by_kind[kind]) < len(kinds)):
            continue
        chosen = shards.training_files(by_kind[kind], reading.splits)
        paths = [root / name for name in chosen]
        if kind == "parquet" and (table := parquet_rows(paths, root, reading)):
            return table
        if kind == "parquet":
            source = read_parquet(paths, root, reading.labels, reading.rules)
        else:
            source = _arranged_unless_labelled(read_tars(paths, root), reading)
        if len(chosen) < len(by_kind[kind]):
            left = [name for name in by_kind[kind] if name not in chosen]
            what = "Parquet" if kind == "parquet" else kind
            source.notes.append(f"{len(left)} other {what} files left out")
            source.aside.append(f"files {', '.join(capped([shown(n) for n in left], 3))}")
        return source
    if len(kinds) > 1 and all(suffix(name) in ("npy", "npz") for name in kinds):
        raise several(root, list(kinds))
    if len(kinds) > 1:
        names = ", ".join(capped([shown(name) for name in kinds], 5))
        raise DataError(
            f"{shown(str(root))} holds several data sets: {names}",
            fix=f"ganzfeld data check {shlex.quote(str(root / next(iter(kinds))))}   or another "
            f"of them: one is read at a time{UNZIP if {*kinds.values()} == {'zip'} else ''}",
        )
    (name,) = kinds
    found = _in_file(root / name, reading)
    found.notes.append(f"{shown(name)}: the only data set in {shown(root.name)}")
    return found


def _arranged_unless_labelled(source: Encoded, reading: Reading) -> Encoded:
    if source.labels is not None and reading.labels == "auto":
        return source
    source.labels, source.classes = None, ()
    return arranged(source, reading)


def _in_shards(pattern: str, reading: Reading) -> Encoded | Ready | Gathered:
    """Tar or Parquet files that a pattern names, as one set."""
    paths, place = shards.located(pattern), Path(shards.whole(pattern))
    kinds = {sniff(path) for path in paths}
    if kinds == {"tar"}:
        return _arranged_unless_labelled(read_tars(paths, place), reading)
    if kinds == {"parquet"}:
        return parquet_rows(paths, place, reading) or read_parquet(
            paths, place, reading.labels, reading.rules
        )
    odd = next((p for p in paths if sniff(p) not in shards.KINDS), paths[0])
    there = ", ".join(sorted(kind or "unknown" for kind in kinds))
    raise DataError(
        f"{shown(pattern)} names files of the kinds {there}, such as {shown(odd.name)}; tar files "
        "alone, or Parquet files alone, are one set",
        safe="nothing was read",
        fix="name files of one of these kinds; a compressed tar is unpacked once with gunzip",
    )


# Single files


def as_text(path: Path) -> str:
    """How a file of text that is called otherwise is read."""
    if not textfiles.looks_like_text(path):
        return ""
    return "--as text takes a line for a sample, --as table a row"


def _in_file(path: Path, reading: Reading) -> Encoded | Ready | Gathered:
    kind = sniff(path)
    if kind in LEFT_OVER:
        raise DataError(f"{shown(str(path))} is {LEFT_OVER[kind][0]}", fix=LEFT_OVER[kind][1])
    others = reading.rules >= 2 and reading.modality != "image"
    if others and (other := other_file(path, kind, reading)):
        return other
    if suffix(path.name) == "safetensors":
        made.refuse_file(path)
    if kind == "zip" and suffix(path.name) in ZIPPED and (step := next_step(path, "")):
        raise DataError(
            f"{shown(str(path))} is {ZIPPED[suffix(path.name)]}, which is not read",
            safe="nothing was read",
            fix=step,
        )
    if kind == "zip":
        found = read_zip(path, reading)
        if not isinstance(found, Encoded):
            return found
        found = arranged(found, reading)
        return sounds_of(found) if of_sounds(found.titles, reading) else found
    if kind == "tar":
        return _arranged_unless_labelled(read_tars([path], path), reading)
    if kind == "idx":
        return read_idx([path], path, reading)
    if kind == "npy":
        return read_numbers("npy", path, lambda: (arrays.read_npy(path), None), reading)
    if kind == "parquet":
        return read_parquet([path], path, reading.labels, reading.rules)
    if not path.is_file():
        raise DataError(f"{shown(str(path))} is neither a file nor a folder")
    what = "is not a data set that ganzfeld can read"
    step = next_step(path, kind) or as_text(path)
    _, beside = what_is_there([path.name])
    if not path.stat().st_size:
        what = "is empty (0 bytes)"
    elif suffix(path.name) in PICTURE_SUFFIXES:
        what = "is one image, which is not a data set: two are needed at least"
        folder = shlex.quote(str(path.parent))
        step = f"give the folder that holds it, if others are there: {folder}"
    elif suffix(path.name) == "zip":
        what = "is not a ZIP archive, or its start is damaged"
    elif kind == "gzip":
        what = "is a gzip file that holds no IDX data"
    elif beside:
        raise DataError(f"{shown(str(path))} holds no images. {beside}", fix=step)
    elif step and kind:
        raise DataError(
            f"{shown(str(path))} is a file of the kind {kind}, which is not read", fix=step
        )
    raise DataError(f"{shown(str(path))} {what}. Expected: {KNOWN}", fix=step)
