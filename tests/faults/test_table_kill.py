"""SIGKILL while a table is learned: the same command again ends in the same files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from test_kill import ALONE, IMAGES, killed_while_it_trains

SETTINGS = (
    "networks.*.widths=[8,8]",
    *ALONE,
)


def words_of(recipe: str, out: Path) -> list[str]:
    words = ["train", "table-known:400", "--recipe", recipe, "--batch", "16"]
    return [*words, "--images", str(IMAGES), "--out", str(out), "--quiet", "--set", *SETTINGS]


@pytest.mark.long
@pytest.mark.parametrize("recipe", ["table-gan", pytest.param("table-vae", marks=pytest.mark.slow)])
def test_a_table_run_that_is_killed_ends_in_the_same_files(recipe: str, tmp_path: Path) -> None:
    killed_while_it_trains(partial(words_of, recipe), tmp_path)
