"""Several processes under torchrun: the same step everywhere, one writer, and no one left alone."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import command
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from forks import Fork
from ganzfeld.config import with_settings
from ganzfeld.core import checkpoint, distributed, trees
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.training import trainer_checks
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.plan import settle
from ganzfeld.training.trainer import Rows, Trainer
from ganzfeld.training.verify import verify_run

pytestmark = pytest.mark.long

IMAGES = 960

# Each process trains five steps and shows a hash of all its state, and of the samples it saw.
TWINS = """
import hashlib, os, sys
import torch
import torch.distributed as dist
from test_processes import state_hash, trainer_of
from ganzfeld.core import distributed

distributed.start(torch.device("cpu"))
trainer = trainer_of(sys.argv[1])
for _ in range(5):
    trainer.take_step()
mine = [state_hash(trainer), hashlib.sha256(str(trainer.data.seen).encode()).hexdigest()]
everyone = [None] * distributed.world()
dist.all_gather_object(everyone, mine)
if distributed.rank() == 0:
    print("SAME" if everyone[0][0] == everyone[1][0] else "DIFFERENT", "state")
    print("SAME" if everyone[0][1] == everyone[1][1] else "DIFFERENT", "samples", flush=True)
distributed.finish()
os._exit(0)  # as ganzfeld itself ends under torchrun
"""


# The command, where the first process measures and ends for longer than a collective waits.
LONG = """
import datetime, runpy, sys, time
from ganzfeld.core import distributed
from ganzfeld.training import session

distributed.TIMEOUT = datetime.timedelta(seconds=3)
measure, finish = session.Session.measure, session.Session.finish

def slowly(do):
    def work(self):
        if self.writes:
            time.sleep(5)
        do(self)
    return work

session.Session.measure, session.Session.finish = slowly(measure), slowly(finish)
runpy.run_module("ganzfeld", run_name="__main__", alter_sys=False)
"""


class Numbered:
    """Images that remember who asked for them."""

    def __init__(self, count: int = 40) -> None:
        generator = torch.Generator().manual_seed(1)
        self.x = torch.rand((count, 3, 16, 16), generator=generator) * 2 - 1
        self.seen: list[list[int]] = []

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, indices: NDArray[np.int64]) -> Rows:
        self.seen.append(indices.tolist())
        return {"x": self.x[torch.from_numpy(indices)]}


def trainer_of(recipe: str) -> Trainer:
    config = RECIPES[recipe](Facts(count=40, channels=3, height=16, width=16, classes=0))
    config.run.batch_size, config.run.images = 8, 400
    small = ["networks.G.width=4", "networks.D.width=4", "networks.G.latent=8"]
    config = complete(with_settings(config, small))
    settle(config)
    return build_trainer(config, Numbered(), torch.device("cpu"))


def state_hash(trainer: Trainer) -> str:
    import hashlib

    digest = hashlib.sha256()
    for name, data in trees.encode(trainer.state_dict()):
        digest.update(name.encode() + data)
    return digest.hexdigest()


# The order of the samples


def samples_seen(patch: pytest.MonkeyPatch, rank: int, world: int, steps: int) -> list[list[int]]:
    """What one of so many processes asks for, without the others."""
    with patch.context() as context:
        context.setattr(distributed, "rank", lambda: rank)
        context.setattr(distributed, "world", lambda: world)
        context.setattr(distributed, "average", lambda tensors: None)
        trainer = trainer_of("wgan-gp")  # five moves of one player, one of the other
        for _ in range(steps):
            trainer.take_step()
    assert isinstance(trainer.data, Numbered)
    return trainer.data.seen


@pytest.mark.parametrize("world", [2, 4, 8])
def test_processes_share_the_batches_of_one(world: int, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = samples_seen(monkeypatch, 0, 1, 7)
    shares = [samples_seen(monkeypatch, rank, world, 7) for rank in range(world)]
    assert len(alone) == 7 * 6 and len({tuple(batch) for batch in alone}) > 35
    assert [[i for part in parts for i in part] for parts in zip(*shares, strict=True)] == alone


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="3 processes cannot share 8 samples"):
        samples_seen(monkeypatch, 0, 3, 1)


def test_ranks_draw_their_own_latents(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same samples and gradients that are not averaged: only the draws can differ."""
    ends = []
    monkeypatch.setattr(trainer_checks, "check_rows", lambda *_: None)  # one process has no share
    for rank in (0, 1, 0):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        trainer = trainer_of("default")
        trainer.take_step()
        ends.append(state_hash(trainer))
    assert ends[0] == ends[2] != ends[1]


# torchrun


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def torchrun(*words: str, processes: int = 2, **environment: str) -> subprocess.Popen[str]:
    """So many processes of a command, in a session of their own."""
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    return subprocess.Popen(
        [sys.executable, *launch, "--master-port", str(free_port()), *words],
        env=os.environ | command.ENVIRONMENT | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def ranks(*words: str, code: str | None = None) -> list[Fork]:
    """Two processes of a command, as torchrun starts them."""
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    shared |= {"TORCHELASTIC_RUN_ID": "none", "LOCAL_WORLD_SIZE": "2"}
    return [
        Fork(
            *words,
            code=code,
            environment=command.ENVIRONMENT | shared | {"RANK": rank, "LOCAL_RANK": rank},
            together=True,
        )
        for rank in "01"
    ]


def together(*words: str, code: str | None = None) -> tuple[list[int], str]:
    """Their exit codes and what they print."""
    ends = [command.end(process, 120) for process in ranks(*words, code=code)]
    return [code for code, _ in ends], "".join(printed for _, printed in ends)


@pytest.mark.parametrize("recipe", ["dcgan", pytest.param("default", marks=pytest.mark.slow)])
def test_processes_end_with_the_same_state(recipe: str) -> None:
    beside = f"import sys; sys.path.append({str(Path(__file__).parent)!r})"
    codes, printed = together(recipe, code=beside + TWINS)
    assert codes == [0, 0], printed
    assert "SAME state" in printed and "DIFFERENT samples" in printed


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that two processes have made."""
    out = tmp_path_factory.mktemp("pair") / "run"
    codes, printed = together(*command.training(out, IMAGES))
    assert codes == [0, 0], printed
    assert printed.count("done: ") == printed.count("plan for ") == 1, "both of them speak"
    return out


def test_two_processes_make_one_run(pair: Path) -> None:
    assert [row for row in verify_run(pair) if row[1]] == []
    assert checkpoint.listing(pair / "checkpoints")[0].name == f"images-{IMAGES:012d}"
    newest = checkpoint.load(checkpoint.listing(pair / "checkpoints")[0])
    assert newest.manifest["processes"] == 2
    rows = [row for row in command.log(pair) if row["kind"] == "train"]
    assert [row["images"] for row in rows] == list(range(160, IMAGES + 1, 160))
    files = {"config.json", "evaluation.json", "lock", "metrics.jsonl", "report.html"}
    assert set(os.listdir(pair)) == files | {"checkpoints", "model", "samples"}


def test_the_others_wait_while_the_first_measures_and_ends(tmp_path: Path) -> None:
    words = command.training(tmp_path / "run", 480, "run.evaluate_every=160")
    codes, printed = together(*words, code=LONG)
    assert codes == [0, 0] and printed.count("done: ") == 1, printed


def test_two_processes_resume_as_two(pair: Path, tmp_path: Path) -> None:
    """SIGTERM to all of them, as a batch system sends it; the rest is the same to the bit."""
    out = tmp_path / "run"
    process = torchrun("-m", "ganzfeld", *command.training(out, IMAGES))
    command.wait_until(command.trains(out), process)
    for worker in workers(process.pid):
        os.kill(worker, signal.SIGTERM)
    code, printed = command.end(process)
    stopped = {int(n.replace(",", "")) for n in re.findall(r"stopped at image ([\d,]+)", printed)}
    assert code != 0 and len(stopped) == 1, printed
    newest = checkpoint.listing(out / "checkpoints")[0]
    assert newest.name == f"images-{stopped.pop():012d}", "it was ended before it had saved"
    assert [row for row in verify_run(out) if row[1]] == [] and (out / "model").exists()
    codes, printed = together("resume", str(out))
    assert codes == [0, 0], printed
    assert command.weights(out) == command.weights(pair)


def workers(launcher: int) -> list[int]:
    """The training processes that a torchrun has started."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(launcher)],
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if "ganzfeld" in line]


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    out = tmp_path / "run"
    process = torchrun("-m", "ganzfeld", *command.training(out, 1000 * IMAGES))
    try:
        command.wait_until(command.trains(out), process)
        yield process
    finally:
        for worker in workers(process.pid):  # they are in sessions of their own
            os.kill(worker, signal.SIGKILL)
        command.kill(process)


@pytest.mark.parametrize("victim", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_killed_process_ends_the_others(
    victim: int, at_work: subprocess.Popen[str], tmp_path: Path
) -> None:
    pids = workers(at_work.pid)
    assert len(pids) == 2
    started = time.monotonic()
    os.kill(pids[victim], signal.SIGKILL)
    code, _ = command.end(at_work, 120)
    assert code != 0 and time.monotonic() - started < 120
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    found, problems = checkpoint.newest(tmp_path / "run" / "checkpoints")
    assert found and not problems


def test_an_error_of_the_first_ends_all(tmp_path: Path) -> None:
    """Data that cannot be packed: rank 0 says why, and the other does not wait for ever."""
    (tmp_path / "empty").mkdir()
    process = torchrun("-m", "ganzfeld", "train", str(tmp_path / "empty"), "--out", "none")
    code, printed = command.end(process, 60)
    assert code != 0 and printed.count("error[3]") == 1, printed


SPEAKS_LATE = """
import sys, time, torch
from ganzfeld.core import distributed
from ganzfeld.training.process import joined

def fails():
    raise ValueError

try:
    with joined("cpu"):
        if "together" in sys.argv and distributed.rank():
            distributed.together()
        distributed.first(fails, "data")
except ValueError:
    time.sleep(2)
    print("rank 0 has said why", flush=True)
    sys.exit(3)
"""


@pytest.mark.parametrize("waits", ["first", pytest.param("together", marks=pytest.mark.slow)])
def test_the_others_leave_after_the_first_has_spoken(waits: str) -> None:
    """torchrun would end the first as soon as another has failed."""
    first, other = ranks(waits, code=SPEAKS_LATE)
    assert other.wait(60) != 0 and "rank 0 has said why" in first.said("printed")
    assert first.wait(60) == 3


@pytest.mark.slow
def test_a_run_in_use_is_refused_to_several(at_work: subprocess.Popen[str], tmp_path: Path) -> None:
    words = command.training(tmp_path / "run", 1000 * IMAGES)
    code, printed = command.end(torchrun("-m", "ganzfeld", *words), 120)
    assert code != 0 and "error[7]" in printed and "error[70]" not in printed, printed
    assert at_work.poll() is None
