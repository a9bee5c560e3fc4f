"""SIGKILL while series are learned: the same command again ends in the same files."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_kill import ALONE, IMAGES, killed_while_it_trains

SETTINGS = (
    "networks.G.hidden=8",
    "networks.D.hidden=8",
    "networks.D.width=8",
    *ALONE,
)


def words(out: Path) -> list[str]:
    found = ["train", "var:200", "--batch", "16", "--images", str(IMAGES), "--out", str(out)]
    return [*found, "--quiet", "--set", *SETTINGS]


@pytest.mark.slow
def test_a_run_of_series_that_is_killed_ends_in_the_same_files(tmp_path: Path) -> None:
    killed_while_it_trains(words, tmp_path)
