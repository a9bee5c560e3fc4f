"""The page of a check of a data set: what was found, with the samples that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.files import replace
from ganzfeld.data.check import describe
from ganzfeld.data.compared import ODD, PAIRS
from ganzfeld.data.gather import bad_of
from ganzfeld.data.summary import rows_of
from ganzfeld.data.survey_words import aspects, balance, command, copies_in_words
from ganzfeld.modalities import Spec, modality_of
from ganzfeld.report import html
from ganzfeld.report.html import Html, join, note, page, section, table, tag

SIDE = 128  # px of a sample
BYTES = 12_000  # of a sample

Gallery = Mapping[int, NDArray[Any]]


def write(report: dict[str, Any], gallery: Gallery, path: Path) -> Path:
    """Write a check's report as one HTML file that needs no other; its path.

    gallery: stored samples by number, as `check_data` gives them.

    Raises ResourceError where it cannot be written.
    """
    survey = report.get("survey") or {}
    title = f"{report['source']} - ganzfeld data check"
    text = page(
        title,
        tag(
            "header",
            tag("p", "Data check", class_="kind"),
            tag("h1", Html(html.escaped(report["source"]))),
            tag("p", describe(report).split("\n")[0], class_="verdict"),
        ),
        summary(report),
        copies(report, survey, gallery),
        odd(report, survey, gallery),
        tests(report, survey),
        classes(report),
        bad(report),
        section("What next", html.command(command(report, survey))) if survey else None,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, text.encode("utf-8", "replace"))
    return path


def summary(report: dict[str, Any]) -> Html:
    """What was read, and what is wrong with it as a whole."""
    survey = report.get("survey") or {}
    notes = [*survey.get("facts", ()), *report["warnings"], *aspects(survey.get("shapes", {}))]
    if report.get("verdict"):
        notes.append(f"Training would refuse these data: {report['verdict']}")
    return section(
        "What was found",
        table("What was found", [], rows_of(report)),
        *(note(sentence(text)) for text in notes),
    )


def sentence(text: str) -> str:
    return f"{text.rstrip('.')}."


def copies(report: dict[str, Any], survey: dict[str, Any], gallery: Gallery) -> Html | None:
    if not survey.get("copies_count"):
        return None
    shown = [
        figure(report, gallery, pair["rows"], " = ".join(pair["names"]), pair["how"])
        for pair in survey["copies"][:PAIRS]
    ]
    leaks, noun = survey["leaks"], report.get("noun", "images")
    return section(
        "Near copies",
        note(
            f"Leaks: {leaks:,} of the {noun} that a run holds out have a near copy in training: "
            "copying will not be seen there."
        )
        if leaks
        else None,
        tag("div", *shown, class_="cards few"),
        more(len(shown), len(survey["copies"])),
        lead=copies_in_words(survey, noun),
    )


def odd(report: dict[str, Any], survey: dict[str, Any], gallery: Gallery) -> Html | None:
    parts: list[Html | None] = []
    for found in survey.get("odd", {}).values():
        shown = [figure(report, gallery, [row], name, "") for row, name in found["samples"][:ODD]]
        parts.append(tag("h3", found["called"], Html(f": {found['count']:,}")))
        parts.append(tag("div", *shown, class_="cards few"))
    if not parts:
        return None
    return section(
        "Odd samples", *parts, lead="Far from what is usual in this set. Many may be meant."
    )


def figure(report: dict[str, Any], gallery: Gallery, rows: list[int], name: str, how: str) -> Html:
    """Samples side by side with their names, which no language changes."""
    there = [gallery[row] for row in rows if row in gallery]
    inside: list[Html | None] = []
    if there and report["survey"].get("spec"):
        spec = Spec.from_json(report["survey"]["spec"])
        kind, samples = modality_of(spec), np.stack(there)
        shown = kind.show(samples, name, spec, side=SIDE * len(there), most=BYTES, lazy=True)
        words = kind.words(samples, spec) if shown is None else None
        inside.append(Html(shown) if shown is not None else tag("pre", words) if words else None)
    caption = [
        Html(html.escaped(name)),
        join([" ", tag("span", how, class_="soft")]) if how else None,
    ]
    return tag("figure", *inside, tag("figcaption", *caption))


def more(shown: int, of: int) -> Html | None:
    return note(f"and {of - shown:,} more") if of > shown else None


def tests(report: dict[str, Any], survey: dict[str, Any]) -> Html | None:
    found = survey.get("test")
    if not found or not found["count"]:
        return None
    rows = [(*pair["names"], pair["how"]) for pair in found["pairs"][:PAIRS]]
    return section(
        "Test samples in training",
        verbatim("Test samples in training", ("training", "test", "how"), rows),
        lead=f"Leaks: {found['count']:,} of {found['of']:,} test images have a near copy in "
        "training",
    )


def verbatim(caption: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Html:
    """A table whose cells are names, which no language changes."""
    return table(caption, head, [[Html(html.escaped(cell)) for cell in row] for row in rows])


def classes(report: dict[str, Any]) -> Html | None:
    if not report["classes"]:
        return None
    total = max(sum(report["classes"].values()), 1)
    rows = [
        (name, f"{count:,}", f"{100 * count / total:.1f} %")
        for name, count in report["classes"].items()
    ]
    uneven = balance(report)
    return section(
        "Classes",
        note(uneven) if uneven else None,
        verbatim("Classes", ("class", "samples", "share"), rows),
    )


def bad(report: dict[str, Any]) -> Html | None:
    if not report["skipped"]:
        return None
    rows = [(Html(html.escaped(name)), reason) for name, reason in report["skipped"][:200]]
    title = f"Bad {bad_of(report)}"
    return section(title, table(title, ("file" if title == "Bad files" else "", "reason"), rows))
