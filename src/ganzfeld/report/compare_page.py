"""The page that compares several runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ganzfeld.core.language import language, tr
from ganzfeld.metrics.registry import title_of
from ganzfeld.metrics.summary import figure
from ganzfeld.report.chart import COLOURS, Level, Line, chart
from ganzfeld.report.curve_words import few
from ganzfeld.report.html import Html, command, note, page, section, table, tag
from ganzfeld.report.record import Points, Record
from ganzfeld.report.sections import BEST, STAR, chance

# of `report.compare`, which itself imports this module
Comparison = Any
Group = Any
Subject = Any

if TYPE_CHECKING:
    Curves = dict[str, list[tuple[Subject, Points]]]  # by metric

GRIDS_BYTES = 1_300_000  # of all grids together


def document(found: Comparison) -> str:
    names = ("、" if language() == "zh" else " and ").join(s.name for s in found.subjects)
    many = f"{len(found.subjects)} runs compared"
    return page(
        f"{many} - ganzfeld",
        tag(
            "header",
            tag("p", "Comparison", class_="kind"),
            tag("h1", names if len(found.subjects) == 2 else many),
            tag("p", said(found), class_="verdict"),
        ),
        grids(found),
        *(metrics(found, group) for group in found.groups),
        curves(found),
        settings(found),
    )


def said(found: Comparison) -> str:
    if len(found.groups) == 1 and found.groups[0].protocol:
        if found.groups[0].notes():
            return "All were measured in the same way, by an extractor that does not see all."
        return "All were measured in the same way, so their numbers can be compared."
    ways = sum(group.protocol is not None for group in found.groups)
    if not ways:
        return "None of them has been measured; the curves are from their training."
    if ways == 1:
        return "Those that were measured were measured in the same way; others were not at all."
    return (
        f"They were measured in {ways} different ways, so there is a table for each, and numbers "
        "of different tables cannot be compared."
    )


def colour(found: Comparison, subject: Subject) -> int:
    return int(found.subjects.index(subject)) % COLOURS


def grids(found: Comparison) -> Html:
    """The newest grid of each."""
    each = max(GRIDS_BYTES // max(len(found.subjects), 1), 20_000)
    shown = []
    for subject in found.subjects:
        found_one = newest_grid(subject, min(each, 400_000))
        if found_one is None or subject.record is None:
            continue
        images, grid = found_one
        box = tag("span", "", class_="swatch", style=f"background:var(--c{colour(found, subject)})")
        small = f"{subject.record.name}: {images:,} images seen"
        shown.append(
            tag(
                "figure",
                tag("h3", box, subject.name),
                grid,
                tag("figcaption", small),
            )
        )
    return section("Newest samples", tag("div", *shown, class_="runs")) if shown else Html("")


def newest_grid(subject: Subject, most: int) -> tuple[int, Html] | None:
    """Images seen, and the newest samples that can be shown."""
    record = subject.record
    for images, path in reversed(record.samples if record else []):
        assert record is not None
        alt = tr(f"Grid of {subject.name} after {images:,} images")
        if (shown := record.kind.html(path, alt, side=800, most=most)) is not None:
            return images, Html(shown)
    return None


def metrics(found: Comparison, group: Group) -> Html:
    names = [member.name for member in group.members]
    if group.protocol is None:
        why, *commands = found.apart(group)
        return section("Not measured", note(why), *(command(c) for c in commands))
    why_not = found.apart(group)
    rows = [(name, *cells) for name, cells in group.rows(found.metrics)]
    head = ["metric", "real data", *names]
    biased = any((m.result or {}).get("frechet_biased") for m in group.members)
    return section(
        "Metrics" if group is found.groups[0] else f"Metrics of {', '.join(names)}",
        note(why_not[0]) if why_not else None,
        *(command(line) for line in why_not[1:]),
        note("The Frechet distance of fewer than 5,000 images is biased: compare equal counts.")
        if biased
        else None,
        *(note(f"{text[:1].upper()}{text[1:]}") for text in group.notes()),
        table(f"Metrics of {', '.join(names)}", head, rows, numbers=range(1, len(head))),
        tag("p", STAR, class_="soft") if len(names) > 1 else None,
        tag("p", "protocol: ", tag("code", str(group.protocol["id"])), class_="soft"),
    )


def curves(found: Comparison) -> Html:
    """Each metric against images and against seconds."""
    parts: list[Html] = []
    for (protocol, data), metrics in by_protocol(found).items():
        charts = []
        for name, runs in metrics.items():
            charts += metric_charts(found, protocol, name, runs)
        parts.append(tag("p", "protocol: ", tag("code", f"{protocol}; data {data[:8]}")))
        parts.append(tag("div", *charts, class_="cards"))
    if not parts:
        return Html("")
    lead = (
        "From the evaluations during training. Seconds are wall time, each run's on its own "
        "machine. A chart holds numbers of one protocol and one data set."
    )
    return section("Curves", *parts, lead=lead)


def metric_charts(
    found: Comparison, protocol: str, name: str, runs: Sequence[tuple[Subject, Points]]
) -> list[Html]:
    """A metric against images and against seconds. None is called the best: see `STAR`."""
    lines, timed, levels, caption = [], [], [], None
    for subject, points in runs:
        record: Record = subject.record
        count, real = record.count_of(protocol), record.real_of(protocol, name)
        bars = chance(name, points, count, record.intervals(protocol, name)) if count else []
        if count and name in BEST:
            caption = few(count, barred=bool(bars))
        if real is not None:
            levels = [Level(real, f"real data: {figure(real)}")]
        line = Line(subject.name, points, colour(found, subject), bars=bars)
        lines.append(line)
        timed.append(replace(line, points=against_seconds(record, points)))
    return [
        chart(title_of(name), lines, levels=levels, caption=caption),
        chart(title_of(name), timed, x="seconds", levels=levels, caption=caption),
    ]


def by_protocol(found: Comparison) -> dict[tuple[str, str], Curves]:
    """Curves by (protocol, data); evaluations that name no protocol are left out."""
    curves: dict[tuple[str, str], Curves] = {}
    for subject in found.subjects:
        if subject.record is None:
            continue
        data = subject.record.config.data.fingerprint
        for (protocol, name), points in subject.record.curves().items():
            if protocol and name in found.metrics:
                same = curves.setdefault((protocol, data), {})
                same.setdefault(name, []).append((subject, points))
    return curves


def against_seconds(record: Record, points: Points) -> Points:
    """The same points at seconds of training, between the rows of the journal by proportion."""
    clock = record.clock()
    if len(clock) < 2:
        return []
    found = []
    for images, value in points:
        after = next((i for i, (n, _) in enumerate(clock) if n >= images), len(clock) - 1)
        (n0, s0), (n1, s1) = clock[max(after - 1, 0)], clock[after]
        share = (images - n0) / (n1 - n0) if n1 > n0 else 1.0
        found.append((s0 + share * (s1 - s0), value))
    return found


def settings(found: Comparison) -> Html:
    records = [subject for subject in found.subjects if subject.record]
    rows = [(path, *values) for path, values in found.settings(room=200)]
    if len(records) < 2:
        return Html("")
    if not rows:
        return section("Settings", lead="The runs have the same settings.")
    head = ["setting", *(subject.name for subject in records)]
    return section("Settings that differ", table("Settings that differ", head, rows))
