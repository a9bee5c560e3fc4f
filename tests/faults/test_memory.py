"""Memory that runs out, wherever it does: exit 5, and what would fit."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import command
import pytest
import torch

from ganzfeld.cli import main
from ganzfeld.core.memory import of_memory

pytestmark = pytest.mark.long


def limited(words: list[str], megabytes: int) -> tuple[int, str]:
    """The command, under a limit of its memory."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    done = subprocess.run(
        [sys.executable, "-m", "ganzfeld", *words],
        env=os.environ | command.ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=limit,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_batch_too_large_for_the_trial_of_speed(tmp_path: Path) -> None:
    words = ["train", "avatars:300", "--recipe", "dcgan", "--size", "16", "--images", "200000"]
    plain = ["--set", "run.threads=1", "run.precision=float32", "run.products=false"]
    code, printed = limited(
        [*words, "--batch", "100000", "--out", str(tmp_path / "r"), *plain], 2900
    )
    assert code == 5 and "--batch 50000" in printed, printed
    assert not (tmp_path / "r" / "config.json").exists()


def test_too_little_memory_to_begin(tmp_path: Path) -> None:
    code, printed = limited(["train", "avatars:64", "--out", str(tmp_path / "r")], 300)
    assert code == 5 and "out of memory" in printed and "ulimit -v" in printed, printed


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"
        ),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        OSError(12, "Cannot allocate memory"),
    ],
)
@pytest.mark.parametrize("name", ["sample", "evaluate", "report", "translate"])
def test_in_every_command(
    name: str, error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise error

    command_: Callable[..., None] = fails
    monkeypatch.setitem(main.COMMANDS, name, command_)
    with pytest.raises(SystemExit) as caught:
        main.main([name])
    text = capsys.readouterr().err
    assert caught.value.code == 5 and "out of memory" in text and main.FITS[name] in text


def test_other_errors_are_not_taken_for_it() -> None:
    assert not of_memory(RuntimeError("shapes do not match"))
    assert not of_memory(ImportError("No module named 'memory'"))
