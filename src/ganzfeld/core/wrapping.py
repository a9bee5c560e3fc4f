"""Wrap lines for a terminal: between words, and so that commands can still be copied."""

from __future__ import annotations

import re
import textwrap

COMMAND = re.compile(r"(?<![^\s:])ganzfeld [a-z]+ \S.*$")


def fold(text: str, width: int | None, indent: str = "  ") -> list[str]:
    """Lines of at most `width` columns; a word that is longer stays whole. None: as it is.

    indent: of the lines that follow the first. A command of ganzfeld that ends a line and does
    not fit goes on a line of its own, and is broken with backslashes, as a shell takes it.
    """
    return [part for line in text.split("\n") for part in fold_line(line, width, indent)]


def fold_line(line: str, width: int | None, indent: str) -> list[str]:
    if width is None or len(line) <= width:
        return [line]
    if (found := COMMAND.search(line)) is None:
        return wrapped(line, width, indent)
    before, command = line[: found.start()].rstrip(), found[0]
    parts = wrapped(command, max(width - len(indent) - 2, 8), "  ")
    lines = [indent + part + " \\" for part in parts[:-1]] + [indent + parts[-1]]
    if len(before) + 2 <= len(indent):  # the name of a row stays beside its command
        lines[0] = line[: found.start()] + lines[0].lstrip()
        return lines
    return [*wrapped(before, width, indent), *lines]


def wrapped(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
