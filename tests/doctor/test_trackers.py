"""Rows reach trackers, each by its real package where that is installed, on this machine alone."""

from __future__ import annotations

import sqlite3
import warnings
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganzfeld.core import loggers
from ganzfeld.core.loggers import Loggers
from ganzfeld.errors import UsageError
from ganzfeld.training.journal import Journal

ROW = {"losses": {"generator/adversarial": 0.7}, "images_per_second": 12.5, "note": "words"}


class Heard:
    """A tracker that remembers."""

    def __init__(self, *_: Any) -> None:
        self.found: list[Any] = []

    def numbers(self, found: Any, images: int) -> None:
        self.found.append((images, dict(found)))

    def sheet(self, path: Path, images: int) -> None:
        self.found.append((images, path.name))

    def close(self) -> None:
        self.found.append("closed")


class Failing(Heard):
    def numbers(self, found: Any, images: int) -> None:
        raise OSError("the server is away")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, Heard]:
    made: dict[str, Heard] = {"json": Heard(), "csv": Failing()}  # names of installed packages
    monkeypatch.setattr(loggers, "LOGGERS", {n: (lambda *a, n=n: made[n]) for n in made})
    return made


def test_a_journal_tells_trackers_what_it_writes(known: dict[str, Heard], tmp_path: Path) -> None:
    journal = Journal(tmp_path / "metrics.jsonl")
    journal.loggers = Loggers(["json"], tmp_path)
    with journal.loggers:
        journal.write("train", 640, ROW)
        journal.loggers.sheet(Path("a.png"), 640)
    numbers = {"train/losses/generator/adversarial": 0.7, "train/images_per_second": 12.5}
    assert known["json"].found == [(640, numbers), (640, "a.png"), "closed"]
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 1


def test_a_tracker_that_fails_is_left_out_and_said_once(
    known: dict[str, Heard], tmp_path: Path
) -> None:
    said: list[str] = []
    with Loggers(["json", "csv"], tmp_path, say=said.append) as open_:
        open_.row("train", 1, ROW)
        open_.row("train", 2, ROW)
    assert len(said) == 1 and "csv" in said[0] and "the server is away" in said[0]
    assert len(known["json"].found) == 3  # two rows, and closed


def test_absent_packages_are_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(loggers.LOGGERS, "no_such_package", Heard)
    with pytest.raises(UsageError, match="needs the package no_such_package"):
        loggers.check_installed(["no_such_package"])
    with pytest.raises(UsageError, match="not known"):
        loggers.check_names(["tensorbord"])


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "grid.png")
    return tmp_path / "grid.png"


def told(name: str, folder: Path, grid: Path) -> list[str]:
    """What a tracker complained of, after two rows and a grid from one run that went on."""
    said: list[str] = []
    settings = {"run": {"seed": 3}, "game": {"name": "adversarial"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for images in (64, 128):
            with Loggers([name], folder, settings, images - 64, said.append) as open_:
                open_.row("train", images, ROW)
                open_.sheet(grid, images)
    return said


@pytest.mark.filterwarnings("ignore")
def test_tensorboard(tmp_path: Path, grid: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert told("tensorboard", tmp_path, grid) == []
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    scalars = events.Scalars("train/losses/generator/adversarial")
    assert [(e.step, round(e.value, 3)) for e in scalars] == [(64, 0.7), (128, 0.7)]
    assert [e.step for e in events.Images("samples")] == [64, 128]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_wandb_offline(tmp_path: Path, grid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    assert told("wandb", tmp_path, grid) == []
    files = [*tmp_path.rglob("*.wandb")]
    assert files and any(b"losses/generator/adversarial" in f.read_bytes() for f in files)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_trackio(tmp_path: Path, grid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    pytest.importorskip("trackio")
    assert told("trackio", tmp_path, grid) == []
    (base,) = [*(tmp_path / "trackio").glob("ganzfeld*.db")]
    with sqlite3.connect(base) as opened:
        steps = [row[0] for row in opened.execute("select step from metrics order by step")]
    assert set(steps) == {64, 128}


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_mlflow(tmp_path: Path, grid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow")
    pytest.importorskip("alembic")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert told("mlflow", tmp_path, grid) == []
    with sqlite3.connect(tmp_path / "mlflow.db") as opened:
        rows = [*opened.execute("select step, value from metrics where key like '%adversarial'")]
        (count,) = opened.execute("select count(*) from runs").fetchone()
    assert sorted(rows) == [(64, 0.7), (128, 0.7)] and count == 1  # one run that went on
    assert [*(tmp_path / "mlflow-files").rglob("grid.png")]
