"""Protect a run: one process per folder, signals that save, enough disk space."""

from __future__ import annotations

import datetime
import json
import os
import shlex
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from ganzfeld import system
from ganzfeld.config import Config
from ganzfeld.errors import GanzfeldError, Interrupted, InUseError, ResourceError
from ganzfeld.formats import HOLDER
from ganzfeld.memory import amount, of_memory
from ganzfeld.reader import Unreadable, open_own, parse, read_whole
from ganzfeld.text import shown

LOCK_BYTES = 10_000


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
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(about).encode())  # at 0: nothing was read or written yet
        yield
    finally:
        os.close(descriptor)


def holder(run: Path) -> str:
    try:
        about = parse(read_whole(run / "lock", LOCK_BYTES))
        HOLDER(about, "")
    except (OSError, Unreadable):
        return ""
    host, since = shown(about["host"], 80), shown(about["since"], 40)
    return f" by process {about['pid']} on {host} since {since}"


class Signals:
    """SIGTERM, SIGHUP and Ctrl-C: the first asks to save and stop, a second stops at once.

    SIGHUP, the end of a terminal, is left alone where it is ignored, as under `nohup`.
    Windows has none, and sends SIGBREAK for Ctrl-Break.
    Before `graceful` is set there is nothing to save, and the first one stops.
    """

    def __init__(self) -> None:
        self.asked = 0  # the signal's number, 0 while there was none
        self.graceful = False

    def __enter__(self) -> Signals:
        self.before: dict[int, Any] = {}
        try:
            hung_up = getattr(signal, "SIGHUP", None)
            for number in system.ending_signals():
                if number == hung_up and signal.getsignal(number) == signal.SIG_IGN:
                    continue
                self.before[number] = signal.signal(number, self.handle)
        except ValueError:  # not in the main thread: signals are somebody else's
            pass
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        if self.asked and not self.graceful and error and not isinstance(error, GanzfeldError):
            raise self.interrupted() from error  # a library made another error of it

    def handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            os._exit(128 + number)
        self.asked = number
        if not self.graceful:
            raise self.interrupted()

    def interrupted(self) -> Interrupted:
        return Interrupted(self.asked, "stopped before the first step", safe="nothing was trained")


def check_writable(run: Path, needed: int, fix: str = "") -> None:
    """Make the folder, and prove that it takes files and has room for `needed` bytes.

    fix: what to advise; by default another folder by --out.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        probe = run / f".tmp-probe-{os.getpid()}"
        probe.write_bytes(b"probe")
        system.replace(probe, probe.with_name(probe.name + "-renamed"))
        probe.with_name(probe.name + "-renamed").unlink()
        free = shutil.disk_usage(run).free
    except OSError as error:
        raise ResourceError(
            f"{run} cannot be written: {error}",
            safe="nothing was trained",
            fix=fix or "choose a folder that you may write to with --out",
        ) from error
    if free < needed:
        raise ResourceError(
            f"{run} has {amount(free)} of room; the run's checkpoints need {amount(needed)}",
            safe="nothing was trained",
            fix=fix or "free some space, or choose another disk with --out",
        )


@contextmanager
def out_of_memory(config: Config, finished: Path | None = None) -> Iterator[None]:
    """Turn out-of-memory errors into advice.

    finished: a run that has taken all its steps, so that no batch is to blame.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, GanzfeldError) or not of_memory(error):
            raise
        if finished is not None:
            raise ResourceError(
                f"out of memory while {finished} was measured and its report drawn",
                safe="all its steps are done and saved",
                fix=f"ganzfeld resume {shlex.quote(str(finished))}   where more memory is free",
            ) from error
        half = max(config.run.batch_size // 2, 1)
        raise ResourceError(
            f"out of memory with batch {config.run.batch_size}",
            safe="checkpoints already saved are untouched",
            fix=f"--batch {half}, a smaller --size, or --set networks.G.width=... for less",
        ) from error


def all_finite(tree: Any) -> bool:
    if isinstance(tree, torch.Tensor):
        return bool(tree.isfinite().all())
    return all(all_finite(v) for v in tree.values()) if isinstance(tree, dict) else True
