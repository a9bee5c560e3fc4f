"""SIGKILL at random moments: the same command again, until it is done, ends in the same model."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import command
import pytest

from ganzfeld.verify import verify_run

SAVE = 960  # images from one checkpoint to the next


@pytest.mark.parametrize(
    ("kills", "images"),
    [
        (10, 19_200),
        pytest.param(5, 19_200, marks=pytest.mark.slow),  # with GANZFELD_TEST_THREADS=2
        pytest.param(200, 432_000, marks=pytest.mark.slow),
    ],
)
def test_a_run_killed_at_random_moments_ends_in_the_same_model(
    kills: int, images: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    reference = command.start([*command.training(whole, images), "--quiet"])
    words = [*command.training(broken, images), "--quiet"]
    try:
        reached = survive(words, broken, kills, random.Random(kills))
        code, printed = command.end(reference, 3600)
    finally:
        command.kill(reference)
    assert code == 0, printed
    assert command.weights(broken) == command.weights(whole)
    assert command.log(broken) == command.log(whole)
    assert [row for row in verify_run(broken) if row[1]] == []
    assert sorted(os.listdir(broken)) == sorted(os.listdir(whole))
    with capsys.disabled():
        print(f"\n{kills}/{kills} SIGKILLs at random moments: resumed, and the same model")
        print(f"went on from {len(set(reached))} different checkpoints")


def survive(words: list[str], out: Path, kills: int, rng: random.Random) -> list[int]:
    """Kill the command so often, then let it end; how far it was after each kill."""
    reached = [-1]
    for number in range(kills):
        process = command.start(words)
        try:
            if rng.random() < 0.4:  # while it starts
                time.sleep(rng.uniform(0.0, 3.0))
            else:  # at work, or at the save that it has come to
                far = command.trains(out, max(reached[-1], 0) + rng.choice([1, SAVE + 1]))
                command.wait_until(far, process)
                time.sleep(rng.uniform(0.0, 0.4))
            assert process.poll() is None, f"done before kill {number + 1}: {process.communicate()}"
        finally:
            command.kill(process)
        there = [int(p.name[-12:]) for p in (out / "checkpoints").glob("images-*")]
        reached.append(max(there, default=-1))
        assert reached == sorted(reached), "a kill has cost a checkpoint"
    code, printed = command.run(words, 3600)
    assert code == 0, printed
    assert len(set(reached)) > kills / 3, "it was hardly ever killed at work"
    return reached
