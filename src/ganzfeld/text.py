"""Make text from files and paths safe to show.

A terminal obeys control characters, and both terminals and pages let bidirectional controls
reorder what stands around them. `shown` is for a name inside a sentence, `lines` for whole
messages on their way to the screen, and `isolated` for text on a page.
"""

from __future__ import annotations

import contextlib
import re
import sys
import unicodedata
from typing import Any

NAME = 200  # characters of a foreign name that a sentence shows
LINE = 4_000  # characters of a line on the screen
LINES = 2_000  # of a message
RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
# a right-to-left run with the spaces, digits and marks between its words
RUN = re.compile(f"[{RIGHT_TO_LEFT}](?:[^A-Za-z<>&\"'\\n]*[{RIGHT_TO_LEFT}])?")


def escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def plain(text: str, keep: str = "") -> str:
    """Text without anything that a terminal obeys or that reorders other text.

    Control characters (C0, C1), bidirectional and other format controls, line separators and
    lone surrogates become visible escapes, such as \\x1b.

    keep: characters to leave as they are, such as a line break.
    """
    if text.isprintable():
        return str(text)
    return "".join(c if harmless(c) or c in keep else escaped(c) for c in text)


def harmless(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"  # wide spaces


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters; the middle of a longer text is left out."""
    half = max(limit // 2 - 1, 1)
    return text if len(text) <= limit else f"{text[:half]}…{text[-half:]}"


def shown(value: object, limit: int = NAME) -> str:
    """A foreign name or value inside a sentence: one line, nothing that a terminal obeys."""
    return shortened(plain(shortened(str(value), 4 * limit)), limit)


def several(count: int, noun: str) -> str:
    """A count and what is counted: "1 channel", "3 channels"."""
    return f"{count:,} {noun}" + "s" * (count != 1)


def lines(text: str) -> str:
    """A whole message for the screen: its line breaks stay; long lines lose their middle."""
    parts = text.split("\n")
    kept = parts if len(parts) <= LINES else [*parts[:LINES], f"and {len(parts) - LINES:,} more"]
    return "\n".join(shortened(plain(shortened(part, 4 * LINE)), LINE) for part in kept)


def isolated(text: str, before: str, after: str) -> str:
    """Text with every right-to-left run between `before` and `after`, so that it moves nothing.

    On a page they are <bdi> and </bdi>; where a page takes no elements, U+2068 and U+2069.
    """
    return RUN.sub(lambda found: f"{before}{found[0]}{after}", text)


def tell(text: str) -> None:
    """Print a message that may hold foreign text."""
    print(lines(text))


def tolerate(*streams: Any) -> None:
    """Let a stream escape what its encoding lacks, in place of an error in mid-sentence."""
    for stream in streams or (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):  # not every stream can
            stream.reconfigure(errors="backslashreplace")
