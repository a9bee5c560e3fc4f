"""A run whose data have grown does not go on, and says how its weights do."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ganzfeld
from ganzfeld.cli import main
from ganzfeld.errors import CheckpointError


@pytest.mark.long
def test_data_that_have_grown_are_met_with_a_command_that_begins_from_the_weights(
    tmp_path: Path,
) -> None:
    """The command printed by `resume`, and by `train` given again, is taken as it stands."""
    data, out = tmp_path / "grown.npy", tmp_path / "run"
    noise = np.random.default_rng(0).integers(0, 256, (90, 16, 16, 3), dtype=np.uint8)
    np.save(data, noise[:60])
    options: dict[str, Any] = {"recipe": "dcgan", "batch": 16, "size": 8, "quiet": True}
    options["settings"] = ["networks.*.width=4", "run.threads=1"]
    ganzfeld.train(data, images=64, out=out, **options)
    np.save(data, noise)
    calls = [lambda: ganzfeld.resume(out, images=96, quiet=True)]
    calls += [lambda: ganzfeld.train(data, images=96, out=out, **options)]
    fixes = set()
    for call in calls:
        with pytest.raises(CheckpointError) as caught:
            call()
        fixes.add(caught.value.fix.splitlines()[-1].strip())
    (fix,) = fixes
    words = shlex.split(fix.replace("NEW", str(tmp_path / "new")))
    assert words[:2] == ["ganzfeld", "train"] and words[words.index("--init") + 1] == str(out)
    more = ["--images", "16", "--batch", "16", "--quiet", "--set", *options["settings"]]
    main.main([*words[1:], *more])
    assert (tmp_path / "new" / "model" / "model.safetensors").exists()
