"""How long a run will take here, from steps and chores that are thrown away."""

from __future__ import annotations

import copy
import resource
import time
from dataclasses import dataclass

import torch

from ganzfeld import checkpoint, distributed
from ganzfeld.config import Config
from ganzfeld.data.pack import Pack
from ganzfeld.data.pairs import TwoDomains
from ganzfeld.ema import Averages
from ganzfeld.examiner import Examiner, can_examine, judged
from ganzfeld.plan import settle
from ganzfeld.preview import preview
from ganzfeld.trainer import Trainer

LOGGING = 0.97  # of the speed of bare steps remains where losses are kept and logged
MEASURED = 3.0  # seconds of steps at most, and a twentieth of the run


@dataclass(frozen=True)
class Pace:
    """rate: images per second of steps alone. chores: seconds of a whole run beside them, for
    grids, checkpoints and evaluations. memory: the most that was held, in bytes."""

    rate: float
    chores: float
    memory: int

    def images(self, seconds: float) -> int:
        """What fits into so much time, of which half at least goes into steps."""
        return round(self.rate * max(seconds - self.chores, seconds / 2))

    def seconds(self, images: int) -> float:
        return images / self.rate + self.chores


def measure(trainer: Trainer, config: Config, pack: Pack | TwoDomains) -> Pace:
    """The pace of a run of `config.run.images`, or of `config.run.minutes` where they are given.

    The trainer is of no use after it. With several processes, the slowest counts.
    """
    run, device = config.run, trainer.device
    assert run.images is not None

    def play_period() -> float:
        started = time.monotonic()
        for _ in range(trainer.game.period):
            trainer.take_step()
        synchronise(device)
        return time.monotonic() - started

    play_period()  # the first one also chooses kernels and fills caches
    warm, seconds = trainer.images, play_period()
    per_image = seconds / (trainer.images - warm)
    whole = 60 * run.minutes if run.minutes else per_image * run.images
    while distributed.largest(int(seconds < min(MEASURED, whole / 20)), device):
        seconds += play_period()
    seen = trainer.images - warm
    rate = LOGGING * seen / slowest(seconds, device)
    images = round(rate * whole) if run.minutes else run.images
    chores = slowest(time_chores(trainer, config, pack, images), device)
    return Pace(rate, chores, memory_used(device))


def time_chores(trainer: Trainer, config: Config, pack: Pack | TwoDomains, images: int) -> float:
    """Seconds that a run of so many images spends beside its steps."""
    if distributed.rank():
        return 0.0
    config = copy.deepcopy(config)
    config.run.images = images
    settle(config)
    times = []
    for chore in (
        lambda: preview(trainer, config),
        lambda: checkpoint.encode(trainer.state_dict()),
    ):
        started = time.monotonic()
        chore()
        times.append(time.monotonic() - started)
    draw, encode = times
    if isinstance(pack, Pack) and can_examine(trainer.game, pack):
        assert isinstance(trainer.average, Averages)
        examiner = Examiner(pack, config, trainer.device)
        found = examiner.measure(trainer.game, trainer.average[trainer.average.spans[0]])
        # eight evaluations and at most six candidates; then more metrics of more samples, whose
        # time grows faster than their number; then the report
        more = judged(images, len(pack)) / examiner.count
        evaluations = float(found["seconds"] * (14 + 2.5 * more**1.5)) + 1.5
    else:
        evaluations = 1.0
    # 14 grids, written as PNG; 18 checkpoints, written, hashed and read back
    return 20 * draw + 80 * encode + evaluations


def slowest(seconds: float, device: torch.device) -> float:
    """The most of all processes."""
    return distributed.largest(round(1e9 * seconds), device) / 1e9


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def memory_used(device: torch.device) -> int:
    """The most that this process has held, in bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
