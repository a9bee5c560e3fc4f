"""SIGKILL while sounds, lines, or images by one of several captions are learned: the same command
again ends in the same files. (Fields, tables, series and other captions: the files beside this.)"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from test_kill import ALONE, IMAGES, killed_while_it_trains

LINES = ["grammar:200"]
SOUNDS = ["vowels:64"]
CASES: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "text-gan": (LINES, ("networks.*.hidden=12",)),
    "text-gumbel": (LINES, ("networks.G.hidden=12", "networks.D.width=8")),
    "text-mle": (LINES, ("networks.*.hidden=12",)),
    "audio": (SOUNDS, ("networks.*.width=4",)),
    "wavegan": (SOUNDS, ("networks.*.width=4",)),
    "text-to-image": (  # of avatars-paraphrases each image has several captions
        ["avatars-paraphrases:160", "--size", "16"],
        ("networks.*.width=4", "networks.G.latent=8"),
    ),
}


def words_of(recipe: str, out: Path) -> list[str]:
    data, settings = CASES[recipe]
    words = ["train", *data, "--recipe", recipe, "--batch", "16", "--images", str(IMAGES)]
    return [*words, "--out", str(out), "--quiet", "--set", *settings, *ALONE]


@pytest.mark.long
@pytest.mark.parametrize(
    "recipe",
    [
        "text-gan",
        *(
            pytest.param(recipe, marks=pytest.mark.slow)
            for recipe in ("audio", "text-gumbel", "text-mle", "wavegan", "text-to-image")
        ),
    ],
)
def test_a_run_that_is_killed_ends_in_the_same_files(recipe: str, tmp_path: Path) -> None:
    killed_while_it_trains(partial(words_of, recipe), tmp_path)
