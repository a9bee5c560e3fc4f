"""Plain help for options without a default: `--size TEXT` instead of `--size {None}|STR`."""

from __future__ import annotations

import functools
import inspect
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from tyro.conf import arg

CONTINUED = re.compile(r"\n {12,}")  # a line of an argument's text that goes on
WORDS: dict[Any, str] = {int: "N", float: "X", str: "TEXT", Path: "PATH"}


def plain(command: Callable[..., None]) -> Callable[..., None]:
    """The same command, whose help says neither `{None}` nor `(default: None)`."""
    hints = get_type_hints(command, include_extras=True)
    parameters = inspect.signature(command).parameters

    @functools.wraps(command)
    def called(*args: Any, **options: Any) -> None:
        command(*args, **options)

    found = {
        name: shown(hint) if name in parameters and parameters[name].default is None else hint
        for name, hint in hints.items()
    }
    del called.__dict__["__wrapped__"]  # the parser would read that one's annotations
    called.__doc__ = CONTINUED.sub(" ", command.__doc__ or "")
    called.__annotations__ = found
    called.__dict__["__signature__"] = inspect.Signature(
        [p.replace(annotation=found[name]) for name, p in parameters.items()]
    )
    return called


def shown(hint: Any) -> Any:
    """An annotation with a word for its value; one that has a word of its own keeps it."""
    bare, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    inner = [kind for kind in get_args(bare) if kind is not type(None)]
    if get_origin(bare) not in (Union, types.UnionType) or len(inner) != 1:
        return hint
    choices = get_args(inner[0]) if get_origin(inner[0]) is Literal else ()
    word = "|".join(map(str, choices)) or WORDS.get(inner[0])
    own = next((extra for extra in extras if getattr(extra, "metavar", None)), None)
    named = next((extra.name for extra in extras if getattr(extra, "name", None)), None)
    return Annotated[
        (bare, arg(name=named, metavar=own.metavar if own else word, help_behavior_hint=""))
    ]
