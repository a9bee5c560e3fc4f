"""`--progress json`: each line of a run is one JSON object."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ganzfeld.core.console import Screen, State


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
