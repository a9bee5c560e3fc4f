"""Frechet distances of a log: only what was measured alike is compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganzfeld.core import metrics_log


def row(images: int, frechet: float | None, by: str, version: str = "1.0") -> dict[str, Any]:
    protocol = f"in training / {by} / n64 / seed 0 / ganzfeld {version} / 0f"
    return {"kind": "evaluation", "images": images, "frechet": frechet, "protocol": protocol}


def test_a_run_that_goes_on_with_other_features_forgets_the_old_distances(tmp_path: Path) -> None:
    """80 by other features would beat all that comes after it."""
    log = tmp_path / "metrics.jsonl"
    for line in (row(100, 0.8, "learned / aa"), row(200, 0.7, "learned / aa")):
        metrics_log.append(log, line)
    assert metrics_log.scores(log) == {100: 0.8, 200: 0.7}
    metrics_log.append(log, row(300, 90.0, "learned / bb"))
    assert metrics_log.scores(log) == {300: 90.0}
    metrics_log.append(log, row(400, 80.0, "learned / bb", version="1.1"))
    assert metrics_log.scores(log) == {300: 90.0, 400: 80.0}, "by another version, but alike"


def test_rows_without_a_protocol_or_a_number(tmp_path: Path) -> None:
    log = tmp_path / "metrics.jsonl"
    metrics_log.append(log, {"kind": "evaluation", "images": 1, "frechet": 3.0})
    metrics_log.append(log, {"kind": "evaluation", "images": 2, "frechet": float("nan")})
    metrics_log.append(log, {"kind": "evaluation", "images": 3, "error": 1.0})
    metrics_log.append(log, {"kind": "train", "images": 4, "loss": 1.0})
    assert metrics_log.scores(log) == {1: 3.0}
    assert metrics_log.scores_of([row(1, float("nan"), "x")]) == {}
