"""SIGKILL while fields are learned: the same command again ends in the same files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from test_kill import ALONE, IMAGES, killed_while_it_trains

SETTINGS = (
    "networks.*.width=4",
    "networks.G.latent=8",
    *ALONE,
)


def words_of(data: str, out: Path) -> list[str]:
    words = ["train", data, "--batch", "16", "--images", str(IMAGES), "--out", str(out)]
    return [*words, "--quiet", "--set", *SETTINGS]


@pytest.mark.slow
@pytest.mark.parametrize("data", ["showers:200", "fields:200"])
def test_a_run_of_fields_that_is_killed_ends_in_the_same_files(data: str, tmp_path: Path) -> None:
    killed_while_it_trains(partial(words_of, data), tmp_path)
