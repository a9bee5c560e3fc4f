"""Data whose samples are all the same: distances have no scale, and a run ends all the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ganzfeld
from ganzfeld.core import metrics_log

COUNT = 200


def lines(home: Path) -> Path:
    (home / "same.txt").write_text("hello\n" * COUNT, encoding="utf-8")
    return home / "same.txt"


def series(home: Path) -> Path:
    rows = "".join(f"2026-01-{1 + i // 24:02d} {i % 24:02d}:00,5\n" for i in range(300))
    (home / "same.csv").write_text(f"time,c\n{rows}", encoding="utf-8")
    return home / "same.csv"


def images(home: Path) -> Path:
    one = np.random.default_rng(0).integers(0, 256, (1, 16, 16), dtype=np.uint8)
    np.save(home / "same.npy", np.repeat(one, COUNT, axis=0))
    return home / "same.npy"


def fields(home: Path) -> Path:
    """With a number of each, by which nothing changes."""
    one = np.random.default_rng(0).normal(size=(1, 8, 8)).astype(np.float32)
    x = np.repeat(one, COUNT, axis=0)
    np.savez(home / "same.npz", x=x, n=np.arange(COUNT, dtype=np.float32))
    return home / "same.npz"


@pytest.mark.parametrize("make", [lines, series, images, fields])
def test_a_run_of_samples_that_are_all_the_same_ends(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    condition = "n" if make is fields else ()
    ganzfeld.train(
        make(tmp_path), out=tmp_path / "run", images=16, batch=8, condition=condition, quiet=True
    )
    log = (tmp_path / "run" / "metrics.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in log.splitlines()]
    (found, *_) = [row for row in rows if "frechet" in row]
    assert found["diversity"] is None and found["real"].get("diversity") is None
    assert (tmp_path / "run" / "report.html").exists()


def test_a_log_holds_null_for_what_is_not_finite(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    metrics_log.append(path, {"a": float("nan"), "real": {"b": [1.0, float("inf")]}})
    assert json.loads(path.read_text()) == {"a": None, "real": {"b": [1.0, None]}}
