"""Write a run's configuration into its folder, with where its data lie now."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from ganzfeld.config import Config, to_json
from ganzfeld.core import files, runfolder
from ganzfeld.core.names import quoted
from ganzfeld.core.reader import parse, read_whole
from ganzfeld.data import whereabouts
from ganzfeld.data.shard_index import NOTE_BYTES, as_noted, changes
from ganzfeld.errors import CheckpointError

SHARDS = "shards.json"


def note(folder: Path, config: Config, *, writes: bool, pack: Any = None) -> None:
    """Write it down; one that is there and says the same of this place stays as it is.

    pack: the data, of which a file beside says what their shards were where they are streamed.
    """
    path = folder / "config.json"
    if writes and getattr(pack, "stream", None) is not None:
        files.replace(folder / SHARDS, json.dumps(as_noted(pack.stream.index)).encode("ascii"))
    if path.exists() and says(folder, config, runfolder.read_config(folder)):
        return
    kept = dataclasses.replace(config, data=whereabouts.noted(config.data, folder))
    if writes:
        files.replace(path, files.utf8(to_json(kept)))


def says(folder: Path, config: Config, stored: Config) -> bool:
    """Whether a stored configuration is this one, with its data found from here."""
    there = dataclasses.replace(whereabouts.located(stored.data, folder), home=None)
    here = dataclasses.replace(config.data, home=None)
    return to_json(dataclasses.replace(stored, data=there)) == to_json(
        dataclasses.replace(config, data=here)
    )


def need_shards(folder: Path, pack: Any, source: str) -> None:
    """CheckpointError where the shards of a stream are no more what a run began with: which."""
    if getattr(pack, "stream", None) is None:
        return
    try:
        then = parse(read_whole(folder / SHARDS, NOTE_BYTES))
        found = changes(then, as_noted(pack.stream.index))
    except (OSError, ValueError, TypeError, IndexError):  # the fingerprint tells as well
        return
    if found:
        raise CheckpointError(
            f"the shards in {source} are not what {folder} is trained on: {found}",
            safe="nothing was changed",
            fix=f"bring them back as they were, then ganzfeld resume {quoted(folder)}   or, where "
            f"images were only added, ganzfeld resume {quoted(folder)} --data-grown",
        )
