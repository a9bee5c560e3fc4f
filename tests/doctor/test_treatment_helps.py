"""A run that large steps spoil ends far better where it is treated; bench/treatment.py has more."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import ganzfeld
from ganzfeld.data.avatars import scene
from ganzfeld.doctor import signals
from ganzfeld.modalities import MODALITIES

SIDE = 16
SETTINGS = [
    "networks.*.width=8",
    "run.deterministic=true",
    "run.evaluate_every=1333",
    "run.evaluate_count=128",
    "run.evaluate_final=false",
    "run.inception_count=0",
]
FAULTS = {
    "both, without penalties": [
        "game.r1=0", "game.r2=0", "optimisers.discriminator.lr=0.04",
        "optimisers.discriminator.final_lr=0.004", "optimisers.generator.lr=0.12",
        "optimisers.generator.final_lr=0.012",
    ],
    "the generator's": ["optimisers.generator.lr=0.24", "optimisers.generator.final_lr=0.024"],
}  # fmt: skip


def away(run: Path, fresh: np.ndarray) -> float:
    """The energy distance of what a run ships to avatars that it has not seen."""
    model, kind = ganzfeld.load(run), MODALITIES["image"]
    drawn = kind.to_store(model.sample(len(fresh)), model.spec)
    ours, theirs = (kind.plain(x).astype(np.float64) for x in (drawn, fresh))
    found = signals.energy(
        signals.pairwise(ours), signals.pairwise(theirs), signals.pairwise(ours, theirs)
    )
    assert found is not None
    return found


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_run_that_large_steps_spoil_ends_better_where_it_is_treated(
    fault: str, tmp_path: Path
) -> None:
    found = {}
    fresh = scene.avatars(500, SIDE, SIDE, start=100_000)[0]
    for how in ("watch", "treat"):
        run = tmp_path / how
        ganzfeld.train(
            "avatars:2000", out=run, size=SIDE, images=16_000, batch=32, seed=1, labels="none",
            held_out=128, settings=[*SETTINGS, *FAULTS[fault], f"run.doctor={how}"], quiet=True,
        )  # fmt: skip
        found[how] = away(run, fresh)
    rows = map(json.loads, (tmp_path / "treat" / "metrics.jsonl").read_text().splitlines())
    given = [row for row in rows if row["kind"] == "treatment"]
    print(fault, found, given)
    assert given and given[0]["fresh"] is True
    assert found["treat"] < 0.5 * found["watch"]
