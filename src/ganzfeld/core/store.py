"""Arrays in the cache folder: written completely or not at all, and checked when read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from ganzfeld.core.files import replace
from ganzfeld.core.reader import parse
from ganzfeld.core.tensors import read_layouts

Arrays = dict[str, NDArray[Any]]


def digest(arrays: Arrays) -> str:
    """sha256 of names, types, shapes and values, as hex digits."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(json.dumps([name, array.dtype.str, array.shape]).encode("ascii"))
        found.update(array.tobytes())
    return found.hexdigest()


def keep(path: Path, arrays: Arrays, facts: dict[str, Any]) -> None:
    """Write arrays and JSON facts. Raises ResourceError where the disk does not take it."""
    text = json.dumps(facts)
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    metadata = {"facts": text, "sha256": seal(arrays, text)}
    replace(path, safetensors.numpy.save(arrays, metadata=metadata))


def kept(path: Path) -> tuple[Arrays, dict[str, Any]] | None:
    """What `keep` wrote; None where there is nothing, or not what was written."""
    try:
        read_layouts(path)  # a regular file, with a header that fits it
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata["sha256"] != seal(arrays, metadata["facts"]):
            return None
        facts = parse(metadata["facts"])
    except (OSError, KeyError, ValueError, TypeError, SafetensorError):
        return None
    return (arrays, facts) if isinstance(facts, dict) else None


def seal(arrays: Arrays, text: str) -> str:
    return hashlib.sha256((digest(arrays) + text).encode()).hexdigest()
