"""Mark names that come from somebody else's file, so that no code is run for them."""

from __future__ import annotations


class Foreign(str):
    """A name from a file, which is not followed to any code."""

    __slots__ = ()


def foreign(text: str) -> str:
    return Foreign(text) if ":" in text else text
