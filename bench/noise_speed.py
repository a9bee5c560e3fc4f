"""What latents and noise of keys that are not cut cost: sampling and steps, old and new in turns.

python bench/noise_speed.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import torch

from ganzfeld.config import Config, with_settings
from ganzfeld.core.latents import OF_TORCH, PORTABLE
from ganzfeld.core.randomness import NARROW, WIDE
from ganzfeld.modalities.image.tensors import channels_last
from ganzfeld.models.model import Model
from ganzfeld.networks.build import build_network
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.plan import settle
from ganzfeld.training.trainer import Trainer, as_data

SAMPLES = 512


def config_of(recipe: str, *settings: str) -> Config:
    facts = Facts(count=256, channels=3, height=32, width=32, classes=0)
    more = ("run.precision=float32", "run.products=false", *settings)
    config = with_settings(RECIPES[recipe](facts), more)
    config.run.images = 100_000
    settle(complete(config))
    return config


def in_turns(rounds: int, old: Callable[[], None], new: Callable[[], None]) -> tuple[float, float]:
    """The median time of the old way in CPU seconds, and the median ratio of the old to the new."""
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        pair = []
        for work in (old, new):
            started = time.process_time()
            work()
            pair.append(time.process_time() - started)
        times.append((pair[0], pair[1]))
    ratios = [a / b for a, b in times]
    return statistics.median(a for a, _ in times), statistics.median(ratios)


def sample(model: Model, count: int, times: int) -> None:
    for _ in range(times):
        model.sample(count)


def play(trainer: Trainer, steps: int) -> None:
    for _ in range(steps):
        trainer.take_step()


def main() -> None:
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if sys.argv[1:] else 9
    part = config_of("default").networks["G"]
    models = []
    for name in (OF_TORCH, PORTABLE):
        network = build_network(part)
        channels_last(network)
        about = {"shape": [3, 32, 32], "latent": network.latent, "classes": [], "latents": name}
        models.append(Model(about, network))
        models[-1].sample(64)
    for count, times in ((1, 8), (SAMPLES, 1)):
        seconds, ratio = in_turns(rounds, *(partial(sample, one, count, times) for one in models))
        print(
            f"sample({count}), default at 32 px: {count * times / seconds:,.0f} a CPU second "
            f"before, times {ratio:.3f} now"
        )
    pixels = torch.randint(256, (256, 3, 32, 32), dtype=torch.uint8)
    for recipe, settings in (
        ("default", ()),
        ("default", ("networks.*.width=4", "run.batch_size=8")),
    ):
        trainers = [
            build_trainer(
                config_of(recipe, *settings, f"run.noise={noise}"),
                as_data(pixels),
                torch.device("cpu"),
            )
            for noise in (NARROW, WIDE)
        ]
        for trainer in trainers:
            trainer.take_step()
        steps = 20 if settings else 2

        seconds, ratio = in_turns(rounds, *(partial(play, one, steps) for one in trainers))
        print(
            f"a step of {recipe} {' '.join(settings)}: {1000 * seconds / steps:.1f} CPU ms before, "
            f"speed times {ratio:.3f} now"
        )


if __name__ == "__main__":
    main()
