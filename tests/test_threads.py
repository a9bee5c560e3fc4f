"""How many threads a run takes: as many as are worth it, and the same ones when it goes on."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import ganzfeld
from ganzfeld.config import Config, with_settings
from ganzfeld.core import checkpoint, runfolder, runtime
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.training import speed
from ganzfeld.training.resume import adopt
from ganzfeld.training.trainer import Trainer

SMALL: dict[str, Any] = {
    "size": 16,
    "settings": ["networks.*.width=4", "run.save_every=32"],
    "quiet": True,
}


@pytest.fixture
def four(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that PyTorch gave four threads, and that was told nothing."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with runtime.threads(4):
        yield


def slow(monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float]) -> list[int]:
    """A trainer's steps take so long with so many threads; what was tried."""
    tried = []

    def play(trainer: Trainer, steps: int, clock: object = None) -> float:
        tried.append(torch.get_num_threads())
        return seconds[torch.get_num_threads()] * steps

    monkeypatch.setattr(speed, "play", play)
    return tried


def suited(*settings: str) -> int:
    config = RECIPES["default"](Facts(count=90, channels=1, height=16, width=16, classes=0))
    return speed.suited_threads(Steps(), with_settings(config, settings))  # type: ignore[arg-type]


class Steps:
    device = torch.device("cpu")

    class game:
        period = 4


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    ("seconds", "best"),
    [
        ({1: 0.010, 2: 0.006, 4: 0.004}, 4),
        ({1: 0.010, 2: 0.006, 4: 0.0055}, 2),  # the third and fourth bring too little
        ({1: 0.010, 2: 0.009, 4: 0.008}, 1),
        ({1: 0.010, 2: 0.011, 4: 0.005}, 4),
        ({1: 0.010, 2: 0.006, 4: 0.1}, 2),  # others hold a core
        ({1: 0.010, 2: 0.03, 4: 0.1}, 1),
    ],
)
def test_more_threads_must_be_worth_it(
    monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float], best: int
) -> None:
    tried = slow(monkeypatch, seconds)
    assert suited() == best
    assert set(tried) == {count for count in (1, 2, 4) if count >= best // 2}
    assert torch.get_num_threads() == 4  # as before


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    ("seconds", "best", "steps"),
    [
        ({2: 20.0, 4: 11.0}, 4, 5),
        ({1: 0.1, 2: 2.0, 4: 5.0}, 1, 9),  # long, since others hold every core
    ],
)
def test_of_long_steps_few_are_enough(
    monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float], best: int, steps: int
) -> None:
    tried = slow(monkeypatch, seconds)
    assert suited() == best
    assert len(tried) == steps


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize("told", ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "run.threads=3", "compile"])
def test_what_was_told_is_taken(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    tried = slow(monkeypatch, {1: 0.01, 2: 0.1, 4: 0.1})
    if told == "run.threads=3":
        assert suited(told) == 3
    elif told == "compile":
        assert suited("run.compile=true") == 4
    else:
        monkeypatch.setenv(told, "4")
        assert suited() == 4
    assert not tried


def stored(folder: Path) -> Config:
    return runfolder.read_config(folder)


def threads_of(folder: Path) -> list[int]:
    """What each checkpoint says, the oldest first."""
    found = checkpoint.listing(folder / "checkpoints")[::-1]
    return [json.loads((c / "manifest.json").read_text())["threads"] for c in found]


@pytest.mark.long
@pytest.mark.usefixtures("four")
def test_a_run_goes_on_with_what_it_began_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("ganzfeld.training.trial.suited_threads", lambda trainer, config: 2)
    folder = tmp_path / "run"
    ganzfeld.train("avatars:90", out=folder, images=64, **SMALL)
    assert stored(folder).run.threads == 2
    assert torch.get_num_threads() == 4
    monkeypatch.setattr("ganzfeld.training.trial.suited_threads", lambda trainer, config: 1)
    ganzfeld.resume(folder, images=128, quiet=True)
    assert torch.get_num_threads() == 4
    assert set(threads_of(folder)) == {2}
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # moved to another machine
    ganzfeld.resume(folder, images=192, quiet=True)
    assert threads_of(folder)[-1] == 1


def test_the_command_that_continues_may_choose_anew(tmp_path: Path) -> None:
    facts = Facts(count=90, channels=1, height=16, width=16, classes=0)
    stored = with_settings(RECIPES["default"](facts), ["run.threads=2", "run.images=64"])
    for said, then in ((["run.threads=1"], 1), ([], 2)):
        wanted = with_settings(RECIPES["default"](facts), ["run.images=64", *said])
        assert adopt(wanted, copy.deepcopy(stored), tmp_path).run.threads == then


@pytest.mark.long
def test_a_run_measures_for_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with runtime.threads(2):
        ganzfeld.train("avatars:90", out=tmp_path / "run", images=64, **SMALL)
        assert torch.get_num_threads() == 2
    assert stored(tmp_path / "run").run.threads in (1, 2)
    assert set(threads_of(tmp_path / "run")) == {stored(tmp_path / "run").run.threads}
