"""What a person sees of a run: a plan before it, one live panel or plain lines while it lasts."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ganzfeld.streams import Steady

PLAIN_SECONDS = 10  # between lines where there is no terminal


def duration(seconds: float) -> str:
    """Seconds for people: 42 s, 3 min 05 s, 2 h 10 min, 3 d 4 h."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


class Screen:
    """Prints for one process; `quiet` prints nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        stdout = cast("TextIO", Steady(sys.stdout))
        self.console = Console(file=stdout, quiet=quiet, highlight=False, soft_wrap=True)
        self.live: Live | None = None
        self.printed = time.monotonic()

    def say(self, text: str = "") -> None:
        self.console.print(Text(text))

    def table(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        """A plan or a summary: names on the left, what they are on the right."""
        width = max(len(name) for name, _ in rows)
        self.say(title)
        for name, value in rows:
            self.say(f"  {name:<{width}}  {value}")

    def columns(self, head: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> None:
        """A table with a name and several values in each row."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for i, title in enumerate(head):
            table.add_column(
                Text(title),
                justify="right" if i else "left",
                overflow="fold",
                no_wrap=i == 0 and len(head) <= 3,  # with more, values need the room
            )
        for name, cells in rows:
            table.add_row(Text(name), *(Text(cell) for cell in cells))
        self.console.print(table, soft_wrap=False)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """The live panel, where there is a terminal to show it on."""
        if not self.console.is_terminal or self.console.quiet:
            yield
            return
        with Live(console=self.console, refresh_per_second=2, transient=True) as self.live:
            yield
        self.live = None

    def show(
        self,
        run: Path,
        images: int,
        total: int,
        rate: float,
        losses: Mapping[str, float | None],
        picture: Path | None,
    ) -> None:
        """The state of training, redrawn in place or as one more line now and then."""
        left = duration((total - images) / rate) if rate > 0 else "?"
        if self.live:
            self.live.update(panel(run, images, total, rate, left, losses, picture))
        elif time.monotonic() - self.printed > PLAIN_SECONDS or images >= total:
            self.printed = time.monotonic()
            terms = "  ".join(f"{name} {number(value)}" for name, value in losses.items())
            share = f"{percent(images, total):5.1f} %"
            self.say(f"{share}  {images:>10,} images  {rate:,.0f}/s  {left} left  {terms}")

    def progress(self, stage: str, done: int, total: int) -> None:
        """How far preparing the data is; nothing for work of a moment."""
        if self.console.is_terminal and sys.stdout.isatty():
            end = "\n" if done >= total else "\r"
            self.console.file.write(f"{stage}: {done:,} of {total:,}{end}")
            self.console.file.flush()
        elif time.monotonic() - self.printed > PLAIN_SECONDS:
            self.printed = time.monotonic()
            self.say(f"{stage}: {done:,} of {total:,}")


def percent(images: int, total: int) -> float:
    return min(100 * images / total, 100.0)  # the last batch may go a little beyond


def number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.3f}"


def panel(
    run: Path,
    images: int,
    total: int,
    rate: float,
    left: str,
    losses: Mapping[str, float | None],
    picture: Path | None,
) -> Panel:
    head = Table.grid(padding=(0, 2))
    head.add_row(
        ProgressBar(total=total, completed=images, width=32),
        f"{percent(images, total):.1f} %",
        f"{images:,} of {total:,} images",
        f"{rate:,.0f} images/s",
        f"{left} left",
    )
    body = Table.grid(padding=(0, 2))
    for name, value in losses.items():
        body.add_row(Text(name, style="dim"), number(value))
    foot = Text(f"latest grid: {picture}" if picture else "first grid follows", style="dim")
    hint = Text("Ctrl-C saves and stops", style="dim")
    return Panel(Group(head, body, foot, hint), title=Text(str(run)), title_align="left")
