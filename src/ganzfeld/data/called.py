"""What messages call the data of a Python program: "the array", not the file that keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

from ganzfeld.core.files import cache_folder
from ganzfeld.core.language import tr
from ganzfeld.core.names import shown
from ganzfeld.data.from_python import is_stack
from ganzfeld.errors import GanzfeldError, say_instead

GIVEN = "data of a Python program"  # in a model's card
KEPT: ContextVar[dict[str, str] | None] = ContextVar("KEPT", default=None)  # words by path


@contextmanager
def in_own_words() -> Iterator[None]:
    """Errors in it name a program's data in words; a decorator, too: `@in_own_words()`."""
    kept: dict[str, str] = {}
    before = KEPT.set(kept)
    try:
        yield
    except GanzfeldError as error:
        say_instead(error, {shown(place): words for place, words in kept.items()})
        raise
    finally:
        KEPT.reset(before)


@contextmanager
def opening(source: Any) -> Iterator[None]:
    """The same of errors that give the last part of the path alone, while these data are read."""
    try:
        yield
    except GanzfeldError as error:
        if words := (KEPT.get() or {}).get(str(source)):
            say_instead(error, {shown(str(source)): words, Path(source).name: words})
        raise


def note(path: Path, dataset: Any) -> Path:
    """The path of a file that keeps a program's data, of which errors will speak in words."""
    if (kept := KEPT.get()) is not None:
        kept[str(path)] = words_of(dataset)
    return path


def called(place: str) -> str:
    """A place for people: a path as it is, a program's data in the cache in words."""
    in_cache = Path(place).parent.parent == cache_folder() / "given"
    return (KEPT.get() or {}).get(place, place) if in_cache else place


def words_of(dataset: Any) -> str:
    """What a program's data are called: the file that an array lies in, else their kind."""
    if isinstance(dataset, np.memmap) and dataset.filename:
        return shown(Path(dataset.filename).name)
    stack = dataset[0] if isinstance(dataset, tuple) and dataset else dataset
    return tr("the array" if is_stack(stack) else "the data set")
