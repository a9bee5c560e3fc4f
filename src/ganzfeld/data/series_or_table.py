"""Whether a table is taken for series, where nobody says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganzfeld.core.names import shown
from ganzfeld.data.clock import IN_ORDER, names_of, ordered, read_times
from ganzfeld.data.one_axis import joined
from ganzfeld.data.series import (
    BAD_SHARE,
    EVEN,
    GONE,
    Floats,
    Index,
    evenness,
    groups_of,
    planned,
)
from ganzfeld.data.tabular import head_cells
from ganzfeld.data.typed import typed_but_for_few
from ganzfeld.errors import DataError

LOOKED_AT = 1_000  # rows by which a table is told from series
FEWEST = 64  # rows, below which a table is a table
NEARLY = 0.8  # of the rows go on in time: they may be meant as series
LAGS = (1, 2, 7, 12, 24)  # rows by which one may depend on another
CHANCE = 4.0  # deviations, within which a correlation is one of chance


def looks_like_series(paths: list[Path], kind: str, rules: int) -> tuple[bool, str]:
    """Whether a table is series: times that rise in equal steps, and mostly numbers beside them.

    And of a table that has a column of such times, why it is none, in words. Where many rows lack a
    value it is series only if a row depends on those before it: records do not.
    """
    try:
        names, cells = head_cells(paths[0], kind, LOOKED_AT, rules)
    except DataError:
        return False, ""
    if not cells or len(cells[0]) < FEWEST:
        return False, ""
    names, table = joined(names, cells, rules)
    plan = planned(names, table, rules)
    if plan is None or plan.time is None:
        return False, why_no_time(names, table, rules)
    groups = groups_of(plan, table)
    if evenness(plan, groups) < EVEN:
        return False, f"the steps of the column {shown(names[plan.time])} differ"
    others = [p for p in range(len(names)) if p not in (plan.time, plan.key)]
    columns = [typed_but_for_few(table[p], rules=rules)[0] for p in others]
    kinds = [values.spec.modality for values in columns if values is not None]
    numbers = kinds.count("number")
    if not any(v.spec.modality == "number" and not v.spec.extra.get("unit") for v in columns if v):
        return False, ""  # nor could --as series make any of it
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
    order = [rows[np.argsort(plan.times.values[rows], kind="stable")] for rows in groups.values()]
    if rules >= 5 and holes > BAD_SHARE and not any(remembers(one, order) for one in x):
        return (
            False,
            f"{100 * holes:.0f} % of its rows lack a value, and none depends on the one before it",
        )
    return True, ""


def why_no_time(names: Sequence[str], cells: Sequence[Sequence[Any]], rules: int) -> str:
    """Why a column of times that nearly rise makes no series, in words; "" where there is none."""
    for name, column in zip(names, cells, strict=True):
        known = name.casefold().strip() in names_of(rules)
        times = read_times(column, rules) if known else None
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
