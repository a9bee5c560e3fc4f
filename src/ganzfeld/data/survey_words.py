"""What a survey of a data set found, as lines for a terminal and sentences for a page.

They say "images" whatever the samples are; `core.language` puts in the word for the kind.
"""

from __future__ import annotations

import shlex
from typing import Any

from ganzfeld.core.names import capped, shortened
from ganzfeld.data.layout import DOMAINS, plain_name
from ganzfeld.data.options import PackOptions
from ganzfeld.data.survey import SLIGHT, UNEVEN
from ganzfeld.modalities import MODALITIES

SHOWN = 4  # pairs in a terminal


def lines_of(report: dict[str, Any]) -> list[str]:
    """Lines for a terminal; none of a report without a survey."""
    survey = report.get("survey")
    if not survey:
        return []
    lines = [*copies(report, survey), *odd(report, survey)]
    lines += [f"{fact}." for fact in survey.get("facts", [])]
    if (sentence := balance(report)) is not None:
        lines.append(sentence)
    lines += aspects(survey.get("shapes", {}))
    if not report.get("verdict"):
        lines.append(f"Try: {command(report, survey)}")
        if halves(report):
            again = " ".join([*start(report), "--recipe pix2pix"])
            lines.append(f"Or, if each image is a pair side by side: {again}")
    return lines


def copies(report: dict[str, Any], survey: dict[str, Any]) -> list[str]:
    if not survey["compared"]:
        return []
    noun, lines = report.get("noun", "images"), []
    if survey["compared"] < report["count"]:
        lines.append(f"{survey['compared']:,} of {report['count']:,} {noun} were compared.")
    if not survey["copies_count"]:
        lines.append(f"Near copies of other {noun}: none.")
    else:
        lines.append(copies_in_words(survey, noun))
        lines += capped([pair_in_words(pair) for pair in survey["copies"]], SHOWN)
    if survey["leaks"]:
        lines.append(
            f"Leaks: {survey['leaks']:,} of the {noun} that a run holds out have a near copy in "
            "training: copying will not be seen there."
        )
    test = survey.get("test")
    if test and test["count"]:
        lines.append(
            f"Leaks: {test['count']:,} of {test['of']:,} test {noun} have a near copy in training"
        )
        lines += capped([pair_in_words(pair) for pair in test["pairs"]], SHOWN)
    return lines


def copies_in_words(survey: dict[str, Any], noun: str) -> str:
    groups = survey["copies_groups"]
    end = "group" if groups == 1 else "groups"
    return f"Near copies: {survey['copies_count']:,} {noun} in {groups:,} {end}"


def pair_in_words(pair: dict[str, Any]) -> str:
    first, second = (shortened(name, 32) for name in pair["names"])
    how = f" ({pair['how']})" if pair["how"] else ""
    return f"    {first} = {second}{how}"


def odd(report: dict[str, Any], survey: dict[str, Any]) -> list[str]:
    lines = []
    for found in survey["odd"].values():
        names = ", ".join(capped([shortened(name, 32) for _, name in found["samples"]], SHOWN))
        lines.append(f"{found['called']} images: {found['count']:,} ({names})")
    return lines


def balance(report: dict[str, Any]) -> str | None:
    """None where no class has ten times the samples of another."""
    counts = {name: n for name, n in report["classes"].items() if n}
    if len(counts) < 2 or max(counts.values()) < UNEVEN * min(counts.values()):
        return None
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    return (
        f"Uneven classes: {shortened(most, 24)} has {counts[most]:,}, {shortened(least, 24)} "
        f"{counts[least]:,}: rare classes will look worse."
    )


def aspects(shapes: dict[str, Any]) -> list[str]:
    """What the files' shapes cost; nothing where next to nothing is lost."""
    if not shapes or shapes["cut_of_a_tenth"] < SLIGHT:
        return []
    kinds = [f"{shapes[name]:,} {name}" for name in ("wide", "tall", "square") if shapes[name]]
    cut, most = 100 * shapes["cut"], 100 * shapes["cut_of_a_tenth"]
    mixed = "Mixed shapes" if shapes["mixed"] else "Shapes"
    return [
        f"{mixed}: {', '.join(kinds)}; cropping takes {cut:.0f} % of an image on average, "
        f"{most:.0f} % or more of one in ten."
    ]


def halves(report: dict[str, Any]) -> bool:
    """Whether all images are exactly twice as wide as high, as pairs for pix2pix are."""
    sizes = report.get("sizes", [])
    return bool(sizes) and all(w == 2 * h for h, w, _ in sizes) and not report["classes"]


def command(report: dict[str, Any], survey: dict[str, Any]) -> str:
    """How to train on these data."""
    kind = MODALITIES[report.get("modality", "image")]
    parts = start(report)
    suggested = survey.get("shapes", {}).get("suggested")
    if suggested and not any(part.startswith("--size ") for part in parts):
        parts.append(size_option(*suggested))
    two = {plain_name(name) for name in report["classes"]} == DOMAINS  # domains
    parts.append(f"--recipe {'cyclegan' if two else kind.recipe}")
    return " ".join(parts)


def size_option(height: int, width: int) -> str:
    return f"--size {height}" if height == width else f"--size {height}x{width}"


ASKED = {  # options of `train`, but for --size, by what a pack calls them
    "modality": "--as",
    "window": "--window",
    "labels": "--labels",
    "range": "--range",
    "frames": "--frames",
    "splits": "--splits",
    "follow_links": "--follow-links",
    "max_megapixels": "--max-megapixels",
    "alpha": "--alpha",
    "on_bad_image": "--on-bad-image",
}


def start(report: dict[str, Any]) -> list[str]:
    """The command that reads the data as they were read here, without its recipe."""
    drawn = f":{number}" if (number := report.get("drawn")) else ""  # of embedded data
    return ["ganzfeld train", shlex.quote(report["source"]) + drawn, *report.get("asked", [])]


def asked(options: PackOptions) -> list[str]:
    """The options that are not the usual ones, as they are typed; `--range=` takes a minus."""
    usual, found = PackOptions(), [] if options.size is None else [size_option(*options.size)]
    for name, option in ASKED.items():
        value = getattr(options, name)
        if value == getattr(usual, name):
            continue
        number = f"{value:g}" if isinstance(value, float) else str(value)
        sign = "=" if number.startswith("-") else " "
        found.append(option if value is True else f"{option}{sign}{shlex.quote(number)}")
    return found
