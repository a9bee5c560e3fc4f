"""Wrap lines for a terminal: between words, and so that commands can still be copied."""

from __future__ import annotations

import re
import textwrap

from rich.cells import cell_len

COMMAND = re.compile(r"(?<![^\s:])ganzfeld [a-z]+ \S.*$")


def fold(text: str, width: int | None, indent: str = "  ") -> list[str]:
    """Lines of at most `width` columns; a word that is longer stays whole. None: as it is.

    indent: of the lines that follow the first. A command of ganzfeld that ends a line and does
    not fit goes on a line of its own, and is broken with backslashes, as a shell takes it.
    """
    return [part for line in text.split("\n") for part in fold_line(line, width, indent)]


def fold_line(line: str, width: int | None, indent: str) -> list[str]:
    if width is None or cell_len(line) <= width:
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
    if cell_len(text) > len(text):
        return wrapped_wide(text, width, indent)
    return textwrap.wrap(
        text,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


# A word of narrow characters, or one wide character; a mark that closes stays with what it closes,
# and one that opens with what it opens.
PIECE = re.compile(
    r"\s+|[（「《“]*(?:[^\s\u2e80-\u9fff\uf900-\uffef]+|[^\s])[，。；：、！？）」》”]*"
)


def wrapped_wide(text: str, width: int, indent: str) -> list[str]:
    """Text with characters of two columns, which has no spaces to break at between these."""
    found, line, used = [], "", 0
    for piece in PIECE.findall(text):
        if line.strip() and not piece.isspace() and used + cell_len(piece) > width:
            found.append(line.rstrip())
            line, used = indent, cell_len(indent)
        if piece.isspace() and found and line == indent:
            continue
        line, used = line + piece, used + cell_len(piece)
    return [*found, line.rstrip()] if line.strip() else found or [""]
