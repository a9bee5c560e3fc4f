"""One process on two threads against two processes on one thread each, at the same batch.

    python bench/two_ranks.py --rounds 3

Whole commands in alternation, as a user would start them; images per second of the clock are those
that the runs log for themselves, the median over a run, so that start-up does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import machine

TRAIN = ["-m", "ganzfeld", "train"]
SIDES = {
    "one process, two threads": (2, [sys.executable, *TRAIN]),
    "two processes, one thread each": (
        1,
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *TRAIN],
    ),
}


def rate(side: str, data: str, images: int, settings: list[str]) -> float:
    """Images per second of a run."""
    threads, command = SIDES[side]
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "run"
        asked = [data, "--out", str(out), "--images", str(images), "--set", *settings]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        done = subprocess.run([*command, *asked], env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return statistics.median(r["images_per_second"] for r in rows if r["kind"] == "train")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Two processes against two threads.")
    parser.add_argument("--data", default="avatars:2000")
    parser.add_argument("--images", type=int, default=12_800)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", nargs="*", default=["run.batch_size=64"], dest="settings")
    options = parser.parse_args()
    print(machine("two threads in all"), end="\n\n")
    found: dict[str, list[float]] = {side: [] for side in SIDES}
    for number in range(options.rounds):
        for side in list(SIDES)[:: -1 if number % 2 else 1]:
            found[side].append(rate(side, options.data, options.images, options.settings))
    first = found[next(iter(SIDES))]
    print("| | images per second | times the first (least to most) |\n|---|---|---|")
    for side, rates in found.items():
        times = [mine / base for mine, base in zip(rates, first, strict=True)]
        spread = f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})"
        print(f"| {side} | {statistics.median(rates):,.0f} | {spread} |")
