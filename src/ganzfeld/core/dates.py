"""Dates as people write them: read by their form, and written in it again.

A form says what stands where: "YYYY-MM-DD", "D.M.YYYY hh:mm", "M/D/YY h:mm AM", "D Mon YYYY",
"Month D, YYYY", "YYYY年M月D日". A part of one letter is written without a zero in front of it.
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
PARTS = re.compile(r"YYYY|YY|[Mm]onth|MONTH|[Mm]on|MON|MM|M|DD|D|hh|h|mm|ss|AM")
MONTHS = """January February March April May June July August September October November December"""
NUMBERS = {
    name.casefold()[:n]: i for i, name in enumerate(MONTHS.split(), 1) for n in (3, len(name))
}
NUMBERS["sept"] = 9
MIDNIGHT = re.compile(r"(?<![\d:])24:00(:00(\.0+)?)?(?![\d:.]| ?[AaPp])")  # at the end of a day
MONTH = r"(?P<name>[A-Za-z]{3,9}\.?)"
CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?")
NAMED = [
    re.compile(rf"(?P<date>{date})(?P<rest>(?:[T ,].*)?)")
    for date in (
        rf"(?P<d>\d\d?)(?:\.? |[-/.]){MONTH}(?:,? |[-/.])(?P<y>\d{{4}}|\d\d(?![\d:]))",
        rf"{MONTH}[- ](?P<d>\d\d?)(?:,? |-)(?P<y>\d{{4}})",
        rf"{MONTH}(?:,? |[-/])(?P<y>\d{{4}})",
        rf"{MONTH}-(?P<y>\d\d)",
        rf"(?P<y>\d{{4}})[-/ ]{MONTH}[-/ ](?P<d>\d\d?)",
        r"(?P<y>\d{4})年(?P<m>\d\d?)月(?:(?P<d>\d\d?)日)?",
    )
]
EPOCH = datetime.datetime(1970, 1, 1)
CENTURY = 69  # years of two digits from here on are of the century before, as in POSIX
MOST = 400  # cells by which a form is told
PLAIN = {"day": "YYYY-MM-DD", "minute": "YYYY-MM-DD hh:mm:ss", "second": "YYYY-MM-DD hh:mm:ss"}
UNITS = {"day": 86_400, "minute": 60, "second": 1}


CASES = {"Month": str.title, "MONTH": str.upper, "month": str.lower}
SHORT = {"Mon": str.title, "MON": str.upper, "mon": str.lower}


def seconds(text: str, order: str = "ymd") -> float:
    """A date, with a time or without, in seconds since 1970; NaN for what is none.

    order: of its parts, "ymd", "dmy" or "mdy"; without a third part it is year and month. Years
    have four digits, or two behind slashes. With points between them, days stand before months. A
    time zone is taken off: the seconds are those of UTC.

    24:00 is the end of a day. A month may have its English name, and then "ymd" is the order of
    all.

    >>> seconds("11/29/2026", "mdy") == seconds("29.11.2026", "dmy") == seconds("2026-11-29")
    True
    >>> seconds("29 Nov 2026") == seconds("November 29, 2026") == seconds("2026年11月29日")
    True
    """
    found = DATE.fullmatch(text)
    if found is None and order == "ymd" and (other := named(text)):
        found = DATE.fullmatch(other[0])
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
    late = 24 if MIDNIGHT.search(text) else 0  # which is the first of the next day
    try:
        time = datetime.datetime(year, month, day, hour - late, int(found[7] or 0))
    except ValueError:
        return math.nan
    second = float(found[8] or 0)
    if second >= 60:
        return math.nan
    second += 3_600 * late
    zone = found[10]
    if zone and zone != "Z":
        sign = -1 if zone[0] == "-" else 1
        second -= sign * (3_600 * int(zone[1:3]) + 60 * int(zone[-2:]))
    return (time - EPOCH).total_seconds() + second


def named(text: str) -> tuple[str, str] | None:
    """A date whose month has its name, or 年月日 behind its parts: as numbers, and its form.

    None for what is none. Without a day it is the first of its month; a time alone is one of the
    first of January 1970. The form is that of the date alone.

    >>> named("3 Mar 2024 10:05"), named("March-2024")
    (('2024-3-3 10:05', 'D Mon YYYY'), ('2024-3-1', 'Month-YYYY'))
    """
    if CLOCK.fullmatch(text):
        return f"1970-1-1 {text}", ""
    for pattern in NAMED:
        if found := pattern.fullmatch(text):
            break
    else:
        return None
    at = {name: found.span(name) for name, part in found.groupdict().items() if part}
    year, day = found["y"], found["d"] if "d" in at else "1"
    if "name" in at:
        word = found["name"].rstrip(".")
        month, shape = NUMBERS.get(word.casefold(), 0), "Mon" if len(word) < 5 else "Month"
        if len(word) == 4 and word.casefold() != "sept":
            shape = "Month"
        shape = shape.upper() if word.isupper() else shape.lower() if word.islower() else shape
        shape += "." if found["name"].endswith(".") else ""
    else:
        month, shape = int(found["m"]), "M" if len(found["m"]) == 1 else "MM"
    if not month:
        return None
    form = found["date"]
    parts = {"name": shape, "m": shape, "d": "D" * len(day), "y": "Y" * len(year)}
    for name in sorted(at.keys() - {"date", "rest"}, key=lambda name: -at[name][0]):
        form = form[: at[name][0]] + parts[name] + form[at[name][1] :]
    if len(year) == 2:
        year = ("19" if int(year) >= CENTURY else "20") + year
    return f"{year}-{month}-{day}{found['rest']}", form


def shape_of(shapes: Sequence[str]) -> str:
    """The commonest of the forms of dates with names; D for DD where one day is written so, and
    Month for Mon where one month is longer than its first letters: May is both."""
    for long, short in (("DD", "D"), ("MM", "M")):
        if any(long not in shape for shape in shapes):
            shapes = [shape.replace(long, short) for shape in shapes]
    for long, short in (("Month", "Mon"), ("MONTH", "MON"), ("month", "mon")):
        if 4 * sum(long in shape for shape in shapes) > len(shapes):
            shapes = [s if long in s else s.replace(short, long) for s in shapes]
    return most(shapes)


def is_date(text: str) -> bool:
    """Whether a text is a date in some order, with all three parts or a named month, or a time."""
    found = DATE.fullmatch(text)
    if found is None:
        return not math.isnan(seconds(text))
    return bool(found[4]) and any(not math.isnan(seconds(text, o)) for o in ORDERS)


def of_day(form: str) -> bool:
    """Whether a form is that of times of the day, without a date.

    >>> of_day("h:mm AM"), of_day("D.M.YYYY h:mm"), of_day("")
    (True, False, False)
    """
    return "Y" not in (form or "Y")


def form_of(texts: Sequence[str], order: str) -> str:
    """The form in which most of some dates are written; all are, but for zeros and seconds.

    >>> form_of(["9/30/2026 14:05", "12/1/2026 9:30"], "mdy")
    'M/D/YYYY h:mm'
    """
    some = texts[:: max(1, len(texts) // MOST)]
    others = [one for one in map(named, some) if one]
    if 2 * len(others) > len(some):
        plain = [match for match in (DATE.fullmatch(text) for text, _ in others) if match]
        return (shape_of([shape for _, shape in others]) + _time_of(plain)).lstrip()
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
    return sign.join(parts[name] for name in order) + _time_of(found)


def _time_of(found: Sequence[re.Match[str]]) -> str:
    """The form of the times of dates; "" where none has one."""
    timed = [match for match in found if match[6]]
    if not timed:
        return ""
    form = most([match[5] for match in timed])
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
    if of_day(form) and count * step == UNITS["day"] and "AM" not in form:
        hour = 24
    name = MONTHS.split()[moment.month - 1]
    values = {
        **{shape: shaped(name) for shape, shaped in CASES.items()},
        **{shape: shaped(name[:3]) for shape, shaped in SHORT.items()},
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
