"""SIGKILL while captions are learned: the same command again ends in the same files."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_kill import ALONE, IMAGES, killed_while_it_trains

SETTINGS = (
    *("networks.G.width=4", "networks.D.width=4", "networks.I.width=4", "networks.G.latent=8"),
    "game.encoder_share=0.4",  # so that some kills come while the encoders learn
    *ALONE,
)


def words_of(out: Path) -> list[str]:
    words = ["train", "avatars-captions:160", "--recipe", "text-to-image", "--size", "16"]
    words += ["--batch", "16", "--images", str(IMAGES), "--out", str(out), "--quiet"]
    return [*words, "--set", *SETTINGS]


RECIPE = """
from dataclasses import replace
from ganzfeld.recipes.captions import text_to_image

def phrases(facts):
    return text_to_image(replace(facts, afford=20_000))
"""


@pytest.mark.slow
def test_a_short_run_of_captions_that_is_killed_ends_in_the_same_files(tmp_path: Path) -> None:
    recipe = tmp_path / "short.py"
    recipe.write_text(RECIPE)

    def words(out: Path) -> list[str]:
        found = ["train", "avatars-captions:160", "--recipe", f"{recipe}:phrases", "--size", "16"]
        found += ["--batch", "16", "--images", str(IMAGES), "--out", str(out), "--quiet"]
        sizes = ("networks.G.width=4", "networks.D.width=4", "networks.G.latent=8")
        return [*found, "--set", *sizes, *ALONE]

    killed_while_it_trains(words, tmp_path)


@pytest.mark.slow
def test_a_run_of_captions_that_is_killed_ends_in_the_same_files(tmp_path: Path) -> None:
    killed_while_it_trains(words_of, tmp_path)
