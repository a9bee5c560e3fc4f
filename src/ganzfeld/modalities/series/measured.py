"""What a page shows of an evaluation of series: memory in time and spectra, beside the data's."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ganzfeld.core.language import tr

WIDTH, HEIGHT = 400, 234
LEFT, RIGHT, TOP, BOTTOM = 46, 388, 20, 192  # of the plot in it, as other charts of a report
MOST = 8  # channels that are shown

PLOTS = (  # key of an evaluation, title, what counts along, where it starts
    ("series_memory", "Autocorrelation", "lag in steps", 0),
    ("series_memory_of_squares", "Autocorrelation of squares", "lag in steps", 0),
    ("series_power", "Share of the power", "waves a series", 1),
)


def measured(result: Mapping[str, Any]) -> str | None:
    """Sections for what the evaluation holds; None where there is nothing."""
    names = result.get("series_channels")
    figures = [
        figure(tr(title) + (f", {name}" if several else ""), along, start, ours, theirs)
        for key, title, along, start in PLOTS
        for several, name, ours, theirs in channels(result, key, names)
    ]
    parts = [part for part in figures if part]
    return f'<div class="cards">{"".join(parts)}</div>' if parts else None


def channels(
    result: Mapping[str, Any], key: str, names: Any
) -> Iterable[tuple[bool, str, Sequence[float], Sequence[float]]]:
    """(whether there are several, name, samples' numbers, data's numbers) of each channel."""
    ours, theirs = result.get(key), result.get(f"{key}_of_data")
    if not isinstance(ours, list) or not isinstance(theirs, list) or len(ours) != len(theirs):
        return
    for place, (a, b) in enumerate(zip(ours[:MOST], theirs[:MOST], strict=True)):
        known = isinstance(names, list) and place < len(names)
        yield len(ours) > 1, str(names[place]) if known else f"channel {place}", a, b


def figure(
    title: str, along: str, start: int, ours: Sequence[float], theirs: Sequence[float]
) -> str:
    """A chart with its numbers below; "" for what are no numbers."""
    if len(ours) != len(theirs) or len(ours) < 2:
        return ""
    if not all(isinstance(v, int | float) and abs(v) < 1e300 for v in (*ours, *theirs)):
        return ""
    rows = [
        (str(k), f"{a:.3f}", f"{b:.3f}", f"{a - b:+.3f}")
        for k, (a, b) in enumerate(zip(ours, theirs, strict=True), start)
    ]
    numbers = table((along, "samples", "data", "difference"), rows)
    said = html.escape(title)
    return (
        f'<figure class="card"><h3>{said}</h3>{plot(said, along, start, ours, theirs)}'
        f"<figcaption>{tr('Solid: samples; dashed: data.')}</figcaption>"
        f"<details><summary>{tr('As numbers')}</summary>{numbers}</details></figure>"
    )


def plot(title: str, along: str, start: int, ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Two lines over start, start + 1, ... as SVG. title: escaped."""
    low, high = min(0.0, *ours, *theirs), max(0.0, *ours, *theirs)
    high = high if high > low else low + 1.0
    last = len(ours) - 1

    def x(k: float) -> float:
        return LEFT + (RIGHT - LEFT) * k / last

    def y(value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low)

    def path(values: Sequence[float]) -> str:
        return "M" + "L".join(f"{x(k):.1f} {y(v):.1f}" for k, v in enumerate(values))

    parts = []
    for value in ticks(low, high):
        parts.append(f'<path class="grid" d="M{LEFT} {y(value):.1f}H{RIGHT}"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
        )
    for k in range(0, last + 1, max(1, last // 4)):
        parts.append(
            f'<text x="{x(k):.1f}" y="{BOTTOM + 18}" text-anchor="middle">{k + start}</text>'
        )
    parts.append(f'<path class="axis" d="M{LEFT} {y(0.0):.1f}H{RIGHT}"/>')
    parts.append(f'<path class="line s1" stroke-dasharray="6 4" d="{path(theirs)}"/>')
    parts.append(f'<path class="line s0" d="{path(ours)}"/>')
    middle = (LEFT + RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{tr(along)}</text>')
    worst = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    label = f"{title}: {tr(f'samples differ from the data by up to {worst:.2g}')}"
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
    return f"{head}{''.join(parts)}</svg>"


def ticks(low: float, high: float) -> list[float]:
    """Round numbers from low to high, 0 among them where it lies between: seven at most.

    >>> ticks(-0.06, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    power = 10.0 ** math.floor(math.log10((high - low) / 6))
    step = next(k * power for k in (1, 2, 5, 10) if k * power * 6 >= high - low)
    first, last = math.ceil(low / step), math.floor(high / step + 1e-9)
    return [float(f"{number * step:.6g}") for number in range(first, last + 1)]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose columns but the first are numbers; text is escaped."""

    def cells(kind: str, row: Sequence[str]) -> str:
        first, *others = (html.escape(cell) for cell in row)
        rest = "".join(f'<{kind} class="number">{cell}</{kind}>' for cell in others)
        return f'<tr><th scope="row">{first}</th>{rest}</tr>'

    top = "".join(f'<th scope="col">{html.escape(tr(name))}</th>' for name in head)
    body = "".join(cells("td", row) for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
