"""The files of packs in a cache folder: room, a name while one is written, its final name."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from ganzfeld.core import system
from ganzfeld.core.files import _no_cache
from ganzfeld.core.memory import amount
from ganzfeld.core.names import shown
from ganzfeld.data.pack_format import DamagedPack, hold, read_pack
from ganzfeld.errors import ResourceError

SPARE = 1.05  # free space wanted, times the pack's size


def need_space(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size * SPARE + (8 << 20):
        raise ResourceError(
            f"packing needs {amount(size * SPARE + (8 << 20))} in {shown(str(folder))}, where "
            f"{amount(free)} are free",
            safe="nothing was written",
            fix="GANZFELD_CACHE=/a/folder/with/room ganzfeld ...   or a smaller --size   or train "
            "--stream, which packs a sample only, of tar or Parquet files",
        )


@contextlib.contextmanager
def temporary(folder: Path, key: str) -> Iterator[Path]:
    """A name that no other process uses, removed if the file is still there at the end."""
    host = re.sub(r"[^\w]", "_", socket.gethostname())[:40]
    part = folder / f"{key}-{host}-{os.getpid()}-{secrets.token_hex(4)}.part"
    try:
        yield part
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _no_cache(folder, error) from error


def sweep(folder: Path) -> None:
    """Remove what processes of this machine left behind when they were killed."""
    host = re.sub(r"[^\w]", "_", socket.gethostname())[:40]
    for part in folder.glob(f"*-{host}-*.part"):
        process = part.name.rsplit("-", 2)[1]
        if os.name == "nt":
            with contextlib.suppress(OSError):  # which deletes no file that is being written
                part.unlink()
        elif process.isdigit() and not alive(int(process)):
            # a container may share this machine's name and not its processes: hence the lock
            with contextlib.suppress(OSError), open(part, "r+b") as file:
                if hold(file):
                    part.unlink()


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def put_in_place(part: Path, path: Path) -> Path:
    """Give the finished pack its name; whoever comes second replaces it by the same.

    Windows replaces no file that a process has mapped. Where another has just made the same pack,
    that one will do; where it maps a damaged one, the new one gets a name beside it.
    """
    if path.is_dir() and not path.is_symlink():  # somebody's: no file takes its place
        path = path.with_name(f"{secrets.token_hex(4)}-{path.name}")
    try:
        system.replace(part, path)
    except PermissionError:
        if not path.exists():
            raise
        try:
            read_pack(path)
        except (DamagedPack, OSError):
            path = path.with_name(f"{secrets.token_hex(4)}-{path.name}")
            system.replace(part, path)
    with contextlib.suppress(OSError):
        system.sync_folder(path.parent)
    return path
