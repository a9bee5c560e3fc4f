"""SIGKILL while a table is learned: the same command again ends in the same files."""

from __future__ import annotations

import random
import time
from pathlib import Path

import command
import pytest
from test_kill import differing

from ganzfeld.training.verify import verify_run

ROWS = 1_184  # neither this nor the intervals divide evenly
SETTINGS = (
    "networks.*.widths=[8,8]",
    "run.threads=1",
    "run.precision=float32",
    "run.log_every=112",
    "run.save_every=272",
    "run.sample_every=400",
    "run.evaluate_every=432",
    "run.evaluate_count=32",
)


def words_of(recipe: str, out: Path) -> list[str]:
    words = ["train", "table-known:400", "--recipe", recipe, "--batch", "16"]
    return [*words, "--images", str(ROWS), "--out", str(out), "--quiet", "--set", *SETTINGS]


def size(run: Path) -> int:
    """Bytes of what a run has logged."""
    log = run / "metrics.jsonl"
    return log.stat().st_size if log.exists() else 0


@pytest.mark.long
@pytest.mark.parametrize(
    ("recipe", "kills"),
    [("table-gan", 3), pytest.param("table-vae", 3, marks=pytest.mark.slow)],
)
def test_a_table_run_that_is_killed_ends_in_the_same_files(
    recipe: str, kills: int, tmp_path: Path
) -> None:
    whole, broken = (tmp_path / name / "run" for name in ("whole", "broken"))
    rng, killed = random.Random(0), 0
    with command.Zygote() as zygote:
        started = time.monotonic()
        assert zygote.run(words_of(recipe, whole)) == 0, zygote.printed()
        lasted = time.monotonic() - started
        for _ in range(kills):
            zygote.start(words_of(recipe, broken))
            before = size(broken)
            zygote.wait_until(lambda before=before: size(broken) > before)  # it trains
            time.sleep(rng.uniform(0, 0.1) * lasted)
            killed += zygote.kill()
        assert zygote.run(words_of(recipe, broken)) == 0, zygote.printed()
    assert killed, "it was always done before it was killed"
    assert differing(whole, broken) == []
    assert [row for row in verify_run(broken) if row[1]] == []
