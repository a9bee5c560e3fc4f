"""Recognise what ganzfeld itself made, where data were expected: runs, models, packs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ganzfeld.core.names import capped, quoted, shown
from ganzfeld.core.reader import open_regular
from ganzfeld.data.listing import RUN, Listing
from ganzfeld.errors import DataError

MODEL = frozenset({"config.json", "model.safetensors"})
MOST_BYTES = 64 << 20  # of a header


def refuse(root: Path, listing: Listing) -> None:
    """DataError for the folder of a run or a model, or one that holds nothing but runs."""
    names = {name for name, _, _ in listing.files if "/" not in name}
    place = quoted(root)
    if names >= RUN:
        raise DataError(
            f"{shown(str(root))} is the folder of a run, not data",
            safe="nothing was read",
            fix=f"ganzfeld report {place}, or ganzfeld sample {place} --count 64 --out images; its "
            "config.json says what it was trained on",
        )
    if names >= MODEL:
        raise DataError(
            f"{shown(str(root))} is the folder of a model, not data",
            safe="nothing was read",
            fix=f"ganzfeld sample {place} --count 64 --out images",
        )
    if listing.runs and not listing.files:
        some = ", ".join(capped([shown(name) for name in listing.runs], 3))
        raise DataError(
            f"{shown(str(root))} holds folders of runs, not data: {some}",
            safe="nothing was read",
            fix=f"give one of them: {quoted(root / listing.runs[0])}, or a folder of data",
        )


def refuse_file(path: Path) -> None:
    """DataError for a pack or the weights of a model; nothing for other safetensors files."""
    if str(_metadata(path).get("format", "")).startswith("ganzfeld pack"):
        raise DataError(
            f"{shown(str(path))} is a pack: decoded data in the cache, not the data themselves",
            safe="nothing was read",
            fix="give the folder or file that it was made of: its pack is found again by itself",
        )
    if (path.parent / "config.json").is_file():
        raise DataError(
            f"{shown(str(path))} holds the weights of a model, not data",
            safe="nothing was read",
            fix=f"ganzfeld sample {quoted(path.parent)} --count 64 --out images",
        )


def _metadata(path: Path) -> dict[str, Any]:
    """What a safetensors file says of itself; {} where it says nothing readable."""
    try:
        with open_regular(path) as file:
            size = int.from_bytes(file.read(8), "little")
            head = file.read(size) if size <= MOST_BYTES else b""
        tree = json.loads(head.decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    found = tree.get("__metadata__") if isinstance(tree, dict) else None
    return found if isinstance(found, dict) else {}
