"""How long a run will take here, from steps and chores that are thrown away."""

from __future__ import annotations

import copy
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ganzfeld import checkpoint, distributed, process
from ganzfeld.build import build_trainer
from ganzfeld.config import Config
from ganzfeld.data.pack import Pack
from ganzfeld.data.pairs import TwoDomains
from ganzfeld.ema import Averages
from ganzfeld.examiner import Examiner, can_examine, judged
from ganzfeld.plan import settle
from ganzfeld.preview import preview
from ganzfeld.trainer import Data, Trainer

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
    whole = 60 * run.minutes if run.minutes else None
    rate = LOGGING * speed(trainer, whole)
    images = run.images if whole is None else round(rate * whole)
    chores = distributed.first(lambda: time_chores(trainer, config, pack, images), "chores")
    chores = slowest(chores)
    return Pace(rate, chores, memory_used(device))


def affordable(
    config: Config,
    data: Data,
    device: torch.device,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Images that so configured networks see in these seconds, and at least a batch."""
    process.tune()
    trainer = build_trainer(config, data, device)
    return max(round(speed(trainer, seconds, clock) * seconds), config.run.batch_size)


def speed(
    trainer: Trainer, whole: float | None, clock: Callable[[], float] = time.monotonic
) -> float:
    """Images per second of steps, which change the trainer; of several processes, the slowest's.

    whole: seconds that the run may take; None where its images are fixed.
    clock: gives seconds; `time.process_time` for CPU seconds.
    """
    total = trainer.total or 0

    def play_period() -> float:
        started = clock()
        for _ in range(trainer.game.period):
            trainer.take_step()
        synchronise(trainer.device)
        return clock() - started

    trainer.take_step()  # the first one also chooses kernels and fills caches
    warm, seconds = trainer.images, play_period()
    if whole is None:
        whole = seconds / (trainer.images - warm) * total
    while distributed.largest(int(seconds < min(MEASURED, whole / 20))):
        seconds += play_period()
    return (trainer.images - warm) / slowest(seconds)


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


def slowest(seconds: float) -> float:
    """The most of all processes."""
    return distributed.largest(round(1e9 * seconds)) / 1e9


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def memory_used(device: torch.device) -> int:
    """The most that this process has held, in bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
