"""SIGKILL while captions are learned: the same command again ends in the same files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from test_kill import ALONE, IMAGES, killed_while_it_trains

SETTINGS = {
    "text-to-image": (),
    # so that some kills come while the encoders learn
    "text-to-image-encoder": ("networks.I.width=4", "game.encoder_share=0.4"),
}
SMALL = ("networks.G.width=4", "networks.D.width=4", "networks.G.latent=8")


def words_of(recipe: str, out: Path) -> list[str]:
    words = ["train", "avatars-captions:160", "--recipe", recipe, "--size", "16"]
    words += ["--batch", "16", "--images", str(IMAGES), "--out", str(out), "--quiet"]
    return [*words, "--set", *SMALL, *SETTINGS[recipe], *ALONE]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", SETTINGS)
def test_a_run_of_captions_that_is_killed_ends_in_the_same_files(
    recipe: str, tmp_path: Path
) -> None:
    killed_while_it_trains(partial(words_of, recipe), tmp_path)
