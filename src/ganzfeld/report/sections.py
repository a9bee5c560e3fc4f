"""The sections of a run's report; each is empty if its data are missing."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ganzfeld.core.language import tr
from ganzfeld.core.names import duration
from ganzfeld.metrics.registry import TABLE, title_of
from ganzfeld.metrics.spread import of_share
from ganzfeld.metrics.summary import HEAD, figure, real_words
from ganzfeld.metrics.summary import table as rows_of
from ganzfeld.report import quality
from ganzfeld.report.chart import Best, Level, Line, Points, chart
from ganzfeld.report.curve_words import SHARES, at_the_end, chosen_number, few, of_shipped
from ganzfeld.report.html import Html, command, note, section, table, tag
from ganzfeld.report.losses import loss_charts
from ganzfeld.report.record import Record, Row

STILLS = 12  # grids through time
HERO_BYTES, STILL_BYTES = 420_000, 62_000
BEST = {metric.name: metric.best for metric in TABLE if metric.best}
STAR = (  # under a table of several runs
    "* the best of its row; where a metric has an interval, only if it overlaps no other. "
    "Without an interval a small lead may be chance. Intervals are of the samples: other seeds of "
    "the same runs may lie further apart."
)


# What came of it


def hero(record: Record) -> Html:
    text = tag(
        "div",
        tag("p", "Report of a run", class_="kind"),
        tag("h1", record.name),
        tag("p", said, class_="verdict") if (said := judgement(record)) else None,
        tag("p", verdict(record), class_=None if said else "verdict"),
        tiles(record),
        *(note(line) for line in warnings(record)),
    )
    return tag("header", text, newest(record), class_="hero")


def judgement(record: Record) -> str:
    """How good it is, in one sentence with numbers; "" where it was not measured."""
    return quality.verdict(record.evaluation or {}, record.scores())


def verdict(record: Record) -> str:
    """The run in one plain sentence."""
    clock, recipe = record.clock(), Path(record.config.recipe).name
    if not record.images:
        return f"The recipe {recipe} on {record.data}: nothing has been learned yet."
    text = f"The recipe {recipe} saw {record.images:,} images of {record.data}"
    if len(clock) > 1:
        text += f" in {duration(clock[-1][1])} of training"
    if not record.about:
        return f"{text}, and has shipped no model yet."
    chosen = record.chosen or {}
    seen = chosen.get("images", record.about["images_seen"])
    average = chosen.get("average")
    whole = record.about.get("averaged", True)
    kind = f"the {average} average" if "average" in chosen and whole else "its generator"
    text += f"; the model that it ships is {kind} at image {seen:,}"
    if not chosen.get("by"):
        return f"{text}{result_words(record)}."
    by, number = title_of(str(chosen["by"])), chosen_number(chosen)
    many = len(chosen.get("candidates") or [])
    text += f", the best of {many} candidates" if many > 1 else ", chosen"
    text += f" by the {by} measured during training"
    if number is None:
        return f"{text}."
    count, other = chosen.get("count"), (record.evaluation or {}).get("count")
    real = record.real_of(str(chosen.get("protocol", "")), str(chosen["by"]))
    there = figure(number) + ("" if real is None else f", real images {figure(real)}")
    if isinstance(count, int) and isinstance(other, int) and count != other:
        why = ", and few samples make it larger" if count < other else ""
        return (
            f"{text} ({there}). That is from {count:,} samples{why}: do not compare it with the "
            f"figures below, which are from {other:,}."
        )
    # of equal counts, which look as if they were of the same samples
    luck = " The figures below are of other samples: the best of several owes some to luck."
    return f"{text} ({there}).{luck if count == other else ''}"


def result_words(record: Record) -> str:
    found = record.evaluation or {}
    first = "kernel" if found.get("frechet_biased", True) else "frechet"
    value = found.get(first)
    return f", with a {title_of(first)} of {figure(value)}" if value is not None else ""


def tiles(record: Record) -> Html:
    """The figures to see first."""
    result, clock = record.evaluation or {}, record.clock()
    shown: list[tuple[str, str, str]] = [("images seen", f"{record.images:,}", "")]
    if len(clock) > 1:
        shown.append(("time in training", duration(clock[-1][1]), ""))
        shown.append(("images a second", f"{clock[-1][0] / max(clock[-1][1], 1e-9):,.0f}", ""))
    for name in ("frechet", "kernel", "precision", "recall", "coverage"):
        if result.get(name) is not None:
            shown.append((title_of(name), figure(result[name]), beside(result, name)))
    found = (
        tag("div", tag("dt", a), tag("dd", b), tag("dd", c, class_="real") if c else None)
        for a, b, c in shown
    )
    return tag("dl", *found, class_="tiles")


def beside(result: Row, name: str) -> str:
    """What real images have, to be read beside a number."""
    real = quality.real_of(result, name)
    return "real data: not measured" if real is None else f"real data: {figure(real)}"


def warnings(record: Record) -> list[str]:
    """What a reader should know before believing the rest."""
    result, found = record.evaluation or {}, list(record.problems)
    total = record.config.run.images or 0
    if record.images < total:
        found.append(
            f"Stopped early: {record.images:,} of {total:,} images. "
            f"Continue with: ganzfeld resume {shlex.quote(str(record.path))}"
        )
    if planned := record.config.run.planned:
        found.append(
            f"Ended by --patience at image {record.images:,} of {planned:,}: quality had not moved."
        )
    rollbacks = max((row.get("rollbacks") or 0 for row in record.of_kind("train")), default=0)
    if rollbacks:
        found.append(f"Training went back to an earlier checkpoint {rollbacks} time(s).")
    return found + quality.alarms(result)


def newest(record: Record) -> Html | None:
    """The newest grid, or what else the run shows as samples."""
    for images, path in reversed(record.samples):
        alt = tr(f"Grid of generated {record.kind.noun} after {images:,} images")
        shown = record.kind.html(path, alt, side=1200, most=HERO_BYTES)
        if shown is not None:
            classes = record.config.data.classes
            rows = ""
            if len(classes) > 1:
                few = classes[:10]
                rows = f" A row for each class{' of the first ten' if few != classes else ''}: "
                rows += f"{', '.join(few)}."
            said = tag("figcaption", f"{record.task.noun} at image {images:,}.{rows}")
            return tag("figure", Html(shown), said)
    return None


# How it came to be


def through_time(record: Record) -> Html:
    """The same latents as training went on."""
    suffix = record.kind.sheet_suffix
    files = [(n, p) for n, p in record.samples if p.suffix == suffix]
    stills, images_only = [], True
    for images, path in spaced(files, STILLS):
        alt = tr(f"Grid after {images:,} images")
        small = record.kind.html(path, alt, side=460, most=STILL_BYTES, lazy=True)
        if small is None:
            continue
        images_only &= small.startswith("<img")
        caption = tag("figcaption", f"{images:,} images")
        stills.append(tag("li", tag("figure", Html(small), caption)))
    if len(stills) < 2:
        return Html("")
    strip = tag("ol", *stills, class_="strip", tabindex="0", aria_label="Grids through time")
    viewer = time_viewer(len(stills)) if images_only else None
    lead = (
        f"The same {record.task.inputs} throughout: each place in the grid shows one "
        f"{record.kind.one} developing."
    )
    return section(
        "Through time", tag("div", viewer, strip, class_="time" if viewer else None), lead=lead
    )


def time_viewer(count: int) -> Html:
    """One still at a time, moved by a slider."""
    last = str(count - 1)
    slider = tag("input", type="range", id="time", min="0", max=last, step="1", value=last)
    label = tag("label", "Images seen", tag("output", "", for_="time"), for_="time")
    image = tag("img", src="data:,", alt="")
    return tag("div", image, label, slider, class_="viewer", hidden=True)


def spaced(items: Sequence[tuple[int, Path]], most: int) -> list[tuple[int, Path]]:
    """At most so many, evenly, with the first and the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def curves(record: Record) -> Html:
    charts = [
        *metric_charts(record),
        *candidate_chart(record),
        *loss_charts(record),
        speed_chart(record),
    ]
    if not any(charts):
        return Html("")
    shown = tag("div", *charts, class_="cards")
    lead = (
        "Against images seen. Losses measure the two players against each other and not the "
        "images: judge by the metrics."
        if record.losses()
        else "Against images seen."
    )
    return section("Curves", shown, evaluation_rows(record), lead=lead)


def metric_charts(record: Record) -> Iterable[Html]:
    mark = None
    if record.chosen and isinstance(record.chosen.get("images"), int):
        mark = (float(record.chosen["images"]), "shipped")
    found = record.curves()
    several = len({protocol for protocol, _ in found}) > 1
    charts: dict[tuple[str, str], list[Line]] = {}
    for (protocol, name), points in found.items():
        # errors in one unit belong together, with what they should be below
        family = "errors" if name.startswith(("error_", "cycle_error_", "baseline_")) else name
        charts.setdefault((protocol, family), []).append(Line(title_of(name), points))
    for (protocol, name), lines in charts.items():
        way, count = BEST.get(name), record.count_of(protocol)
        real = record.real_of(protocol, name)
        ends = record.intervals(protocol, name)
        if count:
            lines = [replace(line, bars=chance(name, line.points, count, ends)) for line in lines]
        barred = any(line.bars for line in lines)
        notes = [few(count, barred=barred)] if count and name in BEST else []
        if count and (ended := at_the_end(name, record.evaluation or {}, count)):
            notes.append(ended)
        if name == (record.chosen or {}).get("by") and (ships := of_shipped(record.chosen or {})):
            notes.append(ships)
        if several or name == "errors":
            notes.append(f"Protocol: {protocol}")
        yield chart(
            title_of(name),
            lines,
            best=Best(way) if way and len(lines[0].points) > 1 else None,
            mark=mark,
            levels=[Level(real, f"real data: {figure(real)}")] if real is not None else (),
            within=(0.0, 1.0) if name in SHARES else None,
            caption=" ".join(notes) or None,
        )


def chance(
    name: str, points: Points, count: int, ends: Mapping[float, tuple[float, float]]
) -> list[tuple[float, float]]:
    """95 % intervals: those that were noted, else of shares of so many samples; [] for none.

    A share hangs on the data's as many samples, too, as in the evaluation at the end.
    """
    if all(place in ends for place, _ in points):
        return [ends[place] for place, _ in points]
    if name not in SHARES:
        return []
    return [of_share(share, count / 2).interval for _, share in points]


def candidate_chart(record: Record) -> Iterable[Html]:
    """What the shipped checkpoint was chosen from."""
    chosen = record.chosen or {}
    by = str(chosen.get("by"))
    averages: dict[str, list[tuple[float, float]]] = {}
    for candidate in chosen.get("candidates") or []:
        if isinstance(value := candidate.get(by), int | float):
            points = averages.setdefault(str(candidate.get("average")), [])
            points.append((candidate["images"], value))
    name = f"Candidates by {title_of(by)}"
    if all(len(points) < 2 for points in averages.values()):  # a line of one point says nothing
        rows = [
            (f"{average} average at {place:,.0f}", figure(value))
            for average, points in averages.items()
            for place, value in points
        ]
        shown = table(name, ["candidate", title_of(by)], rows, numbers=[1])
        yield tag("div", tag("h3", name), shown, class_="card") if rows else Html("")
        return
    yield chart(
        name,
        [Line(f"{average} average", sorted(points)) for average, points in averages.items()],
        best=Best(BEST.get(by, "min")),
        caption="Averaged networks of several half-lives; the best one ships.",
    )


def speed_chart(record: Record) -> Html:
    speeds = [
        (row["images"], row["images_per_second"])
        for row in record.of_kind("train")
        if isinstance(row.get("images_per_second"), int | float)
    ]
    return chart("Images per second", [Line("images per second", speeds, 5)])


def evaluation_rows(record: Record) -> Html | None:
    """The numbers behind the curves, for those who cannot see these."""
    found = record.curves()
    tables = []
    for protocol in dict.fromkeys(protocol for protocol, _ in found):
        names = [name for other, name in found if other == protocol]
        values = {name: dict(found[protocol, name]) for name in names}
        marks = sorted({place for name in names for place in values[name]})
        rows = [
            (f"{mark:,.0f}", *(figure(values[name].get(mark)) for name in names)) for mark in marks
        ]
        head = ["images seen", *(title_of(name) for name in names)]
        tables.append(tag("p", f"protocol: {protocol or 'not named'}", class_="soft"))
        caption = "Evaluations during training"
        tables.append(table(caption, head, rows, numbers=range(1, len(head))))
    if not tables:
        return None
    return tag("details", tag("summary", "The evaluations as numbers"), *tables)


# What was measured


def metrics(record: Record) -> Html:
    result = record.evaluation
    where = shlex.quote(str(record.path))
    if result is None and not record.task.compared:
        return Html("")  # what is known of translations is in the curves
    if result is None:
        return section(
            "Metrics",
            command(f"ganzfeld evaluate {where} DATA --json {where}/evaluation.json{record.trust}"),
            command(f"ganzfeld report {where}{record.trust}"),
            lead="The shipped model has not been measured yet. These two do it:",
        )
    protocol = result["protocol"]
    lead = (
        f"{protocol['generated']:,} samples of the shipped model against "
        f"{protocol['reference']:,} images of the data, by the {protocol['extractor']} extractor."
    )
    said = []
    if (accuracy := result.get("extractor_accuracy")) is not None:
        lead += f" Its held-out accuracy is {100 * accuracy:.1f} %."
    if result.get("frechet_biased"):
        said.append(
            note(
                "With fewer than 5,000 images on a side the Frechet distance is too large, for "
                "real data too: read it beside theirs, and compare equal counts only."
            )
        )
    if text := result.get("extractor_note"):
        said.append(note(str(text)))
    shown = table("Metrics", list(HEAD), rows_of(result), numbers=[1, 2], kind="explained")
    if text := real_words(result):
        lead += f" {text[:1].upper()}{text[1:]}."
    more = Html(record.kind.measured(result) or "")
    naming = tag("p", "protocol: ", tag("code", str(protocol["id"])), class_="soft")
    why = tag("p", "Compare with numbers of the same protocol only.", class_="soft")
    return section("Metrics", *said, shown, more, naming, why, lead=lead)
