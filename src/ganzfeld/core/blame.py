"""Say where in a user's own code an error began."""

from __future__ import annotations

from pathlib import Path

from ganzfeld.text import lines, shown

OWN: set[str] = set()  # the files that were loaded as a user's own


def own_place(error: BaseException) -> str:
    """The innermost line of a user's own code that an error passed: "line 12 of mine.py", or "".

    Example::

        from ganzfeld.core.blame import own_place

        assert own_place(ValueError("no width")) == ""
    """
    place, trace = "", error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file in OWN:
            place = f"line {trace.tb_lineno} of {shown(Path(file).name)}"
        trace = trace.tb_next
    if not place and isinstance(error, SyntaxError) and error.filename in OWN:
        place = f"line {error.lineno} of {shown(Path(error.filename).name)}"
    return place


def reason_of(error: BaseException) -> str:
    """An error in a line: what it says, its type where that says more, and whose line it was."""
    text = lines(str(error.msg if isinstance(error, SyntaxError) else error)).strip()
    place = own_place(error)
    if place or not text or isinstance(error, KeyError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"{text} ({place})" if place else text
