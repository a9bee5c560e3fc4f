"""Columns of times: cells as points in time, and these as numbers of equal steps."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.dates import DATE, EPOCH, MIDNIGHT, ORDERS, named, seconds
from ganzfeld.data.typed import LATE, MISSING

WORDS = """time date datetime timestamp timestamps times dates ts day month year hour minute second
    week quarter step steps t tick period date_time time_stamp"""
NAMES = frozenset(WORDS.split())  # by which columns of times are called
OTHERS = """时间 日期 时刻 时间戳 日期时间 年 年份 月 月份 日 时 小时 周 季度 步 步数
    zeit datum uhrzeit zeitstempel jahr monat tag stunde woche quartal"""
MOSTLY = 0.9  # of the cells must be times
IN_ORDER = 0.95  # of the rows must go on in time
DAY = 86_400.0
CENTURY = (946_684_800.0, 4_102_444_800.0)  # from 2000 up to 2100, in seconds since 1970
ROOM = 0.25  # of a step, by which a time may lie beside its place
HOLIDAYS = 4  # weekdays without a row that are no gap where there are no rows at weekends
UNITS = ((7 * DAY, "week"), (DAY, "day"), (3_600.0, "hour"), (60.0, "minute"), (1.0, "second"))

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


def names_of(rules: int) -> frozenset[str]:
    """What columns of times are called; in Chinese and German, too, from rules 7 on."""
    return NAMES | frozenset(OTHERS.split()) if rules >= 7 else NAMES


@dataclass(frozen=True)
class Times:
    """A column as points in time. values: (N,), seconds since 1970 where `dates`, else numbers;
    NaN where there is none. order: of the parts of dates, where another could be meant."""

    values: Floats
    dates: bool
    order: str = ""


def read_times(cells: Sequence[Any], rules: int) -> Times | None:
    """Cells as dates, or as numbers; None where most are neither. rules: see `source.RULES`."""
    words = ["" if cell is None else str(cell).strip() for cell in cells]
    words = ["" if word.casefold() in MISSING else word for word in words]
    there = [word for word in words if word]
    if not there:
        return None
    numbers = [as_number(word) for word in words]
    if sum(map(math.isfinite, numbers)) >= MOSTLY * len(there):
        return Times(np.array(numbers), dates=False)
    some = there[:: max(1, len(there) // 50)]
    plain = sum(DATE.fullmatch(word) is not None for word in some)
    if plain + (rules >= 6 and sum(named(word) is not None for word in some)) < MOSTLY * len(some):
        return None
    if rules < 6:
        words = ["" if named(word) else word for word in words]
    if rules < LATE:
        words = ["" if MIDNIGHT.search(word) else word for word in words]
    read = {order: np.array([seconds(word, order) for word in words]) for order in ORDERS}
    known = {order: int(np.isfinite(values).sum()) for order, values in read.items()}
    orders = [order for order in ORDERS if known[order] >= MOSTLY * len(there)]
    if not orders:
        return None
    best = max(orders, key=lambda order: (known[order], ordered(read[order]), even(read[order])))
    told = "ymd" not in orders and any("/" in word or "-" in word for word in some)
    return Times(read[best], dates=True, order=best if told else "")


def since_1970(times: Times) -> Times:
    """Numbers as points in time, where they are seconds or milliseconds since 1970 of this century.

    >>> since_1970(Times(np.array([1704067200000.0]), dates=False)).values
    array([1.7040672e+09])
    """
    there = times.values[np.isfinite(times.values)]
    for unit in () if times.dates else (1.0, 1_000.0):
        if len(there) and unit * CENTURY[0] <= there.min() <= there.max() < unit * CENTURY[1]:
            return Times(times.values / unit, dates=True)
    return times


def rising(values: Floats) -> float:
    """The share of steps that go forward in time."""
    there = values[np.isfinite(values)]
    return float((np.diff(there) > 0).mean()) if len(there) > 1 else 0.0


def ordered(values: Floats) -> float:
    """The share of steps that go on in time, forwards or, where most do, backwards."""
    return max(rising(values), rising(values[::-1]))


def even(values: Floats) -> float:
    """The share of steps that are equal."""
    there = np.sort(values[np.isfinite(values)])
    if len(there) < 3:
        return 0.0
    return float((np.diff(steps_of(there, dates=True).numbers) == 1).mean())


def as_number(word: str) -> float:
    try:
        found = float(word) if word and "_" not in word else math.nan
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan


@dataclass(frozen=True)
class Steps:
    """Rows in steps of time. numbers: (N,), one more where the next row comes one step on.
    words: of a step, "1 hour". beside: (N,), whether a row lies between two steps."""

    numbers: Index
    words: str
    beside: NDArray[np.bool_]


def steps_of(values: Floats, dates: bool, step: float | None = None) -> Steps:
    """Times (N,) in rising order as steps. step: their length, else the median difference.

    Months and years are steps though they differ in length, and so are weekdays where no row lies
    at a weekend.
    """
    if dates and (found := monthly(values) or weekdays(values)):
        return found
    apart = np.diff(values)
    step = step or (float(np.median(apart)) if len(apart) else 1.0)
    if step <= 0:
        step = 1.0
    words = duration(step) if dates else f"{step:g}"
    counts = apart / step
    whole = np.rint(counts)
    if ((np.abs(counts - whole) > ROOM) | (whole < 1)).any():
        numbers, beside = one_by_one(values, step)
        return Steps(numbers, words, beside)
    numbers = np.concatenate([[0], np.cumsum(whole)]).astype(np.int64)
    return Steps(numbers, words, np.zeros(len(values), bool))


def one_by_one(values: Floats, step: float) -> tuple[Index, NDArray[np.bool_]]:
    """Numbers of steps, and which times lie between two, each counted from the last that does not.

    Where two times in a row lie beside, a step apart, a clock was set anew: they count, behind a
    gap.
    """
    numbers = np.zeros(len(values), np.int64)
    beside = np.zeros(len(values), bool)
    number, last = 0, values[0]
    for row in range(1, len(values)):
        if count := whole_steps(values[row] - last, step):
            number += count
        elif beside[row - 1] and (count := whole_steps(values[row] - values[row - 1], step)):
            beside[row - 1], numbers[row - 1] = False, number + 2
            number += 2 + count
        else:
            beside[row], numbers[row] = True, number
            continue
        numbers[row], last = number, values[row]
    return numbers, beside


def whole_steps(apart: float, step: float) -> int:
    """How many steps lie between two times; 0 where they lie no whole number apart."""
    count = apart / step
    return round(count) if count > 0 and abs(count - round(count)) <= ROOM else 0


def monthly(values: Floats) -> Steps | None:
    """Steps of months, where all days are the first, the last, or one day of their months."""
    days = values / DAY
    if len(values) < 3 or (days % 1).any() or float(np.median(np.diff(days))) < 28:
        return None
    dates = [EPOCH + datetime.timedelta(days=float(day)) for day in days]
    last = all((date + datetime.timedelta(days=1)).day == 1 for date in dates)
    if not last and len({date.day for date in dates}) > 1:
        return None
    numbers = np.array([12 * date.year + date.month for date in dates], np.int64)
    step = int(np.median(np.diff(numbers)))
    if step < 1:
        return None
    whole = numbers // step
    many = {1: "1 month", 3: "1 quarter", 12: "1 year"}.get(step, f"{step} months")
    return Steps(whole - whole[0], many, (numbers - numbers[0]) % step != 0)


def weekdays(values: Floats) -> Steps | None:
    """Steps of weekdays, where rows are daily and none lies at a weekend; holidays are no gap."""
    days = np.floor(values / DAY).astype(np.int64)
    apart = np.diff(days)
    if len(values) < 10 or np.median(apart) != 1 or (apart < 1).any():
        return None
    if ((days + 3) % 7 >= 5).any():  # 1970 began on a Thursday
        return None
    counts = np.diff(np.busday_count(np.zeros(len(days), "datetime64[D]"), days.astype("M8[D]")))
    whole = np.where(counts <= HOLIDAYS, 1, counts)
    numbers = np.concatenate([[0], np.cumsum(whole)]).astype(np.int64)
    return Steps(numbers, "1 weekday", np.zeros(len(values), bool))


def common_step(values: Floats, groups: Mapping[str, Index]) -> float | None:
    """The median difference within series; None where there is none."""
    finite = (np.sort(values[rows][np.isfinite(values[rows])]) for rows in groups.values())
    apart = [np.diff(times) for times in finite]
    every = np.concatenate(apart) if apart else np.zeros(0)
    every = every[every > 0]
    return float(np.median(every)) if len(every) else None


def duration(seconds: float) -> str:
    """A length of time in words.

    >>> duration(5400.0), duration(86400.0)
    ('90 minutes', '1 day')
    """
    for unit, word in UNITS:
        count = seconds / unit
        if count >= 1 and abs(count - round(count)) < 1e-9 * max(count, 1):
            return f"{round(count)} {word}{'s' if round(count) != 1 else ''}"
    return f"{seconds:g} seconds"
