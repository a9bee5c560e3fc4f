"""Recognise data that are not images, and suggest how to make images of them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from ganzfeld.core.names import capped, shown, suffix, tally

SOUNDS = frozenset({"wav", "mp3", "flac", "ogg", "opus", "m4a", "aac", "aif", "aiff", "mid"})
FILMS = frozenset({"mp4", "mov", "avi", "mkv", "webm", "m4v", "mpg", "mpeg", "wmv", "flv"})
COMPANIONS = FILMS | SOUNDS | {"aae", "thm", "xmp", "lrv", "srt"}  # of images: a camera's, too
TEXTS = frozenset({"txt", "md", "rst", "jsonl", "ndjson", "html", "htm", "tex", "pdf", "doc"})
TABLES = frozenset({"csv", "tsv", "xls", "xlsx", "sqlite", "feather", "arrow"})
KINDS = (
    ("sounds", SOUNDS),
    ("films", FILMS),
    ("tables", TABLES),
    ("text", TEXTS),
)

READ = {  # kinds that are read where the data are taken for them
    "sounds": "a folder or a ZIP of them is read without --as, or with --as audio",
    "tables": "one of them is read, as CSV: give its path",
    "text": "one of them is read, a sample a line: give its path",
}


def what_is_there(names: Sequence[str]) -> tuple[str, str]:
    """The files by suffix, and a sentence where most are of a kind that is not learned yet."""
    ends = tally(f".{suffix(n)}" if suffix(n) else shown(n) for n in names)
    there = ", ".join(capped([f"{count:,} {kind}" for kind, count in ends.items()], 5))
    if not names:
        return there, ""
    for kind, known in KINDS:
        if 2 * sum(suffix(name) in known for name in names) > len(names):
            return there, (f"These are {kind}: {READ.get(kind, 'they are not supported yet')}")
    return there, ""


def next_step(path: Path, kind: str) -> str:
    """A command that makes a data set of a file that is not read here; "" where none is known."""
    name, end = shlex.quote(shown(str(path))), suffix(path.name)
    if kind == "hdf5" or end in ("h5", "hdf5"):
        return (
            "find its arrays: "
            f"python -c \"import h5py; h5py.File('{shown(path.name)}').visit(print)\""
            ", then save one: "
            f"np.save('data.npy', h5py.File('{shown(path.name)}')['NAME'][:])"
        )
    if kind == "tfrecord" or end in ("tfrecord", "tfrecords"):
        return (
            "write its images into a folder or an array first: for r in tf.data.TFRecordDataset("
            f"'{shown(path.name)}') parse each record, then np.save('data.npy', images)"
        )
    if kind == "matlab" or end == "mat":
        return f"np.save('data.npy', scipy.io.loadmat('{shown(path.name)}')['NAME'])"
    if kind in ("tar.gz", "xz", "bz2", "zstd") or end in ("tgz", "txz", "tbz2"):
        return f"unpack it first: mkdir data && tar -xf {name} -C data, then give the folder data"
    if kind in ("7z", "rar") or end in ("7z", "rar"):
        tool = (
            f"7z x {name} -odata"
            if (kind or end) == "7z"
            else f"mkdir data && unrar x {name} data/"
        )
        return f"unpack it first: {tool}, then give the folder data"
    if kind == "pickle" or end in ("pkl", "pickle", "pt", "pth"):
        return (
            "pickles are never opened, as they run code. If you trust it, save its images in "
            "Python: np.savez('data.npz', x=images, y=labels)"
        )
    if kind in ("lmdb", "sqlite"):
        return "write its images into a folder, or as an array: np.save('data.npy', images)"
    if end in FILMS:
        return f"take its images: mkdir frames && ffmpeg -i {name} -vf fps=2 frames/%06d.png"
    return ""
