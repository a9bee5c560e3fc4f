"""A run of windows goes on as if it had not stopped, and finds its windows again."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import ganzfeld
from ganzfeld.core.runfolder import read_config
from ganzfeld.data.series_sets import var
from ganzfeld.errors import GanzfeldError

SMALL = [
    *("networks.G.hidden=8", "networks.D.hidden=8", "networks.D.width=8"),
    *("run.threads=1", "run.evaluate_count=16", "run.precision=float32", "run.products=false"),
    *("ema.half_life_images=32", "ema.ramp=null", "run.save_every=32", "run.sample_every=64"),
]


@pytest.mark.long
def test_a_longer_run_of_windows_continues_a_shorter_one(tmp_path: Path) -> None:
    with open(tmp_path / "a.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "load", "heat"])
        writer.writerows([t, *map(float, row)] for t, row in enumerate(var([0], length=300)[0].T))
    run = ganzfeld.train(
        tmp_path / "a.csv", window=10, images=64, batch=16, out=tmp_path / "run", quiet=True,
        settings=SMALL,
    )  # fmt: skip
    spec = read_config(run.path).data.spec
    ganzfeld.resume(run.path, images=128, quiet=True)
    config = read_config(run.path)
    assert config.data.window == 10 and config.data.spec == spec
    assert config.run.images == 128 and ganzfeld.load(run.path).shape == (2, 10)
    with pytest.raises(GanzfeldError):
        ganzfeld.train(
            tmp_path / "a.csv", window=12, images=128, batch=16, out=run.path, quiet=True,
            settings=SMALL,
        )  # fmt: skip
