"""SIGKILL while samples are made from text, lines and sounds are translated, or captions are
learned by likelihood alone: the same command again ends in the same files. GANZFELD_KILLS sets how
many kills each recipe gets."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from test_kill import ALONE, FEWER, killed_while_it_trains

from one_from_another import DRAWN, SETTINGS, data_of

IMAGES = 496  # sounds are slow
OFTEN = ("run.save_every=112", "run.sample_every=208", "run.evaluate_every=240")
THESE = [recipe for recipe in SETTINGS if recipe not in (*DRAWN, "image-to-text")]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", THESE)
def test_a_run_that_is_killed_ends_in_the_same_files(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = data_of(recipe, tmp_path)
    killed_while_it_trains(partial(words_of, recipe, data), tmp_path)
    with capsys.disabled():
        print(f"\n{recipe}: {FEWER}/{FEWER} kills")


def words_of(recipe: str, data: list[str], out: Path) -> list[str]:
    words = ["train", *data, "--recipe", recipe, "--batch", "16", "--images", str(IMAGES)]
    return [*words, "--out", str(out), "--quiet", "--set", *SETTINGS[recipe], *ALONE, *OFTEN]
