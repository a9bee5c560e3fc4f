"""Protect a run: one process per folder, signals that save, enough disk space."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganzfeld.core import system, temporary
from ganzfeld.core.formats import HOLDER
from ganzfeld.core.memory import amount
from ganzfeld.core.names import quoted
from ganzfeld.core.reader import Unreadable, open_own, parse, read_whole
from ganzfeld.errors import CheckpointError, InUseError, ResourceError, naming
from ganzfeld.text import shown

LOCK_BYTES = 10_000
FOLDERS = ("checkpoints", "samples", "data")  # of a run; its model is replaced as a whole


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold a run's folder; InUseError where another process does.

    The lock is the kernel's: it is free as soon as its holder is gone, however it went.
    """
    descriptor = open_own(run / "lock", 0)
    try:
        if not system.try_lock(descriptor):
            raise InUseError(
                f"{run} is in use{holder(run)}",
                safe="nothing was changed",
                fix="wait until it has ended, or stop it: Ctrl-C saves and stops",
            )
        about = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        }
        with naming(run / "lock"):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, json.dumps(about).encode())  # at 0: nothing was read or written
        yield
    finally:
        os.close(descriptor)


def refuse_links(run: Path) -> None:
    """CheckpointError where a folder inside a run is a link: what it leads to is not the run's.

    Checkpoints are deleted in turn, and what a link leads to may be somebody's own.
    """
    for name in FOLDERS:
        if (place := run / name).is_symlink():
            raise CheckpointError(
                f"{place} is a link, to {shown(os.readlink(place))}: a run writes and deletes in "
                "its own folders only",
                safe="nothing was changed",
                fix=f"put the folder itself in place of the link; or move the whole run and give "
                f"its new place: ganzfeld resume {quoted(run)}",
            )


def holder(run: Path) -> str:
    try:
        about = parse(read_whole(run / "lock", LOCK_BYTES))
        HOLDER(about, "")
    except (OSError, Unreadable):
        return ""
    host, since = shown(about["host"], 80), shown(about["since"], 40)
    return f" by process {about['pid']} on {host} since {since}"


def check_writable(run: Path, needed: int, fix: str = "") -> None:
    """Make the folder, and prove that it takes files and has room for `needed` bytes.

    fix: what to advise; by default another folder by --out.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        with temporary.hidden(run / "probe") as probe, temporary.hidden(run / "renamed") as other:
            probe.write_bytes(b"probe")
            system.replace(probe, other)
        free = shutil.disk_usage(run).free
    except OSError as error:
        raise ResourceError(
            f"{run} cannot be written: {error.strerror or error}",
            safe="nothing was trained",
            fix=fix or "choose a folder that you may write to with --out",
        ) from error
    if free < needed:
        raise ResourceError(
            f"{run} has {amount(free)} of room; the run's checkpoints need {amount(needed)}",
            safe="nothing was trained",
            fix=fix or "free some space, or choose another disk with --out",
        )
