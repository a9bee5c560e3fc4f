"""Elastic restart: a killed process, and two nodes, end in the model of an undisturbed run.

Nodes are two launchers on one machine that meet over the loopback interface.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import command
import pytest
from test_processes import free_port, workers

from ganzfeld.core import checkpoint
from ganzfeld.training.verify import verify_run

pytestmark = [pytest.mark.long, pytest.mark.slow]

IMAGES = 4_800
MORE = ("run.accumulate=2",)  # each process's share of 8 in two parts


def launched(port: int, out: Path, *, nodes: int, each: int, restarts: int) -> list[str]:
    return [
        *(sys.executable, "-m", "torch.distributed.run", "--nnodes", str(nodes)),
        *("--nproc-per-node", str(each), "--max-restarts", str(restarts)),
        *("--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{port}", "--rdzv-id", "one"),
        *("-m", "ganzfeld", *command.training(out, IMAGES, *MORE)),
    ]


@contextmanager
def launchers(
    out: Path, *, nodes: int, each: int, restarts: int = 0
) -> Iterator[list[subprocess.Popen[str]]]:
    """One launcher a node, each with its own workers; none is left alive."""
    words = launched(free_port(), out, nodes=nodes, each=each, restarts=restarts)
    running = [
        subprocess.Popen(
            words,
            env=os.environ | command.ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        for _ in range(nodes)
    ]
    try:
        yield running
    finally:
        for process in running:
            for worker in workers(process.pid):  # they are in sessions of their own
                os.kill(worker, signal.SIGKILL)
            command.kill(process)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two processes of one node, whom nobody kills."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    with launchers(out, nodes=1, each=2) as (process,):
        code, printed = command.end(process, 240)
    assert code == 0, printed
    return out


def check_same(out: Path, undisturbed: Path) -> None:
    assert [row for row in verify_run(out) if row[1]] == []
    newest = checkpoint.load(checkpoint.listing(out / "checkpoints")[0])
    assert newest.manifest["images"] == IMAGES and newest.manifest["processes"] == 2
    assert command.weights(out) == command.weights(undisturbed)


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_rank_is_started_again_and_the_model_is_the_same(
    victim: int, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with launchers(out, nodes=1, each=2, restarts=3) as (process,):
        command.wait_until(command.trains(out), process)
        first = workers(process.pid)
        assert len(first) == 2
        os.kill(first[victim], signal.SIGKILL)
        code, printed = command.end(process, 240)
    assert code == 0, printed
    assert "continuing" in printed, "it was over before it was killed"
    check_same(out, undisturbed)


def test_two_nodes_make_the_model_of_one(undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with launchers(out, nodes=2, each=1) as both:
        ends = [command.end(process, 240) for process in both]
    assert [code for code, _ in ends] == [0, 0], ends
    assert sum(printed.count("done: ") for _, printed in ends) == 1
    check_same(out, undisturbed)
