"""Find an object by name: one of ganzfeld's, or a user's own as `file.py:name`."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
import re
import sys
import types
from collections.abc import Callable, Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any, TypeVar

from ganzfeld.core import trust
from ganzfeld.core.blame import OWN, own_place, reason_of
from ganzfeld.errors import GanzfeldError, UsageError, did_you_mean
from ganzfeld.text import shown

Maker = TypeVar("Maker", bound=Callable[..., Any])


def find(name: str, known: Mapping[str, Any], what: str) -> Any:
    """An object by its name in `known`, or a user's own by `module:name` or `file.py:name`.

    Raises ForeignCodeError where the name came from a file and nobody said that he trusts it.
    """
    if name in known:
        return known[name]
    if name.endswith(".py"):
        raise UsageError(
            f"{shown(name)} is a file: say what in it is the {what}", fix=f"{shown(name)}:NAME"
        )
    if not trust.is_code(name):
        own = ", or your own as file.py:name" if ":" in name else ""
        raise UsageError(
            f"no {what} is called {shown(repr(name))}. {did_you_mean(name, known)}{own}"
        )
    trust.refuse(name)
    module, _, attribute = name.rpartition(":")
    try:
        loaded = load_module(module)
    except GanzfeldError:
        raise
    except (Exception, SystemExit) as error:  # of the user's code, which may raise anything
        reason = shown(reason_of(error))
        raise UsageError(f"the {what} {shown(name)} cannot be loaded: {reason}") from error
    if not hasattr(loaded, attribute):
        there = [
            one
            for one, value in vars(loaded).items()
            if getattr(value, "__module__", "") == loaded.__name__ and not one.startswith("_")
        ]
        meant = f". {did_you_mean(attribute, there)}" if there else ""
        raise UsageError(f"{shown(module)} holds no {shown(repr(attribute))}{meant}")
    return getattr(loaded, attribute)


class Source(SourceFileLoader):
    """Runs the text that was read: a compiled file beside it may be of another text."""

    def __init__(self, name: str, path: str, text: bytes) -> None:
        super().__init__(name, path)
        self.text = text

    def get_code(self, fullname: str) -> types.CodeType:
        code: types.CodeType = self.source_to_code(self.text, self.path)
        return code


def load_module(name: str) -> Any:
    """A module by its dotted name, from here or as installed; or that in a file.

    A file's module stands for no other of its name, such as the standard library's random, and
    is loaded anew only where the file has changed.
    """
    if not name.endswith(".py"):
        sys.path.insert(0, "")
        try:
            module = importlib.import_module(name)
            file = getattr(module, "__file__", None) or ""
            if name.partition(".")[0] != "ganzfeld" and "site-packages" not in file:
                OWN.add(file)
            return module
        finally:  # what lies here must not stand for what others import later
            sys.path.remove("")
            if "" not in sys.path:
                sys.path.append("")
    path = Path(name).resolve()
    if not path.is_file():
        raise ImportError(f"there is no file {path}")
    source = path.read_bytes()
    digest = hashlib.sha256(os.fsencode(path) + b"\0" + source).hexdigest()[:16]
    own = f"ganzfeld_user.{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}_{digest}"
    if own in sys.modules:
        return sys.modules[own]
    OWN.add(str(path))
    loader = Source(own, str(path), source)
    spec = importlib.util.spec_from_file_location(own, path, loader=loader)
    if spec is None:
        raise ImportError(f"{path} is not a Python file")
    sys.modules.setdefault("ganzfeld_user", types.ModuleType("ganzfeld_user"))
    module = sys.modules[own] = importlib.util.module_from_spec(spec)
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[own]
        raise
    return module


def spelled_by(flat: Callable[..., Any], *groups: str) -> Callable[[Maker], Maker]:
    """For a constructor whose arguments come in groups: a configuration spells them one by one.

    flat: a function of all single arguments by name. groups: the constructor's own names for what
    these make together.

    Example::

        from ganzfeld.core.plugins import options_of, spelled_by

        def point(*, x: float = 0.0, y: float = 0.0) -> tuple[float, float]:
            return x, y

        class Shape:
            @spelled_by(point, "at")
            def __init__(self, size: int, at=(0.0, 0.0), **single: float) -> None:
                self.at = point(**single) if single else at

        assert list(options_of(Shape)) == ["size", "x", "y"]
    """

    def mark(init: Maker) -> Maker:
        init.__dict__["spelled"] = flat, groups
        return init

    return mark


def options_of(make: Callable[..., Any], eval_str: bool = False) -> dict[str, inspect.Parameter]:
    """What `make` takes from a configuration: its parameters, groups of them one by one.

    eval_str: with types as annotations, not their names.
    """
    found = dict(inspect.signature(make, eval_str=eval_str).parameters)
    init = make.__init__ if inspect.isclass(make) else make
    flat, groups = getattr(init, "spelled", (None, ()))
    if flat is None:
        return found
    own = {n: p for n, p in found.items() if n not in groups and p.kind is not p.VAR_KEYWORD}
    return own | dict(inspect.signature(flat, eval_str=eval_str).parameters)


def call(what: str, make: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """make(...), after checking the names of the options against its signature."""
    parameters = options_of(make)
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        for option in options:
            if option not in parameters:
                raise UsageError(
                    f"{what} has no option {option!r}. {did_you_mean(option, parameters)}"
                )
    try:
        return make(*arguments, **options)
    except GanzfeldError:
        raise
    except Exception as error:
        of_options = isinstance(error, TypeError | ValueError | KeyError | RuntimeError)
        if "memory" in str(error).lower() or not (of_options or own_place(error)):
            raise  # no fault of the options, nor of a user's own code
        raise UsageError(f"{what} cannot be built: {reason_of(error)}") from error
