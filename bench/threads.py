"""How fast are steps with one thread and with more, quiet and beside busy processes, and what is
chosen?

    python bench/threads.py --seconds 10

Numbers of threads take turns of a second in one process, by the clock; images per second are the
medians of the turns. Then `ganzfeld train`'s own choice is made `--choices` times over. Beside
`--busy` processes that only count, all is done once more. Nothing else should run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import Counter

# `OMP_NUM_THREADS` would be taken for the user's own choice
os.environ.pop("OMP_NUM_THREADS", None)

import torch
from timing import beside, machine

from ganzfeld.config import Config
from ganzfeld.core import runtime
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.plan import fit
from ganzfeld.training.speed import play, suited_threads
from ganzfeld.training.trainer import Trainer

CASES = {  # recipe, pixels, what its full networks could see: short and long runs
    "default 32 px, short": ("default", 32, 30_000),
    "default 32 px, long": ("default", 32, 300_000),
    "default 64 px, short": ("default", 64, 10_000),
    "default 64 px, long": ("default", 64, 100_000),
    "default 96 px, long": ("default", 96, 40_000),
    "r3gan 32 px": ("r3gan", 32, None),
    "dcgan 64 px": ("dcgan", 64, None),
}


def made(recipe: str, side: int, afford: int | None) -> tuple[Trainer, Config]:
    pack = open_pack("avatars", PackOptions(size=(side, side)))
    assert isinstance(pack, Pack)
    config = complete(fit(recipe, pack, source="avatars", labels="auto", afford=afford))
    config.run.images = 1_000_000_000
    return build_trainer(config, pack, torch.device("cpu")), config


def rates(trainer: Trainer, counts: list[int], seconds: float) -> dict[int, list[float]]:
    """Images per second of turns of a second."""
    found: dict[int, list[float]] = {count: [] for count in counts}
    for count in counts:
        with runtime.threads(count):
            play(trainer, trainer.game.period)
    until = time.monotonic() + seconds * len(counts)
    while time.monotonic() < until:
        for count in counts:
            with runtime.threads(count):
                before, spent = trainer.images, 0.0
                while spent < 1:
                    spent += play(trainer, trainer.game.period)
            found[count].append((trainer.images - before) / spent)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Numbers of threads in turns.")
    parser.add_argument("--cases", nargs="*", default=list(CASES))
    parser.add_argument("--seconds", type=float, default=10, help="for each number of threads")
    parser.add_argument("--busy", type=int, default=1, help="processes to run beside")
    parser.add_argument("--choices", type=int, default=5)
    options = parser.parse_args()
    most = torch.get_num_threads()
    counts = sorted(most >> k for k in range(most.bit_length()))
    print(machine("threads in turns"), end="\n\n")
    print("| | busy beside |", *(f"{n} thread(s) |" for n in counts), "chosen |")
    print("|---|---|" + "---|" * (len(counts) + 1))
    runtime.tune()
    for name in options.cases:
        trainer, config = made(*CASES[name])
        for busy in (0, options.busy):
            with beside(busy):
                found = rates(trainer, counts, options.seconds)
                chosen = Counter(suited_threads(trainer, config) for _ in range(options.choices))
            cells = [
                f"{statistics.median(r):,.0f} ({min(r):,.0f} to {max(r):,.0f}) |"
                for r in found.values()
            ]
            times = ", ".join(f"{n}: {times} times" for n, times in sorted(chosen.items()))
            print(f"| {name} | {busy} |", *cells, f"{times} |", flush=True)
