"""Where a run's data lie: as its folder keeps it, and where they are found again.

A path is kept as it was, and in `home` the folder that the run lay in then. So data are found
where they were, or beside the run where both were moved together. Data inside the run's folder
are kept relative to it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganzfeld.config import Data
from ganzfeld.core.names import quoted
from ganzfeld.data import ciphers, pairs
from ganzfeld.data.discover import embedded_count
from ganzfeld.data.shards import is_pattern, there, whole
from ganzfeld.data.source import WORDS
from ganzfeld.errors import DataError
from ganzfeld.text import shown


def noted(data: Data, folder: Path) -> Data:
    """The data's places as the configuration in the run's folder keeps them."""
    home = folder.resolve()
    own: dict[str, Any] = {
        n: inside(getattr(data, n), home) for n in ("source", "other") if getattr(data, n)
    }
    return replace(data, home=str(home), **own)


def inside(place: str, home: Path) -> str:
    """Relative to the run's folder where it lies in it, with slashes; as it is elsewhere."""
    path = Path(place)
    if not path.is_absolute() or not path.is_relative_to(home):
        return place
    return path.relative_to(home).as_posix()


def located(data: Data, folder: Path) -> Data:
    """With paths that hold here, of what is there; as they are kept where nothing is."""
    home = folder.resolve()
    own: dict[str, Any] = {
        n: found(v, data.home, home) for n in ("source", "other") if (v := getattr(data, n))
    }
    return replace(data, labels=found_labels(data.labels, data.home, home), **own)


def found(place: str, then: str | None, home: Path) -> str:
    """Where a path leads today. then, home: the run's folder when it was kept, and now."""
    if is_embedded(place):
        return place
    path = Path(place)
    if not path.is_absolute():
        return str(home / path) if exists(home / path) else place
    if exists(path) or not then:
        return place
    try:
        beside = Path(os.path.normpath(home / os.path.relpath(path, then)))
    except ValueError:  # on another drive, or no path at all
        return place
    return str(beside) if exists(beside) else place


def found_labels(labels: str, then: str | None, home: Path) -> str:
    """The same of a table's path, which may end in ":COLUMN"."""
    if labels in WORDS or exists(Path(labels)):
        return labels
    path, colon, column = labels.rpartition(":")
    if colon and Path(path).is_absolute():
        return found(path, then, home) + colon + column
    return found(labels, then, home) if Path(labels).is_absolute() else labels


def moved(data: Data, source: str | None, other: str | None) -> Data:
    """With the places that a user gives; a table of labels inside the old place moves along."""
    labels = data.labels
    if source is not None:
        old, new = Path(data.source), str(Path(source).expanduser().resolve())
        new = whole(source) if is_pattern(source) else new
        if labels not in WORDS and not exists(Path(labels)) and old.is_absolute():
            path, colon, column = labels.rpartition(":")
            ending = colon + column if colon and Path(path).is_absolute() else ""
            table = Path(labels.removesuffix(ending) if ending else labels)
            if table.is_relative_to(old):
                labels = str(Path(new) / table.relative_to(old)) + ending
        data = replace(data, source=source if is_embedded(source) else new, labels=labels)
    if other is not None:
        data = replace(data, other=str(Path(other).expanduser().resolve()))
    return data


def need(data: Data, run: Path) -> None:
    """DataError where the data of a run are not there; it names the option that says where."""
    for place, option in ((data.source, "--data PATH"), (data.other, "--with PATH")):
        if place and not is_embedded(place) and not exists(Path(place)):
            raise DataError(
                f"the data of {run} are not at {shown(place)} any more, nor where they lay seen "
                "from the run",
                safe="nothing was changed",
                fix=f"ganzfeld resume {quoted(run)} {option}",
            )


def is_embedded(place: str) -> bool:
    """Whether it names an embedded set, of one kind of samples or of two domains."""
    try:
        kinds = (embedded_count, pairs.embedded, ciphers.asked)
        return any(kind(place) is not None for kind in kinds)
    except DataError:
        return False


def exists(path: Path) -> bool:
    try:
        return path.exists() or there(str(path))
    except (OSError, ValueError):  # a name that no path can have
        return False
