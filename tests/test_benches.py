"""Measurements are not run by tests; that what they import is still there is held here."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

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
