"""The names of files that hold all samples of a kind: none has the ending of another format."""

from __future__ import annotations

import shlex
from pathlib import Path

from ganzfeld.errors import UsageError
from ganzfeld.text import shown

FORMATS = frozenset(
    (
        *(".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".feather", ".arrow"),
        *(".xlsx", ".xls", ".ods", ".pdf", ".docx", ".html", ".xml", ".yaml", ".sqlite", ".db"),
        *(".npy", ".npz", ".pt", ".safetensors", ".h5", ".mat", ".zip", ".tar", ".gz"),
        *(".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".svg"),
        *(".wav", ".flac", ".ogg", ".mp3", ".mp4"),
    )
)


def need_ending(path: Path, noun: str, *own: str) -> None:
    """UsageError where the name of a file says that it is of another format than these.

    noun: what is written. own: the endings of what it can be written as, the usual one first.

    Example::

        from pathlib import Path
        from ganzfeld.modalities.endings import need_ending

        need_ending(Path("names.txt"), "lines", ".txt")
    """
    end = path.suffix.lower()
    if end not in FORMATS or end in own:
        return
    raise UsageError(
        f"{noun} are written as {' or '.join(own)}, not as {shown(end)}",
        safe="nothing was written",
        fix=f"--out {shlex.quote(path.with_suffix(own[0]).name)}",
    )
