"""Where the data of a Python program are kept: in a run's folder, or in the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganzfeld.core import system, temporary
from ganzfeld.core.files import cache_folder
from ganzfeld.core.names import quoted
from ganzfeld.core.reader import Unreadable, open_regular
from ganzfeld.data.called import note
from ganzfeld.data.from_python import is_path, store
from ganzfeld.data.pack import Pack
from ganzfeld.errors import UsageError, of_disk

NAMES = ("dataset.npz", "dataset.zip", "dataset.tar")  # what `store` writes


def is_given(source: Any) -> bool:
    """Whether this is data themselves, and no path or name of them."""
    return not is_path(source) and not isinstance(source, bytes | bytearray | type(None))


def keep_in_run(dataset: Any, run: Path, **columns: str | None) -> Path:
    """Write a program's data into the run's folder, under data/, and give the file's path.

    The same data in it are left as they are, so that a run goes on by the same call.
    Raises UsageError where a run was trained on others, and what `store` raises.
    """
    folder = run / "data"
    with stored(dataset, folder, **columns) as new:
        old = file_in(folder)
        if old is not None and old.name == new.name and digest(old) == digest(new):
            return note(old, dataset)
        if (run / "config.json").exists():
            raise UsageError(
                f"{run} holds a run that was trained on other data",
                safe="nothing was changed",
                fix=f"ganzfeld.train(..., out=...), or ganzfeld resume {quoted(run)}",
            )
        if old is not None:
            old.unlink()
        system.replace(new, folder / new.name)
    return note(folder / new.name, dataset)


def keep_in_cache(dataset: Any) -> Path:
    """Write a program's data into the cache, once for each content, and give the file's path."""
    folder = cache_folder() / "given"
    with stored(dataset, folder) as new:
        home = folder / digest(new)[:32]
        home.mkdir(exist_ok=True)
        if not same(new, home / new.name):
            system.replace(new, home / new.name)
    return note(home / new.name, dataset)


def as_source(data: Any) -> Any:
    """A path, or a pack, as it is; data themselves as the path of a file that holds them."""
    return keep_in_cache(data) if is_given(data) and not isinstance(data, Pack) else data


def file_in(folder: Path) -> Path | None:
    """What a program's data were kept in before."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


@contextmanager
def stored(dataset: Any, folder: Path, **columns: str | None) -> Iterator[Path]:
    """The data in a file that is gone again afterwards, unless it was moved."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with temporary.scratch(folder) as hidden:
            yield store(dataset, hidden, **columns)
    except OSError as error:
        raise of_disk(error, folder) from error


def digest(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def same(path: Path, other: Path) -> bool:
    """Whether the other is a file of the same content: its name may be that of a pipe."""
    try:
        return digest(path) == digest(other)
    except (OSError, Unreadable):
        return False
