"""SIGKILL while captions are learned: the same command again ends in the same files."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_kill import ALONE, IMAGES, killed_while_it_trains

SETTINGS = (
    *("networks.*.width=4", "networks.*.hidden=16", "networks.*.embedding=8"),
    "game.likelihood_share=0.4",  # so that some kills come before the discriminator begins
    *ALONE,
)


def words_of(out: Path) -> list[str]:
    words = ["train", "avatars-paraphrases:160", "--recipe", "image-to-text", "--size", "16"]
    words += ["--batch", "16", "--images", str(IMAGES), "--out", str(out), "--quiet"]
    return [*words, "--set", *SETTINGS]


@pytest.mark.slow
def test_a_run_of_captions_that_is_killed_ends_in_the_same_files(tmp_path: Path) -> None:
    killed_while_it_trains(words_of, tmp_path)
