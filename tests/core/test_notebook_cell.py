"""Progress in a notebook: one output of the cell, which is updated in place."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from ganzfeld.core import notebook
from ganzfeld.core.console import Screen, State


class Handle:
    def __init__(self, shown: list[dict[str, str]]) -> None:
        self.shown = shown

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown[-1] = bundle


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What a notebook shows below its cell, by IPython's display protocol."""
    shown: list[dict[str, str]] = []

    def display(bundle: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        assert raw and display_id
        shown.append(bundle)
        return Handle(shown)

    ipython, module = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    module.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.delenv("GANZFELD_PROGRESS", raising=False)
    return shown


def state(images: int, **more: Any) -> State:
    losses = {"generator/adversarial": 0.5}
    return State(Path("runs/<b>mine"), images, 1_000, 50.0, losses, **more)


def test_one_output_is_updated_in_place(
    outputs: list[dict[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = tmp_path / "grid.png"
    Image.new("RGB", (8, 8)).save(grid)
    screen = Screen()
    with screen.watching():
        screen.show(state(250))
        assert len(outputs) == 1 and 'value="25.0"' in outputs[0]["text/html"]
        screen.show(state(500, health="health: nothing wrong", picture=grid))
    assert len(outputs) == 1
    page, text = outputs[0]["text/html"], outputs[0]["text/plain"]
    assert 'value="50.0"' in page and "health: nothing wrong" in page and "data:image/png" in page
    assert "&lt;b&gt;mine" in page and "<b>" not in page
    assert "500 of 1,000 images" in text
    assert capsys.readouterr().out == ""


def test_quiet_json_and_terminals_show_no_cell(
    outputs: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    Screen(quiet=True).show(state(250))
    monkeypatch.setenv("GANZFELD_PROGRESS", "json")
    Screen().show(state(250))
    assert outputs == []
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: SimpleNamespace())
    assert notebook.here() is None  # IPython in a terminal


def test_large_or_missing_grids_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(b"0" * (notebook.MOST + 1))
    for grid in (tmp_path / "large.png", tmp_path / "no.png", tmp_path / "a.wav", None):
        assert notebook.image_of(grid) == ""


@pytest.mark.slow
def test_a_real_kernel_updates_one_output(tmp_path: Path) -> None:
    """A training in a real notebook: one output with a bar, of its last state."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    code = (
        "import ganzfeld\n"
        "run = ganzfeld.train('avatars:60', size=8, images=96, batch=16, out='run',\n"
        "    settings=['networks.*.width=4', 'run.log_every=16', 'run.inception_count=0'])\n"
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    os.environ.pop("GANZFELD_PROGRESS", None)
    nbclient.NotebookClient(book, timeout=200, resources={"metadata": {"path": tmp_path}}).execute()
    shown = [
        o for o in book.cells[0].outputs if "<progress" in o.get("data", {}).get("text/html", "")
    ]
    assert len(shown) == 1
    assert 'value="100.0"' in shown[0].data["text/html"]
