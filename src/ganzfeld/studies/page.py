"""A self-contained page in the style of a run's report, and the same as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ganzfeld.core.files import replace
from ganzfeld.core.language import tr
from ganzfeld.report import html
from ganzfeld.report.embed import picture
from ganzfeld.report.html import Html, tag
from ganzfeld.text import plain

NARROW = 3  # columns that fit a phone with their words wrapped
SIDE, BYTES = 640, 150_000  # of an image in the page

Pairs = Sequence[tuple[str, str]]


class Page:
    """Built from top to bottom, then written as report.html and report.md.

    noun: what samples are called, in place of "images".
    """

    def __init__(self, title: str, noun: str = "images") -> None:
        self.title, self.noun = title, noun
        self.html: list[Html] = [tag("p", "Study", class_="kind"), tag("h1", title)]
        self.sections: list[Html] = []
        self.markdown: list[str] = [f"# {plain(tr(title))}"]

    def named(self, text: str) -> str:
        """A text that speaks of these samples."""
        return re.sub(r"\bimages\b", self.noun, text)

    def heading(self, text: str) -> None:
        self.close()
        self.html.append(tag("h2", text))
        self.markdown.append(f"## {plain(tr(text))}")

    def close(self) -> None:
        """What was written since the last heading becomes a part of the page."""
        if self.html:
            self.sections.append(tag("section" if self.sections else "header", *self.html))
        self.html = []

    def text(self, text: str, *, kind: str | None = None) -> None:
        """A paragraph. kind: "verdict" for the one to read first, "note" for a warning."""
        text = self.named(text)
        self.html.append(tag("p", text, class_=kind))
        self.markdown.append(plain(tr(text)))

    def tiles(self, shown: Pairs) -> None:
        """A few facts to see first."""
        shown = [(self.named(name), value) for name, value in shown]
        inner = (tag("div", tag("dt", a), tag("dd", b)) for a, b in shown)
        self.html.append(tag("dl", *inner, class_="tiles"))
        self.markdown.append("; ".join(f"{plain(tr(a))}: {plain(tr(b))}" for a, b in shown))

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table whose first column names its rows; a wide one scrolls in a box of its own."""
        head = [self.named(cell) for cell in head]
        rows = [[self.named(row[0]), *row[1:]] for row in rows]
        kind = "wide" if len(head) > NARROW else None
        self.html.append(html.table(head[0], head, rows, kind=kind))
        lines = [head, ["---"] * len(head), *rows]
        cells = [[plain(tr(cell)).replace("|", "\\|") for cell in row] for row in lines]
        self.markdown.append("\n".join(f"| {' | '.join(row)} |" for row in cells))

    def pictures(self, named: Sequence[tuple[str, Image.Image]]) -> None:
        """Side by side in the page; the Markdown leaves them out."""
        self.cards([(caption, image, ()) for caption, image in named])

    def cards(self, cards: Sequence[tuple[str, Image.Image | Html | None, Pairs]]) -> None:
        """For each a title, an image or what shows it, and facts, as many in a row as have room.

        The Markdown leaves them out: a table there should have the facts.
        """
        found = []
        for title, image, facts in cards:
            if isinstance(image, Image.Image):
                image = picture(image, title, side=SIDE, most=BYTES)
            facts = [(self.named(name), value) for name, value in facts]
            rows = html.table(title, (), facts) if facts else None
            found.append(tag("div", tag("h3", title), image, rows, class_="card small"))
        self.html.append(tag("div", *found, class_="cards"))

    def write(self, folder: Path) -> Path:
        self.close()
        whole = html.page(f"{self.title} - ganzfeld", *self.sections)
        replace(folder / "report.md", ("\n\n".join(self.markdown) + "\n").encode())
        replace(folder / "report.html", whole.encode())
        return folder / "report.html"
