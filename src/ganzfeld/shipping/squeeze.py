"""Scripts without what only people need: comments, indentation, spaces that separate nothing."""

from __future__ import annotations

import re

TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<space>\s+)
    |(?P<word>[\w$]+)
    |(?P<mark>.)""",
    re.X | re.S,
)
PATTERN = re.compile(r"/(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/")  # a regular expression
OPENING = "(,=:[!&|?{};+-*<>~^%"  # behind these a slash begins a regular expression
WORDS = ("return", "typeof", "case", "in", "of")  # and behind these
BEFORE, AFTER = "{;,([:?&|=<>+-*/!~^%", "})],.:?&|=<>*/;"  # where a line may end without a sign


def squeezed(code: str) -> str:
    """A script that means the same, in fewer characters.

    Names and texts stay. A line that ends neither in an operator nor in a semicolon stays a line.

    Example::

        from ganzfeld.shipping.squeeze import squeezed

        assert squeezed("const a = 1; // one\\nconst b = a + 1;\\n") == "const a=1;const b=a+1;"
    """
    found, at, gap = "", 0, ""
    while at < len(code):
        if code[at] == "`":
            piece = template(code, at)
        elif code[at] == "/" and begins_pattern(found) and (own := PATTERN.match(code, at)):
            piece = own[0]
        else:
            token = TOKEN.match(code, at)
            assert token is not None
            piece = token[0]
            if token.lastgroup in ("comment", "space"):
                at += len(piece)
                gap += piece if token.lastgroup == "space" else " "
                continue
        found += between(found, gap, piece) + piece
        at, gap = at + len(piece), ""
    return found


def begins_pattern(found: str) -> bool:
    """Whether a slash behind this code begins a regular expression, and does not divide."""
    last = re.search(r"[\w$]+$", found)
    return found == "" or found[-1] in OPENING or (last is not None and last[0] in WORDS)


def between(found: str, gap: str, piece: str) -> str:
    """What must stand between two tokens that a gap was between: nothing, a space or a line."""
    if not gap or not found:
        return ""
    last, first = found[-1], piece[0]
    if "\n" in gap and last not in BEFORE and first not in AFTER:
        return "\n"
    named = [re.match(r"[\w$]", one) is not None for one in (last, first)]
    return " " if all(named) or (last == first and last in "+-") else ""


def template(code: str, start: int) -> str:
    """The template literal that begins at a place, with those inside it, as it is."""
    at = start + 1
    while code[at] != "`":
        if code[at] == "\\":
            at += 1
        elif code.startswith("${", at):
            at, depth = at + 2, 1
            while depth:
                if code[at] == "`":
                    at += len(template(code, at)) - 1
                depth += {"{": 1, "}": -1}.get(code[at], 0)
                at += 1
            continue
        at += 1
    return code[start : at + 1]
