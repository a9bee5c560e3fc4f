"""A thousand million samples: the first files come at once, and what does not fit is said."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

import ganzfeld
from ganzfeld.cli import main
from ganzfeld.core.console import Screen
from ganzfeld.models.export_dataset import augment

MANY = 1_000_000_000


class Enough(Exception):
    """Raised by what hears of progress."""


def stop(*told: object) -> None:
    raise Enough


def test_a_large_labelled_set_is_written_as_it_comes(run: ganzfeld.Run, tmp_path: Path) -> None:
    started = time.process_time()
    with pytest.raises(Enough):
        augment(run.path, tmp_path / "set", count=MANY, progress=stop)
    assert time.process_time() - started < 10
    assert len(list(tmp_path.glob("set/*/*.png"))) == 32


def sample(run: ganzfeld.Run, *words: str) -> None:
    main.call("ganzfeld", "", main.COMMANDS, ["sample", str(run.path), *words])


def test_a_large_number_of_samples_is_drawn_as_it_is_asked_for(
    run: ganzfeld.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1 << 50)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr(Screen, "progress", stop)
    started = time.process_time()
    with pytest.raises(Enough):
        sample(run, "--count", str(MANY), "--out", str(tmp_path / "s"))
    assert time.process_time() - started < 10
    assert len(list((tmp_path / "s").iterdir())) == 32


@pytest.mark.long
def test_a_disk_or_a_sheet_too_small_says_what_fits(
    run: ganzfeld.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ganzfeld.GanzfeldError, match=r"too large for one: 2\d,\d{3} fit"):
        sample(run, "--count", str(MANY), "--out", str(tmp_path / "s"), "--grid", "g.png")
    usage = shutil.disk_usage(tmp_path)._replace(free=4_096_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(
        ganzfeld.GanzfeldError, match=r"need about 4.1 TB, and .* has 4.1 MB"
    ) as told:
        sample(run, "--count", str(MANY), "--out", str(tmp_path / "s"))
    assert "--count 900 fits" in told.value.fix and told.value.code == 5
