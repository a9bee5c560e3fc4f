"""Signals, locks, refusals: the real command ends with the right code and says how to go on."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import command
import numpy as np
import pytest
from PIL import Image

from forks import Fork
from ganzfeld.cli import main
from ganzfeld.core import checkpoint
from ganzfeld.core.signals import Signals
from ganzfeld.errors import Interrupted
from ganzfeld.training.verify import verify_run

pytestmark = pytest.mark.long

IMAGES = 1_440
SLOW = functools.partial(pytest.param, marks=pytest.mark.slow)
PROMPT = 8.0  # seconds in which a signal must have had its effect, on a machine that has other work


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that was never stopped."""
    out = tmp_path_factory.mktemp("whole") / "run"
    code, printed = command.run(command.training(out, IMAGES))
    assert code == 0, printed
    return out


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"


def files_of(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "lock"}


# Asked to stop at work


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
def test_a_signal_saves_at_once_and_the_rest_is_the_same(
    number: signal.Signals, code: int, out: Path, whole: Path
) -> None:
    process = command.start(command.training(out, IMAGES))
    command.wait_until(command.trains(out), process)
    started = time.monotonic()
    process.send_signal(number)
    ended, printed = command.end(process)
    assert ended == code and time.monotonic() - started < PROMPT
    assert "Traceback" not in printed and f"ganzfeld resume {out}" in printed
    stopped = re.search(r"stopped at image ([\d,]+) of", printed)
    assert stopped, printed
    images = int(stopped[1].replace(",", ""))
    assert 0 < images < IMAGES
    assert checkpoint.listing(out / "checkpoints")[0].name == f"images-{images:012d}"
    assert [row for row in verify_run(out) if row[1]] == []
    stale = shutil.copytree(out / "model", out.with_name("stale"))
    resumed, printed = command.run(["resume", str(out)])
    assert resumed == 0 and f"at image {images:,}" in printed, printed
    assert command.weights(out) == command.weights(whole)
    # killed between the last checkpoint and the model: the model of the stop is still there
    shutil.rmtree(out / "model")
    shutil.copytree(stale, out / "model")
    assert command.weights(out) != command.weights(whole)
    assert command.run(["resume", str(out)])[0] == 0
    assert command.weights(out) == command.weights(whole)
    assert sorted(tree(out)) == sorted(tree(whole)), "the stop has left a checkpoint or a grid"


def tree(run: Path) -> list[str]:
    return [str(path.relative_to(run)) for path in run.rglob("*")]


def test_a_hang_up_that_is_ignored_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_signal_stops_at_once(out: Path, whole: Path) -> None:
    process = command.start(command.training(out, IMAGES))
    command.wait_until(command.trains(out), process)
    process.send_signal(signal.SIGSTOP)
    before = files_of(out)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCONT):  # both wait when it wakes
        process.send_signal(number)
    code, printed = command.end(process)
    assert code in (130, 143) and "stopped at image" not in printed
    assert "stopped at once, by a second signal: what was saved before is safe" in printed
    assert set(files_of(out)) - set(before) == set(), "it went on to save"
    assert command.run(command.training(out, IMAGES))[0] == 0
    assert command.weights(out) == command.weights(whole)


# Asked to stop before there is anything to save


def test_a_signal_while_it_starts(out: Path) -> None:
    """Python, torch and ganzfeld are being loaded: nothing to save, nothing to say but little."""
    for number in (signal.SIGINT, signal.SIGTERM):
        process = command.fresh(command.training(out, IMAGES))
        time.sleep(0.9)
        process.send_signal(number)
        code, printed = command.end(process, PROMPT)
        assert code in (128 + number, -number) and "Traceback" not in printed, printed
        assert not (out / "config.json").exists()


def test_what_a_library_makes_of_a_signal_is_not_our_bug() -> None:
    """torch, interrupted while it imports a part of itself, says that the part is not there."""
    with pytest.raises(Interrupted) as caught, Signals():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        except Interrupted:
            raise ImportError("half of a module") from None
    assert caught.value.code == 143
    with pytest.raises(ImportError), Signals() as signals:
        signals.graceful = True
        os.kill(os.getpid(), signal.SIGTERM)
        raise ImportError("at work, this would be our bug")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Four hundred images that take a while to decode; on the disk it is one."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "0.png")
    for number in range(1, 400):
        os.link(folder / "0.png", folder / f"{number}.png")
    return folder


@pytest.mark.parametrize(
    ("number", "code"),
    [pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow), (signal.SIGINT, 130)],
)
def test_a_signal_while_data_are_packed(
    number: signal.Signals, code: int, pictures: Path, out: Path, tmp_path: Path
) -> None:
    packs = tmp_path / "packs"
    words = ["train", str(pictures), "--size", "32", "--out", str(out), "--images", "6400"]
    process = command.start(words, GANZFELD_CACHE=str(packs))
    command.wait_until(lambda: any(packs.glob("*.part")), process)
    time.sleep(0.5)
    assert process.poll() is None and any(packs.glob("*.part")), "it was too quick for this test"
    os.killpg(process.pid, number)  # as a terminal or a batch system does: to its decoders too
    ended, printed = command.end(process, PROMPT)
    assert ended == code, printed
    assert "Traceback" not in printed and "nothing was trained" in printed
    assert list(packs.iterdir()) == [] and not out.exists()
    assert in_session(process.pid) == [], "a decoder is still at work"


def in_session(session: int) -> list[str]:
    """Command lines of the living processes of a session."""
    listed = subprocess.run(
        ["ps", "-o", "stat=,args=", "-s", str(session)], capture_output=True, text=True, check=False
    )
    return [line for line in listed.stdout.splitlines() if not line.startswith("Z")]


def test_a_signal_while_the_speed_is_measured(out: Path) -> None:
    words = command.training(out, IMAGES)
    at = words.index("--images")
    words[at : at + 2] = ["--minutes", "5"]  # measured for three seconds
    process = command.start(words)
    command.wait_until((out / "lock").exists, process)
    time.sleep(0.7)
    process.send_signal(signal.SIGTERM)
    code, printed = command.end(process, PROMPT)
    assert code == 143 and "nothing was trained" in printed, printed
    assert [path.name for path in out.iterdir()] == ["lock"], "it was not measuring"


# One process a run


@pytest.fixture
def at_work(out: Path) -> Iterator[Fork]:
    """A run that is in use, for longer than a test takes."""
    process = command.start(command.training(out, 300 * IMAGES))
    try:
        command.wait_until(command.trains(out), process)
        yield process
    finally:
        command.kill(process)


def test_a_run_in_use_is_refused_and_free_after_a_kill(at_work: Fork, out: Path) -> None:
    for words in (command.training(out, 300 * IMAGES), ["resume", str(out)]):
        code, printed = command.run(words)
        assert code == 7, printed
        assert f"process {at_work.pid} " in printed and "Traceback" not in printed
    assert at_work.poll() is None
    command.kill(at_work)
    again = command.start(command.training(out, 300 * IMAGES))
    reached = int(checkpoint.listing(out / "checkpoints")[0].name[-12:])
    command.wait_until(command.trains(out, reached + 1), again)
    command.kill(again)


# The same command again


def test_a_finished_run_is_left_as_it_is(whole: Path) -> None:
    before = files_of(whole)
    for words in (command.training(whole, IMAGES), ["resume", str(whole)]):
        code, printed = command.run(words)
        assert code == 0 and "complete" in printed, printed
    assert files_of(whole) == before


def called(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The command in this process: its code, and what it printed as an error."""
    with pytest.raises(SystemExit) as caught:
        main.main(words)
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    assert isinstance(caught.value.code, int)
    return caught.value.code, printed.err


def test_a_changed_setting_is_refused_with_a_table(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_of(whole)
    changed = ["--seed", "3", "--set", "optimisers.generator.lr=0.25"]
    code, errors = called([*command.training(whole, IMAGES), *changed], capsys)
    assert code == 4 and "nothing was changed" in errors
    table = [line.split() for line in errors.splitlines()]
    assert ["setting", "old", "new"] in table
    old = json.loads((whole / "config.json").read_text())["optimisers"]["generator"]["lr"]
    assert ["optimisers.generator.lr", json.dumps(old), "0.25"] in table
    assert ["run.seed", "0", "3"] in table
    assert sum(len(row) == 3 and "." in row[0] and ":" not in row[0] for row in table) == 2
    assert files_of(whole) == before


# A run whose parts were deleted


def test_without_its_checkpoints_a_run_is_not_begun_anew(
    whole: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole, out)
    shutil.rmtree(out / "checkpoints")
    before = files_of(out)
    for words in (["resume", str(out)], command.training(out, IMAGES)):
        code, errors = called(words, capsys)
        assert code == 4 and "without its checkpoints" in errors
    (out / "config.json").unlink()
    code, errors = called(command.training(out, IMAGES), capsys)
    assert code == 4 and "without its config.json" in errors
    before.pop(out / "config.json")
    assert files_of(out) == before


def test_a_copy_beside_the_checkpoints_is_left_aside(whole: Path, out: Path) -> None:
    shutil.copytree(whole, out)
    newest = checkpoint.listing(out / "checkpoints")[0]
    shutil.copytree(newest, newest.with_name(newest.name + ".bak"))
    assert checkpoint.listing(out / "checkpoints")[0] == newest
    code, printed = command.run(["resume", str(out), "--images", str(IMAGES + 320)])
    assert code == 0, printed


@pytest.mark.parametrize(
    "lost", ["evaluation.json", "model", *map(SLOW, ("report.html", "model/README.md"))]
)
def test_what_a_finished_run_lacks_is_written_again(lost: str, whole: Path, out: Path) -> None:
    shutil.copytree(whole, out)
    path = out / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    code, printed = command.run(["resume", str(out)])
    assert code == 0 and "finishing it" in printed, printed
    left, right = (
        {p.relative_to(run): data for p, data in files_of(run).items()} for run in (out, whole)
    )
    assert left.keys() == right.keys()
    assert [p for p in left if left[p] != right[p] and p.name != "report.html"] == []


# The output


@pytest.mark.parametrize("output", ["/dev/full", SLOW("closed")])
def test_an_output_that_takes_nothing_ends_no_training(output: str, out: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    if output == "/dev/full":
        os.close(writing)
        writing = os.open(output, os.O_WRONLY)
    done = subprocess.run(
        [sys.executable, "-m", "ganzfeld", *command.training(out, 320)],
        env=os.environ | command.ENVIRONMENT,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert ("cannot be written" in done.stderr) == (output == "/dev/full")
    assert (out / "report.html").exists()


def test_letters_that_the_output_lacks_are_escaped(tmp_path: Path) -> None:
    out = tmp_path / os.fsdecode(b"r\xff\xc3\xa9[/red]")
    process = command.fresh(command.training(out, 320), PYTHONIOENCODING="ascii")
    code, printed = command.end(process)
    assert code == 0 and "\\udcff\\xe9" in printed, printed


# What cannot be


@pytest.mark.parametrize("place", ["/proc/nowhere/run", "file/run", "file"])
def test_a_folder_that_cannot_be_written(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    code, errors = called(command.training(tmp_path / place, IMAGES), capsys)
    assert code == 5 and place in errors and "--out" in errors


@pytest.mark.parametrize(
    ("more", "meant"),
    [
        (["--recipe", "dcgna"], "'dcgan'"),
        (["--set", "networks.G.widht=3"], "'width'"),
        (["--set", "netwroks.G.width=3"], "'networks'"),
        (["--set", "run.bathc_size=3"], "'run.batch_size'"),
        (["--set", "optimisers.generator.name=adma"], "'adam'"),
        (["--set", "networks.D.name=dcgan-discriminater"], "'dcgan-discriminator'"),
        (["--set", "game.los=hinge"], "'loss'"),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_one(
    more: list[str], meant: str, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, errors = called([*command.training(out, IMAGES), *more], capsys)
    assert code == 2 and f"Did you mean {meant}?" in errors
    assert not (out / "config.json").exists()


OWN = """
from torch import nn

class Empty(nn.Module):
    def forward(self, x, y=None):
        return x.flatten(1).sum(1)

class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.LazyLinear(1)

    def forward(self, x, y=None):
        return self.last(x.flatten(1))[:, 0]
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Empty", "D (Empty), which the discriminator moves, has no parameters: there is nothing"),
        ("Lazy", "D (Lazy), which the discriminator moves, has parameters without a size"),
    ],
)
def test_a_network_that_cannot_learn_is_said_before_training(
    name: str, said: str, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "own.py"
    file.write_text(OWN)
    own = ["--set", f"networks.D.name={file}:{name}", "networks.D.options={}"]
    code, errors = called([*command.training(out, IMAGES), *own], capsys)
    assert code == 2 and said in errors and "nothing was trained" in errors
    assert "torch.nn.Linear" in errors and not (out / "config.json").exists()


@pytest.mark.parametrize(
    "more",
    [
        ["--set", "run.batch_size=0"],
        ["--set", "run.batch_size=many"],
        ["--set", "run.keep=0"],
        ["--device", "cuda:9"],
        ["--minutes", "3"],
        ["--sieze", "3"],
        ["--size", "huge"],
    ],
)
def test_a_wrong_value_is_refused(
    more: list[str], out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called([*command.training(out, IMAGES), *more], capsys)[0] == 2
    assert not (out / "config.json").exists()


def test_data_that_are_not_there(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    code, errors = called(["train", str(tmp_path / "fotos"), "--out", str(out)], capsys)
    assert code == 3 and "photos" in errors and not out.exists()
    code, errors = called(["train", str(tmp_path / "photos"), "--out", str(out)], capsys)
    assert code == 3 and not out.exists()


def test_a_run_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["resume"], ["checkpoint", "verify"]):
        code, errors = called([*words, str(tmp_path / "none")], capsys)
        assert code == 4 and "none" in errors
