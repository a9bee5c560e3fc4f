"""Report on a data set, and decide whether it can be trained on."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzfeld.core.names import capped, is_system, merged, natural, shortened, shown, tally
from ganzfeld.data.arrays import NOT_FINITE
from ganzfeld.data.discover import SPLIT_NAMES
from ganzfeld.data.gather import columns_in_words
from ganzfeld.data.layout import DOMAINS, plain_name
from ganzfeld.data.source import Encoded, Ready, Source
from ganzfeld.errors import DataError
from ganzfeld.modalities.image.codec import Target
from ganzfeld.modalities.image.ranges import Seen, advice

if TYPE_CHECKING:
    from ganzfeld.data.options import PackOptions


BAD_SHARE = 0.01  # of all files; above it, training stops unless told to skip
FEW = 500  # images
CONVERTED = {  # reasons, and what makes such files readable
    "a HEIC image": "with ImageMagick: magick mogrify -format jpg *.heic   then move the HEIC "
    "files away",
    "Python objects": "if you trust them: np.save(name, np.stack(list(np.load(name, "
    "allow_pickle=True))).astype('float32')) for each",
}
LISTED = 100  # names of ignored files that a report keeps


@dataclass
class Outcome:
    """What became of each image of a source."""

    digests: list[str]  # "" for a bad one
    bad: dict[int, str] = field(default_factory=dict)  # index: reason
    passing: int = 0  # of the bad ones, how many might be readable another time
    facts: Counter[str] = field(default_factory=Counter)
    seen: dict[str, tuple[Seen, int]] = field(default_factory=dict)  # by depth: range, images
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)  # (height, width) of files
    cut: float = 0.0  # the parts of their areas that are cut off, added up
    values: str = ""  # what became of their numbers, where they were not 0 to 255
    limits: tuple[float, float] | None = None  # the numbers that became 0 and 255, if not they
    natural: dict[str, tuple[float, float]] = field(
        default_factory=lambda: {"16-bit": (0, 65535), "uint16": (0, 65535), "uint8": (0, 255)}
    )

    def note(self, seen: Seen, *, bad: bool) -> None:
        """Add one image's range to that of its depth. bad: by its type alone it has no range."""
        before, count = self.seen.get(seen.depth, (seen, 0))
        self.seen[seen.depth] = before.with_(seen), count + 1
        if not bad and seen.depth.startswith("float"):
            self.natural.setdefault(seen.depth, (0, 1))
        if bad:
            self.natural.pop(seen.depth, None)

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
        "taken": {name: text for name, text in source.taken.items()},
        "aside": list(source.aside),
        "cut": outcome.cut / len(kept) if kept else 0.0,
        "values": outcome.values or _plain_values(outcome),
        "limits": list(outcome.limits) if outcome.limits else None,
        "sizes": [[*size, n] for size, n in outcome.sizes.most_common(5)],
        "sizes_count": len(outcome.sizes),
        "columns": columns_in_words({n: v.spec for n, v in source.columns.items()}),
    }
    report["warnings"] = [*source.warnings, *_warnings(report)]
    return report


def _skipped(source: Source, outcome: Outcome) -> list[list[str]]:
    if not isinstance(source, Encoded):
        return [[f"index {index}", reason] for index, reason in sorted(outcome.bad.items())]
    bad = [(source.titles[index], reason) for index, reason in outcome.bad.items()]
    bad += source.broken
    return [[shown(name), reason] for name, reason in sorted(bad, key=lambda b: natural(b[0]))]


def _plain_values(outcome: Outcome) -> str:
    """The range of values where nothing was done about it."""
    parts = []
    for depth, (seen, _) in sorted(outcome.seen.items()):
        parts.append(f"{depth} {seen.low:g} to {seen.high:g}")
    return ", ".join(parts[:3])


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
        reasons = tally(merged([reason for _, reason in report["skipped"]]))
        listed = ", ".join(capped([f"{n:,} {reason}" for reason, n in reasons.items()], 3))
        warnings.append(f"bad files left out: {len(report['skipped']):,} ({listed})")
    if count < FEW:
        warnings.append(f"only {count:,} images: under {FEW} a GAN soon memorises them")
    if count > 1 and report["duplicates"] == count - 1:
        clear = any(fact.startswith("alpha laid on") for fact in report["converted"])
        warnings.append(
            f"all {count:,} images are the same: there is nothing to learn"
            + (": what is see-through hides them, see --alpha" if clear else "")
        )
    elif report["duplicates"] > BAD_SHARE * count:
        warnings.append(
            f"{report['duplicates']:,} of {count:,} images are exact copies of others: recall "
            "and memorisation will look better than they are"
        )
    dark = sum(n for fact, n in report["converted"].items() if "comes out dark" in fact)
    if dark:
        warnings.append(f"{dark:,} 16-bit images use only values below 4096 and come out dark")
    empty = [name for name, n in classes.items() if not n]
    if empty:
        warnings.append(f"classes without an image: {', '.join(capped(empty, 5))}")
    small = [name for name, n in classes.items() if 0 < n < 10]
    if small:
        warnings.append(f"{len(small)} of {len(classes)} classes have under 10 images")
    # trainA, trainB, testA, testB are the two domains of a translation, not four classes.
    if {plain_name(name) for name in classes} == DOMAINS:
        both = " and ".join(sorted(classes))
        warnings.append(
            f"{both} look like the two domains of a translation, not like classes: "
            "--recipe cyclegan translates between them"
        )
    elif classes and all(name.casefold().rstrip("ab_- ") in SPLIT_NAMES for name in classes):
        warnings.append(f"the classes {', '.join(classes)} look like parts of a data set")
    return warnings


def judge(report: dict[str, Any], options: PackOptions) -> None:
    """Raise `DataError` with the list of bad files when there are more than the options allow."""
    bad, found = report["skipped"], report["found"]
    noun = report.get("noun", "images")
    allowed = {"fail": 0.0, "skip": float(found), None: BAD_SHARE * found}[options.on_bad_image]
    if (
        len(bad) <= allowed
        and report["found"]
        and len(bad) < report["found"]
        and report["count"] < options.least
    ):
        raise DataError(
            f"{report['source']} holds {report['count']} of the {options.least} {noun} that are "
            "needed at least, and some hundreds are needed to learn from"
            if "noun" in report
            else f"{report['source']} holds {report['count']} image: one image is not a data set, "
            f"{options.least} are needed at least, and some hundreds to learn from",
            safe="nothing was trained",
            fix=f"give more {noun}" if "noun" in report else "give the folder of more images",
        )
    if report["count"] and len(bad) <= allowed:
        return
    if not found:
        raise DataError(f"{report['source']} holds no {noun}")
    files, verb = report.get("noun", "files"), "is" if len(bad) == 1 else "are"
    part = f"{len(bad):,} of {found:,} {files} {verb} bad"
    names = [_sentence(name, reason) for name, reason in bad]
    if len(bad) == 1:
        what = f"{names[0]}. {part}; nothing was trained."
    else:
        what = "\n  ".join([f"{part}; nothing was trained.", *capped(names)])
    check = f"ganzfeld data check {shlex.quote(report['source'])}"
    fix = f"{check} --quarantine" if report["kind"] == "folder" and _files(bad) else check
    if report["count"]:
        fix += "   or add --on-bad-image skip"
    if "noun" in report:
        fix = fix.replace(" --quarantine", "")
    if all(why == NOT_FINITE for _, why in bad):
        axes = "tuple(range(1, x.ndim))"
        fix = f"in Python: x = x[np.isfinite(x).all(axis={axes})]   or --on-bad-image skip"
    if large := _largest(bad):
        fix = f"--max-megapixels {large}   or " + fix
    if out := _advice(bad):
        fix = f"{out}   or {fix}"
    raise DataError(what, safe=f"the {noun} were only read", fix=fix)


def _files(bad: list[list[str]]) -> bool:
    """Whether some of what is bad are files that may be moved away: no links, no folders."""
    return any(not why.startswith(("a link", "folder", "not a regular")) for _, why in bad)


def _largest(bad: list[list[str]]) -> int:
    """The megapixels of the largest image that was too large, rounded up; 0 where none was."""
    sizes = [re.match(r"too large: ([\d,]+) megapixels", why) for _, why in bad]
    return max((int(found[1].replace(",", "")) + 1 for found in sizes if found), default=0)


def _advice(bad: list[list[str]]) -> str:
    """The line that converts, where most are bad for their range or their kind."""
    for words, line in CONVERTED.items():
        if 2 * sum(words in why for _, why in bad) > len(bad):
            return line
    spans = [re.search(r"outside \S+ to \S+ \((\S+) to (\S+)\)", why) for _, why in bad]
    found = [(float(s[1]), float(s[2])) for s in spans if s]
    if 2 * len(found) <= len(bad):
        return ""
    low, high = min(a for a, _ in found), max(b for _, b in found)
    return advice(Seen(low=low, high=high, whole=False))


def _sentence(name: str, reason: str) -> str:
    """A file and what is wrong with it, as a sentence without its full stop."""
    states = ("cut short", "damaged", "not a", "too ", "a ", "an ", "over ", "encrypted", "packed")
    link = " is " if reason.startswith(states) else ": "
    return f"{shortened(name)}{link}{reason}"
