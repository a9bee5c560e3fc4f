"""Check every image of a data set without training, and report on one screen."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

from ganzfeld.core.language import tr, with_names
from ganzfeld.core.names import capped, merged, shortened, shown, tally
from ganzfeld.core.progress import Progress
from ganzfeld.data.compared import Gallery, kind_of, of_columns, of_images, told_of
from ganzfeld.data.decode import choose_target, load_source, prepare
from ganzfeld.data.decoding import count_of, decode_all
from ganzfeld.data.discover import embedded_count
from ganzfeld.data.findings import Outcome, judge, report_of
from ganzfeld.data.gather import ROWS_OR_SERIES, bad_of, gathered
from ganzfeld.data.options import PackOptions
from ganzfeld.data.source import Encoded, Gathered, Ready
from ganzfeld.data.summary import rows_of
from ganzfeld.data.survey import Survey
from ganzfeld.data.survey_words import asked, aspects, lines_of
from ganzfeld.errors import DataError
from ganzfeld.modalities.image.formats import FRAME

SAID = (
    "images",
    "encoding",
    "split",
    "captions",
    "left aside",
    "cut off",
    "values",
    "conditions",
    "taken as",
)
# rows that no other line says
ONLY = re.compile(r"only .+ (?:is|are) used; .+ left out")  # a note that the row "split" says, too
COPIED = re.compile(r"are exact copies of others|all [\d,]+ \w+ are the same")


def check_data(
    source: str | os.PathLike[str],
    options: PackOptions = PackOptions(),  # noqa: B008  frozen
    *,
    quarantine: bool = False,
    progress: Progress | None = None,
    workers: int | None = None,
    gallery: Gallery | None = None,
) -> dict[str, Any]:
    """Decode every image completely and report what was found; bad ones raise nothing.

    The report's "survey" is what samples show beside each other: near copies, odd ones, leaks
    (`ganzfeld.data.survey`). gallery: takes those that it tells of, by number, to show them.

    With `quarantine`, the bad files of a folder are moved to `<folder>.quarantine`, under the
    same relative names; links, and what lies behind them, are never moved, and nothing is ever
    deleted. The report then has `quarantined` (names) and `quarantine` (where they went, or why
    they could not). Its `verdict` is why `train` would refuse the data, "" where it would not.
    """
    progress = progress or (lambda stage, done, total: None)
    said, drawn = asked(options), embedded_count(source)
    found, options = load_source(source, options)
    if isinstance(found, Gathered):
        raw, kept, report = gathered(found, options, progress)
        report["verdict"] = _verdict(report, options)
        report |= {"asked": said, "drawn": drawn}
        report["survey"], again = of_columns(raw, kept)
        if gallery is not None:
            gallery.update(again(told_of(report["survey"])))
        if quarantine:
            report["quarantine"], report["quarantined"] = _stays(report), []
        return report
    prepare(found, options)
    target = choose_target(found, options, progress, workers)
    survey = Survey(kind_of(target), count_of(found))
    outcome = decode_all(found, target, survey.add, progress, workers, options)
    report = report_of(found, target, outcome)
    report["verdict"] = _verdict(report, options)
    report |= {"asked": said, "drawn": drawn}
    report["survey"], again = of_images(found, target, outcome, survey, workers)
    if gallery is not None:
        gallery.update(again(told_of(report["survey"])))
    if quarantine:
        report["quarantine"], moved = _quarantine(found, outcome)
        report["quarantined"] = [shown(name) for name in moved]
    return report


def _stays(report: dict[str, Any]) -> str:
    return f"bad {report['noun']} are left out of training and never moved"


def _quarantine(source: Encoded | Ready, outcome: Outcome) -> tuple[str, list[str]]:
    if not isinstance(source, Encoded) or source.kind != "folder":
        return (
            f"{source.kind} data are never changed: unpack the images into a folder, or train "
            "with --on-bad-image skip",
            [],
        )
    root = Path(source.place)
    goal = root.with_name(f"{root.name}.quarantine")
    # A link is the user's own word on where a file is, and what it names is not in this folder.
    names = dict.fromkeys(source.names[i].partition(FRAME)[0] for i in sorted(outcome.bad))
    own = [name for name in names if name not in source.linked]
    try:
        moved = [name for name in own if _move(root / name, goal / name)]
    except OSError as error:
        raise DataError(
            f"bad files cannot be moved to {shown(str(goal))}: {error.strerror or error}",
            safe="no file was deleted",
        ) from error
    return shown(str(goal)), moved


def _verdict(report: dict[str, Any], options: PackOptions) -> str:
    """Why `train` would refuse these data, in a sentence; "" where it would not."""
    try:
        judge(report, options)
    except DataError as error:
        return error.what.splitlines()[0]
    return ""


def _move(path: Path, goal: Path) -> bool:
    """Move a regular file, never over another; False for a link, and for what is no file."""
    if path.is_symlink() or not path.is_file():
        return False
    goal.parent.mkdir(parents=True, exist_ok=True)
    number, free = 1, goal
    while os.path.lexists(free):
        free, number = goal.with_name(f"{goal.name}.{number}"), number + 1
    shutil.move(path, free)
    return True


def describe(report: dict[str, Any]) -> str:
    """The report as one screen of plain text, which says each thing once."""
    noun = report.get("noun", "images")
    survey, bad = report.get("survey") or {}, f"bad {bad_of(report)} left out: "
    said = [*SAID] if not aspects(survey.get("shapes", {})) else [r for r in SAID if r != "cut off"]
    warnings = [warning for warning in report["warnings"] if not warning.startswith(bad)]
    notes = [n for n in report["notes"] if "split" not in report["taken"] or not ONLY.fullmatch(n)]
    copied = any(COPIED.search(warning) for warning in warnings)
    lines = [
        f"{report['source']} ({report['kind']}): {report['count']:,} {noun}, {_shape(report)}",
        *_class_lines(report),
    ]
    lines += [
        f"{name[:1].upper()}{name[1:]}: {text}."
        for name, text in rows_of(report | {"skipped": []})
        if name in said
    ]
    if report["converted"]:
        lines.append("Converted:")
        lines += [f"  {count:>9,}  {tr(fact)}" for fact, count in report["converted"].items()]
    if report["duplicates"] and not copied:
        lines.append(f"Exact copies of other {noun}: {report['duplicates']:,}")
    lines += lines_of(report)
    lines += _bad_lines(report)
    for key, title in (("ignored", "System files"), ("not_pictures", f"Not {noun}")):
        if report[f"{key}_count"]:
            names = ", ".join(capped([shortened(name, 40) for name in report[key]], 4))
            lines.append(f"{title}, passed over: {report[f'{key}_count']:,} ({names})")
    lines += [f"Note: {note}." for note in notes]
    lines += [f"Warning: {warning}." for warning in warnings]
    if report.get("verdict"):
        lines.append(f"Training would refuse these data: {report['verdict'].rstrip('.')}.")
    return "\n".join(lines)


def _shape(report: dict[str, Any]) -> str:
    """How one sample lies."""
    if "lies" in report:
        return str(report["lies"])
    height, width = report["size"]
    kinds = {1: "grey", 2: "grey + alpha", 3: "RGB", 4: "RGB + alpha"}
    return f"{height} x {width} px, {kinds[report['channels']]}"


def _why_nothing(report: dict[str, Any]) -> str:
    if "shape" in report:
        return str(report["quarantine"])
    if report["kind"] != "folder":
        return str(report["quarantine"])
    return "what is bad are links, folders or pipes, which stay where they are"


def _class_lines(report: dict[str, Any]) -> list[str]:
    classes = report["classes"]
    if not classes:
        why = report.get("taken", {}).get("labels", "")
        return [f"No labels{why.removeprefix('none')}." if why.startswith("none") else "No labels."]
    rows = []
    for name, count in classes.items():
        examples = [shortened(e.rsplit("/", 1)[-1], 24) for e in report["examples"].get(name, [])]
        row = f"  {count:>9,}  {shortened(name, 40)}"
        rows.append(f"{row}   ({', '.join(examples)})" if examples else row)
    by = report.get("taken", {}).get("labels", "")
    return [f"{len(classes)} classes{f', by {by}' if by else ''}:", *capped(rows, 12)]


def _bad_lines(report: dict[str, Any]) -> list[str]:
    skipped, what = report["skipped"], bad_of(report)
    if not skipped:
        return [f"Bad {what}: none."]
    of_all = "" if what == ROWS_OR_SERIES else f" of {report['found']:,}"
    lines = [f"Bad {what}: {len(skipped):,}{of_all}"]
    why = merged([reason for _, reason in skipped])
    reasons = tally(why)
    for reason, count in list(reasons.items())[:6]:
        of_it = [name for (name, _), its in zip(skipped, why, strict=True) if its == reason]
        names = capped([shortened(name, 60) for name in of_it], 3)
        if what != "files":  # "line 61"
            names = [tr(name) for name in names]
        lines.append(f"  {count:>9,}  {with_names(reason, ', '.join(names))}")
    if len(reasons) > 6:
        lines.append(f"             and {len(reasons) - 6} more reasons")
    if "quarantine" in report:
        moved = len(report["quarantined"])
        lines.append(
            f"Moved {moved:,} bad files to {report['quarantine']}"
            if moved
            else f"Nothing was moved: {_why_nothing(report)}"
        )
        if len(skipped) > moved and report["kind"] == "folder":
            lines.append(f"Left where they are: {len(skipped) - moved:,} links, folders or pipes")
    return lines
