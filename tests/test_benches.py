"""Measurements are not run by tests; that what they import is still there is held here."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

FOLDER = Path(__file__).parent.parent / "bench"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_names_that_a_bench_imports_are_there(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("ganzfeld"):
            continue
        module = importlib.import_module(str(node.module))
        for name in node.names:
            if not hasattr(module, name.name):
                importlib.import_module(f"{node.module}.{name.name}")


@pytest.mark.parametrize("fast", [False, True])
def test_inception_is_in_bfloat16_only_where_asked_and_never_mixed(
    fast: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processors without instructions for bfloat16 take six times as long with it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    bench, seen = importlib.import_module("default_look"), list[bool]()

    def extract(*_: Any) -> np.ndarray[Any, Any]:
        seen.append(torch.is_autocast_enabled("cpu"))
        return np.zeros((40, 2), np.float32)

    monkeypatch.setattr(bench, "extract", extract)
    images = np.zeros((40, 3, 2, 2), np.uint8)
    for asked in (fast, fast, not fast):
        bench.features(None, images, tmp_path / "real", asked)
    assert seen == [fast, not fast], "features of one arithmetic stood for the other"


def test_the_work_of_a_step_is_what_pytorch_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    bench = importlib.import_module("step_parts")
    network = nn.Sequential(
        nn.Conv2d(3, 6, 4, 2, 1),
        nn.ConvTranspose2d(6, 10, 4, 2, 1),
        nn.Conv2d(10, 12, 3, bias=False),
        nn.LeakyReLU(),
        nn.Flatten(),
        nn.Linear(12 * 6 * 6, 5),
    )

    def work() -> None:
        network(torch.randn(2, 3, 8, 8)).sum().backward()

    nothing = SimpleNamespace(update=work)
    trainer = SimpleNamespace(average=nothing, update=work, keep=work, finite=work, batch=work)
    with FlopCounterMode(display=False) as counter:
        work()
    parts = bench.Parts(trainer)
    with parts:
        work()
    assert sum(parts.work.values()) == counter.get_total_flops()
    assert parts.work[bench.FEW] > 0 < parts.work[bench.WIDE]
    assert parts.seconds["activations"] > 0
    before = dict(parts.work)
    with parts:
        trainer.batch()  # what belongs to the data is no product of the step
    assert parts.work == before and parts.seconds["data"] > 0
