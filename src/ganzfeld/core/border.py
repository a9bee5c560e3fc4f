"""Check arguments from outside: type, finite, in range.

It runs before anything is read or built, imports no torch, and knows nothing of what values are
for. A wrong one is a `UsageError` that names it, says what it should be and what it was.
"""

from __future__ import annotations

import math
import numbers
import operator
import os
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ganzfeld.errors import UsageError, did_you_mean

MOST_IMAGES = 10**12 - 1  # a checkpoint's name has twelve digits
MOST_MINUTES = 60 * 24 * 365 * 10
MOST_BATCH = 1 << 20
MOST_SEED = (1 << 64) - 1
MOST_PIXELS = 1 << 16  # of a side
LONGEST = 10_000  # letters of a setting


class ArgumentError(UsageError, ValueError):
    """A wrong argument of a Python call."""


def told(value: Any) -> str:
    """A value for a message: short, whatever it is."""
    kind = type(value).__name__
    if isinstance(value, str | int | float | bool | None.__class__ | tuple | list | dict):
        try:
            text = repr(value)
        except (ValueError, RecursionError):  # a number of many thousand digits
            text = f"a very large {kind}"
        return text if len(text) <= 60 else f"{text[:57]}..."
    shape = getattr(value, "shape", None)
    return f"an object of type {kind}" + (f" and shape {tuple(shape)}" if shape else "")


def figure(value: float) -> str:
    """A number for a message: 5,256,000 and not 5.256e+06, 0 and not 0.0."""
    if abs(value) < 1e12 and value == int(value):
        return f"{int(value):,}"
    return f"{value:,g}"


def whole(value: Any, name: str, least: int, most: int) -> int:
    """A whole number in [least, most]; 1e6 is one, True and "3" are none."""
    wanted = f"{name} is a whole number from {least:,} to {most:,}"
    number: int | None = None
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        number = int(value)
    elif isinstance(value, numbers.Integral) and not isinstance(value, bool):
        number = operator.index(value)
    if number is None or not least <= number <= most:
        raise ArgumentError(f"{wanted}, not {told(value)}")
    return number


def real(value: Any, name: str, least: float, most: float, *, above: bool = False) -> float:
    """A finite number in [least, most]; above: and not `least` itself."""
    wanted = (
        f"{name} is a number from {figure(least)} to {figure(most)}"
        if not above
        else (f"{name} is a number above {figure(least)}, up to {figure(most)}")
    )
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise ArgumentError(f"{wanted}, not {told(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not least <= number <= most or (above and number == least):
        said = figure(number) if number.is_integer() else told(value)
        raise ArgumentError(f"{wanted}, not {said}")
    return number


def one_of(value: Any, name: str, known: Iterable[str]) -> str:
    known = list(known)
    if not isinstance(value, str):
        raise ArgumentError(f"{name} is one of {', '.join(known)}, not {told(value)}")
    if value not in known:
        raise ArgumentError(f"{name} is not {value!r}. {did_you_mean(value, known)}")
    return value


def path(value: Any, name: str, fix: str = "") -> str:
    """A path or a name, as text that is not empty."""
    if not isinstance(value, str | os.PathLike) or isinstance(value, bytes):
        raise ArgumentError(f"{name} is a path or a name, not {told(value)}", fix=fix)
    text = os.fspath(value)
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    if not text.strip():
        raise ArgumentError(f"{name} is empty: it should name a file or a folder", fix=fix)
    if "\0" in text:
        raise ArgumentError(f"{name} has a zero byte in it, which no path can have", fix=fix)
    return text


def size(value: Any, name: str = "size") -> tuple[int, int] | None:
    """Pixels of a square, or (height, width); None as it is."""
    if value is None:
        return None
    pair = value if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2:
        raise ArgumentError(f"{name} is N or (height, width) in pixels, not {told(value)}")
    return (whole(pair[0], name, 1, MOST_PIXELS), whole(pair[1], name, 1, MOST_PIXELS))


def texts(value: Any, name: str, example: str) -> list[str]:
    """Several texts; a single one is refused, for Python would take it letter by letter."""
    if isinstance(value, str) or not isinstance(value, Sequence | set | frozenset):
        raise ArgumentError(f"{name} is a list such as [{example!r}], not {told(value)}")
    found = list(value)
    for text in found:
        if not isinstance(text, str):
            raise ArgumentError(f"{name} holds texts such as {example!r}, not {told(text)}")
        if len(text) > LONGEST:
            raise ArgumentError(f"{name}: {text[:40]!r}... is longer than {LONGEST:,} letters")
    return found


def flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise ArgumentError(f"{name} is True or False, not {told(value)}")
    return value


def part_name(name: Any, what: str) -> str:
    """The name of a recipe, network, game or optimiser: a known one, or `file.py:name`."""
    if not isinstance(name, str) or not name:
        raise ArgumentError(f"the {what} is a name, not {told(name)}")
    module, colon, attribute = name.rpartition(":")
    if colon and not (module.strip() and re.fullmatch(r"\w+", attribute)):
        raise ArgumentError(
            f"the {what} {told(name)} is not a name: your own is FILE.py:NAME or MODULE:NAME",
            fix=f"--{what} mine.py:{what}" if what == "recipe" else "",
        )
    return name
