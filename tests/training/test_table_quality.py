"""What the recipes of tables make of the embedded census: the bars of docs/tables.md.

pytest -m slow tests/training/test_table_quality.py -s
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

import ganzfeld
from ganzfeld.data.columns import Values
from ganzfeld.data.pack import open_pack
from ganzfeld.data.table_rows import census
from ganzfeld.data.table_sets import census_truth
from ganzfeld.metrics import table_metrics as metrics
from ganzfeld.modalities.table.modality import Tables
from ganzfeld.modalities.table.schema import Schema

ROWS, FRESH = 12_000, 20_000


@pytest.mark.slow
@pytest.mark.parametrize(("recipe", "seen"), [("table-vae", 900_000)])
def test_rows_are_as_good_as_the_bar_says(
    recipe: str, seen: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    started = time.process_time()
    run = ganzfeld.train(
        f"table:{ROWS}", recipe=recipe, images=seen, held_out=0, out=tmp_path / "run", quiet=True
    )
    seconds = time.process_time() - started
    model = ganzfeld.load(run.path, which="last")
    known = Schema.from_json(model.spec.extra["schema"])
    levels = metrics.levels_of(known)
    made = metrics.plain(model.store(model.sample(ROWS)), known)
    pack = open_pack(f"table:{ROWS}")
    pack.see_as(model.spec)
    train = metrics.plain(pack.rows(np.arange(ROWS))["x"], known)
    test = {name: values[ROWS:] for name, values in fresh(model.spec, known).items()}
    own, rare = metrics.marginals(test, made, levels), metrics.rare(test, made, levels)
    ours, theirs = (metrics.scores(t, test, levels, "income") for t in (made, train))
    truth = census_truth()
    positive = float((made["income"] == 1).mean())
    off = {name: round(share, 2) for name, share in rare.items() if abs(share - 1) > 1 / 3}
    with capsys.disabled():
        print(f"\n{recipe}: {seconds:.0f} CPU s; marginals {max(own.values()):.3f} "
              f"(mean {np.mean(list(own.values())):.3f}); "
              f"trees {ours['trees']:.4f} of {theirs['trees']:.4f}, best {truth.bayes:.4f}; "
              f"logistic {ours['logistic']:.4f} of {theirs['logistic']:.4f}; "
              f"P(income) {positive:.4f} of {truth.probability:.4f}; "
              f"rare off {len(off)} of {len(rare)} {off}; "
              f"told apart {metrics.discriminative(test, made, levels):.3f}; "
              f"{metrics.pairs(test, made, levels)}; "
              f"{ {k: round(v, 3) for k, v in own.items()} }")  # fmt: skip
    assert max(own.values()) <= 0.05
    assert ours["trees"] >= theirs["trees"] - 0.02
    assert abs(positive - truth.probability) <= 0.03
    assert len(off) <= len(rare) / 4


def fresh(spec: object, known: Schema) -> metrics.Columns:
    """Rows that no run has seen: those behind the ones of the pack."""
    raw: Values = census(ROWS + FRESH).columns["x"]
    turn = Tables().turned(raw.spec, spec)  # type: ignore[arg-type]
    stored = np.asarray(raw.rows) if turn is None else turn(np.asarray(raw.rows))
    return metrics.plain(stored, known)
