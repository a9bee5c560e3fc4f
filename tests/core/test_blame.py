"""Errors in a user's own code are told as such: what, and on which line of which file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ganzfeld.cli import main
from ganzfeld.core.plugins import call, find
from ganzfeld.errors import UsageError
from ganzfeld.recipes.find import find_recipe

CODE = """\
def late(*words): return {}["oops"]
def zero(facts): return 1 / 0
def wrong(facts): return {"a": 1}
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(CODE)
    (tmp_path / "torn.py").write_text("\ndef f(facts)\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mine.py:late", "KeyError: 'oops' (line 1 of mine.py)"),
        ("mine.py:zero", "ZeroDivisionError: division by zero (line 2 of mine.py)"),
        ("mine.py:wrong", "it returned dict, not a Config"),
        ("mine.py:wrog", "mine.py holds no 'wrog'. Did you mean 'wrong'?"),
        ("mine.py:fewer", "Known: late, wrong, zero."),
        ("mine.py", "mine.py is a file: say what in it is the recipe"),
        ("torn.py:f", "SyntaxError: expected ':' (line 2 of torn.py)"),
    ],
)
def test_a_recipe_that_fails_says_where(mine: None, name: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        call("the recipe", find_recipe(name), None)
    assert said in str(caught.value)


def test_code_that_fails_later_is_no_bug_of_ganzfeld(
    mine: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own: Any = find("mine.py:late", {}, "game")
    monkeypatch.setattr(main, "call", own)
    with pytest.raises(SystemExit) as stopped:
        main.main(["train"])
    said = capsys.readouterr().err
    assert stopped.value.code == 2 and "KeyError: 'oops' (line 1 of mine.py)" in said
    Path(said.split(" is in ")[1].strip()).unlink()
