"""What `resume` reads, and whom it tells."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core import checkpoint, loggers, reader
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.training.session import Session

SMALL = ["networks.*.width=4", "run.evaluate_every=100000", "run.evaluate_final=false"]
SMALL += ["run.evaluate_count=16"]


class Heard:
    """A tracker that writes what it is told beside the run."""

    def __init__(self, folder: Path, settings: Any, images: int) -> None:
        self.file = (folder / "heard.txt").open("a")
        self.file.write(f"from {images}\n")

    def numbers(self, found: Any, images: int) -> None:
        self.file.write(f"{images}\n")

    def sheet(self, path: Path, images: int) -> None: ...

    def close(self) -> None:
        self.file.close()


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loggers, "LOGGERS", {"json": Heard, "csv": Heard})


@pytest.fixture
def run(tmp_path: Path) -> Path:
    out = tmp_path / "run"
    ganzfeld.train(
        "avatars:120", out=out, size=8, images=64, batch=16, held_out=0, quiet=True,
        settings=[*SMALL, "run.log_every=16"],
    )  # fmt: skip
    return out


def log_to(run: Path) -> list[str]:
    found: list[str] = json.loads((run / "config.json").read_text())["run"]["log_to"]
    return found


@pytest.mark.long
def test_a_run_that_goes_on_tells_its_trackers_and_new_ones(run: Path, known: None) -> None:
    assert log_to(run) == []
    main_of("resume", str(run), "--images", "96", "--log-to", "json", "--quiet")
    assert log_to(run) == ["json"]
    assert (run / "heard.txt").read_text().split()[:4] == ["from", "64", "80", "96"]
    ganzfeld.resume(run, images=128, quiet=True)  # as before
    assert "from 96" in (run / "heard.txt").read_text()
    ganzfeld.resume(run, images=144, log_to=["csv"], quiet=True)
    assert log_to(run) == ["json", "csv"]
    main_of("resume", str(run), "--images", "160", "--log-to", "none", "--quiet")
    assert log_to(run) == [] and "from 144" not in (run / "heard.txt").read_text()


@pytest.mark.long
def test_a_tracker_that_is_not_there_is_refused_or_left_out(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asked for: nothing is trained. Asked for long ago, on another machine: the run goes on."""
    monkeypatch.setitem(loggers.LOGGERS, "no_such_package", Heard)
    before = (run / "config.json").read_bytes()
    for name in ("no_such_package", "tensorbord"):
        with pytest.raises(UsageError, match=r"needs the package|not known"):
            ganzfeld.resume(run, images=96, log_to=[name], quiet=True)
    assert (run / "config.json").read_bytes() == before
    stored = json.loads(before)
    stored["run"]["log_to"] = ["no_such_package"]
    (run / "config.json").write_text(json.dumps(stored))
    ganzfeld.resume(run, images=96)
    assert "needs the package no_such_package" in capsys.readouterr().out.replace("\n", " ")
    stored["run"]["log_to"] = ["tensorbord"]
    (run / "config.json").write_text(json.dumps(stored))
    with pytest.raises(CheckpointError, match="damaged"):
        ganzfeld.resume(run, images=128, quiet=True)


@pytest.mark.long
def test_progress_as_json_goes_on_too(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GANZFELD_PROGRESS", "")  # which the command sets, and the test puts back
    main_of("resume", str(run), "--images", "96", "--progress", "json")
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["images"] for row in rows if row["event"] == "progress"][-1] == 96
    assert any(row["event"] == "note" for row in rows)


def main_of(*words: str) -> None:
    try:
        main(words)
    except SystemExit as error:
        assert not error.code, error.code


@pytest.mark.long
@pytest.mark.parametrize("images", [pytest.param(None, marks=pytest.mark.slow), 128])
def test_a_run_that_goes_on_reads_its_newest_checkpoint_once(
    run: Path, monkeypatch: pytest.MonkeyPatch, images: int | None
) -> None:
    """Of large models a reading takes seconds."""
    if images is None:  # one that was stopped
        config = json.loads((run / "config.json").read_text())
        config["run"]["images"] = 128
        (run / "config.json").write_text(json.dumps(config))
    opened = Counter[str]()
    whole = reader.open_regular

    def counted(path: Path) -> Any:
        opened[f"{path.parent.name}/{path.name}"] += 1
        return whole(path)

    monkeypatch.setattr(checkpoint, "open_regular", counted)
    reads: list[dict[str, int]] = []
    going = Session.play

    def play(self: Session) -> None:
        reads.append(dict(opened))
        going(self)

    monkeypatch.setattr(Session, "play", play)
    ganzfeld.resume(run, images=images, quiet=True)
    (before,) = reads
    newest = {name: count for name, count in before.items() if "images-000000000064" in name}
    assert len(newest) > 2 and set(newest.values()) == {1}, newest
