"""What a page shows of an evaluation of fields: spectra, observables, response curves."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ganzfeld.core.language import tr

WIDTH, HEIGHT = 400, 234
LEFT, RIGHT, TOP, BOTTOM = 46, 388, 20, 192  # of the plot in it, as other charts of a report


def measured(result: Mapping[str, Any]) -> str | None:
    """Sections for what the evaluation holds; None where there is nothing."""
    parts = [spectra(result), bins(result), observed(result)]
    return "".join(part for part in parts if part) or None


def spectra(result: Mapping[str, Any]) -> str:
    """Mean power against the length of the wave vector, of samples and of the data."""
    ours, theirs = result.get("field_spectrum"), result.get("field_spectrum_of_data")
    if not ours or not theirs or len(ours) != len(theirs):
        return ""
    several = len(ours) > 1
    figures = []
    for channel, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if not all(isinstance(v, int | float) and v > 0 for v in (*a, *b)):
            continue
        title = tr(f"Power spectrum{f', channel {channel}' if several else ''}")
        rows = [
            (str(k), f"{x:.4g}", f"{y:.4g}", f"{x / y:.3f}")
            for k, (x, y) in enumerate(zip(a, b, strict=True), 1)
        ]
        numbers = table(("waves a side", "samples", "data", "ratio"), rows)
        figures.append(
            f'<figure class="card"><h3>{title} <span class="soft">{tr("(both axes logarithmic)")}'
            f"</span></h3>{plot(title, a, b)}<figcaption>{tr('Solid: samples; dashed: data.')}"
            f"</figcaption><details><summary>{tr('As numbers')}</summary>{numbers}</details>"
            "</figure>"
        )
    return f'<div class="cards">{"".join(figures)}</div>' if figures else ""


def plot(title: str, ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Two lines over k = 1, 2, ..., both axes logarithmic, as SVG."""
    logs = [math.log10(value) for value in (*ours, *theirs)]
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    high = max(high, low + 1)
    last = math.log10(max(len(ours), 2))

    def x(k: float) -> float:
        return LEFT + (RIGHT - LEFT) * math.log10(k) / last

    def y(log: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (log - low) / (high - low)

    def path(values: Sequence[float]) -> str:
        points = (f"{x(k):.1f} {y(math.log10(v)):.1f}" for k, v in enumerate(values, 1))
        return "M" + "L".join(points)

    parts = []
    for power in range(low, high + 1, max(1, (high - low) // 5)):
        parts.append(f'<path class="grid" d="M{LEFT} {y(power):.1f}H{RIGHT}"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y(power) + 4:.1f}" text-anchor="end">1e{power}</text>'
        )
    for k in (1, 2, 5, 10, 20, 50, 100, 200, 500):
        if k <= len(ours):
            parts.append(f'<text x="{x(k):.1f}" y="{BOTTOM + 18}" text-anchor="middle">{k}</text>')
    parts.append(f'<path class="axis" d="M{LEFT} {BOTTOM}H{RIGHT}"/>')
    parts.append(f'<path class="line s1" stroke-dasharray="6 4" d="{path(theirs)}"/>')
    parts.append(f'<path class="line s0" d="{path(ours)}"/>')
    middle = (LEFT + RIGHT) / 2
    parts.append(
        f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{tr("waves a side")}</text>'
    )
    worst = max(abs(a / b - 1) for a, b in zip(ours, theirs, strict=True))
    label = f"{title}: {tr(f'samples differ from the data by up to {worst:.0%}')}"
    start = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
    return f"{start}{''.join(parts)}</svg>"


def bins(result: Mapping[str, Any]) -> str:
    """Response and resolution of sums in bins of the first number."""
    found = result.get("field_bins")
    if not found:
        return ""
    rows = [
        (
            f"{low:.2f} to {high:.2f}",
            f"{response:.3f} ± {error:.3f}",
            f"{resolution:.3f}",
            f"{real:.3f} ± {uncertain:.3f}",
        )
        for low, high, response, error, resolution, real, uncertain in found
    ]
    head = ("number asked for, scaled", "mean sum, over the data's", "relative deviation", "data")
    return f"<h3>{tr('Response and resolution')}</h3>{table(head, rows)}"


def observed(result: Mapping[str, Any]) -> str:
    """Each observable's distances beside those of two halves of the data."""
    found = result.get("field_observables")
    if not isinstance(found, Mapping) or not found:
        return ""
    rows = [
        (str(name), *(f"{value:.3f}" for value in values))
        for name, values in sorted(found.items(), key=lambda item: -item[1][0])
    ]
    head = ("observable", "KS", "KS of halves", "W1", "W1 of halves")
    return f"<h3>{tr('Observables')}</h3>{table(head, rows)}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose columns but the first are numbers; text is escaped."""

    def cells(kind: str, row: Sequence[str]) -> str:
        first, *others = (html.escape(cell) for cell in row)
        rest = "".join(f'<{kind} class="number">{cell}</{kind}>' for cell in others)
        return f'<tr><th scope="row">{first}</th>{rest}</tr>'

    top = "".join(f'<th scope="col">{html.escape(tr(name))}</th>' for name in head)
    body = "".join(cells("td", row) for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
