"""The real command in a process of its own, on data and networks so small that it takes seconds."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from forks import Fork

BATCH = 16
SETTINGS = (
    "networks.G.width=4",
    "networks.D.width=4",
    "networks.G.latent=16",
    "run.log_every=160",
    "run.save_every=480",
    "run.sample_every=9600",
    "run.evaluate_every=960",
)
# GANZFELD_TEST_THREADS=2: the kill loop with two threads
ENVIRONMENT = {"OMP_NUM_THREADS": os.environ.get("GANZFELD_TEST_THREADS", "1"), "COLUMNS": "200"}
ENVIRONMENT["MKL_NUM_THREADS"] = ENVIRONMENT["OMP_NUM_THREADS"]
PATIENCE = float(os.environ.get("GANZFELD_TEST_PATIENCE", "60"))  # seconds, on a busy machine more


def training(out: Path, images: int, *more: str) -> list[str]:
    """The words of `ganzfeld train` for a run of so many images, 3,000 a second or so."""
    words = ["train", "avatars:64", "--size", "16", "--out", str(out), "--batch", str(BATCH)]
    return [*words, "--images", str(images), "--set", *SETTINGS, *more]


def start(words: list[str], **environment: str) -> Fork:
    """The command, at work in a session of its own."""
    return Fork(*words, environment=ENVIRONMENT | environment)


def fresh(words: list[str], **environment: str) -> subprocess.Popen[str]:
    """The same as a user starts it, which takes seconds to import PyTorch."""
    return subprocess.Popen(
        [sys.executable, "-m", "ganzfeld", *words],
        env=os.environ | ENVIRONMENT | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # under nohup, too
    )


Process = Fork | subprocess.Popen[str]


def end(process: Process, seconds: float = 300) -> tuple[int, str]:
    """Wait: the exit code and all that was printed. Nothing of it is left alive."""
    try:
        printed, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        kill(process)
        raise
    return process.returncode, printed + (errors or "")


def run(words: list[str], seconds: float = 300, **environment: str) -> tuple[int, str]:
    return end(start(words, **environment), seconds)


def kill(process: Process) -> None:
    """As the kernel kills where memory runs out: no handler, no goodbye."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_until(condition: Callable[[], bool], process: Process, seconds: float = 300) -> None:
    """Until it holds, while the process lives."""
    limit = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, f"ended early: {process.communicate()}"
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.01)


def trains(out: Path, images: int = 1) -> Callable[[], bool]:
    """Whether a checkpoint of at least so many images is there."""
    return lambda: any(
        int(path.name[-12:]) >= images for path in (out / "checkpoints").glob("images-*")
    )


def weights(out: Path) -> str:
    """The SHA-256 of the model that a run shipped."""
    return hashlib.sha256((out / "model" / "model.safetensors").read_bytes()).hexdigest()


def log(out: Path) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl, every line of which must be whole; without times and rates."""
    text = (out / "metrics.jsonl").read_text()
    assert text.endswith("\n")
    rows = [json.loads(line) for line in text.splitlines()]
    for kind in {row["kind"] for row in rows}:
        images = [row["images"] for row in rows if row["kind"] == kind]
        assert images == sorted(set(images)), f"{kind} rows do not rise"
    measured = ("images_per_second", "seconds")
    return [{k: v for k, v in row.items() if k not in measured} for row in rows]


# Killed at what it does to files


def counted(words: list[str], out: Path, mark: Path) -> list[int]:
    """Do it undisturbed: what it does to files in `out` before and after `mark` is there."""
    process = aimed(words, [str(out), str(mark), None])
    assert process.returncode == 0, process.said("errors")
    found: list[int] = json.loads(process.said("counts"))
    return found


def killed(words: list[str], out: Path, mark: Path, phase: int, act: int, later: float) -> bool:
    """Whether it killed itself at this act, or CPU seconds later, rather than came to its end.

    phase: 0 before `mark` is there, 1 after.
    """
    process = aimed(words, [str(out), str(mark), [phase, act, later]])
    assert process.returncode in (0, -signal.SIGKILL, -signal.SIGPROF), process.said("errors")
    return process.returncode != 0


def aimed(words: list[str], aim: list[Any]) -> Fork:
    process = Fork(*words, environment=ENVIRONMENT | {"OMP_NUM_THREADS": "2"}, aim=aim)
    process.wait(900)
    return process
