"""A run from before an option existed: the command that began it still continues it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ganzfeld
from ganzfeld.config import WATCH
from ganzfeld.errors import CheckpointError

pytestmark = pytest.mark.long

LATER = ("transport", "transport_on", "centring", "normalise_gradient", "opening", "consistency")


def test_options_that_came_later_mean_their_defaults(tmp_path: Path) -> None:
    options: dict[str, Any] = {"batch": 8, "size": 16, "out": tmp_path / "run", "quiet": True}
    narrow = ["networks.*.width=4", "networks.G.latent=8"]
    ganzfeld.train("avatars:40", images=16, settings=narrow, **options)
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text("utf-8"))
    for name in LATER:
        del config["game"]["options"][name]
    for optimiser in config["optimisers"].values():
        del optimiser["at_width"]
    path.write_text(json.dumps(config), "utf-8")
    ganzfeld.resume(tmp_path / "run", images=24, quiet=True)
    ganzfeld.train("avatars:40", images=24, settings=narrow, **options)
    with pytest.raises(CheckpointError, match="centring"):
        other = [*narrow, "game.centring=0.5"]
        ganzfeld.train("avatars:40", images=24, settings=other, **options)


def test_a_run_under_older_rules_goes_on_where_they_found_the_same_data(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    np.save(tmp_path / "a.npy", noise)
    options: dict[str, Any] = {"batch": 8, "size": 16, "out": tmp_path / "run", "quiet": True}
    options["settings"] = ["networks.*.width=4", "networks.G.latent=8"]
    ganzfeld.train(tmp_path / "a.npy", images=16, **options)
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text("utf-8"))
    assert config["run"].pop("looks") == WATCH
    config["data"]["rules"] = 3
    path.write_text(json.dumps(config), "utf-8")
    ganzfeld.resume(tmp_path / "run", images=24, quiet=True)
    ganzfeld.train(tmp_path / "a.npy", images=24, **options)
    config = json.loads(path.read_text("utf-8"))
    assert config["data"]["rules"] == 3 and config["run"]["looks"] == 1
    np.save(tmp_path / "a.npy", noise[::-1])
    with pytest.raises(CheckpointError, match="fingerprint"):
        ganzfeld.train(tmp_path / "a.npy", images=24, **options)
