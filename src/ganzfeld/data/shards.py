"""Data in several files of one kind: a pattern such as shard-{000..009}.tar, or a::b.

Patterns are WebDataset's: {000..009} counts, with as many digits as the first number has, {a,b}
chooses, and "::" stands between patterns. Nothing of a path that exists is taken for a pattern.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ganzfeld.core import files
from ganzfeld.core.names import capped, shown
from ganzfeld.core.reader import parse, read_whole
from ganzfeld.errors import DataError, ResourceError

MOST = 100_000  # shards
NOTE_BYTES = 100  # of the key of a pack
BRACES = re.compile(r"\{([^{}]*)\}")
COUNTS = re.compile(r"(\d+)\.\.(\d+)")
BETWEEN = "::"
KINDS = ("tar", "parquet")  # a pack of such files is found again without a look into them


def is_pattern(source: str | os.PathLike[str]) -> bool:
    """Whether this names several files, and is no path itself.

    Example::

        from ganzfeld.data.shards import is_pattern

        assert is_pattern("shard-{000..009}.tar") and not is_pattern("shard.tar")
    """
    text = os.fspath(source)
    if not isinstance(text, str) or not (BETWEEN in text or BRACES.search(text)):
        return False
    return "\0" not in text and not os.path.lexists(text)


def expand(pattern: str) -> list[str]:
    """The paths that a pattern names, in order. DataError for over 100,000 of them.

    Example::

        from ganzfeld.data.shards import expand

        assert expand("{a,b}-{08..10}.tar")[:3] == ["a-08.tar", "a-09.tar", "a-10.tar"]
    """
    found = [path for part in pattern.split(BETWEEN) if part for path in expanded(part)]
    if len(found) > MOST:
        raise DataError(f"{shown(pattern)} names over {MOST:,} files", safe="nothing was read")
    return found


def expanded(part: str) -> Iterator[str]:
    match = BRACES.search(part)
    if match is None:
        yield part
        return
    start, end = part[: match.start()], part[match.end() :]
    for choice in choices(match[1], part):
        for rest in expanded(end):
            yield f"{start}{choice}{rest}"


def choices(inside: str, part: str) -> Sequence[str]:
    """What stands between braces, one by one."""
    if (counts := COUNTS.fullmatch(inside)) is None:
        return inside.split(",")
    first, last = int(counts[1]), int(counts[2])
    if last < first or last - first >= MOST:
        raise DataError(
            f"{shown(part)}: {{{inside}}} counts no files, or over {MOST:,}",
            safe="nothing was read",
            fix="shard-{000..009}.tar, the lower number first",
        )
    return [f"{number:0{len(counts[1])}d}" for number in range(first, last + 1)]


def located(pattern: str) -> list[Path]:
    """The files that a pattern names, all of which must be there; else DataError names some."""
    paths = [Path(path).expanduser() for path in expand(pattern)]
    if not paths:
        raise DataError(f"{shown(pattern)} names no file", safe="nothing was read")
    missing = [shown(str(path)) for path in paths if not path.is_file()]
    if missing:
        some = ", ".join(capped(missing, 3))
        raise DataError(
            f"{len(missing):,} of the {len(paths):,} files of {shown(pattern)} are not there: "
            f"{some}",
            safe="nothing was read",
            fix="correct the numbers, or bring the files",
        )
    return [path.resolve() for path in paths]


def there(pattern: str) -> bool:
    """Whether this is a pattern all of whose files are there."""
    try:
        return is_pattern(pattern) and bool(located(pattern))
    except (DataError, OSError):
        return False


def whole(pattern: str) -> str:
    """The pattern from the root of the disk, so that it holds in any folder."""
    parts = [os.path.abspath(os.path.expanduser(p)) for p in pattern.split(BETWEEN) if p]
    return BETWEEN.join(parts)


def as_pattern(source: Any) -> Any:
    """A list of paths of tar or Parquet files as one pattern; anything else as it is.

    Example::

        from ganzfeld.data.shards import as_pattern

        assert as_pattern(["a.tar", "b.tar"]) == "a.tar::b.tar"
    """
    if not isinstance(source, list | tuple) or not source:
        return source
    if not all(isinstance(path, str | os.PathLike) for path in source):
        return source
    paths = [os.fspath(path) for path in source]
    if not all(isinstance(path, str) and path.endswith(KINDS) for path in paths):
        return source
    return BETWEEN.join(paths) + (BETWEEN if len(paths) == 1 else "")


def training_files(names: Sequence[str], splits: str) -> list[str]:
    """Of shards in a folder those to train on: where some are called "train", these.

    Example::

        from ganzfeld.data.shards import training_files

        assert training_files(["train-0.tar", "test-0.tar"], "train") == ["train-0.tar"]
    """
    train = [name for name in names if "train" in name.rsplit("/", 1)[-1].lower()]
    return list(names) if splits == "all" else train or list(names)


# Found again without a look into them


def stamps_of(source: str | os.PathLike[str]) -> list[tuple[str, int, int]] | None:
    """Names, sizes and times of the shards of a source; None where it is not made of such."""
    text = os.fspath(source)
    if not isinstance(text, str):
        return None
    if is_pattern(text):
        paths = located(text)
    elif os.path.isdir(text):
        names = []
        with os.scandir(text) as entries:
            for entry in entries:
                if not entry.name.endswith(KINDS):
                    return None
                names.append(entry.name)
        paths = [Path(text, name) for name in sorted(names)]
    else:
        paths = [Path(text)]
    if not paths or not all(path.name.endswith(KINDS) and path.is_file() for path in paths):
        return None
    infos = [(path, path.stat()) for path in paths]
    return [(str(path.resolve()), info.st_size, info.st_mtime_ns) for path, info in infos]


class Known:
    """The quick keys of packs by the names, sizes and times of their shards, in a cache folder.

    To list a million members of tar files takes a minute; to look at ten files takes no time.
    Where anything differs, or the note is damaged, the members are listed as ever.
    """

    def __init__(self, folder: Path, source: object, asked: object) -> None:
        """asked: all else that a pack depends on, as JSON."""
        self.path: Path | None = None
        if not isinstance(source, str | os.PathLike):
            return
        stamps = stamps_of(source)
        if stamps is not None:
            text = json.dumps([os.fspath(source), stamps, asked])
            name = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
            self.path = folder / f"shards-{name}.json"

    @property
    def key(self) -> str | None:
        """That of the pack that was made of these shards."""
        if self.path is None:
            return None
        try:
            key = parse(read_whole(self.path, NOTE_BYTES))
        except (OSError, ValueError):  # or a pipe or a folder, which would be waited for
            return None
        return key if isinstance(key, str) and re.fullmatch("[0-9a-f]{16}", key) else None

    def note(self, key: str) -> None:
        if self.path is None or self.key == key:
            return
        # it is a convenience: the pack itself tells of a full disk
        with contextlib.suppress(OSError, ResourceError):
            files.replace(self.path, json.dumps(key).encode("ascii"))
