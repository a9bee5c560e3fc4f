"""Pages whose graph was traced when the package was made: assembled in a moment, without PyTorch.

A model of the package has page.json beside its weights: all that the page says of it but the
weights themselves. `bench/box.py` writes it, and a test holds that it is what would be made now.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from ganzfeld.core import marks, reader
from ganzfeld.errors import GanzfeldError
from ganzfeld.shipping.page_html import document
from ganzfeld.shipping.page_wasm import product

NAME = "page.json"
FILES = {"G": "model.safetensors", "D": "discriminator.safetensors"}  # of the page's networks
MOST_BYTES = 16 << 20
KINDS: dict[int, str] = {2: "<f2", 4: "<f4"}  # by the bytes of a number


def description(about: Mapping[str, Any]) -> bytes:
    """page.json of what a page says of its model: without what each release adds by itself."""
    kept = {name: value for name, value in about.items() if name != "wasm"}
    kept["mark"] = {name: value for name, value in about["mark"].items() if name != "software"}
    return json.dumps(kept, separators=(",", ":")).encode() + b"\n"


def prepared(folder: Path, weights: str) -> str | None:
    """The page of a model folder of the package; None where none was prepared for its weights.

    weights: the SHA-256 of model.safetensors, which the caller has compared with the file.
    """
    if not (folder / NAME).is_file():
        return None
    try:
        about = reader.read_json(folder / NAME)
        if about["mark"]["model"] != weights:
            return None
        names = {network: FILES[network] for network in about["graphs"]}
        states = {n: load(reader.read_bytes(folder / f, MOST_BYTES)) for n, f in names.items()}
        packed = b"".join(
            as_bytes(states[n][name], width) for n, name, _, width in about["tensors"]
        )
    except (GanzfeldError, SafetensorError, KeyError, TypeError, ValueError):
        return None  # it is made anew, and what is wrong is said there
    about["mark"] = {"software": marks.SOFTWARE} | about["mark"]
    about["wasm"] = base64.b64encode(product()).decode()
    return document({"model": about}, packed, str(about["title"]))


def as_bytes(value: NDArray[Any], width: int) -> bytes:
    """A tensor as a page holds it, in numbers of two or four bytes."""
    return value.astype(np.float32).astype(KINDS[width]).tobytes()
