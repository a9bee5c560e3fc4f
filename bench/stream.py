"""Steps on packed data beside steps on the same shards as a stream, in alternation.

    python bench/stream.py shards/ --size 32 --images 2048

A process each; CPU time of the steps alone, decoding processes included. The stream has windows of
256 images, so that it decodes hardly more of them than it draws.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import resource
import subprocess
import sys
import time

import torch

from ganzfeld.data import shard_stream
from ganzfeld.data.sampler import drawn
from ganzfeld.recipes.find import find_recipe
from ganzfeld.training import run
from ganzfeld.training.build import build_trainer
from ganzfeld.training.plan import settle
from ganzfeld.training.process import make_screen
from ganzfeld.training.request import TrainRequest
from ganzfeld.training.stages import opened

WINDOW = 256


def cpu() -> float:
    """Seconds of this process and of its children that have ended."""
    parts = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in parts)


def measure(mode: str, data: str, size: int, images: int) -> dict[str, float]:
    """Images per second of CPU time of whole steps, and of drawing their batches alone."""
    shard_stream.WINDOW = shard_stream.LEAST_WINDOW = WINDOW
    torch.set_num_threads(1)
    usual = {name: p.default for name, p in inspect.signature(run.train).parameters.items()}
    del usual["config"]
    usual |= {"source": data, "stream": mode == "stream", "size": size, "images": images}
    asked, recipe = TrainRequest.of(**usual), find_recipe("default")
    asked, pack, _ = opened(asked, recipe, make_screen(True))
    device = torch.device("cpu")
    config = asked.config(pack, recipe.layout, device, None)
    settle(config)
    config.run.precision, config.run.products = "float32", False
    rates = {}
    for what in ("steps", "batches"):
        trainer = build_trainer(config, pack, device)
        begun, clock, seen = cpu(), time.monotonic(), 0
        while seen < images:
            if what == "steps":
                trainer.take_step()
            else:
                drawn(trainer.data, 0, "all", seen, trainer.batch_size)
            seen += trainer.batch_size
        if mode == "stream":
            trainer.data.stream.decoder.stop()
        rates[what] = images / (cpu() - begun)
        rates[f"{what}_wall"] = images / (time.monotonic() - clock)
    rates["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--mode", choices=["pack", "stream"])
    given = parser.parse_args()
    if given.mode:
        print(json.dumps(measure(given.mode, given.data, given.size, given.images)))
        return
    for _ in range(given.times):
        for mode in ("pack", "stream"):
            words = [sys.executable, __file__, *sys.argv[1:], "--mode", mode]
            found = subprocess.run(words, capture_output=True, text=True, env=os.environ)
            if found.returncode:
                raise SystemExit(found.stderr)
            numbers = json.loads(found.stdout.splitlines()[-1])
            print(mode, {name: round(value, 1) for name, value in numbers.items()}, flush=True)


if __name__ == "__main__":
    main()
