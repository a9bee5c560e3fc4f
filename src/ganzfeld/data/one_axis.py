"""Days in one column and the time of the day in another, read as one column of times."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ganzfeld.core.dates import CLOCK
from ganzfeld.data.clock import DAY, IN_ORDER, MOSTLY, names_of, ordered, read_times
from ganzfeld.data.typed import LATE, MISSING

SINCE = 7  # the rules from which on columns are joined
LOOKED_AT = 1_000  # rows by which it is told what columns are
CALENDAR = (  # columns that make up a day
    ("year", "yr", "年", "年份", "jahr"),
    ("month", "mon", "mo", "月", "月份", "monat"),
    ("day", "日", "tag"),
)
CLOCKS = (  # that make up a time of the day
    ("hour", "hours", "hr", "时", "小时", "stunde"),
    ("minute", "minutes", "min", "分", "分钟"),
)
DIGITS = {"time", "clock", "hhmm", "时间", "时刻", "zeit", "uhrzeit"}  # names of times as 0930
PARTS = {name for names in CALENDAR + CLOCKS for name in names}
HALF = r"([AaPp]\.?[Mm]\.?)"
FORMS = (  # of times of the day, and what they are with colons
    (re.compile(r"(\d\d?)\.(\d\d)\.(\d\d)"), r"\1:\2:\3"),  # 18.00.00
    (re.compile(rf"(\d\d?) ?{HALF}"), r"\1:00 \2"),  # 6 PM
    (re.compile(r"(\d\d?)[时点]整?"), r"\1:00"),  # 18时
    (re.compile(r"(\d\d?)[时点](\d\d)分?"), r"\1:\2"),  # 18时30分
    (re.compile(r"上午 ?(\d\d?:\d\d(?::\d\d)?)"), r"\1 AM"),  # 上午9:30
    (re.compile(r"下午 ?(\d\d?:\d\d(?::\d\d)?)"), r"\1 PM"),
)
ZONE = re.compile(r"\s*(?:Z|[+-]\d\d:?\d\d)$")
MIDNIGHT = re.compile(r"[ T]0?0:00(:00(\.0+)?)?$")  # behind days, as spreadsheets write them
Table = tuple[list[str], list[Sequence[Any]]]


def joined(names: Sequence[str], cells: Sequence[Sequence[Any]], rules: int) -> Table:
    """Names and cells of the columns, with days and times of the day as one: "date + time".

    Days are a column of dates without times, or columns of numbers called year, month and day.
    Times of the day are a column of these (as 0930 if it is called so), or of whole hours that is
    called so; where it has 24 and no 0, 1 is the first of a day. Where one column has all of the
    times, nothing is joined.

    >>> joined(["day", "hour", "x"], [["2026-11-29"] * 3, ["1", "2", "24"], ["5", "6", "7"]], 7)[1]
    [['2026-11-29 0:00', '2026-11-29 1:00', '2026-11-29 23:00'], ['5', '6', '7']]
    """
    table: Table = [*names], [*cells]
    if rules < SINCE or not cells:
        return table
    plainly = [name.casefold().strip() for name in names]
    head = [[plain(cell) for cell in column[:LOOKED_AT]] for column in cells]
    dated, digits = [], []
    for place, column in enumerate(head):
        if rules >= LATE and is_digits(plainly[place], column):
            digits.append(place)
            continue
        times = None if mostly(is_clock, column) else read_times(column, rules)
        if times is None or not (times.dates or plainly[place] in names_of(rules) - PARTS):
            continue
        if ordered(times.values) >= IN_ORDER:
            return table
        if times.dates and (times.values[np.isfinite(times.values)] % DAY).any():
            return table
        dated += [place] * times.dates
    days = dated[:1] or counted(plainly, head, CALENDAR)
    clocks = [place for place, column in enumerate(head) if mostly(is_clock, column)][:1]
    clocks = clocks or counted(plainly, head, CLOCKS) or digits[:1]
    places = [*days, *clocks]
    if not days or len(places) == 1 or not (dated or days[1:]):
        return table
    texts = [[plain(cell) for cell in cells[place]] for place in days]
    if len(days) == 1:
        texts = [[MIDNIGHT.sub("", text) for text in texts[0]]]
    found = ["-".join(parts) if all(parts) else "" for parts in zip(*texts, strict=True)]
    if clocks:
        clock = clock_of([[plain(cell) for cell in cells[place]] for place in clocks])
        pairs = zip(found, clock, strict=True)
        found = [f"{day} {time}" if day and time else "" for day, time in pairs]
    first, name = min(places), " + ".join(names[place] for place in places)
    kept = [place for place in range(len(names)) if place == first or place not in places]
    return (
        [name if place == first else names[place] for place in kept],
        [found if place == first else cells[place] for place in kept],
    )


def plain(cell: Any) -> str:
    """A cell as text, "" where nothing is there; 5.0 as 5."""
    if isinstance(cell, float) and cell == round(cell):
        cell = round(cell)
    text = "" if cell is None else str(cell).strip()
    return "" if text.casefold() in MISSING else text


def counted(
    names: Sequence[str], head: Sequence[Sequence[str]], wanted: Sequence[Sequence[str]]
) -> list[int]:
    """Places of columns of whole numbers with the names that are wanted, up to the first that is
    missing."""
    found: list[int] = []
    for some in wanted:
        place = next((names.index(name) for name in some if name in names), None)
        if place is None or not mostly(str.isdigit, head[place]):
            break
        found.append(place)
    return found


def is_clock(text: str) -> bool:
    """Whether a text is a time of the day, in any form.

    >>> [is_clock(text) for text in ("18:00+01:00", "6 PM", "18时30分", "下午6:30", "18", "18.30")]
    [True, True, True, True, False, False]
    """
    return CLOCK.fullmatch(ZONE.sub("", with_colons(text))) is not None


def with_colons(text: str) -> str:
    """A time of the day as 18:00 or 6:00 PM; other texts as they are."""
    for form, colons in FORMS:
        if found := form.fullmatch(text):
            return found.expand(colons)
    return text


def is_digits(name: str, column: Sequence[str]) -> bool:
    """Whether a column that is called a time holds times such as 0930, or 930: some from 1 o'clock
    on, and none with more than 59 minutes."""
    there = [text for text in column if text]
    if name not in DIGITS or not all(text.isdigit() and len(text) <= 4 for text in there):
        return False
    numbers = [int(text) for text in there]
    return 100 <= max(numbers, default=0) <= 2400 and all(n % 100 < 60 for n in numbers)


def clock_of(parts: Sequence[Sequence[str]]) -> list[str]:
    """Times of the day as 9:30, of cells with them, or with hours, or of hours and minutes."""
    hours = [with_colons(text) for text in parts[0]]
    if all(text.isdigit() or not text for text in hours) and max(map(len, hours), default=0) > 2:
        hours = [text and f"{int(text) // 100}:{int(text) % 100:02}" for text in hours]  # 0930
    from_one = "24" in hours and "0" not in hours
    hours = [str(int(text) - from_one) if text.isdigit() else text for text in hours]
    minutes = parts[1] if parts[1:] else ["0"] * len(hours)
    pairs = zip(hours, minutes, strict=True)
    return [f"{hour}:{minute:0>2}" if hour.isdigit() else hour for hour, minute in pairs]


def mostly(holds: Callable[[str], bool], texts: Sequence[str]) -> bool:
    """Whether something holds of most cells that are there."""
    there = [text for text in texts if text]
    return bool(there) and sum(map(holds, there)) >= MOSTLY * len(there)
