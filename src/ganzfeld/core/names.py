"""File names: which to skip, how to sort them and how to print them."""

from __future__ import annotations

import difflib
import re
import shlex
import unicodedata
from collections.abc import Container, Iterable, Sequence
from pathlib import Path

from ganzfeld.text import plain

SYSTEM_NAMES = frozenset(
    {
        "__macosx",
        "__pycache__",
        "@eadir",
        "#recycle",
        "$recycle.bin",
        "desktop.ini",
        "ehthumbs.db",
        "icon\r",
        "icon\uf00d",
        "lost+found",
        "node_modules",
        "picasa.ini",
        "pspbrwse.jbf",
        "system volume information",
        "thumbs.db",
        "zbthumbnail.info",
    }
)
# Companions of images. They are listed in the report and never counted as bad images.
DOCUMENT_SUFFIXES = frozenset({
    "7z", "bib", "bz2", "caption", "captions", "cfg", "conf", "crdownload", "csv", "db", "doc",
    "docx", "download", "gz", "h5", "hdf5", "htm", "html", "ini", "ipynb", "json", "jsonl", "lmdb",
    "log", "mat",
    "md", "md5", "mdb", "ndjson", "npy", "npz", "opdownload", "parquet", "part", "partial",
    "pdf", "pickle", "pkl", "pt", "pth", "py", "rar", "rst", "rtf", "safetensors", "sh",
    "sha1", "sha256", "sqlite", "tar", "tex", "tfrecord", "tfrecords", "tgz", "tmp", "toml",
    "tsv", "txt", "xls", "xlsx", "xml", "xz", "yaml", "yml", "zip", "zst",
})  # fmt: skip
PLAIN = re.compile(r"[\w@%+=:,./-]+")  # a word that needs no quotes, in any language
DIGITS = re.compile(r"([0-9]+)")
DOCUMENT_NAMES = frozenset({"authors", "changelog", "checksums", "license", "licence", "readme"})
USUAL = "avatars-model"  # the model that the package brings, shown where none is named
PICTURE_SUFFIXES = frozenset({
    "apng", "avif", "blp", "bmp", "cur", "dcm", "dcx", "dds", "dib", "dicom", "fit", "fits",
    "flc", "fli", "gif", "heic", "heif", "icb", "icns", "ico", "im", "j2c", "j2k", "jfif",
    "jp2", "jpc", "jpe", "jpeg", "jpf", "jpg", "jpx", "msp", "pbm", "pcd", "pcx", "pfm", "pgm",
    "png", "pnm", "ppm", "psd", "qoi", "ras", "rgb", "rgba", "sgi", "svg", "tga", "tif",
    "tiff", "vda", "vst", "webp", "xbm", "xpm",
})  # fmt: skip


def is_system(name: str) -> bool:
    """Whether a file or folder name is hidden or made by the operating system."""
    return name.startswith(".") or name.casefold() in SYSTEM_NAMES


def suffix(name: str) -> str:
    """The extension without its dot, in lower case; "" when there is none."""
    base = name.rsplit("/", 1)[-1]
    return base.rsplit(".", 1)[1].lower() if "." in base else ""


def is_document(name: str) -> bool:
    """Whether a file accompanies images (a read-me, a table) and claims to be none."""
    base = name.rsplit("/", 1)[-1].lower()
    return suffix(name) in DOCUMENT_SUFFIXES or base in DOCUMENT_NAMES


def natural(name: str) -> tuple[object, ...]:
    """A sort key that puts 2 before 10, the same for composed and decomposed Unicode."""
    text = name if name.isascii() else unicodedata.normalize("NFC", name)
    # Numbers compare as (length, digits): no conversion, so that a name of 10,000 digits is fine.
    parts = [
        (0, len(part.lstrip("0")), part.lstrip("0")) if part.isdigit() else (1, 0, part)
        for part in DIGITS.split(text)
        if part
    ]
    return (*parts, (2, 0, name))


def natural_text(name: str) -> str:
    """A key that sorts as `natural` does, made and compared several times faster.

    name: without NUL, as all names on a disk are.
    """
    text = name if name.isascii() else unicodedata.normalize("NFC", name)
    # \x01 begins a number, which says its length first; \x02 a text, which \0 ends; \x03 the end.
    key = ""
    for part in DIGITS.split(text):
        if part.isdigit():
            bare = part.lstrip("0")
            key += f"\x01{chr(len(bare))}{bare}"
        elif part:
            key += f"\x02{part}\0"
    return f"{key}\x03{name}"


def folded(name: str) -> str:
    """The form in which names are the same on a case-insensitive disk."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def shown(name: str) -> str:
    """The name as it may be printed: control characters and lone surrogates are escaped."""
    return plain(name)


def shortened(name: str, limit: int = 120) -> str:
    """A name for a message; the middle of a very long one is left out."""
    half = limit // 2 - 1
    return name if len(name) <= limit else f"{name[:half]}…{name[-half:]}"


def capped(lines: Sequence[str], limit: int = 10) -> list[str]:
    """At most `limit` lines, then how many more there are."""
    if len(lines) <= limit:
        return list(lines)
    return [*lines[:limit], f"and {len(lines) - limit:,} more"]


def classes_told(classes: Sequence[str], groups: bool) -> str:
    """What a table says of a model's classes. groups: they were found, and stand for labels."""
    if groups and classes:
        ends = f"{classes[0]} to {classes[-1]}"
        return f"{len(classes)} groups of similar images in place of labels, {ends}"
    return ", ".join(capped(classes, 40)) or "none"


def tally(names: Iterable[str]) -> dict[str, int]:
    """How often each name occurs, the most frequent first."""
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


NUMBER = re.compile(r"-?\d[\d,_]*(?:\.\d+)?(?:e[+-]?\d+)?")


def merged(reasons: Sequence[str]) -> list[str]:
    """Reasons in their order, each with dots for the numbers in which others like it differ.

    30 files of 30 sizes are then bad for one reason, not for 30.

    Example::

        from ganzfeld.core.names import merged

        found = merged(["1 x 9 px: too small", "2 x 9 px: too small", "0 bytes"])
        assert found == ["… x 9 px: too small", "… x 9 px: too small", "0 bytes"]
    """
    alike: dict[str, list[list[str]]] = {}
    for reason in reasons:
        alike.setdefault(NUMBER.sub("0", reason), []).append(NUMBER.findall(reason))
    same = {
        mask: [len(set(numbers)) == 1 for numbers in zip(*found, strict=True)]
        for mask, found in alike.items()
    }

    def shown_as(reason: str) -> str:
        kept = iter(same[NUMBER.sub("0", reason)])
        return NUMBER.sub(lambda number: number[0] if next(kept) else "…", reason)

    return [shown_as(reason) for reason in reasons]


def place_of(text: object, names: Sequence[str]) -> int | None:
    """The place of a name among these, or of the one whose number it is; None of neither.

    Of false and true, as columns of booleans have them, yes and no in any case are names, too.

    Example::

        from ganzfeld.core.names import place_of

        assert place_of("dog", ["cat", "dog"]) == place_of("1", ["cat", "dog"]) == 1
    """
    name = str(text)
    if name in names:
        return names.index(name)
    if name.isdecimal() and len(name) < 10 and int(name) < len(names):
        return int(name)
    if list(names) == ["false", "true"]:
        return {"false": 0, "no": 0, "true": 1, "yes": 1}.get(name.casefold())
    return None


COLUMN = " (column)"  # behind the name of a column that is called as a pack calls its samples


def of_column(name: str, known: Container[str]) -> str:
    """The name of a column as a pack has it, for the name that the data give it.

    >>> of_column("x", {"x", "x (column)"}), of_column("age", {"age"})
    ('x (column)', 'age')
    """
    told = f"{name}{COLUMN}"
    return told if told in known else name


def typed(text: str) -> str:
    """A word of a command as it is typed: in quotes where a shell would not take it as one.

    >>> typed("age=30"), typed("a (2)=4")
    ('age=30', "'a (2)=4'")
    """
    return text if PLAIN.fullmatch(text) else shlex.quote(text)


def quoted(folder: Path) -> str:
    """As a shell takes it."""
    return shlex.quote(str(folder))


def duration(seconds: float) -> str:
    """Seconds for people: 42 s, 3 min 05 s, 2 h 10 min, 3 d 4 h."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def near(path: Path) -> str:
    """The end of a sentence on a missing run: ". Did you mean 'runs/photos-default'?", or "".

    Looked for are folders of that name in runs/, then of a like name beside it: runs and models.
    """
    runs = [one.name for one in runs_in(path.absolute().parent)]
    found = difflib.get_close_matches(path.name, runs, n=1, cutoff=0.6)
    meant = [path.with_name(name) for name in found]
    if (usual := Path("runs") / path.name).is_dir():
        meant.insert(0, usual)
    return f". Did you mean {shown(repr(str(meant[0])))}?" if meant else ""


def runs_in(folder: Path) -> list[Path]:
    """Runs and models that lie in a folder, by name; [] where it cannot be read."""
    try:
        beside = [one for one in folder.iterdir() if (one / "config.json").exists()]
    except OSError:
        return []
    return sorted(beside, key=lambda one: natural(one.name))


def several_runs(folder: Path) -> tuple[str, str] | None:
    """What to say, and how to mend it, where one run is due and a folder of runs was given."""
    runs = [one for one in runs_in(folder) if one.name != "model"]  # of a run that is damaged
    if not runs:
        return None
    some = ", ".join(capped([shown(one.name) for one in runs], 3))
    return f"{shown(str(folder))} is a folder of runs: {some}", f"give one: {quoted(runs[0])}"
