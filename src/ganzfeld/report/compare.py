"""Compare runs and evaluations; one table holds one protocol only."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzfeld.config import differences, flatten, to_json
from ganzfeld.core.files import replace
from ganzfeld.data.candidates import AS_TEXT
from ganzfeld.data.whereabouts import located
from ganzfeld.errors import CheckpointError, UsageError, did_you_mean
from ganzfeld.metrics.registry import ALSO, BY_NAME, TABLE, results_of, title_of
from ganzfeld.metrics.summary import figure, short
from ganzfeld.modalities import speak_of_kind
from ganzfeld.report.compare_page import document
from ganzfeld.report.record import Record, Row, read, read_result
from ganzfeld.report.sections import STAR

MEASURES = tuple(metric.name for metric in TABLE)
WHERE = frozenset(
    {"data.source", "data.other", "data.home", "run.init"}
)  # not shown: private, and the fingerprint says more
BY_HELD_OUT = ("memorisation", "frechet_held_out", "frechet_training")
WORDS = {
    "reference": "images of the data",
    "generated": "generated images",
    "fitted": "images of another size",
    "classes": "classes asked for",
    "held_out": "held-out images",
}


@dataclass(frozen=True)
class Subject:
    """One run, or one file of results. result: what `ganzfeld.evaluate` found, if anything."""

    name: str
    path: Path
    record: Record | None
    result: Row | None


@dataclass(frozen=True)
class Group:
    """Subjects that were measured in the same way. protocol: None for those never measured."""

    protocol: Row | None
    members: list[Subject]

    def rows(self, metrics: Sequence[str] = MEASURES) -> list[tuple[str, list[str]]]:
        """(metric, real data, a cell for each member); a star marks the best where it can be told.

        Real data's is what they score against each other, of any member that knows.
        """
        found = []
        for name in metrics:
            results = [member.result or {} for member in self.members]
            held_out = {result["protocol"].get("held_out") for result in results if result}
            if len(held_out) > 1 and name.startswith(BY_HELD_OUT):
                continue
            if any(name in result for result in results):
                best = winner(name, results)
                cells = [
                    cell(name, result) + ("\u00a0*" if result is best else "") for result in results
                ]
                found.append((title_of(name), [real_cell(name, results), *cells]))
        return found

    def notes(self) -> list[str]:
        """What its extractor is worth, which no table of it may leave out."""
        results = (member.result or {} for member in self.members)
        said = (str(result.get("extractor_warning") or "") for result in results)
        return [text for text in said if text][:1]


@dataclass(frozen=True)
class Comparison:
    """groups: the largest first; the first protocol is the one that others are asked to follow."""

    subjects: list[Subject]
    groups: list[Group]
    metrics: tuple[str, ...]

    def __str__(self) -> str:
        """The tables that `ganzfeld compare` prints, as plain text."""
        parts = []
        for group in self.groups:
            parts += self.apart(group)
            if group.protocol:
                head = ("metric", ["real data", *(member.name for member in group.members)])
                parts.append(f"protocol: {group.protocol['id']}")
                parts += aligned([head, *group.rows(self.metrics)])
                parts += [STAR] if len(group.members) > 1 else []
                parts += [f"warning: {text}" for text in group.notes()]
        return "\n".join(parts)

    def apart(self, group: Group) -> list[str]:
        """Why a group cannot share the first one's table, and the commands that would let it."""
        first = self.groups[0]
        names = ", ".join(member.name for member in group.members)
        if group.protocol is None:
            return [f"{names}: not measured yet. To fix it:", *self.commands(group)]
        if group is first or first.protocol is None:
            return []
        what = "; ".join(reasons(first.protocol, group.protocol))
        if shapes(first.protocol) != shapes(group.protocol):
            return [
                f"{names}: not comparable with the first table: {what}; images of different "
                "shapes are never measured alike: draw both with ganzfeld sample, and evaluate "
                "the two folders against one data set"
            ]
        return [
            f"{names}: not comparable with the first table: {what}; to fix it:",
            *self.commands(group),
        ]

    def commands(self, group: Group) -> list[str]:
        return [remeasure(member, self.groups[0]) for member in group.members]

    def settings(self, room: int | None = None) -> list[tuple[str, list[str]]]:
        """(setting, its value in each run) where runs differ; files of results have none.

        room: a value of more characters keeps only its two ends.
        """
        records = [s.record for s in self.subjects if s.record]
        if len(records) < 2:
            return []
        paths = {
            row[0]
            for other in records[1:]
            for row in differences(records[0].config, other.config, WHERE)
        }
        flat = [flatten(json.loads(to_json(record.config))) for record in records]
        return [
            (path, [ends(json.dumps(rounded(values.get(path))), room) for values in flat])
            for path in sorted(paths)
        ]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write one HTML file that needs no server, no network and no other file."""
        replace(Path(path), document(self).encode("utf-8", "replace"))
        return Path(path)


def aligned(rows: Sequence[tuple[str, list[str]]]) -> list[str]:
    """A line for each row: names to the left, values to the right."""
    lines = [[name, *cells] for name, cells in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    ]


def rounded(value: Any) -> Any:
    """A setting without the last digits of what it was calculated from."""
    return float(f"{value:.10g}") if isinstance(value, float) else value


def ends(text: str, room: int | None) -> str:
    """A text of at most `room` characters: both its ends where it is longer. None: the whole."""
    if room is None or len(text) <= room:
        return text
    kept = (room - 3) // 2
    return f"{text[:kept]}...{text[-kept:]}"


def compare(
    paths: Sequence[str | os.PathLike[str]],
    *,
    metrics: Sequence[str] | None = None,
    strict: bool = False,
) -> Comparison:
    """Compare runs, or results of `ganzfeld evaluate --json`, grouped by protocol.

    Results measured differently never share a table. A protocol is the extractor, its weights,
    the resize, the values, the counts, the data, the seed and the library's version.

    metrics: these alone, and in one table. strict: one table or none.

    Raises UsageError where one table was asked for and the protocols differ, where there are
    fewer than two paths, or where a path is neither a run nor results.

    Example::

        import json
        import ganzfeld

        for seed in (0, 1):
            run = ganzfeld.load("runs/avatars-default")
            found = ganzfeld.evaluate(
                run, "avatars:64", metrics=["kernel"], extractor="random", count=32, reference=32
            )
            with open(f"seed{seed}.json", "w", encoding="utf-8") as file:
                json.dump(found, file)
        print(ganzfeld.compare(["seed0.json", "seed1.json"]))
    """
    if len(paths) < 2:
        raise UsageError(
            "compare takes two or more runs or result files",
            fix=f"ganzfeld compare {next(iter(paths), 'RUN')} OTHER",
        )
    wanted = tuple(dict.fromkeys(n for name in metrics or MEASURES for n in measures(name)))
    subjects = [open_subject(path, name) for path, name in zip(paths, names(paths), strict=True)]
    found = Comparison(subjects, grouped(subjects), wanted)
    if (strict or metrics) and len(found.groups) > 1:
        lines = [line for group in found.groups for line in found.apart(group)]
        raise UsageError(
            "these do not share a protocol, so there is no one table\n    " + "\n    ".join(lines),
            safe="nothing was written",
            fix="the commands above, or leave out --strict and --metrics for a table each",
        )
    if found.groups[0].protocol is None and (strict or metrics):
        raise UsageError("none of these has been measured", fix=found.commands(found.groups[0])[0])
    return found


def measures(name: str) -> tuple[str, ...]:
    if not (found := results_of(name)):
        raise UsageError(f"no metric is called {name!r}. {did_you_mean(name, {*ALSO, *MEASURES})}")
    return found


def names(paths: Sequence[str | os.PathLike[str]]) -> list[str]:
    """What to call each: the last part of its path, the whole where that is not enough."""
    short = [Path(path).resolve().name for path in paths]
    return [
        name if short.count(name) == 1 else os.fspath(path)
        for name, path in zip(short, paths, strict=True)
    ]


def open_subject(path: str | os.PathLike[str], name: str) -> Subject:
    path = Path(path)
    if path.is_dir():
        record = read(path)
        speak_of_kind(record.kind)
        return Subject(name, path, record, record.evaluation)
    try:
        result = read_result(path)
    except CheckpointError as error:
        raise UsageError(
            f"{path} is neither a run nor a file of results: {error.what}",
            fix=f"ganzfeld evaluate MODEL DATA --json {shlex.quote(str(path))}",
        ) from error
    return Subject(name, path, None, result)


# Protocols


def key(result: Row | None) -> str | None:
    """Equal for equal protocols, whatever their ids say.

    Held-out data decide few numbers: `Group.rows` shows those where all have the same ones.
    """
    if result is None:
        return None
    beside = ("id", "held_out")
    facts = {name: value for name, value in result["protocol"].items() if name not in beside}
    return json.dumps(facts, sort_keys=True)


def grouped(subjects: Sequence[Subject]) -> list[Group]:
    """The largest group first, those that were never measured last."""
    by_key: dict[str | None, list[Subject]] = {}
    for subject in subjects:
        by_key.setdefault(key(subject.result), []).append(subject)
    groups = []
    for members in by_key.values():
        result = members[0].result
        groups.append(Group(result["protocol"] if result else None, members))
    return sorted(groups, key=lambda group: (group.protocol is None, -len(group.members)))


def reasons(one: Row, other: Row) -> list[str]:
    """In what two protocols differ, in words."""
    found = []
    for name in dict.fromkeys([*one, *other]):
        a, b = one.get(name), other.get(name)
        if name != "id" and a != b:
            found.append(f"{WORDS.get(name, name)} {brief(b)} against {brief(a)}")
    return found


def shapes(protocol: Row) -> tuple[Any, str]:
    """The data's shape, and what was done to images of another one."""
    return protocol.get("shape"), str(protocol.get("fitted", "none"))


def brief(value: Any) -> str:
    text = value if isinstance(value, str) else "none" if value is None else json.dumps(value)
    return f"{text[:8]}..." if len(text) >= 64 else text


def remeasure(member: Subject, first: Group) -> str:
    """The command that measures this one as the first group was measured."""
    own = [member] if first.protocol is None else []
    words = ["ganzfeld", "evaluate", subject_of(member), data_of(own or first.members)]
    if protocol := first.protocol:
        words += ["--extractor", shlex.quote(protocol["extractor"])]
        if protocol["extractor"] == "inception":
            words += ["--protocol", shlex.quote(str(protocol.get("protocol")))]
        words += ["--count", str(protocol["generated"])]
        words += ["--reference", str(protocol["reference"]), "--seed", str(protocol.get("seed", 0))]
        data = next((m.record.config.data for m in first.members if m.record), None)
        bare = data is not None and data.labels.startswith(("none", AS_TEXT))
        if data and bare and data.fingerprint == protocol["data"]:
            words += ["--labels", "none"]
    place = member.path / "evaluation.json" if member.record else member.path
    words += ["--json", shlex.quote(str(place))]
    return " ".join(words) + (member.record.trust if member.record else "")


def subject_of(member: Subject) -> str:
    return shlex.quote(str(member.path)) if member.record else "MODEL"


def data_of(members: Sequence[Subject]) -> str:
    sources = (located(m.record.config.data, m.path).source for m in members if m.record)
    source = next(sources, None)
    return shlex.quote(source) if source else "DATA"


# Cells


def cell(name: str, result: Row) -> str:
    if name not in result:
        return ""
    value = figure(result[name])
    ends = result.get(f"{name}_interval")
    return f"{value} ({figure(ends[0])} to {figure(ends[1])})" if ends else value


def real_cell(name: str, results: Sequence[Row]) -> str:
    """What real data score: the members' own are equal, where their protocols are."""
    values = (result.get("real", {}).get(name) for result in results)
    known = next((value for value in values if isinstance(value, int | float)), None)
    return "" if known is None else short(known)


def winner(name: str, results: Sequence[Row]) -> Row | None:
    """The best result; None where one cannot be told, as where intervals overlap."""
    way = BY_NAME[name].best if name in BY_NAME else None
    known = [r for r in results if isinstance(r.get(name), int | float)]
    if way is None or len(known) < 2:
        return None

    def rank(result: Row) -> float:
        value = float(result[name])
        return {"min": value, "max": -value, "one": abs(value - 1)}[way]

    best, second = sorted(known, key=rank)[:2]
    if rank(best) == rank(second):
        return None
    rest = (result for result in known if result is not best)
    return None if any(overlap(name, best, other) for other in rest) else best


def overlap(name: str, one: Row, other: Row) -> bool:
    """Whether the intervals of both overlap; False for a metric without any."""
    a, b = one.get(f"{name}_interval"), other.get(f"{name}_interval")
    if not a or not b or None in (*a, *b):
        return False
    return bool(a[0] <= b[1] and b[0] <= a[1])
