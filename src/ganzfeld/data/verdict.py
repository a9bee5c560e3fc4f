"""What was found in a data set, as a report, and whether it will do."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzfeld.data.codecs import Target
from ganzfeld.data.names import capped, is_system, natural, shortened, shown, tally
from ganzfeld.data.source import Encoded, Ready, Source
from ganzfeld.data.sources import SPLIT_NAMES
from ganzfeld.errors import DataError

if TYPE_CHECKING:
    from ganzfeld.data.survey import PackOptions


BAD_SHARE = 0.01  # of all files; above it, training stops unless told to skip
FEW = 500  # pictures
LISTED = 100  # names of ignored files that a report keeps


@dataclass
class Outcome:
    """What became of each picture of a source."""

    digests: list[str]  # "" for a bad one
    bad: dict[int, str] = field(default_factory=dict)  # index: reason
    passing: int = 0  # of the bad ones, how many might be readable another time
    facts: Counter[str] = field(default_factory=Counter)

    @property
    def kept(self) -> list[int]:
        return [index for index, digest in enumerate(self.digests) if digest]


def report_of(source: Encoded | Ready, target: Target, outcome: Outcome) -> dict[str, Any]:
    """All that was found, as JSON. Names in it can be printed safely."""
    skipped = _skipped(source, outcome)
    kept = outcome.kept
    digests = {outcome.digests[index] for index in kept}
    system = [name for name in source.ignored if any(map(is_system, name.split("/")))]
    others = [name for name in source.ignored if not any(map(is_system, name.split("/")))]
    report: dict[str, Any] = {
        "source": shown(source.place),
        "kind": source.kind,
        "found": len(kept) + len(skipped),
        "count": len(kept),
        "size": [target.height, target.width],
        "channels": target.channels,
        "alpha": target.alpha,
        "classes": _class_counts(source, kept),
        "examples": _examples(source, kept),
        "converted": dict(sorted(outcome.facts.items())),
        "skipped": skipped,
        "unreadable": outcome.passing,
        "duplicates": len(kept) - len(digests),
        "ignored": [shown(name) for name in system[:LISTED]],
        "ignored_count": len(system),
        "not_pictures": [shown(name) for name in others[:LISTED]],
        "not_pictures_count": len(others),
        "notes": list(source.notes),
    }
    report["warnings"] = [*source.warnings, *_warnings(report)]
    return report


def _skipped(source: Source, outcome: Outcome) -> list[list[str]]:
    if not isinstance(source, Encoded):
        return []
    bad = [(source.titles[index], reason) for index, reason in outcome.bad.items()]
    bad += source.broken
    return [[shown(name), reason] for name, reason in sorted(bad, key=lambda b: natural(b[0]))]


def _class_counts(source: Source, kept: list[int]) -> dict[str, int]:
    if source.labels is None:
        return {}
    counts = np.bincount(source.labels[kept], minlength=len(source.classes))
    return {shown(name): int(n) for name, n in zip(source.classes, counts, strict=True)}


def _examples(source: Source, kept: list[int]) -> dict[str, list[str]]:
    """Three file names of each class: they show at once when labels are a folder level off."""
    if source.labels is None or not isinstance(source, Encoded):
        return {}
    found: dict[str, list[str]] = {shown(name): [] for name in source.classes}
    for index in kept:
        names = found[shown(source.classes[source.labels[index]])]
        if len(names) < 3:
            names.append(shown(source.titles[index]))
    return found


def _warnings(report: dict[str, Any]) -> list[str]:
    warnings, count, classes = [], report["count"], report["classes"]
    if report["skipped"]:
        reasons = tally(reason for _, reason in report["skipped"])
        listed = ", ".join(capped([f"{n:,} {reason}" for reason, n in reasons.items()], 3))
        warnings.append(f"{len(report['skipped']):,} bad files are left out: {listed}")
    if count < FEW:
        warnings.append(f"only {count:,} pictures: under {FEW} a GAN soon learns them by heart")
    if report["duplicates"] > BAD_SHARE * count:
        warnings.append(
            f"{report['duplicates']:,} of {count:,} pictures are exact copies of others: recall "
            "and memorisation will look better than they are"
        )
    dark = sum(n for fact, n in report["converted"].items() if "comes out dark" in fact)
    if dark:
        warnings.append(f"{dark:,} 16-bit pictures use only values below 4096 and come out dark")
    empty = [name for name, n in classes.items() if not n]
    if empty:
        warnings.append(f"classes without a picture: {', '.join(capped(empty, 5))}")
    small = [name for name, n in classes.items() if 0 < n < 10]
    if small:
        warnings.append(f"{len(small)} of {len(classes)} classes have under 10 pictures")
    # trainA, trainB, testA, testB are the two domains of a translation, not four classes.
    if classes and all(name.casefold().rstrip("ab_- ") in SPLIT_NAMES for name in classes):
        warnings.append(f"the classes {', '.join(classes)} look like parts of a data set")
    return warnings


def judge(report: dict[str, Any], options: PackOptions) -> None:
    """Raise `DataError` with the list of bad files when there are more than the options allow."""
    bad, found = report["skipped"], report["found"]
    allowed = {"fail": 0.0, "skip": float(found), None: BAD_SHARE * found}[options.on_bad_image]
    if report["count"] and len(bad) <= allowed:
        return
    if not found:
        raise DataError(f"{report['source']} holds no pictures")
    part = f"{len(bad):,} of {found:,} files {'is' if len(bad) == 1 else 'are'} bad"
    names = [_sentence(name, reason) for name, reason in bad]
    if len(bad) == 1:
        what = f"{names[0]}. {part}; nothing was trained."
    else:
        what = "\n  ".join([f"{part}; nothing was trained.", *capped(names)])
    check = f"ganzfeld data check {shlex.quote(report['source'])}"
    fix = f"{check} --quarantine" if report["kind"] == "folder" else check
    if report["count"]:
        fix += "   or train with --on-bad-image skip"
    raise DataError(what, safe="the pictures were only read", fix=fix)


def _sentence(name: str, reason: str) -> str:
    """A file and what is wrong with it, as a sentence without its full stop."""
    states = ("cut short", "damaged", "not a", "too ", "a ", "an ", "over ", "encrypted", "packed")
    link = " is " if reason.startswith(states) else ": "
    return f"{shortened(name)}{link}{reason}"
