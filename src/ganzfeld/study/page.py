"""A self-contained page: paragraphs, tables and pictures; the same as Markdown."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ganzfeld.checkpoint import replace
from ganzfeld.report.html import escaped, policy
from ganzfeld.text import plain

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em}
table{border-collapse:collapse}td,th{padding:.3em .8em;border-bottom:1px solid #ccc;text-align:left}
td{font-variant-numeric:tabular-nums}figure{display:inline-block;margin:0 1em 1em 0}
figure img{max-width:20em;image-rendering:pixelated}@media(prefers-color-scheme:dark){
body{background:#111;color:#ddd}}"""


class Page:
    """Built from top to bottom, then written as report.html and report.md."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.html: list[str] = [f"<h1>{escaped(title)}</h1>"]
        self.markdown: list[str] = [f"# {plain(title)}"]

    def heading(self, text: str) -> None:
        self.html.append(f"<h2>{escaped(text)}</h2>")
        self.markdown.append(f"## {plain(text)}")

    def text(self, text: str) -> None:
        self.html.append(f"<p>{escaped(text)}</p>")
        self.markdown.append(plain(text))

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        def line(cells: Sequence[str], tag: str) -> str:
            inner = "".join(f"<{tag}>{escaped(cell)}</{tag}>" for cell in cells)
            return f"<tr>{inner}</tr>"

        body = "".join(line(row, "td") for row in rows)
        self.html.append(f"<table>{line(head, 'th')}{body}</table>")
        lines = [head, ["---"] * len(head), *rows]
        cells = [[plain(cell).replace("|", "\\|") for cell in row] for row in lines]
        self.markdown.append("\n".join(f"| {' | '.join(row)} |" for row in cells))

    def pictures(self, named: Sequence[tuple[str, Image.Image]]) -> None:
        """Side by side in the page; the Markdown leaves them out."""
        for caption, image in named:
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            data = base64.b64encode(buffer.getvalue()).decode()
            text = escaped(caption, bare=True)
            self.html.append(
                f'<figure><img alt="{text}" src="data:image/png;base64,{data}">'
                f"<figcaption>{text}</figcaption></figure>"
            )

    def write(self, folder: Path) -> Path:
        head = (
            '<!doctype html><html lang="en"><meta charset="utf-8">'
            f"{policy()}"
            '<meta name="viewport" content="width=device-width">'
            f"<title>{escaped(self.title, bare=True)}</title><style>{STYLE}</style>"
        )
        replace(folder / "report.md", ("\n\n".join(self.markdown) + "\n").encode())
        replace(folder / "report.html", (head + "\n".join(self.html) + "</html>\n").encode())
        return folder / "report.html"
