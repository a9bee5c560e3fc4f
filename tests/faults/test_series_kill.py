"""SIGKILL while series are learned: the same command again ends in the same files."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_kill import killed_while_it_trains

SETTINGS = (
    "networks.G.hidden=8",
    "networks.D.hidden=8",
    "networks.D.width=8",
    "run.threads=1",
    "run.precision=float32",
    "run.products=false",
    "run.log_every=112",
    "run.save_every=272",
    "run.sample_every=400",
    "run.evaluate_every=432",
    "run.evaluate_count=32",
)


def words(out: Path) -> list[str]:
    """1,184 series: neither this nor the intervals divide evenly."""
    found = ["train", "var:200", "--batch", "16", "--images", "1184", "--out", str(out)]
    return [*found, "--quiet", "--set", *SETTINGS]


@pytest.mark.long
def test_a_run_of_series_that_is_killed_ends_in_the_same_files(tmp_path: Path) -> None:
    killed_while_it_trains(words, 3, tmp_path)
