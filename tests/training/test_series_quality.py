"""Under a minute of CPU time gives series the memory of their law, by exact answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ganzfeld
from ganzfeld.data.series_sets import SETS, var_correlation
from ganzfeld.metrics import series_metrics as metrics

IMAGES, COUNT = 24_000, 1_000


@pytest.mark.slow
def test_a_vector_autoregression_is_learned(tmp_path: Path) -> None:
    run = ganzfeld.train(
        "var:4000", images=IMAGES, out=tmp_path / "run", quiet=True, settings=["run.threads=1"]
    )
    model = ganzfeld.load(run.path)
    made = model.store(model.sample(COUNT))
    real, other = (SETS["var"].make(range(n, n + COUNT)) for n in (10**6, 2 * 10**6))
    found, floor = metrics.errors(real, made), metrics.errors(real, other)
    best = SETS["var"].best
    assert best is not None
    error = metrics.forecast(metrics.standardised(made, real), metrics.standardised(real))
    told = metrics.told_apart(real, made)
    print({"found": found, "floor": floor, "forecast": error, "best": best, "told": told})
    for name in ("autocorrelation", "cross_correlation", "squares"):
        assert found[name] < floor[name] + 0.03, name
    assert found["marginal"] < 0.1 and found["spectrum"] < 0.1
    assert error < 1.02 * best
    assert told < 0.25
    exact = [var_correlation(lag)[0, 0] for lag in range(6)]
    assert np.allclose(metrics.autocorrelation(made, 5)[0], exact, atol=0.06)
