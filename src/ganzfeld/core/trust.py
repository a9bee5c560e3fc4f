"""Decide whose code may run: code that the user names runs; code that a file names does not.

Text that a file holds and that could name code (`module:name`, `file.py:name`) is marked as
`Foreign` when it is read. What loads code refuses it, wherever it has come by, until somebody
said that he trusts it. A run that this user began here with code of his own is noted outside of
its folder, and goes on without being asked again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.machinery
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, TypeVar

from ganzfeld.config import Config
from ganzfeld.core.foreign import Foreign
from ganzfeld.errors import ForeignCodeError, ResourceError
from ganzfeld.text import shown

T = TypeVar("T")
NAME = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*|.+\.py):(?P<attribute>[^\W\d]\w*)", re.S)


def is_code(name: str) -> bool:
    """Whether a name has the form of code: `module:name` or `file.py:name`."""
    return NAME.fullmatch(name) is not None


def refuse(name: str) -> None:
    """ForeignCodeError where a name came from a file and nobody said that he trusts it."""
    if isinstance(name, Foreign):
        raise ForeignCodeError(
            f"this contains Python code by its author, {shown(name)}; it was not run",
            fix="add --trust-code if you trust it, in Python ganzfeld.load(path, trust_code=True)",
        )


def trusted(tree: T) -> T:
    """A copy of a tree or dataclass whose names may be followed: somebody vouches for them."""
    found: Any = tree
    if isinstance(tree, Foreign):
        found = str(tree)
    elif isinstance(tree, dict):
        found = {name: trusted(value) for name, value in tree.items()}
    elif isinstance(tree, list | tuple):
        found = type(tree)([trusted(value) for value in tree])
    elif dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = [field.name for field in dataclasses.fields(tree)]
        found = dataclasses.replace(tree, **{n: trusted(getattr(tree, n)) for n in names})
    return found  # type: ignore[no-any-return]


def code_names(config: Any) -> list[str]:
    """The names of code in a run's configuration, each once."""
    names = [config.game.name, *(part.name for part in config.networks.values())]
    for optimiser in config.optimisers.values():
        names += [optimiser.name, optimiser.decay]
    return list(dict.fromkeys(name for name in names if ":" in name))


# A note of the runs that were begun here


def remember(run: Path, config: Any) -> None:
    """Note that this user began this run here, where it has code of his own."""
    if not code_names(config):
        return
    from ganzfeld.core.files import replace

    with contextlib.suppress(OSError, ResourceError):  # without the note, --trust-code is asked for
        path = note_of(run, config)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, b"{}\n")


def remembered(run: Path, config: Any) -> bool:
    """Whether this user began this very run here, with the code as it is now."""
    try:
        return bool(code_names(config)) and note_of(run, config).is_file()
    except (OSError, ResourceError):
        return False


def note_of(run: Path, config: Any) -> Path:
    """The note's place follows from the run's real path, all that is given to its code, and the
    code's files as they are."""
    from ganzfeld.core.files import cache_folder

    parts = {
        "run": os.path.realpath(run),
        "code": {name: file_hash(name) for name in code_names(config)},
        "game": dataclasses.asdict(config.game),
        "networks": {name: dataclasses.asdict(part) for name, part in config.networks.items()},
        "optimisers": {n: dataclasses.asdict(part) for n, part in config.optimisers.items()},
    }
    text = json.dumps(parts, sort_keys=True)
    return cache_folder() / "begun-here" / f"{hashlib.sha256(text.encode()).hexdigest()}.json"


def file_of(name: str) -> Path | None:
    """The file of code by its name, found without running anything; None where there is none."""
    module = name.rpartition(":")[0]
    if module.endswith(".py"):
        return Path(module)
    places: list[str] | None = ["", *(place for place in sys.path if place)]
    spec = None
    so_far: list[str] = []
    for part in module.split("."):
        so_far.append(part)
        spec = importlib.machinery.PathFinder.find_spec(".".join(so_far), places)
        if spec is None:
            return None
        places = list(spec.submodule_search_locations or ())
    return Path(spec.origin) if spec and spec.origin and spec.has_location else None


def file_hash(name: str) -> str:
    from ganzfeld.core.reader import JSON_BYTES, Unreadable, read_whole

    path = file_of(name)
    if path is None:
        return ""
    try:
        return hashlib.sha256(read_whole(path, JSON_BYTES)).hexdigest()
    except (OSError, Unreadable):
        return ""


def trust(config: Config) -> str:
    """What commands that draw from a run need, where parts of it are code of its author."""
    parts = [config.game, *config.networks.values()]
    return " --trust-code" if any(":" in part.name for part in parts) else ""
