"""Read samples of a kind other than images into columns, and report what was found."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from ganzfeld.core.dates import of_day, written
from ganzfeld.core.names import capped, merged, shown, tally
from ganzfeld.core.progress import Progress
from ganzfeld.data.candidates import (
    AS_TEXT,
    PREFIX,
    captions_by_column,
    holds_words,
    labels_by_column,
)
from ganzfeld.data.columns import is_ragged
from ganzfeld.data.options import PackOptions
from ganzfeld.data.source import Gathered, Raw
from ganzfeld.data.tabular import take_out
from ganzfeld.modalities import MODALITIES, Spec
from ganzfeld.modalities.captions import words_of

ROWS_OR_SERIES = "rows or series"  # of a table's series, what bad ones are called
FEW = 500  # samples
BAD_SHARE = 0.01  # of the samples are copies of others: say so
LEFT = "left out: "
LEFT_SHARE = 0.1  # of the samples cannot be learned: say so
PHRASE = 3  # words, from which on a class's name may be a caption
LISTED = 100  # names of files that a report keeps
NOUNS = {
    "field": "fields",
    "audio": "sounds",
    "text": "lines",
    "table": "rows",
    "series": "series",
}  # what several samples are called


def gathered(
    source: Gathered, options: PackOptions, progress: Progress
) -> tuple[Raw, list[int], dict[str, Any]]:
    """All samples of a source, the rows that are good, and the report on them."""
    raw = source.gather(progress)
    kind: Any = MODALITIES.get(source.modality)
    if prepare := getattr(kind, "prepare", None):  # one rate for all sounds, tokens of texts
        prepare(raw, options)
    if options.labels.startswith(PREFIX):
        labels_by_column(source, raw.columns, options.labels.removeprefix(PREFIX), raw.bad)
        raw.labels, raw.classes = source.labels, source.classes
    if options.labels.startswith(AS_TEXT):
        name = options.labels.removeprefix(AS_TEXT)
        raw.labels, raw.classes = None, ()
        captions_by_column(source, raw.columns, name)
        take_out(source, raw, name)
    if options.labels == "none" or len(raw.classes) == 1:
        if len(raw.classes) == 1:
            source.notes.append(f"only one class, {shown(raw.classes[0])}: taken as unlabelled")
        raw.labels, raw.classes = None, ()
    kept = [row for row in range(len(raw.titles)) if row not in raw.bad]
    return raw, kept, _report(source, raw, kept)


def _report(source: Gathered, raw: Raw, kept: list[int]) -> dict[str, Any]:
    """All that was found, as JSON, under the names that a report on images has."""
    skipped = [[shown(raw.titles[row]), reason] for row, reason in sorted(raw.bad.items())]
    classes: dict[str, int] = {}
    if raw.labels is not None:
        counts = np.bincount(raw.labels[kept], minlength=len(raw.classes))
        classes = {shown(n): int(c) for n, c in zip(raw.classes, counts, strict=True)}
    spec = raw.columns["x"].spec
    report: dict[str, Any] = {
        "source": shown(source.place),
        "kind": source.kind,
        "modality": source.modality,
        "noun": NOUNS[source.modality],
        "shape": list(spec.shape),
        "dtype": spec.dtype,
        "ragged": is_ragged(spec),
        "lies": MODALITIES[source.modality].describe(spec),
        "found": len(raw.titles),
        "count": len(kept),
        "classes": classes,
        "examples": _examples(raw, kept),
        "converted": dict(sorted(raw.facts.items())),
        "skipped": skipped,
        "unreadable": raw.passing,
        "duplicates": _duplicates(raw, kept),
        "ignored": [],
        "ignored_count": 0,
        "not_pictures": [shown(name) for name in source.ignored[:LISTED]],
        "not_pictures_count": len(source.ignored),
        "notes": list(source.notes),
        "taken": dict(source.taken),
        "aside": list(source.aside),
        "values": raw.values,
        "columns": columns_in_words({n: v.spec for n, v in raw.columns.items() if n != "x"}),
    }
    report["warnings"] = [*source.warnings, *_warnings(report)]
    return report


def columns_in_words(specs: dict[str, Any]) -> list[str]:
    """Each column that a generation may be conditioned on: "age (numbers 3 to 81)".

    One that has a single value for all tells nothing, and is left out.
    """
    varied = {
        name: spec
        for name, spec in specs.items()
        if spec.modality != "number" or spec.extra["low"] != spec.extra["high"]
    }
    return [f"{shown(name)} ({_in_words(spec)})" for name, spec in varied.items()]


def _in_words(spec: Any) -> str:
    extra = spec.extra
    if spec.modality == "number":
        missing = f", {extra['missing']:,} missing" if extra.get("missing") else ""
        if unit := extra.get("unit"):
            low, high = (
                written(extra[end], unit, extra.get("form", "")) for end in ("low", "high")
            )
            kind = "times of the day" if of_day(extra.get("form", "")) else "dates"
            return f"{kind} {low} to {high}{missing}"
        low, high = (_number(extra[end]) for end in ("low", "high"))
        return f"numbers {low} to {high}{missing}"
    if spec.modality in ("class", "several"):
        names = ", ".join(capped([shown(name) for name in extra["names"]], 3))
        several = "any of " if spec.modality == "several" else ""
        captions = " or captions" if as_captions(spec) else ""
        return f"{several}{len(extra['names'])} classes{captions}: {names}"
    if most := extra.get("several"):
        return f"text, up to {most} of each, of which a step draws one"
    return "text"


def as_captions(spec: Spec) -> bool:
    """Whether most classes have names of several words, which a recipe of captions can read."""
    long = sum(len(words_of(name)) >= PHRASE for name in spec.extra["names"])
    return holds_words(spec) and 2 * long > len(spec.extra["names"])


def _number(value: float) -> str:
    """A whole number with all its digits, any other in six."""
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:g}"


def _examples(raw: Raw, kept: list[int]) -> dict[str, list[str]]:
    if raw.labels is None:
        return {}
    found: dict[str, list[str]] = {shown(name): [] for name in raw.classes}
    for row in kept:
        names = found[shown(raw.classes[raw.labels[row]])]
        if len(names) < 3:
            names.append(shown(raw.titles[row]))
    return found


def _duplicates(raw: Raw, kept: list[int]) -> int:
    """How many samples are exact copies of others."""
    seen = set()
    x = raw.columns["x"].rows
    for row in kept:
        seen.add(hashlib.blake2b(np.ascontiguousarray(x[row]).tobytes(), digest_size=16).digest())
    return len(kept) - len(seen)


def bad_of(report: dict[str, Any]) -> str:
    """What bad samples of a report are called: files, or "rows" and the like, which are in one."""
    if report.get("noun") == "series" and report["kind"] in ("csv", "parquet"):
        return ROWS_OR_SERIES
    return str(report.get("noun", "files"))


def _warnings(report: dict[str, Any]) -> list[str]:
    warnings, count, noun = [], report["count"], report["noun"]
    if report["skipped"]:
        reasons = tally(merged([reason for _, reason in report["skipped"]]))
        listed = ", ".join(capped([f"{n:,} {reason}" for reason, n in reasons.items()], 3))
        warnings.append(f"bad {bad_of(report)} left out: {len(report['skipped']):,} ({listed})")
    reasons = {
        w.removeprefix(LEFT): n for w, n in report["converted"].items() if w.startswith(LEFT)
    }
    if (left := sum(reasons.values())) > LEFT_SHARE * (left + count):
        why = max(reasons, key=lambda reason: reasons[reason])  # of most of them
        warnings.append(
            f"{left:,} of {left + count:,} {noun} are left out, though not damaged: {why}"
        )
    if 0 < count < FEW:
        warnings.append(f"only {count:,} {noun}: under {FEW} a GAN soon memorises them")
    if report["modality"] not in ("text", "table") and report["duplicates"] > BAD_SHARE * count:
        warnings.append(f"{report['duplicates']:,} of {count:,} {noun} are exact copies of others")
    small = [name for name, n in report["classes"].items() if n < 10]
    if small:
        warnings.append(f"{len(small)} of {len(report['classes'])} classes have under 10 {noun}")
    return warnings
