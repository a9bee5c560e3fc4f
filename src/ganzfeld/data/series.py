"""Series out of tables with a column of times, and out of arrays (N, C, T).

A table is one long series, or several that a column tells apart. Long ones are cut into windows,
which lie one behind the other in time: see `ganzfeld.data.held` for how they are kept apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.dates import SAID
from ganzfeld.core.names import capped, shown
from ganzfeld.core.progress import Progress
from ganzfeld.data.clock import NAMES, Steps, Times, ordered, read_times, since_1970, steps_of
from ganzfeld.data.columns import Values
from ganzfeld.data.listing import Stamp
from ganzfeld.data.source import Gathered, Raw
from ganzfeld.data.tables import LABEL_COLUMNS
from ganzfeld.data.tabular import cells_of, head_cells
from ganzfeld.data.typed import number, typed_but_for_few
from ganzfeld.data.windows import Piece, Piled, cut, majority
from ganzfeld.errors import DataError
from ganzfeld.modalities.table.schema import decimals_of

WORDS = """id ids series series_id seriesid unit unit_id unit_number subject subject_id patient
    patient_id symbol ticker station station_id sensor sensor_id device device_id item item_id store
    store_id entity entity_id machine run trial group key name"""
IDS = frozenset(WORDS.split())  # by which columns that tell series apart are called
LOOKED_AT = 1_000  # rows by which a table is told from series
FEWEST = 64  # rows, below which a table is a table
NEARLY = 0.8  # of the rows go on in time: they may be meant as series
IN_ORDER = 0.95  # of the rows must go on in time
EVEN = 0.8  # of the steps must be equal for a table to be series
GONE = 0.2  # of its values missing, above which a column is left aside
BAD_SHARE = 0.01  # of the rows without a value, above which training refuses a series
LAGS = (1, 2, 7, 12, 24)  # rows by which one may depend on another
CHANCE = 4.0  # deviations, within which a correlation is one of chance
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
    found = []
    for place, name in enumerate(names):
        times = read_times(cells[place], rules)
        if rules >= 6 and times is not None and name.casefold().strip() in NAMES:
            times = since_1970(times)
        if times is not None and (times.dates or name.casefold().strip() in NAMES):
            found.append((not times.dates, name.casefold() not in NAMES, place, times))
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


def looks_like_series(paths: list[Path], kind: str, rules: int) -> tuple[bool, str]:
    """Whether a table is series: times that rise in equal steps, and mostly numbers beside them.

    And of a table that has a column of such times, why it is none, in words. Where many rows lack a
    value it is series only if a row depends on those before it: records do not.
    """
    try:
        names, cells = head_cells(paths[0], kind, LOOKED_AT)
    except DataError:
        return False, ""
    if not cells or len(cells[0]) < FEWEST:
        return False, ""
    plan = planned(names, cells, rules)
    if plan is None or plan.time is None:
        return False, why_no_time(names, cells, rules)
    groups = (
        [np.arange(len(cells[0]))] if plan.key is None else [*grouped(cells[plan.key]).values()]
    )
    even = total = 0
    for rows in groups:
        times = plan.times.values[rows]
        times = np.sort(times[np.isfinite(times)])
        if len(times) > 2:
            apart = np.diff(steps_of(times, plan.times.dates).numbers)
            even += int((apart == 1).sum())
            total += len(apart)
    if not total or even < EVEN * total:
        return False, f"the steps of the column {shown(names[plan.time])} differ"
    others = [p for p in range(len(names)) if p not in (plan.time, plan.key)]
    columns = [typed_but_for_few(cells[p], rules=rules)[0] for p in others]
    kinds = [values.spec.modality for values in columns if values is not None]
    numbers = kinds.count("number")
    if not numbers or numbers < len(kinds) - numbers:
        return False, "most columns hold no numbers"
    x = [
        np.asarray(values.rows, np.float64)
        for values in columns
        if values is not None
        and values.spec.modality == "number"
        and not values.spec.extra.get("unit")
        and values.spec.extra["missing"] <= GONE * len(cells[0])
    ]
    holes = float(np.mean(np.any(np.isnan(x), axis=0))) if x else 0.0
    order = [rows[np.argsort(plan.times.values[rows], kind="stable")] for rows in groups]
    if rules >= 5 and holes > BAD_SHARE and not any(remembers(one, order) for one in x):
        return (
            False,
            f"{100 * holes:.0f} % of its rows lack a value, and none depends on the one before it",
        )
    return True, ""


def why_no_time(names: Sequence[str], cells: Sequence[Sequence[Any]], rules: int) -> str:
    """Why a column of times that nearly rise makes no series, in words; "" where there is none."""
    for name, column in zip(names, cells, strict=True):
        times = read_times(column, rules) if name.casefold().strip() in NAMES else None
        if times is not None and times.dates and NEARLY <= ordered(times.values) < IN_ORDER:
            share = 1 - ordered(times.values)
            return f"{100 * share:.0f} % of the times in the column {shown(name)} do not go on"
    return ""


def remembers(values: Floats, groups: Sequence[Index]) -> bool:
    """Whether numbers (N,), or their sizes, depend on earlier ones, in the order of each group."""
    there = np.isfinite(values)
    ranks = np.full(len(values), np.nan)
    ranks[there] = np.argsort(np.argsort(values[there], kind="stable"), kind="stable")
    for x in (ranks, np.abs(ranks - np.nanmean(ranks))):
        for lag in LAGS:
            before = np.concatenate([x[rows[:-lag]] for rows in groups])
            after = np.concatenate([x[rows[lag:]] for rows in groups])
            both = np.isfinite(before) & np.isfinite(after)
            if both.sum() < FEWEST // 2 or not (before[both].std() and after[both].std()):
                continue
            found = float(np.corrcoef(before[both], after[both])[0, 1])
            if abs(found) > CHANCE / math.sqrt(float(both.sum())):
                return True
    return False


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
        names, cells, titles, bad = cells_of(paths, kind)
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
    plan = planned(names, cells, source.rules, asked=True)
    if plan is None:
        plan = Plan(time=None, key=None, times=Times(np.arange(count, dtype=float), False))
        source.notes.append("no column of times that rise: the rows are taken for equal steps")
    groups = {"": np.arange(count)} if plan.key is None else grouped(cells[plan.key])
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
    spec.extra["step"] = step
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
            source.aside.append(f"the column {shown(name)} of dates")
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


def common_step(values: Floats, groups: Mapping[str, Index]) -> float | None:
    """The median difference within series; None where there is none."""
    finite = (np.sort(values[rows][np.isfinite(values[rows])]) for rows in groups.values())
    apart = [np.diff(times) for times in finite]
    every = np.concatenate(apart) if apart else np.zeros(0)
    every = every[every > 0]
    return float(np.median(every)) if len(every) else None


def add_beside(raw: Raw, name: str, values: Values | None, piled: Piled) -> None:
    """A column of each window: a number that does not change, or the class of most of its steps."""
    assert values is not None
    rows = found_number(values)
    free = name if name not in raw.columns else f"{name} (column)"
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
