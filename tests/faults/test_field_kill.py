"""SIGKILL while fields are learned: the same command again ends in the same files."""

from __future__ import annotations

import random
import time
from pathlib import Path

import command
import pytest
from test_kill import differing

from ganzfeld.training.verify import verify_run

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


def size(run: Path) -> int:
    """Bytes of what a run has logged."""
    log = run / "metrics.jsonl"
    return log.stat().st_size if log.exists() else 0


@pytest.mark.long
@pytest.mark.parametrize(
    ("data", "kills"), [("showers:200", 3), pytest.param("fields:200", 3, marks=pytest.mark.slow)]
)
def test_a_run_of_fields_that_is_killed_ends_in_the_same_files(
    data: str, kills: int, tmp_path: Path
) -> None:
    whole, broken = (tmp_path / name / "run" for name in ("whole", "broken"))
    rng, killed = random.Random(0), 0
    with command.Zygote() as zygote:
        started = time.monotonic()
        assert zygote.run(words_of(data, whole)) == 0, zygote.printed()
        lasted = time.monotonic() - started
        for _ in range(kills):
            zygote.start(words_of(data, broken))
            before = size(broken)
            zygote.wait_until(lambda before=before: size(broken) > before)  # it trains
            time.sleep(rng.uniform(0, 0.1) * lasted)
            killed += zygote.kill()
        assert zygote.run(words_of(data, broken)) == 0, zygote.printed()
    assert killed, "it was always done before it was killed"
    assert differing(whole, broken) == []
    assert [row for row in verify_run(broken) if row[1]] == []
