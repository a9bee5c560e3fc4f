"""Recognise data of other kinds than images by what they are: fields, sounds, text and tables."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from ganzfeld.core.names import (
    PICTURE_SUFFIXES,
    capped,
    is_document,
    is_system,
    natural,
    shown,
    suffix,
)
from ganzfeld.data import arrays, parquet_text, tables, textfiles
from ganzfeld.data.arrange import arranged
from ganzfeld.data.candidates import BY_COLUMN
from ganzfeld.data.containers import read_parquet, sniff, stamp_of
from ganzfeld.data.fields import fields_of, why_field
from ganzfeld.data.layout import role
from ganzfeld.data.listing import Listing, Stamp, list_folder
from ganzfeld.data.one_axis import LOOKED_AT, SINCE
from ganzfeld.data.parquet import picture_columns
from ganzfeld.data.pixels import pixel_rows
from ganzfeld.data.readers import FolderReader
from ganzfeld.data.series import series_of
from ganzfeld.data.series_arrays import npy_series
from ganzfeld.data.series_or_table import looks_like_series
from ganzfeld.data.sounds import is_sound, sounds_of
from ganzfeld.data.source import Encoded, Gathered, Reading, Ready
from ganzfeld.data.tabular import names_files, table_of
from ganzfeld.errors import DataError

LINES = ("txt", "text", "md", "")  # how files of lines end
OBJECTS = ("jsonl", "ndjson")
SEPARATED = ("csv", "tsv", "data", "dat", "arff")
INDEXES = ("index", "names")  # of UCI's folders: they tell of the data
COMPANIONS = ("readme", "license", "licence", "notes", "changelog")


def of_sounds(names: Sequence[str], reading: Reading) -> bool:
    """Whether files are to be taken for sounds: most are, and none is an image, or as asked."""
    sounds = sum(map(is_sound, names))
    if reading.modality == "audio":
        return sounds > 0
    pictures = any(suffix(name) in PICTURE_SUFFIXES for name in names)
    return reading.modality == "auto" and not pictures and 2 * sounds > len(names)


def other_file(path: Path, kind: str, reading: Reading) -> Gathered | Encoded | Ready | None:
    """A file of samples that are no images, or the images that a table names; else None."""
    asked = reading.modality
    if kind == "npy" and asked == "series":
        return npy_series(path, [stamp_of(path)])
    if kind == "npy" and (reading.range is None or asked == "field"):
        array = arrays.read_npy(path)
        why = f"as asked (--as {asked})" if asked == "field" else why_field(array)
        if not why:
            return None
        name, stamps = _name(path), [stamp_of(path)]
        return fields_of(kind, name, str(path), lambda: (array, {}), why, stamps=stamps)
    if kind == "parquet":
        return parquet_rows([path], path, reading)
    if kind not in ("", "gzip") or end_of(path.name) in PICTURE_SUFFIXES or not path.is_file():
        return None
    end = end_of(path.name)
    if not path.stat().st_size:
        return None
    if not textfiles.looks_like_text(path):
        if end and end in (*LINES, *OBJECTS, *SEPARATED[:2]):
            raise textfiles.no_text(path)
        return None
    if asked == "text":
        lines = textfiles.json_lines_of if textfiles.first_objects(path) else textfiles.lines_of
        return lines(path, stamp_of(path))
    if asked in ("table", "series"):
        return _rows([path], "csv", path, [stamp_of(path)], reading)
    if end in OBJECTS:
        if not (rows := textfiles.first_objects(path)):
            raise textfiles.no_objects(path)
        if reading.rules >= 4 and all(isinstance(row.get("drawing"), list) for row in rows):
            raise DataError(
                f"{shown(str(path))} holds drawings as strokes, as Quick, Draw! has them, "
                "which are not learned",
                safe="nothing was read",
                fix="take the same drawings as images: its numpy_bitmap files (cat.npy), in one "
                "folder, a class each",
            )
        beside = (path.parent / str(cell) for cell in rows[0].values() if suffix(str(cell)))
        if any(file.is_file() for file in beside) and (named := names_files(path)):
            return _named(path, named, reading)
        some = textfiles.first_objects(path, LOOKED_AT) if reading.rules >= SINCE else []
        if some and not textfiles.has_text(some, reading.rules):
            return _rows([path], "csv", path, [stamp_of(path)], reading)
        return textfiles.json_lines_of(path, stamp_of(path))
    if end in SEPARATED:
        named = names_files(path)
        if named:
            return _named(path, named, reading)
        pixels = pixel_rows(path, reading) if asked == "auto" and reading.rules >= 3 else None
        return pixels or _rows([path], "csv", path, [stamp_of(path)], reading)
    if end == "json" and (rows := textfiles.first_objects(path)):
        if textfiles.is_text(rows):
            return textfiles.json_lines_of(path, stamp_of(path))
        return _rows([path], "csv", path, [stamp_of(path)], reading)
    if end in LINES:
        return textfiles.lines_of(path, stamp_of(path))
    return None


def other_folder(
    root: Path, listing: Listing, reading: Reading
) -> Gathered | Encoded | Ready | None:
    """A folder of sounds, or with one file of text or of a table in it; else None."""
    names = [name for name, _, _ in listing.files]
    if reading.modality != "audio" and any(suffix(name) in PICTURE_SUFFIXES for name in names):
        return None  # at the first image, of 100,000 too
    samples = [name for name in names if not is_document(name.removesuffix(".gz"))]
    if any(end_of(name) in SEPARATED for name in samples):
        samples = [n for n in samples if not (_tells(n) or end_of(n) in SEPARATED)]
    if of_sounds(samples, reading):
        sounds = [name for name in samples if is_sound(name)]
        return sounds_of(arranged(_encoded(root, listing, sounds), reading))
    if samples:
        return None
    files = [name for name in names if end_of(name) in (*LINES[:2], *OBJECTS, *SEPARATED)]
    files = [n for n in files if not n.rpartition("/")[2].casefold().startswith(COMPANIONS)]
    train = [n for n in files if role(n.rpartition("/")[2]) == "train"]
    chosen = train if len(train) == 1 else files
    if not chosen or (len({end_of(name) for name in files}) > 1 and len(chosen) > 1):
        return None
    if len(chosen) > 1:
        raise DataError(
            f"{shown(str(root))} holds several files of samples: "
            f"{', '.join(capped([shown(name) for name in chosen], 5))}",
            fix=_together(root, train or chosen),
        )
    found = other_file(root / chosen[0], sniff(root / chosen[0]), reading)
    if found is not None:
        found.notes.append(f"{shown(chosen[0])}: the only data in {shown(root.name)}")
        if left := [name for name in files if name not in chosen]:
            found.aside.append(f"files {', '.join(shown(name) for name in left[:3])}")
    return found


def _together(root: Path, names: list[str]) -> str:
    """What to do with several files of samples: take one, or make one of them."""
    one = f"ganzfeld data check {shlex.quote(str(root / names[0]))}   for one of them"
    folder = shlex.quote(str(root / names[0].rpartition("/")[0]).rstrip("/"))
    end = suffix(names[0])
    if end == "txt":
        return f"{one}; all as one: cat {folder}/*.txt > all.txt"
    return f"{one}; all as one need a file with a column that says which"


def _tells(name: str) -> bool:
    """Whether a file tells of the tables that it lies beside: `iris.names`, `Index`."""
    base = name.rpartition("/")[2].casefold()
    return base in INDEXES or suffix(base) in INDEXES or base.startswith(COMPANIONS)


def parquet_rows(paths: list[Path], place: Path, reading: Reading) -> Gathered | None:
    """Parquet files without a column of images: sounds, or rows of a table; else None."""
    asked = reading.modality
    if asked == "image" or reading.rules < 2:
        return None
    paths = sorted(paths, key=lambda path: natural(path.name))
    stamps = [stamp_of(path) for path in paths]
    if asked not in ("table", "series"):
        try:
            column, _ = picture_columns(paths[0], reading.rules)
        except DataError as error:
            if "damaged" in error.what:
                raise
        else:
            if asked == "audio" or column == "audio":
                labels = "none" if reading.labels.startswith(BY_COLUMN) else reading.labels
                return sounds_of(read_parquet(paths, place, labels, reading.rules), every=True)
            return None
    if asked == "text" or (asked == "auto" and parquet_text.holds_text(paths[0])):
        return parquet_text.lines_of_columns(paths, place, stamps)
    return _rows(paths, "parquet", place, stamps, reading)


def end_of(name: str) -> str:
    """How a file's name ends, but for ".gz"."""
    return suffix(name.removesuffix(".gz"))


def _rows(
    paths: list[Path], kind: str, place: Path, stamps: list[Stamp], reading: Reading
) -> Gathered:
    """A table as its rows, or as series: as asked, or by what it holds."""
    asked = reading.modality
    window = reading.window
    if asked == "series":
        return series_of(paths, kind, place, stamps, window, "as asked (--as series)")
    is_series, why_not = False, ""
    if asked == "auto":
        is_series, why_not = looks_like_series(paths, kind, reading.rules)
    if is_series:
        return series_of(paths, kind, place, stamps, window, "by a column of times")
    source = table_of(paths, kind, place, stamps)
    if why_not:
        source.taken["modality"] += f", not series, for {why_not} (--as series takes windows)"
    return source


def _name(path: Path) -> str:
    return path.name.split(".")[0] or "data"


def _encoded(root: Path, listing: Listing, names: list[str]) -> Encoded:
    kept = {*names}
    left = [name for name, _, _ in listing.files if name not in kept]
    return Encoded(
        kind="folder",
        name=root.name or "root",
        place=str(root),
        stamps=listing.files,
        ignored=[*listing.ignored, *left],
        reader=FolderReader(str(root)),
        names=names,
        titles=list(names),
        broken=listing.broken,
        tables=[(name, name) for name in left],
        linked=listing.linked,
    )


def _named(path: Path, cells: list[str], reading: Reading) -> Gathered | Encoded:
    """The files that a table names, with what it says of them."""
    root = path.parent
    listing = list_folder(root, follow=reading.follow_links)
    wanted = {cell.replace("\\", "/").removeprefix("./") for cell in cells}
    names = [n for n, _, _ in listing.files if n in wanted and not is_system(n)]
    source = _encoded(root, listing, names)
    source.place, source.name = str(path), _name(path)
    source.kind = "table"
    source.tables.sort(key=lambda item: item[1] != path.name)
    if missing := wanted - {*names}:
        some = ", ".join(shown(name) for name in sorted(missing, key=natural)[:3])
        source.warnings.append(f"{len(missing):,} files of the table are not there: {some}")
    source.taken["modality"] = f"the files that {shown(path.name)} names"
    found = arranged(source, reading)
    if not any(tables.rank(title, reading.rules) >= 0 for _, title in source.tables):
        found.notes.append(f"{shown(path.name)} is read for the names only")
    return sounds_of(found) if of_sounds(found.titles, reading) else found
