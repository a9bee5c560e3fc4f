"""A study's cells: what is no cell is computed again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ganzfeld.studies.augmentation import seconds_in
from ganzfeld.studies.ledger import Ledger

SIZE = {"kind": "size", "recipe": "dcgan", "afford": 640}
MIXTURE = {"real": 60, "seed": 1, "arm": "real", "accuracy": 0.5, "tested": 9}
RUN = {
    **{"kind": "run", "recipe": "dcgan", "seed": 1, "rate": 1.0, "width": 1.0, "images": 64},
    **{"seconds": None, "steps": 2, "batch": 32, "widths": {"G": 4}, "rates": {"D": [1, 1]}},
    "parameters": 10,
}
DIVERGED = {**{k: RUN[k] for k in ("kind", "recipe", "seed", "rate", "width", "images")}}
DIVERGED["diverged"] = "it diverged"


@pytest.mark.parametrize("cell", [SIZE, MIXTURE, RUN, DIVERGED])
def test_a_whole_cell_is_found(cell: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "cells.jsonl").write_text(json.dumps(cell) + "\n")
    assert Ledger(tmp_path).cells == [cell]


@pytest.mark.parametrize(
    "cell",
    [
        *({**SIZE, "afford": value} for value in ("a", -1, [])),
        {"kind": "size", "recipe": "dcgan"},
        {**MIXTURE, "accuracy": None},
        {k: v for k, v in MIXTURE.items() if k != "accuracy"},
        *({k: v for k, v in RUN.items() if k != gone} for gone in RUN),
        {**RUN, "rates": {"D": [1]}},
        {**RUN, "images": 0},
        {**RUN, "kind": "none"},
        {**RUN, "kind": ["run"]},
        {**DIVERGED, "diverged": 1},
        [],
        "text",
    ],
)
def test_what_is_no_cell_is_computed_again(cell: Any, tmp_path: Path) -> None:
    (tmp_path / "cells.jsonl").write_text(json.dumps(SIZE) + "\n" + json.dumps(cell) + "\n")
    ledger = Ledger(tmp_path)
    assert ledger.cells == [SIZE]
    found = ledger.cell(lambda: {"afford": 1}, kind="size", recipe="other")
    assert Ledger(tmp_path).find(kind="size", recipe="other") == found


def test_what_training_cost_is_the_sum_of_all_calls(tmp_path: Path) -> None:
    path = tmp_path / "cost.jsonl"
    assert list(seconds_in(path)) == []
    path.write_text('{"seconds": 1.5}\n{"seconds": 2}\n{"seconds": "x"}\n{"secon')
    assert list(seconds_in(path)) == [1.5, 2.0]
