"""Progress inside a notebook: one output of its cell, replaced in place.

IPython is never imported for it: where code runs in a notebook, it is there already.
"""

from __future__ import annotations

import base64
import html
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganzfeld.text import plain

MOST = 300_000  # bytes of a grid that is shown
NEUTRAL = "color:inherit;background:none"


class Cell:
    """The output of a cell. display: IPython's function of that name."""

    def __init__(self, display: Any) -> None:
        self.display = display
        self.handle: Any = None

    def show(self, page: str, text: str) -> None:
        """Put HTML, and text for those that show none, in the place of what is there."""
        bundle = {"text/html": page, "text/plain": text}
        if self.handle is None:
            self.handle = self.display(bundle, raw=True, display_id=True)
        else:
            self.handle.update(bundle, raw=True)


def here() -> Cell | None:
    """The cell that this code runs in; None outside notebooks, in IPython's terminal too."""
    ipython = sys.modules.get("IPython")
    shell = getattr(ipython, "get_ipython", lambda: None)()
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    return Cell(importlib.import_module("IPython.display").display)


def page_of(title: str, percent: float, lines: Sequence[str], grid: Path | None) -> str:
    """A bar, lines of text, and the newest grid, as HTML; everything foreign is escaped."""
    said = "".join(f"<div>{escaped(line)}</div>" for line in lines)
    bar = f'<progress value="{percent:.1f}" max="100" style="width:100%"></progress>'
    return (
        f'<div style="max-width:60em;font-family:monospace;white-space:pre-wrap;{NEUTRAL}">'
        f"<strong>{escaped(title)}</strong>{bar}{said}{image_of(grid)}</div>"
    )


def escaped(text: str) -> str:
    return html.escape(plain(text))


def image_of(grid: Path | None) -> str:
    """A PNG as an element that holds it; "" for other files, and for large ones."""
    if grid is None or grid.suffix != ".png":
        return ""
    try:
        if grid.stat().st_size > MOST:
            return ""
        data = base64.b64encode(grid.read_bytes()).decode("ascii")
    except OSError:
        return ""
    return f'<img src="data:image/png;base64,{data}" alt="{escaped(grid.name)}">'
