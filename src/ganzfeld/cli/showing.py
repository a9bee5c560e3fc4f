"""Help of a command: plain names for values, whole sentences, and examples."""

from __future__ import annotations

import dataclasses
import inspect
import re
import shutil
import sys
import types
import typing
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

from rich.cells import cell_len
from tyro.conf import arg

from ganzfeld.cli.examples import EXAMPLES
from ganzfeld.core.language import tr
from ganzfeld.core.wrapping import wrapped

KINDS = {int: "N", float: "NUMBER", str: "TEXT", Path: "PATH"}
FILL = "\u2060"  # as wide as nothing
STYLE = re.compile(r"\x1b\[[\d;]*m")
BORDER = re.compile(r"( *)((?:\x1b\[[\d;]*m)*│(?:\x1b\[[\d;]*m)*)$")
ARGUMENT = re.compile(r"^([a-z]\w*):\s*(.*)$")  # and no sentence that begins "Default: "


def documented(make: Callable[..., None], command: str) -> tuple[Callable[..., None], str]:
    """A command whose options are annotated for its help, and the text that stands above them.

    command: its words, such as "data check"; they find its examples.
    """
    about, told = parts(inspect.getdoc(make) or "")
    kinds = typing.get_type_hints(make, include_extras=True)
    assert isinstance(make, types.FunctionType)
    copy = types.FunctionType(
        make.__code__, make.__globals__, make.__name__, make.__defaults__, make.__closure__
    )
    copy.__kwdefaults__ = make.__kwdefaults__
    for name, parameter in inspect.signature(make).parameters.items():
        kinds[name] = annotated(kinds[name], parameter, told.get(name, ""))
    copy.__annotations__ = kinds
    shown = "\n".join(f"  {line}" for line in EXAMPLES.get(command, ()))
    width = min(shutil.get_terminal_size().columns, 100)
    paragraphs = [tr(" ".join(part.split())) for part in about.split("\n\n")]
    # tyro joins lines again, except those that begin with a space
    about = "\n\n".join("\n".join(wrapped(text, width, "  ")) for text in paragraphs)
    return copy, f"{about}\n\n{tr('examples:')}\n{shown}" if shown else about


def filled(text: str) -> str:
    """Text of as many characters as it is columns wide, for tyro, which counts characters."""
    return "".join(one + FILL * (cell_len(one) - 1) for one in text)


class Boxes:
    """A stream for help: without the characters that `filled` put in, each box as wide as ever."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.wide = stream, 0

    def write(self, text: str) -> int:
        return self.stream.write("\n".join(map(self.line, text.split("\n"))))

    def line(self, text: str) -> str:
        shown = text.replace(FILL, "")
        if "╭" in shown:
            self.wide = width_of(shown)
        if FILL not in text or (end := BORDER.search(shown)) is None:
            return shown
        spaces = max(len(end[1]) + self.wide - width_of(shown), 0)
        return f"{shown[: end.start()]}{' ' * spaces}{end[2]}"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def boxed(words: Sequence[str]) -> AbstractContextManager[Any]:
    """What a command's help is printed in."""
    stream: Any = Boxes(sys.stdout)
    return redirect_stdout(stream) if {"-h", "--help"} & {*words} else nullcontext()


def width_of(text: str) -> int:
    return cell_len(STYLE.sub("", text))


def parts(text: str) -> tuple[str, dict[str, str]]:
    """A docstring's own words, and what it says of each argument, on one line each."""
    about, _, rest = text.partition("\nArgs:\n")
    told: dict[str, str] = {}
    name = ""
    for line in map(str.strip, inspect.cleandoc(rest).splitlines()):
        start = ARGUMENT.match(line) if not name or not told[name].endswith(",") else None
        if start and (not name or told[name].endswith((".", ")"))):
            name = start[1]
            told[name] = start[2]
        elif name:
            told[name] += f" {line}"
    return about.strip(), told


def annotated(kind: Any, parameter: inspect.Parameter, told: str) -> Any:
    """The type with a name for its value, and its sentence; the default where that says much."""
    inner, extras = kind, []
    if typing.get_origin(kind) is Annotated:
        inner, *extras = typing.get_args(kind)
    mine = next((e for e in extras if hasattr(e, "metavar")), None)
    named = getattr(mine, "metavar", None)
    quiet = parameter.default in (None, False, (), inspect.Parameter.empty)
    changes: dict[str, Any] = {"help": filled(tr(told)) or None}
    says_enough = quiet or "Default:" in told
    changes["help_behavior_hint"] = (
        "" if says_enough else lambda now: filled(tr(f"(default: {now})"))
    )
    if named is None and (name := value_name(inner, parameter)):
        changes["metavar"] = name
    if mine is None:
        return Annotated[(inner, *extras, arg(**changes))]
    extras[extras.index(mine)] = dataclasses.replace(mine, **changes)
    return Annotated[(inner, *extras)]


def value_name(kind: Any, parameter: inspect.Parameter) -> str | None:
    """What stands for the value of an option in its help; None leaves it as it is."""
    if parameter.kind is parameter.POSITIONAL_ONLY:
        name = parameter.name.upper()
        return name if parameter.default is parameter.empty else f"[{name}]"
    given = [k for k in typing.get_args(kind) if k is not type(None)]
    if typing.get_origin(kind) in (types.UnionType, typing.Union) and len(given) == 1:
        (kind,) = given
    if typing.get_origin(kind) is Literal:
        return "|".join(map(str, typing.get_args(kind)))
    return KINDS.get(kind)
