"""Terminal output of a run: the plan, then a live panel or plain lines."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, cast

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ganzfeld.core import notebook
from ganzfeld.core.language import tr
from ganzfeld.core.names import duration
from ganzfeld.core.streams import Steady
from ganzfeld.core.wrapping import fold
from ganzfeld.text import lines, shown

CELL = 1_000  # characters of a cell of a table
PLAIN_SECONDS = 10  # between the first lines where there is no terminal
COLUMNS = 80  # of a plain line
ECHO = 4  # columns to the right of the panel: a terminal writes ^C there and not on a new line
WIDEST = 96  # columns of the panel
EDGES = 10  # columns of the panel's first line around its three parts


@dataclass(frozen=True)
class State:
    """Training at one moment.

    rate: images per second of late. losses: by "player/term"; None: not finite.
    draws: what a loss is where the discriminator cannot tell real from fake, by the same names.
    quality: a line about the samples, "" before any were measured.
    """

    run: Path
    images: int
    total: int
    rate: float
    losses: Mapping[str, float | None]
    draws: Mapping[str, float] = field(default_factory=dict)
    quality: str = ""
    picture: Path | None = None
    health: str = ""  # a line of the doctor's
    mean: float = 0.0  # images per second since this process began, evaluations included
    end: float | None = None  # seconds from the last step to the last line; None: not known

    @property
    def percent(self) -> float:
        return min(100 * self.images / self.total, 100.0)  # the last batch may go a little beyond

    def to_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "run": str(self.run),
            "images": self.images,
            "total": self.total,
            "images_per_second": round(self.rate, 2),
            "losses": dict(self.losses),
            "quality": self.quality,
            "health": self.health,
            "grid": str(self.picture) if self.picture else None,
        }

    @property
    def left(self) -> str:
        """By the mean speed: the last few steps may have had an evaluation among them.

        With what comes after the steps where that is known: it may take longer than they do.
        """
        rate = self.mean or self.rate
        if rate <= 0:
            return "? left"
        seconds = (self.total - self.images) / rate
        if self.end is None:
            return f"{duration(seconds)} of steps left"
        return f"{duration(seconds + self.end)} left"


class Screen:
    """Prints for one process; `quiet` prints nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        stdout = cast("TextIO", Steady(sys.stdout))
        self.console = Console(file=stdout, quiet=quiet, highlight=False, soft_wrap=True)
        self.json = os.environ.get("GANZFELD_PROGRESS") == "json"
        self.live: Live | None = None
        self.cell = None if quiet or self.json else notebook.here()
        self.printed = self.started = time.monotonic()
        self.stage = ""

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None where there is none, and lines may be as long as any."""
        return self.console.width if self.console.is_terminal else None

    def say(self, text: str = "", indent: str = "  ") -> None:
        """A line, folded between words where a terminal would break it inside one."""
        if self.json:
            self.event("note", text=text) if text else None
            return
        for line in text.split("\n"):
            self.put(tr(line), indent)

    def put(self, text: str, indent: str) -> None:
        for line in fold(lines(text), self.width, indent):
            self.console.print(Text(line))

    def table(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        """A plan or a summary: names on the left, what they are on the right."""
        if self.json:
            self.event("table", title=title, rows=[list(row) for row in rows])
            return
        told = [(tr(name), tr(value)) for name, value in rows]
        width = max(cell_len(name) for name, _ in told)
        self.say(title)
        for name, value in told:
            room = " " * (width - cell_len(name) + 2)
            self.put(f"  {name}{room}{value}", " " * (width + 4))

    def columns(self, head: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> None:
        """A table with a name and several values in each row."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for i, title in enumerate(head):
            table.add_column(
                Text(shown(tr(title))),
                justify="right" if i else "left",
                overflow="fold",
                no_wrap=i == 0 and len(head) <= 3,  # with more, values need the room
            )
        for name, cells in rows:
            table.add_row(*(Text(shown(cell, CELL)) for cell in (tr(name), *cells)))
        self.console.print(table, soft_wrap=False)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """The live panel, where there is a terminal to show it on."""
        if not self.console.is_terminal or self.console.quiet or self.json or self.cell:
            yield
            return
        with Live(console=self.console, refresh_per_second=2, transient=True) as self.live:
            yield
        self.live = None

    def show(self, state: State) -> None:
        """The state of training, redrawn in place or as a few more lines now and then."""
        if self.json:
            self.event("progress", **state.to_json())
        elif self.cell:
            lines = plain(state)
            page = notebook.page_of(str(state.run), state.percent, lines, state.picture)
            self.cell.show(page, "\n".join(lines))
        elif self.live:
            self.live.update(panel(state, min(self.console.width - ECHO, WIDEST)))
        elif self.due() or state.images >= state.total:
            self.printed = time.monotonic()
            for line in plain(state):
                self.console.print(Text(line))

    def progress(self, stage: str, done: int, total: int) -> None:
        """How far a long stage of the work is; without a terminal ever more seldom."""
        if stage != self.stage:
            self.stage, self.started = stage, time.monotonic()
        if self.json:
            if done >= total or self.due():
                self.printed = time.monotonic()
                self.event("stage", stage=stage, done=done, total=total)
        elif self.console.is_terminal and sys.stdout.isatty():
            end = "\n" if done >= total else "\r"
            text = tr(f"{shown(stage)}: {done:,} of {total:,}")
            self.console.file.write(f"{text}{end}")
            self.console.file.flush()
        elif self.due():
            self.printed = time.monotonic()
            self.say(f"{stage}: {done:,} of {total:,}")

    def event(self, kind: str, **about: object) -> None:
        """One JSON object a line, in English and with full numbers."""
        if not self.console.quiet:
            self.console.file.write(f"{json.dumps({'event': kind, **about})}\n")
            self.console.file.flush()

    def due(self) -> bool:
        """Whether it is time for more lines: the longer a stage takes, the fewer there are."""
        now = time.monotonic()
        return now - self.printed > max(PLAIN_SECONDS, (self.printed - self.started) / 2)


def plain(state: State) -> list[str]:
    """A state as lines of at most 80 columns."""
    done = tr(f"{state.images:,} of {state.total:,} images")
    left = tr(state.left)
    head = f"{state.percent:5.1f} %  {done}  {per_second(state.rate)}/s  {left}"
    rows = [tr(said) for said in (state.quality, state.health) if said]
    rows += [f"{player}: {', '.join(terms)}" for player, terms in by_player(state).items()]
    return [head, *(line for row in rows for line in fold(f"         {row}", COLUMNS, " " * 11))]


def by_player(state: State) -> dict[str, list[str]]:
    """The losses of each player in words."""
    found: dict[str, list[str]] = {}
    for name, value in state.losses.items():
        player, slash, term = name.rpartition("/")
        draw = tr(f" (draw {number(state.draws[name])})") if name in state.draws else ""
        found.setdefault(player if slash else "loss", []).append(f"{term} {number(value)}{draw}")
    return found


def per_second(rate: float) -> str:
    """A rate in words: slow ones with two digits.

    >>> per_second(1234.5), per_second(0.46)
    ('1,234', '0.46')
    """
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def number(value: float | None) -> str:
    return tr("not finite") if value is None else f"{value:.3f}"


def panel(state: State, width: int) -> Panel:
    """A state as a box of so many columns."""
    head = Table.grid(padding=(0, 2))
    share, left = f"{state.percent:.1f} %", tr(state.left)
    room = width - EDGES - cell_len(share + left)
    bar = ProgressBar(state.total, state.images, width=min(max(room, 8), max(width - 42, 8)))
    head.add_row(bar, share, left)
    pace = tr(f"{state.images:,} of {state.total:,} images, {per_second(state.rate)} images/s")
    body = Table.grid(padding=(0, 2))
    for name, value in state.losses.items():
        draw = tr(f"a draw is {number(state.draws[name])}") if name in state.draws else ""
        body.add_row(Text(shown(name), style="dim"), number(value), Text(draw, style="dim"))
    rows: list[RenderableType] = [head, Text(pace)]
    if state.quality:
        rows.append(Text(tr(state.quality), style="bold"))
    if state.health:
        rows.append(Text(tr(state.health), style=health_style(state.health)))
    rows.append(body)
    foot = f"latest grid: {shown(inside(state.picture, state.run))}" if state.picture else ""
    rows.append(Text(tr(foot or "the first grid follows"), style="dim"))
    rows.append(Text(tr("Ctrl-C saves and stops"), style="dim"))
    return Panel(Group(*rows), title=Text(shown(state.run)), title_align="left", width=width)


def health_style(line: str) -> str:
    """Quiet where there is nothing to do."""
    return "dim" if line.endswith(("nothing wrong", "too early to say")) else "bold yellow"


def inside(path: Path, folder: Path) -> Path:
    return path.relative_to(folder) if path.is_relative_to(folder) else path
