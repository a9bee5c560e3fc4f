"""Find the type of a column of cells: numbers, classes, several classes at once, dates, text."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import dates
from ganzfeld.core.names import natural, shortened
from ganzfeld.data.columns import Values, texts
from ganzfeld.data.source import RULES
from ganzfeld.data.spelled import spelled
from ganzfeld.modalities.base import Spec

MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "?", "-", "nat", "#n/a"})
TRUE, FALSE = frozenset({"true", "yes"}), frozenset({"false", "no"})
BOOLEANS = "false|true"  # how booleans are written where nothing else is known
WHOLE = re.compile(r"[+-]?\d{1,18}")
USUAL = re.compile(r"\d{4}-\d\d?-\d\d?([T ]\d\d?:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
DOTTED = re.compile(r"(\d\d?)\.(\d\d?)\.(\d{4})")  # day, month, year
LIST_SIGNS = ("|", ";")
FEW = 0.05  # of a column's cells that may be no numbers, and make their rows bad
MARGIN = 0.1  # of a few cells, by which a share may be off
MANY = 0.5  # distinct texts to rows, above which they are no classes
MOST_CLASSES = 10_000
TOP = 3.4028234663852886e38  # of float32
LATE = 8  # the rules from which on 24:00 is a time
AS_WRITTEN = 10  # those from which on classes and texts are called as the data write them
NONE = -1  # the class of what is missing


def typed(cells: Sequence[Any], *, rules: int, classes: bool = False) -> Values | None:
    """A column of cells (text, or values of JSON) as the narrowest type that holds all of them.

    Gives a Spec of the modality
    "number": float32, or int32 where all are whole and none is missing; extra low, high, mean,
        spread, whole, missing, and for dates unit ("day", "second", "minute") since 1970, with the
        form (`core.dates`) unless it is the usual one, the order of parts where another could be
        meant, and the number of time zones;
    "class": int32 places in extra names, -1 for what is missing;
    "several": uint8 (N, k), ones for the names in extra that a cell lists;
    "text": code points, ragged. None where no cell says anything, or they hold what is neither.

    classes: whole numbers and texts are classes though they look like numbers.
    rules: see `source.RULES`. From 5 on, dates are read in all their forms, from 6 on with the
        names of months and times alone too, and these and the words of booleans are kept; before,
        those written 2026-11-28 and 28.11.2026 alone. From 10 on a "yes" or "+49" among other
        classes is called so, not "true" and "49". Whoever reads for a run hands on its rules.
    """
    given, cells = cells, [plain_cell(cell) for cell in cells]
    there = [cell for cell in cells if cell is not None]
    if not there:
        return None
    if all(isinstance(cell, list) for cell in there):
        return _lists(cells)
    if any(isinstance(cell, list | dict) for cell in there):
        return None
    if not classes and (found := _numbers(cells) or _dates(cells, rules) or _spelled(cells, rules)):
        return found
    if all(isinstance(cell, bool) for cell in there):
        return _booleans(cells, given if rules >= 5 else cells)
    if (listed := _separated(cells)) is not None:
        return listed
    words = ["" if cell is None else _word(cell) for cell in cells]
    plain = all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in there)
    if rules >= AS_WRITTEN and not plain:
        words = as_written(words, given)
    distinct = {word for word in words if word}
    if (len(distinct) > max(2, MANY * len(there)) and not classes) or len(distinct) > MOST_CLASSES:
        return texts(words)
    return _classes(words, sorted(distinct, key=natural))


def typed_but_for_few(cells: Sequence[Any], *, rules: int) -> tuple[Values | None, dict[int, str]]:
    """`typed`, and of a column of numbers or dates the few cells that are none: why, by place."""
    values = typed(cells, rules=rules)
    if values is None or values.spec.modality not in ("text", "class"):
        return values, {}
    there = [plain_cell(cell) for cell in cells]
    count = sum(cell is not None for cell in there)
    words = {row: cell for row, cell in enumerate(there) if isinstance(cell, str)}
    if len(words) == count and (order := order_of(list(words.values()), FEW, rules)):
        alike = _alike(list(words.values()), rules)
        good = dict(zip(words, known(alike, order, rules), strict=True))
        found = _dates([cell if good.get(row) else None for row, cell in enumerate(there)], rules)
        odd = {row: word for row, word in words.items() if not good[row]}
        of_day = found is not None and dates.of_day(found.spec.extra.get("form", ""))
        if found is not None and odd and not of_day:  # 25:10 among times is a length of time
            return found, {row: f"no date: {shortened(word, 40)}" for row, word in odd.items()}
    if values.spec.modality == "class" or any(word.isdigit() for word in words.values()):
        return values, {}  # 04109 is a code, and so are the others
    rest = [None if row in words else cell for row, cell in enumerate(there)]
    found = _numbers(rest) if len(words) <= FEW * count else None
    if found is None:
        return values, {}
    return found, {row: f"no number: {shortened(word, 40)}" for row, word in words.items()}


def unclear_dates(cells: Sequence[Any]) -> str:
    """Why a column of dates was not read as such, in words; "" where it holds none."""
    words = [cell for cell in map(plain_cell, cells) if isinstance(cell, str)]
    some = [word for word in words if dates.is_date(word) and not dates.CLOCK.fullmatch(word)]
    if not words or len(some) < (1 - FEW) * len(words):
        return ""
    counts = {order: sum(known(words, order, RULES)) for order in dates.ORDERS[1:]}
    if min(counts.values()) < (1 - FEW) * len(words):
        return "dates in several forms (write all of them as 2026-11-28)"
    return (
        f"dates such as {shortened(some[0], 40)}, of which nothing tells whether the day or the "
        "month comes first (write them as 2026-11-28)"
    )


def known(words: Sequence[str], order: str, rules: int) -> list[bool]:
    """Which texts are dates in an order. rules: see `typed`."""
    if rules < LATE:
        words = ["" if dates.MIDNIGHT.search(word) else word for word in words]
    if rules < 5:
        return [order == "ymd" and USUAL.fullmatch(word) is not None for word in words]
    return [
        not math.isnan(dates.seconds(word, order)) and (rules >= 6 or dates.named(word) is None)
        for word in words
    ]


def plain_cell(cell: Any) -> Any:
    """A cell without dress: None for missing, numbers and booleans for their texts."""
    if cell is None or isinstance(cell, bool | int | list | dict):
        return cell
    if isinstance(cell, float):
        return cell if abs(cell) <= TOP else None  # nor is NaN
    text = str(cell).strip()
    folded = text.casefold()
    if folded in MISSING:
        return None
    if folded in TRUE or folded in FALSE:
        return folded in TRUE
    if WHOLE.fullmatch(text) and (len(text) == 1 or text[0] != "0"):
        return int(text)
    try:
        number = float(text) if text[:1] in "+-.0123456789" and "_" not in text else math.nan
    except ValueError:
        return text
    zip_code = text[0] == "0" and len(text) > 1 and text[1].isdigit()  # 04109 is a name
    held = abs(number) <= TOP  # by a float32, as a pack has
    return number if held and not zip_code else text


def _word(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell == int(cell):
        return str(int(cell))
    return str(cell)


def as_written(words: Sequence[str], given: Sequence[Any]) -> list[str]:
    """Words as the cells of one word are written most often, where they are text.

    >>> as_written(["true", "maybe", "true", "true"], ["Yes", "maybe", "yes", "Yes"])
    ['Yes', 'maybe', 'Yes', 'Yes']
    """
    spelt = Counter(
        (word, text.strip())
        for word, text in zip(words, given, strict=True)
        if word and isinstance(text, str)
    )
    form = {word: text for (word, text), _ in reversed(spelt.most_common())}
    return [form.get(word, word) for word in words]


def _numbers(cells: Sequence[Any]) -> Values | None:
    there = [cell for cell in cells if cell is not None]
    if not all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in there):
        return None
    whole = all(isinstance(cell, int) or cell == int(cell) for cell in there)
    values = np.array([math.nan if cell is None else float(cell) for cell in cells])
    return number(values, whole=whole)


def _spelled(cells: Sequence[Any], rules: int) -> Values | None:
    """Numbers as people spell them; what was taken off is in extra."""
    found = spelled([str(cell) for cell in cells if cell is not None], rules)
    if found is None:
        return None
    numbers = iter(found[0])
    values = np.array([math.nan if cell is None else next(numbers) for cell in cells])
    whole = not (values[np.isfinite(values)] % 1).any()
    return number(values, whole=whole, spelled=found[1])


def number(values: NDArray[Any], *, whole: bool, **extra: Any) -> Values:
    """A column of numbers (N,), NaN where one is missing, with what is known of them."""
    values = np.asarray(values, dtype=np.float64)
    there = values[np.isfinite(values)]
    missing = len(values) - len(there)
    exact = whole and not missing and np.abs(there).max(initial=0) < 2**31
    about = {
        "low": float(there.min()),
        "high": float(there.max()),
        "mean": float(there.mean()),
        "spread": float(there.std()),
        "whole": bool(whole),
        "missing": missing,
        **extra,
    }
    dtype = "int32" if exact else "float32"
    return Values(spec=Spec("number", (), dtype, about), rows=values.astype(dtype))


def order_of(words: Sequence[str], few: float, rules: int) -> str:
    """The order in which the parts of dates stand; "" where texts are no dates, or it is not clear.

    few: share of the texts that may be none. Of two orders in which enough are dates, that in which
    all are tells.
    """
    words = _alike(words, rules)
    some = words[:: max(1, len(words) // 50)]
    if sum(map(dates.is_date, some)) < (1 - few - MARGIN) * len(some):
        return ""
    counts = {order: sum(known(words, order, rules)) for order in dates.ORDERS}
    best = max(counts.values())
    found = [order for order, count in counts.items() if count == best]
    if best < (1 - few) * len(words) or not best:
        return ""
    if len(found) > 1:
        return ""
    others = [count for order, count in counts.items() if order != found[0]]
    return found[0] if best == len(words) or max(others) < (1 - few) * len(words) else ""


def _alike(words: Sequence[str], rules: int) -> list[str]:
    """Dates of one column in one form: 28.11.2026 as 2026-11-28 where others are written so."""
    if rules >= 5 and all(DOTTED.match(word) for word in words):
        return list(words)
    return [DOTTED.sub(r"\3-\2-\1", word) for word in words]


def _dates(cells: Sequence[Any], rules: int) -> Values | None:
    there = [cell for cell in cells if cell is not None]
    if not there or not all(isinstance(cell, str) for cell in there):
        return None
    words = _alike(there, rules)
    order = order_of(words, 0.0, rules)
    times = [dates.seconds(word, order) for word in words] if order else [math.nan]
    if not np.isfinite(times).all():
        return None
    found = iter(times)
    seconds = np.array([math.nan if cell is None else next(found) for cell in cells])
    finite = seconds[np.isfinite(seconds)]
    written = [word for word in there if words == there or not DOTTED.match(word)]
    form = dates.form_of(written, order)
    about: dict[str, Any] = {"order": order} if order != "ymd" and "." not in form else {}
    if zones := {match[10] for match in map(dates.DATE.fullmatch, words) if match} - {None}:
        form += "Z"
        about["zones"] = len(zones - {"Z"})
    unit, rows = "minute", np.round(seconds / 60)
    if not (finite % 86400).any():
        unit, rows = "day", seconds / 86400
    elif (np.abs(finite) < 2**31).all():
        unit, rows = "second", np.round(seconds)
    about |= form_unless(form, dates.PLAIN[unit])
    return number(rows, whole=True, unit=unit, **(about if rules >= 5 else {}))


def _booleans(cells: Sequence[Any], given: Sequence[Any]) -> Values:
    """Booleans, and in extra "form" the two words by which most of them are written: "no|yes"."""
    rows = np.array([NONE if cell is None else int(cell) for cell in cells], dtype=np.int32)
    spelt = Counter(
        (place, text.strip())
        for place, text in zip(rows.tolist(), given, strict=True)
        if isinstance(text, str) and place != NONE
    )
    form = {place: word for (place, word), _ in reversed(spelt.most_common())}
    written = f"{form[0]}|{form[1]}" if len(form) == 2 else BOOLEANS
    return _placed(rows, BOOLEANS.split("|"), boolean=True, **form_unless(written, BOOLEANS))


def form_unless(form: str, usual: str) -> dict[str, str]:
    return {} if form == usual else {"form": form}


def _classes(words: Sequence[str], names: Sequence[str]) -> Values:
    places = {name: place for place, name in enumerate(names)}
    return _placed(np.array([places.get(w, NONE) for w in words], dtype=np.int32), names)


def _placed(rows: NDArray[np.int32], names: Sequence[str], **extra: Any) -> Values:
    about = {"names": list(names), "missing": int((rows == NONE).sum()), **extra}
    return Values(spec=Spec("class", (), "int32", about), rows=rows)


def _separated(cells: Sequence[Any]) -> Values | None:
    """Lists in one cell, such as "red|small", where at least a tenth of the cells hold several."""
    there = [cell for cell in cells if cell is not None]
    if not all(isinstance(cell, str) for cell in there):
        return None
    for sign in LIST_SIGNS:
        parts = [
            [] if c is None else [p.strip() for p in c.split(sign) if p.strip()] for c in cells
        ]
        names = {part for row in parts for part in row}
        several = sum(len(row) > 1 for row in parts)
        if 10 * several >= len(there) and len(names) <= max(2, MANY * len(there)):
            return _several(parts, ["" if cell is None else cell for cell in cells])
    return None


def _several(rows: Sequence[Sequence[str]], lines: Sequence[str]) -> Values:
    names = sorted({name for row in rows for name in row}, key=natural)
    places = {name: place for place, name in enumerate(names)}
    hot = np.zeros((len(rows), len(names)), dtype=np.uint8)
    for line, row in zip(hot, rows, strict=True):
        line[[places[name] for name in row]] = 1
    spec = Spec("several", (len(names),), "uint8", {"names": names})
    return Values(spec=spec, rows=hot, lines=lines)


def _lists(cells: Sequence[Any]) -> Values | None:
    """Lists of JSON: of names, or of zeros and ones of one length."""
    there = [cell for cell in cells if cell is not None]
    if all(isinstance(item, str) for cell in there for item in cell):
        rows = [cell or [] for cell in cells]
        names = {name for row in rows for name in row}
        lines = [", ".join(row) for row in rows]
        return _several(rows, lines) if 0 < len(names) <= MOST_CLASSES else None
    lengths = {len(cell) for cell in there}
    bits = all(item in (0, 1) for cell in there for item in cell)
    if len(lengths) != 1 or len(there) < len(cells) or not bits:
        return None
    size = lengths.pop()
    spec = Spec("several", (size,), "uint8", {"names": [str(place) for place in range(size)]})
    return Values(spec=spec, rows=np.array(cells, dtype=np.uint8))


def spread(name: str, cells: Sequence[Any]) -> dict[str, list[Any]]:
    """A column of lists of numbers of one length as a column for each place; {} for others.

    StyleGAN's dataset.json has such labels where they are measurements.
    """
    lists = [cell for cell in cells if isinstance(cell, list)]
    if not lists or len(lists) < len(cells) or len({len(cell) for cell in lists}) != 1:
        return {}
    flat = [item for cell in lists for item in cell]
    if not all(isinstance(item, int | float) for item in flat) or all(i in (0, 1) for i in flat):
        return {}
    return {f"{name}_{place}": list(row) for place, row in enumerate(zip(*lists, strict=True))}
