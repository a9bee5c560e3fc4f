"""Sample i of a seed is the same to the bit, of every kind: whatever is drawn beside it, in which
order, on how many threads, and in which process."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from shipping_runs import tiny

import forks
import ganzfeld

RECIPES = (
    *("audio", "wavegan", "text-gan", "table-gan", "table-vae", "fields", "series-gan"),
    *(
        pytest.param(twin, marks=pytest.mark.slow)
        for twin in ("text-gumbel", "text-mle", "showers")
    ),
)


@pytest.mark.long
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_sample_is_a_function_of_seed_and_number(recipe: str, tmp_path: Path) -> None:
    run = tiny(recipe, tmp_path / "run")
    model = ganzfeld.load(run)
    many = model.sample(70, seed=3)
    assert not torch.equal(many[0], many[1]) or recipe.startswith("text")
    assert torch.equal(many, model.sample(70, seed=3))
    for start, count in ((0, 1), (5, 3), (31, 2), (32, 33), (69, 1)):
        assert torch.equal(many[start : start + count], model.sample(count, seed=3, start=start))
    chunks = torch.cat(list(model.chunks(70, seed=3)))
    assert torch.equal(many, chunks)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert torch.equal(many, ganzfeld.load(run).sample(70, seed=3))
        assert torch.equal(many[40:41], ganzfeld.load(run).sample(1, seed=3, start=40))
    finally:
        torch.set_num_threads(before)
    assert not torch.equal(many, model.sample(70, seed=4))
    if recipe in ("text-gan", "table-vae", "audio"):
        code = (
            "import sys, numpy, ganzfeld\n"
            "x = ganzfeld.load(sys.argv[1]).sample(3, seed=3, start=50)\n"
            "numpy.save(sys.argv[2], x.numpy())\n"
        )
        assert forks.run(run, tmp_path / "x.npy", code=code).returncode == 0
        import numpy as np

        assert np.array_equal(np.load(tmp_path / "x.npy"), many[50:53].numpy())
