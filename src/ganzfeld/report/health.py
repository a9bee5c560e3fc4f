"""The doctor's section of a report: findings with their evidence and cures, and the signals."""

from __future__ import annotations

from ganzfeld.doctor import planned
from ganzfeld.doctor.diagnose import Finding
from ganzfeld.doctor.story import EARLY
from ganzfeld.doctor.treat import as_sentence
from ganzfeld.doctor.words import Verdict, seldom, span, summary, sure, verdict
from ganzfeld.report.chart import Level, Line, Points, chart
from ganzfeld.report.html import Html, command, note, section, table, tag
from ganzfeld.report.record import Record

CHARTS = (  # (title, signals by name, level across and what it means, caption)
    (
        "Real and generated, to the discriminator",
        {"gap": "gap of the logits"},
        None,
        "In standard deviations of the logits. Near 0 it cannot tell them apart; above 8 it has "
        "won.",
    ),
    (
        "Held-out samples, to the discriminator",
        {"overfit": "r_v"},
        (0.5, "it overfits above"),
        "0: held-out samples pass for real as training samples do. 1: as generated ones do.",
    ),
    (
        "Variety, of the data's",
        {"vendi": "different samples", "distance": "distance", "within": "distance within a class"},
        (1.0, "as the data"),
        "The effective number of different samples, and the mean distance between two.",
    ),
    (
        "Distance to training samples, of fresh ones'",
        {"nearest": "distance to the nearest"},
        (1.0, "as fresh samples"),
        "Far below 1, samples are copies.",
    ),
    (
        "Conditions",
        {"agreement": "met, of the data's", "reacts": "change of a sample under another one"},
        None,
        "Whether samples show what they were asked for.",
    ),
    (
        "Distance of the generator from its average",
        {"swing": "distance, of the data's mean"},
        (0.5, "it oscillates above"),
        "A generator that settles comes near its own average.",
    ),
)


def health(record: Record) -> Html:
    """Empty for runs without signals."""
    found = verdict(record.rows, planned(record.config), record.config, record.path)
    trend = tag("p", found.more_time) if found.more_time else None
    if not found.story.moments:
        return section("Health", trend) if trend else Html("")
    return section(
        "Health",
        *(one(found, finding) for finding in found.findings),
        *(note(as_sentence(row)) for row in found.story.treatments),
        trend,
        tag("div", *charts(found), class_="cards"),
        lead=" ".join(filter(None, (summary(found), seldom(found)))),
    )


def one(found: Verdict, finding: Finding) -> Html:
    """A finding; what has passed is told in a sentence."""
    title = finding.rule.title
    if finding.until is not None:
        return note(f"{title[:1].upper()}{title[1:]} {span(finding)}: {finding.evidence}.")
    rows = [
        ("evidence", finding.evidence),
        ("when", span(finding)),
        ("sure", sure(finding)),
        ("outlook", finding.rule.outlook),
    ]
    cures = [
        command(text) if text.startswith("ganzfeld ") else tag("p", text)  # a command, or words
        for text in found.cures(finding)
    ]
    shown = table(title, [], rows)
    return tag("div", tag("h3", f"{title[:1].upper()}{title[1:]}"), shown, *cures, class_="card")


def charts(found: Verdict) -> list[Html]:
    return [
        chart(
            title,
            [Line(words, points(found, name)) for name, words in lines.items()],
            levels=[Level(*level)] if level else (),
            mark=early(found),
            caption=caption,
        )
        for title, lines, level, caption in CHARTS
    ]


def points(found: Verdict, name: str) -> Points:
    return [(m.images, value) for m in found.story.moments if (value := m[name]) is not None]


def early(found: Verdict) -> tuple[float, str] | None:
    """Before this place nothing is said."""
    total = found.story.total
    return (EARLY * total, "too early before") if total else None
