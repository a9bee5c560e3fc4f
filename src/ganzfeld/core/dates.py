"""Dates as people write them: read by their form, and written in it again.

A form says what stands where: "YYYY-MM-DD", "D.M.YYYY hh:mm", "M/D/YY h:mm AM". A part of one
letter is written without a zero in front of it.
"""

from __future__ import annotations

import datetime
import math
import re
from collections import Counter
from collections.abc import Sequence

DATE = re.compile(
    r"(\d{1,4})([-/.])(\d{1,2})(?:\2(\d{1,4}))?"
    r"(?:(T|,? +)(\d{1,2}):(\d\d)(?::(\d\d(?:\.\d+)?))?(?: ?([AaPp])\.?[Mm]\.?)?)?"
    r"\s*(Z|[+-]\d\d:?\d\d)?"
)
ORDERS = ("ymd", "dmy", "mdy")  # of the parts of a date
SAID = {"ymd": "year, month, day", "dmy": "day, month, year", "mdy": "month, day, year"}
PARTS = re.compile(r"YYYY|YY|MM|M|DD|D|hh|h|mm|ss|AM")
EPOCH = datetime.datetime(1970, 1, 1)
CENTURY = 69  # years of two digits from here on are of the century before, as in POSIX
MOST = 400  # cells by which a form is told
PLAIN = {"day": "YYYY-MM-DD", "minute": "YYYY-MM-DD hh:mm:ss", "second": "YYYY-MM-DD hh:mm:ss"}
UNITS = {"day": 86_400, "minute": 60, "second": 1}


def seconds(text: str, order: str = "ymd") -> float:
    """A date, with a time or without, in seconds since 1970; NaN for what is none.

    order: of its parts, "ymd", "dmy" or "mdy"; without a third part it is year and month. Years
    have four digits, or two behind slashes. With points between them, days stand before months. A
    time zone is taken off: the seconds are those of UTC.

    >>> seconds("11/29/2026", "mdy") == seconds("29.11.2026", "dmy") == seconds("2026-11-29")
    True
    """
    found = DATE.fullmatch(text)
    if found is None or (found[2] == "." and order == "mdy"):
        return math.nan
    parts = [found[1], found[3], found[4]]
    if parts[2] is None:
        parts[2] = "1"
        if order != "ymd" or found[2] == ".":
            return math.nan  # 3.5 is a number
    words = [parts[order.index(name)] for name in "ymd"]
    year, month, day = map(int, words)
    if len(words[0]) == 2 and found[2] == "/" and order != "ymd":
        year += 1_900 if year >= CENTURY else 2_000
    hour, half = int(found[6] or 0), (found[9] or "").casefold()
    if year < 1_000 or (half and not 1 <= hour <= 12):
        return math.nan
    if half:
        hour = hour % 12 + 12 * (half == "p")
    try:
        time = datetime.datetime(year, month, day, hour, int(found[7] or 0))
    except ValueError:
        return math.nan
    second = float(found[8] or 0)
    if second >= 60:
        return math.nan
    zone = found[10]
    if zone and zone != "Z":
        sign = -1 if zone[0] == "-" else 1
        second -= sign * (3_600 * int(zone[1:3]) + 60 * int(zone[-2:]))
    return (time - EPOCH).total_seconds() + second


def is_date(text: str) -> bool:
    """Whether a text is a date in some order, with all three parts."""
    found = DATE.fullmatch(text)
    return bool(found and found[4]) and any(not math.isnan(seconds(text, o)) for o in ORDERS)


def form_of(texts: Sequence[str], order: str) -> str:
    """The form in which most of some dates are written; all are, but for zeros and seconds.

    >>> form_of(["9/30/2026 14:05", "12/1/2026 9:30"], "mdy")
    'M/D/YYYY h:mm'
    """
    some = texts[:: max(1, len(texts) // MOST)]
    found = [match for match in map(DATE.fullmatch, some) if match and match[4]]
    if not found:
        return ""
    sign = most([match[2] for match in found])
    days = [match[(1, 3, 4)[order.index("d")]] for match in found]
    months = [match[(1, 3, 4)[order.index("m")]] for match in found]
    years = [match[(1, 3, 4)[order.index("y")]] for match in found]
    parts = {
        "y": "YY" if most([str(len(year)) for year in years]) == "2" else "YYYY",
        "m": "M" if unpadded(months) else "MM",
        "d": "D" if unpadded(days) else "DD",
    }
    form = sign.join(parts[name] for name in order)
    timed = [match for match in found if match[6]]
    if not timed:
        return form
    form += most([match[5] for match in timed])
    form += "h:mm" if unpadded([match[6] for match in timed]) else "hh:mm"
    form += ":ss" if any(match[8] for match in timed) else ""
    return form + (" AM" if any(match[9] for match in timed) else "")


def most(words: Sequence[str]) -> str:
    return Counter(words).most_common(1)[0][0]


def unpadded(words: Sequence[str]) -> bool:
    """Whether small numbers are written without a zero in front."""
    return any(len(word) == 1 for word in words)


def written(value: float, unit: str, form: str = "") -> str:
    """A number of days, minutes or seconds since 1970 as a date. form: "" for that of ISO 8601.

    >>> written(20786, "day", "D.M.YYYY"), written(20786, "day")
    ('29.11.2026', '2026-11-29')
    """
    form = form or PLAIN[unit]
    step = 60 if unit == "second" and "ss" not in form else UNITS[unit]
    count = round(value) if step == UNITS[unit] else round(value * UNITS[unit] / step)
    moment = EPOCH + datetime.timedelta(seconds=count * step)
    hour = (moment.hour + 11) % 12 + 1 if "AM" in form else moment.hour
    values = {
        "YYYY": f"{moment.year:04}",
        "YY": f"{moment.year % 100:02}",
        "MM": f"{moment.month:02}",
        "M": str(moment.month),
        "DD": f"{moment.day:02}",
        "D": str(moment.day),
        "hh": f"{hour:02}",
        "h": str(hour),
        "mm": f"{moment.minute:02}",
        "ss": f"{moment.second:02}",
        "AM": "AM" if moment.hour < 12 else "PM",
    }
    return PARTS.sub(lambda match: values[match[0]], form)
