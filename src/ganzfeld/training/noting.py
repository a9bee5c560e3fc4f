"""Write a run's configuration into its folder, with where its data lie now."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ganzfeld.config import Config, to_json
from ganzfeld.core import files, runfolder
from ganzfeld.data import whereabouts


def note(folder: Path, config: Config, *, writes: bool) -> None:
    """Write it down; one that is there and says the same of this place stays as it is."""
    path = folder / "config.json"
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
