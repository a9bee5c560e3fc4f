"""Write files whole or not at all, compare them with their hashes, and find the cache."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import stat
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ganzfeld.core import system, temporary
from ganzfeld.core.names import shown
from ganzfeld.errors import ResourceError, naming, of_disk

CHUNK = 1 << 20


def mismatch(name: str, data: bytes, expected: dict[str, Any]) -> str | None:
    """What differs from what a manifest says of a file; None where nothing does."""
    return difference(name, len(data), hashlib.sha256(data), expected)


def difference(name: str, size: int, digest: Any, expected: dict[str, Any]) -> str | None:
    if size != expected["size"]:
        return f"{name} has {size:,} bytes instead of {expected['size']:,}"
    if digest.hexdigest() != expected["sha256"]:
        return f"{name} does not match its SHA-256"
    return None


def hide(path: Path) -> Path:
    """Put a directory aside under a name that nobody takes for a checkpoint."""
    hidden = path.with_name(f".del-{path.name}-{secrets.token_hex(4)}")
    system.replace(path, hidden)
    return hidden


def need_place(path: Path) -> None:
    """ResourceError, before the work, where the folders above a path cannot be made."""
    there = next(one for one in path.absolute().parents if os.path.lexists(one))
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return
    number = errno.EACCES if there.is_dir() else errno.ENOTDIR
    raise of_disk(OSError(number, os.strerror(number), str(there)))


def remove(path: Path) -> None:
    """Delete a directory or file so that no half of it can be taken for the whole.

    Raises OSError, and leaves it as it was, for a directory that cannot be read or written, or that
    holds another one: this package makes none there, so it is somebody's own.
    """
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_dir():  # what a link leads to is not ours
        os.unlink(path if path.name.startswith(".") else hide(path))
        return
    with os.scandir(path) as entries:
        inside = [entry.name for entry in entries if refuse_folder(entry)]
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    doomed = path if path.name.startswith(".") else hide(path)
    for name in inside:
        os.unlink(doomed / name)
    os.rmdir(doomed)


def refuse_folder(entry: os.DirEntry[str]) -> bool:
    """True for a file or a link; IsADirectoryError for a folder."""
    if entry.is_dir(follow_symlinks=False):
        raise IsADirectoryError(errno.EISDIR, "a folder lies where only files should", entry.path)
    return True


def write(path: Path, data: bytes) -> dict[str, Any]:
    """Write a file through to the disk; its size and SHA-256."""
    return write_pieces(path, [data])


def write_pieces(path: Path, pieces: Iterable[bytes], *, new: bool = True) -> dict[str, Any]:
    """The same, piece by piece as they are made: a file may be larger than memory.

    new: FileExistsError where it is there already; False: it is, and empty.
    """
    digest = hashlib.sha256()
    how = os.O_CREAT | os.O_EXCL if new else 0
    descriptor = os.open(path, os.O_WRONLY | how | system.flags_of_files(), 0o644)
    try:
        with naming(path):
            size = _pour(descriptor, pieces, digest)
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return {"size": size, "sha256": digest.hexdigest()}


def _pour(descriptor: int, pieces: Iterable[bytes], digest: Any) -> int:
    size = 0
    for data in pieces:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view[:CHUNK]) :]
        size += len(data)
        digest.update(data)
    return size


def replace(path: Path, data: bytes) -> None:
    """Put a file in place of another (or of none) so that no reader sees a part of it."""
    replace_by(path, [data])


def replace_by(path: Path, pieces: Iterable[bytes]) -> None:
    """The same, piece by piece as they are made; where that fails, the other file stays."""
    try:
        refuse_device(path)
        with temporary.hidden(path) as place:
            write_pieces(place, pieces, new=False)
            system.replace(place, path)
        sync(path.parent)
    except OSError as error:
        raise of_disk(error, path) from error


def refuse_device(path: Path) -> None:
    """FileExistsError for a device, such as /dev/null: a file in its place would break it."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        mode = os.lstat(path).st_mode
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            raise FileExistsError(errno.EEXIST, "a device lies there", str(path))


def sync(folder: Path) -> None:
    """Make the names in a directory as lasting as the files."""
    system.sync_folder(folder)


def as_json(value: Any) -> bytes:
    """JSON in UTF-8."""
    return utf8(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def utf8(text: str) -> bytes:
    """Text as bytes; half a character, as in a path that is not UTF-8, as an escape."""
    return text.encode("utf-8", "backslashreplace")


def cache_folder(cache: Path | None = None) -> Path:
    """Where packs lie: as given, else $GANZFELD_CACHE, $XDG_CACHE_HOME/ganzfeld or
    ~/.cache/ganzfeld. Raises `ResourceError` when it cannot be made."""
    if cache is None:
        named, base = os.environ.get("GANZFELD_CACHE"), os.environ.get("XDG_CACHE_HOME")
        if not named and not base:
            try:
                base = str(Path.home() / ".cache")
            except RuntimeError:  # no $HOME, and a user whom the system does not know
                return _without_home()
        cache = Path(named) if named else Path(base or "") / "ganzfeld"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_cache(cache, error) from error
    return cache


def _without_home() -> Path:
    """A folder of this user's alone among the temporary files, and a word about it."""
    cache = Path(tempfile.gettempdir()) / f"ganzfeld-{system.user() or 0}"
    try:
        cache.mkdir(mode=0o700, exist_ok=True)
        found = os.lstat(cache)
    except OSError as error:
        raise _no_cache(cache, error) from error
    own = system.user() is None or (found.st_uid == system.user() and not found.st_mode & 0o022)
    if not stat.S_ISDIR(found.st_mode) or not own:
        raise ResourceError(
            f"there is no home folder for packs, and {shown(str(cache))} belongs to another user",
            safe="the data are untouched",
            fix="GANZFELD_CACHE=/a/folder/with/room ganzfeld ...",
        )
    if str(cache) not in _SAID:
        _SAID.add(str(cache))
        print(
            f"note: there is no home folder: packs are kept in {shown(str(cache))} "
            "(GANZFELD_CACHE names another)",
            file=sys.stderr,
        )
    return cache


_SAID: set[str] = set()  # folders that were spoken of


def _no_cache(cache: Path, error: OSError) -> ResourceError:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        what = f"the disk of the cache folder {shown(str(cache))} is full"
    else:
        what = f"the cache folder {shown(str(cache))} cannot be written: {error.strerror or error}"
    return ResourceError(
        what, safe="the data are untouched", fix="GANZFELD_CACHE=/a/folder/with/room ganzfeld ..."
    )
