"""What a request may say: each field validates its value and describes itself for OpenAPI."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ganzfeld.shipping.server.problem import Problem

DIGITS = re.compile(r"[0-9]{1,20}")
NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?")
LONGEST = 200  # characters of a text
REQUIRED: Any = object()


@dataclass(frozen=True)
class Field:
    """One value. kind: "integer", "number", "string", "boolean", "array", "object", or "value": a
    number or a text.

    default: REQUIRED where it must be given. least, most: of numbers, or of the length of a
    list or a text. one_of: the texts that are allowed. items: of a list, or of an object's values.
    """

    name: str
    kind: str
    about: str
    default: Any = None
    least: float | None = None
    most: float | None = None
    one_of: tuple[str, ...] = ()
    items: Field | None = None

    def check(self, value: Any) -> Any:
        """The value as it is used. Problem 422 that names the field."""
        made = getattr(self, f"_{self.kind}")(value)
        if self.one_of and made not in self.one_of:
            raise self.wrong(f"one of {', '.join(self.one_of)}")
        return made

    def from_text(self, text: str) -> Any:
        """The value in a query: numbers and booleans are written out there."""
        if self.kind == "number" and NUMBER.fullmatch(text):
            return self.check(float(text))
        if self.kind == "boolean":
            return self.check({"true": True, "1": True, "false": False, "0": False}.get(text, text))
        return self.check(text)

    def wrong(self, wanted: str) -> Problem:
        return Problem(422, f"{self.name} must be {wanted}", field=self.name, fix=self.about)

    def _integer(self, value: Any) -> int:
        number: Any = value
        if isinstance(value, str) and DIGITS.fullmatch(value):  # beyond what JSON's readers keep
            number = int(value)
        if isinstance(number, bool) or not isinstance(number, int):
            raise self.wrong("a whole number")
        return int(self.bounded(number))

    def _number(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong("a number")
        if not math.isfinite(value):
            raise self.wrong("a finite number")
        return float(self.bounded(value))

    def bounded(self, value: Any) -> Any:
        low = -math.inf if self.least is None else self.least
        high = math.inf if self.most is None else self.most
        if not low <= value <= high:
            raise self.wrong(f"from {told(low)} to {told(high)}")
        return value

    def _string(self, value: Any) -> str:
        longest = LONGEST if self.most is None else int(self.most)
        if not isinstance(value, str) or len(value) > longest or "\0" in value:
            raise self.wrong(f"a text of at most {longest:,} characters")
        return str(value)

    def _value(self, value: Any) -> str:
        """As text, so that a number is read as the command line reads it."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            self._number(value)
            value = str(value)
        return self._string(value)

    def _boolean(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.wrong("true or false")
        return value

    def _array(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.wrong("a list")
        self.bounded_length(value)
        assert self.items is not None
        return [self.items.check(one) for one in value]

    def _object(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong("an object")
        self.bounded_length(value)
        assert self.items is not None
        return {str(name): self.items.check(one) for name, one in value.items()}

    def bounded_length(self, value: Any) -> None:
        if not (self.least or 0) <= len(value) <= (self.most or 0):
            raise self.wrong(f"of {self.least or 0:g} to {self.most or 0:g} values")

    def schema(self) -> dict[str, Any]:
        """As OpenAPI 3.1 has it, which is JSON Schema."""
        found: dict[str, Any] = {"type": self.kind, "description": self.about}
        ends = {
            "array": ("minItems", "maxItems"),
            "object": ("minProperties", "maxProperties"),
            "string": ("minLength", "maxLength"),
        }
        low, high = ends.get(self.kind, ("minimum", "maximum"))
        if self.least is not None:
            found[low] = self.least
        if self.most is not None:
            found[high] = self.most
        if self.one_of:
            found["enum"] = list(self.one_of)
        if self.items is not None:
            name = "items" if self.kind == "array" else "additionalProperties"
            found[name] = self.items.schema()
        if self.kind == "value":
            found["type"] = ["number", "string"]
        if self.kind == "integer":
            found["type"] = ["integer", "string"]
            found["pattern"] = "^[0-9]{1,20}$"
        if self.default is not REQUIRED and self.default is not None:
            found["default"] = self.default
        return found

    def at_most(self, most: float) -> Field:
        return replace(self, most=most)


def told(bound: float) -> str:
    """A bound, to its last digit."""
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def checked(fields: Sequence[Field], given: Mapping[str, Any], *, texts: bool) -> dict[str, Any]:
    """All fields by name, with defaults. texts: given as in a query. Problem 422 for others."""
    known = {field.name: field for field in fields}
    for name in given:
        if name not in known:
            raise Problem(
                422,
                f"there is no field {name[:40]!r} here",
                field=name[:40],
                fix=f"known: {', '.join(known)}",
            )
    found: dict[str, Any] = {}
    for name, field in known.items():
        if name in given and not (given[name] is None and field.default is None):
            found[name] = (field.from_text if texts else field.check)(given[name])
        elif field.default is REQUIRED:
            raise Problem(422, f"{name} is missing", field=name, fix=field.about)
        else:
            found[name] = field.default
    return found
