"""SIGKILL while fields are learned: the same command again ends in the same files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from test_kill import killed_while_it_trains

SAMPLES = 1_184  # neither this nor the intervals divide evenly
SETTINGS = (
    "networks.*.width=4",
    "networks.G.latent=8",
    "run.threads=1",
    "run.precision=float32",
    "run.products=false",
    "run.log_every=112",
    "run.save_every=272",
    "run.sample_every=400",
    "run.evaluate_every=432",
    "run.evaluate_count=32",
)


def words_of(data: str, out: Path) -> list[str]:
    words = ["train", data, "--batch", "16", "--images", str(SAMPLES), "--out", str(out)]
    return [*words, "--quiet", "--set", *SETTINGS]


@pytest.mark.long
@pytest.mark.parametrize(
    ("data", "kills"), [("showers:200", 3), pytest.param("fields:200", 3, marks=pytest.mark.slow)]
)
def test_a_run_of_fields_that_is_killed_ends_in_the_same_files(
    data: str, kills: int, tmp_path: Path
) -> None:
    killed_while_it_trains(partial(words_of, data), kills, tmp_path)
