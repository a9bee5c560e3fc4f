"""Damaged or hostile folders end in one clear error, soon and in little memory."""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from variants import vary

import ganzfeld
from ganzfeld.cli import main

pytestmark = pytest.mark.long

SECONDS = 20
GIGABYTE = 1 << 20  # kB
TINY = ["networks.*.width=4", "run.threads=1", "run.evaluate_every=1280", "run.save_every=640"]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of every file that runs have."""
    out = tmp_path_factory.mktemp("finished") / "run"
    ganzfeld.train(
        "avatars:64", recipe="dcgan", size=16, images=1600, batch=16, out=out,
        settings=TINY, quiet=True,
    )  # fmt: skip
    return out


def commands(run: Path, out: Path) -> list[list[str]]:
    return [
        ["sample", f"{run}", "--count", "2", "--out", f"{out}"],
        ["sample", f"{run}", "--which", "last", "--count", "2", "--out", f"{out}"],
        ["sample", f"{run}/model", "--of", "4", "--count", "2", "--out", f"{out}"],
        ["report", f"{run}"],
        ["checkpoint", "verify", f"{run}"],
        ["compare", f"{run}", f"{run}/evaluation.json", "--out", f"{out}.html"],
        ["progress", f"{run}", "--out", f"{out}.png"],
        ["interpolate", f"{run}", "--seeds", "1,2", "--frames", "2", "--out", f"{out}.png"],
        ["augment", f"{run}", "--count", "4", "--out", f"{out}"],
        ["resume", f"{run}", "--quiet"],
        ["train", "avatars:64", "--size", "16", "--recipe", "dcgan", "--images", "32", "--batch",
         "16", "--init", f"{run}", "--out", f"{out}", "--quiet", "--set", *TINY[:2]],
    ]  # fmt: skip


class Hung(BaseException):
    pass


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    def stop(number: int, frame: Any) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def code_of(words: list[str]) -> int:
    """How the command ends, in this process; 70 for our own bugs."""
    try:
        with in_time():
            main.main(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def tried(finished: Path, home: Path, seed: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What went wrong with a variant, by each of two commands."""
    run, out = home / f"run-{seed}", home / f"out-{seed}"
    shutil.copytree(finished, run)
    what = vary(run, seed)
    problems = []
    many = commands(run, out)
    for words in (many[seed % len(many)], many[(seed * 7 + 3) % len(many)]):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            code: Any = code_of(words)
        except Hung:
            code = "hung"
        text = capsys.readouterr()
        more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        if code in (70, "hung") or more > GIGABYTE or "\x1b" in text.out + text.err:
            told = next((x for x in text.err.splitlines() if x.startswith("error")), text.err[:300])
            problems.append(f"{what}: {words[0]}: {code}, {more >> 10} MB more: {told}")
    with contextlib.suppress(OSError):
        shutil.rmtree(home / f"run-{seed}")
    shutil.rmtree(out, ignore_errors=True)
    return problems


def test_a_network_of_no_width_is_refused_in_our_words_alone(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], recwarn: Any
) -> None:
    model = shutil.copytree(finished / "model", tmp_path / "model")
    about = json.loads((model / "config.json").read_bytes())
    about["generator"]["options"]["width"] = 0
    (model / "config.json").write_text(json.dumps(about))
    assert code_of(["sample", f"{model}", "--count", "2", "--out", f"{tmp_path / 'o'}"]) == 4
    assert capsys.readouterr().err.startswith("error[4]") and not list(recwarn)


def test_a_finished_runs_evaluation_of_gigabytes_is_made_anew(
    finished: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    with open(run / "evaluation.json", "r+b") as file:
        file.truncate(1 << 40)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert code_of(["resume", f"{run}", "--quiet"]) == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIGABYTE // 2
    assert isinstance(json.loads((run / "evaluation.json").read_bytes()), dict)


@pytest.mark.parametrize("first", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (8, 16))])
def test_damaged_runs_end_in_one_clear_error(
    finished: Path, tmp_path: Path, first: int, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [p for s in range(first, first + 8) for p in tried(finished, tmp_path, s, capsys)]
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 1400, 50))
def test_400_damaged_runs_end_in_one_clear_error(
    finished: Path, tmp_path: Path, first: int, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [p for s in range(first, first + 50) for p in tried(finished, tmp_path, s, capsys)]
    assert not found, "\n".join(found)
