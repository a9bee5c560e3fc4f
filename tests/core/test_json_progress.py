"""`--progress json`: each line of a run is one JSON object."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from ganzfeld.core.console import Screen, State
from ganzfeld.training.session import Session


def test_each_line_is_an_object(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZFELD_PROGRESS", "json")
    screen = Screen()
    screen.table("plan for x", [("batch", "64")])
    screen.say("note: something")
    screen.say()
    screen.show(State(Path("x"), 64, 128, 10.5, {"g/a": None}, health="health: nothing wrong"))
    screen.progress("reading", 4, 4)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["table", "note", "progress", "stage"]
    assert lines[0]["rows"] == [["batch", "64"]]
    assert lines[2]["images"] == 64 and lines[2]["losses"] == {"g/a": None}
    assert lines[2]["health"] == "health: nothing wrong"


def test_quiet_prints_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZFELD_PROGRESS", "json")
    Screen(quiet=True).say("words")
    assert capsys.readouterr().out == ""


def test_no_more_is_seen_than_the_total_that_is_told() -> None:
    run = MagicMock(total=1_500, scores={}, latest={}, end=None, clock=(0, 0), began=(0, 0))
    run.config.run.batch_size, run.trainer.images = 64, 1_536
    run.whole = Session.whole.fget(run)  # type: ignore[attr-defined]
    Session.log(run)
    (state,) = run.screen.show.call_args.args
    assert (state.images, state.total) == (1_536, 1_536)
