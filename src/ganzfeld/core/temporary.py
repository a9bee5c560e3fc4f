"""Names for what is not whole yet: locked while their process lives, removed once it is gone."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ganzfeld.core import system
from ganzfeld.errors import naming

NAME = re.compile(r"\.tmp-.+-[0-9a-f]{8}", re.DOTALL)
SCRATCH = "ganzfeld"  # the name of folders that hold what one command needs for itself
HOUR = 3600.0  # seconds, where a file system has no locks: older ones are nobody's
AGAIN = 60.0  # seconds until one process looks into the same folder again
_SEEN: dict[str, float] = {}  # when this process looked into a folder


def name_of(path: Path) -> Path:
    """A new name beside a file or folder for what is not whole yet."""
    return path.with_name(f".tmp-{path.name}-{secrets.token_hex(4)}")


@contextlib.contextmanager
def hidden(path: Path, *, folder: bool = False, mode: int = 0o777) -> Iterator[Path]:
    """An empty file or folder beside `path`, out of sight, for this process to fill and rename.

    It is locked until the end, and removed where it is still there then. What processes that are
    gone left in the same place is removed first; what a living one holds is never touched.
    Raises OSError where it cannot be made.

    Example::

        from pathlib import Path
        from ganzfeld.core.temporary import hidden

        with hidden(Path("table.csv")) as place:
            place.write_text("a,b\\n")
            place.replace("table.csv")
    """
    sweep(path.parent)
    if folder:
        sweep_hidden(path)
    with naming(path, path.with_name(f".tmp-{path.name}-")):
        place, descriptor = _made(path, folder, mode)
    try:
        with naming(path, place):
            yield place
    finally:
        if descriptor is not None:
            os.close(descriptor)
        with contextlib.suppress(OSError):
            _remove(place)


@contextlib.contextmanager
def scratch(parent: Path | None = None) -> Iterator[Path]:
    """A folder for this process alone, gone afterwards. None: among the temporary files."""
    place = parent if parent is not None else Path(tempfile.gettempdir())
    with hidden(place / SCRATCH, folder=True, mode=0o700) as own:
        yield own


def _made(path: Path, folder: bool, mode: int) -> tuple[Path, int | None]:
    """It and the open file that locks it; None where the system opens no folders."""
    while True:
        place = name_of(path)
        if folder:
            place.mkdir(mode=mode)
            descriptor = _opened(place)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | system.flags_of_files()
            descriptor = os.open(place, flags, 0o644)
        if descriptor is None or os.name == "nt":  # which renames nothing that is open
            if descriptor is not None:
                os.close(descriptor)
            return place, None
        if system.lock(descriptor) is not False and _is(place, descriptor):
            return place, descriptor
        os.close(descriptor)  # another process took it for left behind, in between


def _opened(place: Path) -> int | None:
    """The file or folder itself, open for a lock; None where that does not go, and for a link."""
    flags = os.O_RDONLY | system.flags_of_files()
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        return os.open(place, flags)
    except OSError:
        return None


def _is(place: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.lstat(place), os.fstat(descriptor))
    except OSError:
        return False


def sweep(folder: Path) -> None:
    """Remove what processes that are gone left half-written in a folder, as far as that can be.

    Among the temporary files of all programs, scratch folders alone: others may be named alike.
    """
    key, now = os.path.abspath(folder), time.monotonic()
    if now - _SEEN.get(key, -AGAIN) < AGAIN:
        return
    _SEEN[key] = now
    shared = key == os.path.abspath(tempfile.gettempdir())
    start = f".tmp-{SCRATCH}-" if shared else ".tmp-"
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if NAME.fullmatch(name) and name.startswith(start):
                _sweep_one(folder / name)


def sweep_hidden(path: Path) -> None:
    """Remove what of a folder was put aside to be deleted, and was not when its process ended."""
    name = re.compile(re.escape(f".del-{path.name}-") + "[0-9a-f]{8}")
    with contextlib.suppress(OSError):
        for left in [path.with_name(n) for n in os.listdir(path.parent) if name.fullmatch(n)]:
            _sweep_one(left)


def _sweep_one(place: Path) -> None:
    with contextlib.suppress(OSError):
        found = os.lstat(place)
        if system.user() not in (None, found.st_uid):
            return
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            return  # this package makes no others
        descriptor = _opened(place)
        try:
            free = None if descriptor is None else system.lock(descriptor)
            if free is None:  # locks are not known here: a file that is open or old
                free = time.time() - found.st_mtime > HOUR
            elif free:
                free = descriptor is not None and _is(place, descriptor)
            if free:
                _remove(place)
        finally:
            if descriptor is not None:
                os.close(descriptor)


def _remove(place: Path) -> None:
    """Delete it; of a folder the files alone, but for a scratch folder, which is removed whole."""
    if not os.path.lexists(place):
        return
    if not place.is_dir() or place.is_symlink():
        place.unlink(missing_ok=True)
    elif place.name.startswith(f".tmp-{SCRATCH}-"):
        shutil.rmtree(place)
    else:
        names = os.listdir(place)
        if any((place / name).is_dir() and not (place / name).is_symlink() for name in names):
            return  # this package makes none there: it is somebody's own
        for name in names:
            (place / name).unlink(missing_ok=True)
        place.rmdir()
