"""Commands in processes of their own that cost no start: forks of one that has imported ganzfeld.

Importing PyTorch and ganzfeld takes longer than most commands of tests. What a start itself does,
and what the environment decides while Python starts, is tested with `subprocess`.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


class Fork:
    """A command at work in a session of its own; what tests use of `subprocess.Popen`.

    words: of the command, or arguments of `code`. together: errors go where the rest is printed.
    aim: when it kills itself; see `zygote.Aim`.
    """

    def __init__(
        self,
        *words: str | Path,
        code: str | None = None,
        environment: dict[str, str] | None = None,
        cwd: Path | None = None,
        together: bool = False,
        aim: list[Any] | None = None,
    ) -> None:
        zygote, folder = running()
        self.files = Path(tempfile.mkdtemp(dir=folder))
        self.returncode: int | None = None
        job = {
            "words": [str(word) for word in words],
            "code": code,
            "environment": os.environ | (environment or {}),
            "cwd": str(cwd or os.getcwd()),
            "files": str(self.files),
            "errors": "printed" if together else "errors",
            "aim": aim,
        }
        assert zygote.stdin is not None and zygote.stdout is not None
        zygote.stdin.write(json.dumps(job) + "\n")
        zygote.stdin.flush()
        self.pid = int(zygote.stdout.readline())

    def poll(self) -> int | None:
        if self.returncode is None and (self.files / "code").exists():
            self.returncode = int((self.files / "code").read_text())
        return self.returncode

    def wait(self, timeout: float = 300) -> int:
        limit = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > limit:
                raise subprocess.TimeoutExpired(f"fork {self.pid}", timeout)
            time.sleep(0.005)
        assert self.returncode is not None
        return self.returncode

    def communicate(self, timeout: float = 300) -> tuple[str, str]:
        self.wait(timeout)
        return self.said("printed"), self.said("errors")

    def said(self, name: str) -> str:
        path = self.files / name
        return path.read_text("utf-8", errors="surrogateescape") if path.exists() else ""

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(*words: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    process = Fork(*words, **more)
    printed, errors = process.communicate()
    assert process.returncode is not None
    return subprocess.CompletedProcess(words, process.returncode, printed, errors)


@functools.cache
def running() -> tuple[subprocess.Popen[str], str]:
    """The process that forks, and a folder that it removes when it ends."""
    folder = tempfile.mkdtemp()
    zygote = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("zygote.py")), folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        start_new_session=True,
    )
    assert zygote.stdout is not None
    assert zygote.stdout.readline().strip() == "ready"
    return zygote, folder


def close() -> None:
    if running.cache_info().currsize:
        running()[0].communicate()
        running.cache_clear()
