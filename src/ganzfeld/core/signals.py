"""Ctrl-C and SIGTERM as a request to stop, which work heeds where it is safe."""

from __future__ import annotations

import contextlib
import os
import signal
from types import FrameType
from typing import Any

from ganzfeld.core import system
from ganzfeld.core.language import tr
from ganzfeld.errors import GanzfeldError, Interrupted

AT_ONCE = (
    "stopped at once, by a second signal: what was saved before is safe, and the same command goes "
    "on from there"
)


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
            with contextlib.suppress(OSError):  # of a terminal that is gone
                os.write(2, f"{tr(AT_ONCE)}\n".encode(errors="replace"))
            os._exit(128 + number)
        self.asked = number
        if not self.graceful:
            raise self.interrupted()

    def interrupted(self) -> Interrupted:
        return Interrupted(self.asked, "stopped before the first step", safe="nothing was trained")
