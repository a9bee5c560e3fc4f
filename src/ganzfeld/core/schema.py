"""Small functions that check types and ranges in JSON, and can be combined.

A check takes a value and its place in the file, such as "run.batch_size", and raises
`Unreadable` with both where the value is not what it should be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ganzfeld.core.reader import Unreadable
from ganzfeld.text import shown

Check = Callable[[Any, str], None]
MANY = 1_000_000  # elements of a list or a table
LONG = 10_000  # characters of a text


def wrong(where: str, wanted: str, value: Any) -> Unreadable:
    if isinstance(value, dict | list):
        told = f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value):,}"
    else:
        told = shown(repr(value), 80)
    return Unreadable(f"is damaged: {shown(where)} should be {wanted}, not {told}")


def anything(value: Any, where: str) -> None:
    pass


def text(value: Any, where: str) -> None:
    if not isinstance(value, str) or len(value) > LONG:
        raise wrong(where, "text", value)


def words(value: Any, where: str) -> None:
    """Text of any length, as cells of a table may have it."""
    if not isinstance(value, str):
        raise wrong(where, "text", value)


def flag(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        raise wrong(where, "true or false", value)


def whole(least: int, most: int) -> Check:
    """A whole number; 5.0 is one."""

    def check(value: Any, where: str) -> None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or value != int(value) or not least <= value <= most:
            raise wrong(where, f"a whole number from {least:,} to {most:,}", value)

    return check


def number(least: float = -1e300, most: float = 1e300) -> Check:
    def check(value: Any, where: str) -> None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not least <= value <= most:
            raise wrong(where, f"a number from {least:g} to {most:g}", value)

    return check


def one_of(*known: Any) -> Check:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, str | int | type(None)) or value not in known:
            raise wrong(where, f"one of {', '.join(map(str, known))}", value)

    return check


def maybe(check: Check) -> Check:
    """The same, or null."""

    def inner(value: Any, where: str) -> None:
        if value is not None:
            check(value, where)

    return inner


def listing(check: Check, least: int = 0, most: int = MANY) -> Check:
    def inner(value: Any, where: str) -> None:
        if not isinstance(value, list | tuple) or not least <= len(value) <= most:
            wanted = f"a list of {least:,}" + (f" to {most:,}" if most != least else "")
            raise wrong(where, wanted, value)
        for place, element in enumerate(value):
            check(element, f"{where}[{place}]")

    return inner


def row(*checks: Check) -> Check:
    """A list with a check for each of its elements."""

    def inner(value: Any, where: str) -> None:
        if not isinstance(value, list | tuple) or len(value) != len(checks):
            raise wrong(where, f"a list of {len(checks)}", value)
        for place, (check, element) in enumerate(zip(checks, value, strict=True)):
            check(element, f"{where}[{place}]")

    return inner


def table(check: Check, names: Check = text, most: int = MANY) -> Check:
    """An object with names of its own, all values alike."""

    def inner(value: Any, where: str) -> None:
        if not isinstance(value, dict) or len(value) > most:
            raise wrong(where, "an object", value)
        for name, element in value.items():
            names(name, f"a name in {where}")
            check(element, f"{where}.{name}")

    return inner


def fields(needed: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these names; others are let through, for later releases have more."""

    def inner(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise wrong(where or "it", "an object", value)
        for name in needed:
            if name not in value:
                raise Unreadable(f"is damaged: it has no {f'{where}.{name}'.lstrip('.')}")
        for name, check in {**needed, **(optional or {})}.items():
            if name in value:
                check(value[name], f"{where}.{name}".lstrip("."))

    return inner
