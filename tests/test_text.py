"""Foreign text on the screen and on pages: it moves, colours and closes nothing."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from ganzfeld.core.console import Screen, State, panel
from ganzfeld.errors import UsageError, did_you_mean
from ganzfeld.report.html import page, policy, table, tag
from ganzfeld.studies.page import Page
from ganzfeld.text import lines, plain, shown

HOSTILE = [
    "\x1b[31mred",
    "\x1b]0;owned\x07",
    "a\x9b31m",
    "a\u202egnp.exe",
    "\u2066x\u2069",
    "a\rb\x08",
    "\ud800",
    "[bold red]x[/red]",
    "a\u2028b",
]
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]"
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_reaches_no_screen_with_what_a_terminal_obeys(name: str) -> None:
    screen = Screen()
    screen.console = Console(file=io.StringIO(), force_terminal=False, width=300)
    screen.say(f"note: {name}")
    screen.columns(["metric", name], [(name, [name])])
    screen.table("plan", [("data", name)])
    state = State(
        run=Path(name),
        images=1,
        total=2,
        rate=3.0,
        losses={name: 1.0},
        draws={},
        quality="",
        picture=Path(name),
    )
    screen.console.print(panel(state, 280))
    written = screen.console.file.getvalue()  # type: ignore[attr-defined]
    assert not FORBIDDEN.search(written)
    assert "\\x1b" in written or not name.startswith("\x1b")
    if name.startswith("[bold"):
        assert written.count(name) >= 4  # it is no markup
    told = str(UsageError(f"no class {name}", safe=name, fix=name))
    assert not FORBIDDEN.search(told) and told.encode()
    assert not FORBIDDEN.search(did_you_mean("zz", [name]))


def test_a_name_stays_on_one_line_and_is_shortened() -> None:
    assert shown("a\nfix: rm") == "a\\nfix: rm"
    assert len(shown("x" * 10_000)) <= 200
    assert len(lines("y" * 1_000_000)) <= 4_000
    assert lines("one\ntwo") == "one\ntwo"
    assert plain("wide\u00a0space") == "wide\u00a0space"
    assert len(did_you_mean("?", [f"class {i}" for i in range(10_000)])) < 2_000


@pytest.mark.parametrize("name", [*HOSTILE, "<script>alert(1)</script>", "\u05d0\u05d1 12 \u05d2"])
def test_a_name_on_a_page_is_isolated(name: str, tmp_path: Path) -> None:
    text = page(name, tag("p", name), table("t", ["a"], [(name, name)]), tag("img", alt=name))
    study = Page(name)
    study.text(name)
    study.table(["a"], [[name]])
    whole = study.write(tmp_path).read_text("utf-8")
    for written in (text, whole):
        body = re.sub("<script>.*?</script>", "", written, flags=re.S)
        assert "<script" not in body and not re.search(" on[a-z]+=", body)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", written)
        if "\u05d0" in name:
            assert f"<bdi>{name}</bdi>" in written
            assert f"<title>\u2068{name}\u2069" in written


def test_pages_run_their_own_script_and_nothing_else(tmp_path: Path) -> None:
    text = page("x")
    rules = re.search('http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    script = re.search("<script>(.*?)</script>", text, re.S)
    assert rules and script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    found = rules[1].replace("&#x27;", "'")
    assert "default-src 'none'" in found and f"script-src 'sha256-{digest}'" in found
    assert "unsafe-inline" not in found.partition("script-src")[2].partition(";")[0]
    assert "script-src &#x27;none&#x27;" in policy()
    assert "Content-Security-Policy" in Page("x").write(tmp_path).read_text()
