"""The folder of a run: read its configuration."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from ganzfeld.config import Config, from_dict
from ganzfeld.core import formats, reader
from ganzfeld.core.latents import NAMES, OF_TORCH
from ganzfeld.core.names import near, several_runs
from ganzfeld.core.randomness import NARROW, NOISES
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.text import shown


def read_config(run: Path) -> Config:
    """The resolved configuration of a run; names of code in it are foreign, see `trust`."""
    path = run / "config.json"
    if not os.path.lexists(path):
        if several := several_runs(run):
            raise CheckpointError(several[0], fix=several[1])
        raise CheckpointError(
            f"{run} is not a run: it has no config.json"
            if os.path.lexists(run)
            else f"there is no run at {run}{near(run)}",
            fix="give the folder that `ganzfeld train` named as its run",
        )
    if (run / "model.safetensors").is_file():
        raise CheckpointError(
            f"{run} is a model, not a run",
            fix=f"give the run that it is of: {shlex.quote(str(run.parent))}"
            if (run.parent / "config.json").is_file()
            else "give the folder that `ganzfeld train` named as its run",
        )
    stored = reader.read_json(path)
    with reader.refused(path):
        formats.run(stored)
        try:
            config = from_dict(Config, stored)
        except UsageError as error:
            raise formats.told(error) from error
        for name, known in (("latents", NAMES), ("noise", NOISES)):
            if getattr(config.run, name) not in (None, *known):
                wrong = shown(getattr(config.run, name))
                raise reader.Unreadable(f"this release knows no run.{name} {wrong}")
    # what runs did before there was a choice
    for name, then in (("products", False), ("latents", OF_TORCH), ("noise", NARROW)):
        if name not in stored.get("run", {}):
            setattr(config.run, name, then)
    return config


def weights_in(place: Path) -> str | None:
    """The SHA-256 of the weights that a run's or a model's folder ships; None where there are
    none."""
    for folder in (place, place / "model"):
        if (folder / "model.safetensors").is_file():
            try:
                about = reader.read_json(folder / "config.json")
                return str(about["weights"]["sha256"])
            except (CheckpointError, KeyError, TypeError):
                continue
    return None
