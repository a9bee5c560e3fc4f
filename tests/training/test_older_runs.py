"""A run from before an option existed: the command that began it still continues it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ganzfeld
from ganzfeld.errors import CheckpointError

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
