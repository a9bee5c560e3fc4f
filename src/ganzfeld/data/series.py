"""Series out of tables with a column of times, and out of arrays (N, C, T).

A table is one long series, or several that a column tells apart. Long ones are cut into windows,
which lie one behind the other in time: see `ganzfeld.data.held` for how they are kept apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.dates import SAID, of_day
from ganzfeld.core.names import COLUMN, capped, shown
from ganzfeld.core.progress import Progress
from ganzfeld.data.clock import (
    IN_ORDER,
    Steps,
    Times,
    common_step,
    names_of,
    ordered,
    read_times,
    since_1970,
    steps_of,
)
from ganzfeld.data.columns import Values
from ganzfeld.data.listing import Stamp
from ganzfeld.data.one_axis import SINCE, joined
from ganzfeld.data.source import Gathered, Raw
from ganzfeld.data.tables import LABEL_COLUMNS
from ganzfeld.data.tabular import cells_of, counts_rows
from ganzfeld.data.typed import number, typed_but_for_few
from ganzfeld.data.windows import Piece, Piled, cut, majority
from ganzfeld.errors import DataError
from ganzfeld.modalities.table.schema import decimals_of

WORDS = """id ids series series_id seriesid unit unit_id unit_number subject subject_id patient
    patient_id symbol ticker station station_id sensor sensor_id device device_id item item_id store
    store_id entity entity_id machine run trial group key name"""
IDS = frozenset(WORDS.split())  # by which columns that tell series apart are called
EVEN = 0.8  # of the steps must be equal, else rows themselves are steps
GONE = 0.2  # of its values missing, above which a column is left aside
BAD_SHARE = 0.01  # of the rows without a value, above which training refuses a series
MOST_IDS = 0.25  # series to rows, above which a column does not tell series apart
MOST_CLASSES = 64  # of a column that is a condition

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the rows of a table make series. time: the place of that column, or None: rows in their
    order. key: the place of the column that tells series apart, or None: all are one."""

    time: int | None
    key: int | None
    times: Times


def planned(
    names: Sequence[str], cells: Sequence[Sequence[Any]], rules: int, *, asked: bool = False
) -> Plan | None:
    """The column of times, and the one that tells series apart; None where there is no time.

    Times rise from row to row, or within each series; or fall, where the newest comes first.
    asked: the user said that these are series, so that dates in any order will do.
    """
    count = len(cells[0]) if cells else 0
    known, found = names_of(rules), []
    for place, name in enumerate(names):
        times = read_times(cells[place], rules)
        if rules >= 6 and times is not None and name.casefold().strip() in known:
            times = since_1970(times)
        if times is not None and (times.dates or name.casefold().strip() in known):
            found.append((not times.dates, name.casefold() not in known, place, times))
    for _, _, place, times in sorted(found, key=lambda item: item[:3]):
        others = [p for p in range(len(names)) if p != place]
        named = [p for p in others if names[p].casefold().strip() in IDS]
        single = ordered(times.values) >= IN_ORDER
        for key in named if single else [*named, *(p for p in others if p not in named)]:
            groups = grouped(cells[key])
            if not 2 <= len(groups) <= MOST_IDS * count:
                continue
            parts = (times.values[rows] for rows in groups.values() if len(rows) > 1)
            if all(ordered(part) >= IN_ORDER for part in parts):
                return Plan(time=place, key=key, times=times)
        if single:
            return Plan(time=place, key=None, times=times)
    for _, _, place, times in found if asked else ():
        if len(np.unique(times.values[np.isfinite(times.values)])) >= IN_ORDER * count:
            return Plan(time=place, key=None, times=times)
    return None


def grouped(cells: Sequence[Any]) -> dict[str, Index]:
    """Rows by what their cell says, in the order in which it comes first."""
    found: dict[str, list[int]] = {}
    for row, cell in enumerate(cells):
        found.setdefault("" if cell is None else str(cell), []).append(row)
    return {name: np.array(rows, np.int64) for name, rows in found.items()}


def series_of(
    paths: list[Path],
    kind: str,
    place: Path,
    stamps: list[Stamp],
    window: int | None,
    why: str,
) -> Gathered:
    """A source of the series in a CSV file, or in Parquet files. kind: "csv" or "parquet"."""

    def gather(progress: Progress) -> Raw:
        names, cells, titles, bad = cells_of(paths, kind, source.rules)
        return gather_series(names, cells, titles, bad, source, window, progress)

    source = Gathered(
        kind=kind,
        name=place.name.split(".")[0] or "data",
        place=str(place),
        stamps=stamps,
        modality="series",
        gather=gather,
    )
    source.taken["modality"] = f"series, {why}"
    return source


def gather_series(
    names: Sequence[str],
    cells: Sequence[Sequence[Any]],
    titles: Sequence[str],
    bad: Mapping[int, str],
    source: Gathered,
    window: int | None,
    progress: Progress,
) -> Raw:
    """All windows of the series in a table's columns, and what is known of each."""
    count = len(titles)
    names, cells = joined(names, cells, source.rules)
    plan = planned(names, cells, source.rules, asked=True)
    if plan is None:
        plan = Plan(time=None, key=None, times=Times(np.arange(count, dtype=float), False))
        source.notes.append("no column of times that rise: the rows are taken for equal steps")
    groups = groups_of(plan, cells)
    rows_alike = plan.time is not None and evenness(plan, groups) < EVEN and source.rules >= SINCE
    if rows_alike:
        plan = in_rows(plan, groups)
        source.warnings.append(
            f"the steps of the column {shown(names[plan.time or 0])} differ: the rows, in order "
            "of time, are taken for equal steps; if the time between them matters, resample the "
            "table first (pandas: resample)"
        )
    reasons = dict(bad)
    reasons |= {
        int(row): "has no time" for row in np.flatnonzero(~np.isfinite(plan.times.values))
        if int(row) not in reasons
    }  # fmt: skip
    others = [p for p in range(len(names)) if p not in (plan.time, plan.key)]
    found = {names[p]: read(names[p], cells[p], count, reasons, source.rules) for p in others}
    channels, beside = sorted_out(found, groups, source, reasons, count)
    x = np.stack([np.asarray(found_number(found[name]), np.float64) for name in channels], 1)
    for row in np.flatnonzero(~np.isfinite(x).all(1)):
        first = channels[int(np.flatnonzero(~np.isfinite(x[row]))[0])]
        reasons.setdefault(int(row), f"has no value of {shown(first)}")
    pieces, step = cut_up(plan, groups, reasons, source, titles)
    piled = cut(x, pieces, window, reasons, titles, keyed=plan.key is not None)
    progress("cutting", count, count)
    raw = piled.raw(x, list(channels), source.place)
    spec = raw.columns["x"].spec
    spec.extra["step"] = step = "1 row" if rows_alike else step
    digits = [decimals_of(column[np.isfinite(column)]) for column in x.T]
    if source.rules >= 6 and any(one is not None for one in digits):
        spec.extra["decimals"] = digits
    if plan.time is not None:
        spec.extra["time"] = names[plan.time]
        source.taken["modality"] += f": the column {shown(names[plan.time])}, in steps of {step}"
    if plan.times.order:
        said = f"{shown(names[plan.time or 0])}: dates read as {SAID[plan.times.order]}"
        source.taken["read as"], raw.facts[said] = said, count
    if plan.key is not None:
        source.taken["modality"] += f"; {len(groups):,} recordings, by {shown(names[plan.key])}"
    source.taken["modality"] += f"; {piled.words}; --as table takes rows for samples"
    source.taken["columns"] = ", ".join(capped([shown(name) for name in channels], 12))
    for name in beside:
        add_beside(raw, name, found[name], piled)
    return raw


def groups_of(plan: Plan, cells: Sequence[Sequence[Any]]) -> dict[str, Index]:
    return {"": np.arange(len(cells[0]))} if plan.key is None else grouped(cells[plan.key])


def evenness(plan: Plan, groups: Mapping[str, Index]) -> float:
    """The share of steps in time that are equal; 0 where there are none."""
    even = total = 0
    for rows in groups.values():
        times = plan.times.values[rows]
        times = np.sort(times[np.isfinite(times)])
        if len(times) > 2:
            apart = np.diff(steps_of(times, plan.times.dates).numbers)
            even += int((apart == 1).sum())
            total += len(apart)
    return even / total if total else 0.0


def in_rows(plan: Plan, groups: Mapping[str, Index]) -> Plan:
    """A plan whose times are the numbers of the rows in each series, in order of time."""
    numbers = np.full(len(plan.times.values), np.nan)
    for rows in groups.values():
        there = rows[np.isfinite(plan.times.values[rows])]
        there = there[np.argsort(plan.times.values[there], kind="stable")]
        numbers[there] = np.arange(len(there))
    return replace(plan, times=replace(plan.times, values=numbers, dates=False))


def read(
    name: str, cells: Sequence[Any], count: int, reasons: dict[int, str], rules: int
) -> Values | None:
    """A column by its cells; those of bad rows say nothing, and few that are no numbers make
    their rows bad."""
    values, odd = typed_but_for_few(
        [None if row in reasons else cells[row] for row in range(count)], rules=rules
    )
    reasons |= {row: f"{shown(name)} is {why}" for row, why in odd.items()}
    return values


def found_number(values: Values | None) -> NDArray[Any]:
    assert values is not None
    return np.asarray(values.rows)


def sorted_out(
    found: Mapping[str, Values | None],
    groups: Mapping[str, Index],
    source: Gathered,
    reasons: Mapping[int, str],
    count: int,
) -> tuple[list[str], list[str]]:
    """Names of the columns that change in time, and of those that say something of a series."""
    channels, beside = [], []
    for name, values in found.items():
        if values is None or values.spec.modality not in ("number", "class"):
            what = "no values" if values is None else f"{values.spec.modality} values"
            source.aside.append(f"the column {shown(name)} of {what}")
        elif values.spec.modality == "class":
            few = len(values.spec.extra["names"]) <= MOST_CLASSES
            beside.append(name) if few else source.aside.append(
                f"the column {shown(name)} of names"
            )
        elif values.spec.extra.get("unit"):
            of_times = of_day(values.spec.extra.get("form", ""))
            what = "times of the day" if of_times else "dates"
            source.aside.append(f"the column {shown(name)} of {what}")
        elif source.rules >= SINCE and counts_rows(values):
            source.aside.append(f"the column {shown(name)}, which numbers the rows")
        elif (gone := values.spec.extra["missing"] - len(reasons)) > GONE * count:
            source.aside.append(f"the column {shown(name)}, of which {gone / count:.0%} is missing")
        elif len(groups) > 1 and constant(found_number(values), groups):
            beside.append(name)
        else:
            channels.append(name)
    if not channels:
        raise DataError(
            f"{shown(source.place)} has no column of numbers that change in time",
            fix="--as table, if its rows are samples",
        )
    return channels, beside


def constant(rows: NDArray[Any], groups: Mapping[str, Index]) -> bool:
    """Whether a number is the same all through each series, and not the same for all."""
    firsts = set()
    for places in groups.values():
        there = rows[places][np.isfinite(rows[places])]
        if len(there) and not (there == there[0]).all():
            return False
        firsts |= set(there[:1].tolist())
    return len(firsts) > 1


def cut_up(
    plan: Plan,
    groups: Mapping[str, Index],
    reasons: dict[int, str],
    source: Gathered,
    titles: Sequence[str],
) -> tuple[list[Piece], str]:
    """Runs of good rows in equal steps, and the step in words; bad rows get their reasons."""
    values = plan.times.values
    ranks = np.zeros(len(titles), np.int64)
    finite = np.isfinite(values)
    ranks[finite] = np.unique(values[finite], return_inverse=True)[1]
    step = common_step(values, groups)
    pieces, words = [], ""
    gaps: list[str] = []
    for name, rows in groups.items():
        rows = np.array([row for row in rows if np.isfinite(values[row])], np.int64)
        rows = rows[np.argsort(values[rows], kind="stable")]
        if not len(rows):
            continue
        again = np.concatenate([[False], np.diff(values[rows]) <= 0])
        for row in rows[again]:
            reasons.setdefault(int(row), "has the time of another row")
        rows = rows[~again]
        steps: Steps = steps_of(values[rows], plan.times.dates, step)
        words = words or steps.words
        for row in rows[steps.beside]:
            reasons.setdefault(int(row), "lies between two steps")
        good = np.array([int(row) not in reasons for row in rows])
        gaps += [titles[int(rows[place])] for place in np.flatnonzero(np.diff(steps.numbers) > 1)]
        breaks = np.flatnonzero((np.diff(steps.numbers) != 1) | ~good[1:] | ~good[:-1]) + 1
        for part in np.split(np.arange(len(rows)), breaks):
            if good[part[0]]:
                pieces.append(Piece(name, rows[part], ranks[rows[part]]))
    if gaps:
        said = f"a gap in time, which no window crosses, after {gaps[0]}"
        if len(gaps) > 1:
            said = f"{len(gaps):,} gaps in time, which no window crosses: the first after {gaps[0]}"
        source.notes.append(said)
    return pieces, words


def add_beside(raw: Raw, name: str, values: Values | None, piled: Piled) -> None:
    """A column of each window: a number that does not change, or the class of most of its steps."""
    assert values is not None
    rows = found_number(values)
    free = name if name not in raw.columns else f"{name}{COLUMN}"
    if values.spec.modality == "number":
        of_windows = piled.spread(rows[piled.first_rows()].astype(np.float64))
        raw.columns[free] = number(of_windows, whole=values.spec.extra["whole"])
        return
    classes = list(values.spec.extra["names"])
    most = piled.spread(majority(rows, piled, len(classes)))
    spec = values.spec
    spec.extra["missing"] = int((most[: piled.count] < 0).sum())
    raw.columns[free] = Values(spec=spec, rows=most.astype(np.int32))
    if name.casefold() in LABEL_COLUMNS and raw.labels is None and not spec.extra["missing"]:
        raw.columns.pop(free)
        raw.labels, raw.classes = most.astype(np.int64), tuple(classes)
