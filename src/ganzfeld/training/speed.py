"""Estimate a run's time from a few throw-away steps, previews and checkpoints."""

from __future__ import annotations

import copy
import hashlib
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import torch

from ganzfeld.config import Config
from ganzfeld.core import distributed, runtime, system, trees
from ganzfeld.core.progress import Progress, silent
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.games.ema import Averages
from ganzfeld.metrics import precision_recall, scale
from ganzfeld.metrics.copies import seconds_of_search
from ganzfeld.training.build import build_trainer
from ganzfeld.training.final import final_count, fresh, reference_count
from ganzfeld.training.pace import Pace
from ganzfeld.training.plan import settle
from ganzfeld.training.preview import preview
from ganzfeld.training.tasks import Dataset, work_of
from ganzfeld.training.trainer import Data, Trainer
from ganzfeld.training.validation import Examiner

LOGGING = 0.97  # of the speed of bare steps remains where losses are kept and logged
MEASURED = 3.0  # seconds of steps at most, and a twentieth of the run
TOLD = 0.5  # seconds of steps where the images are fixed, and only the plan's time depends on them
CHORES = 0.2  # of the minutes asked for, beyond which chores are done less often
LEAST_SHARE = 0.25  # of them remains
PROBED = 0.5  # seconds of steps, that tell which of two numbers of threads to take
LONG = 1.0  # seconds of a step, above which one is enough for that
WORTH = 0.25  # twice the threads must bring 2 ** WORTH the speed
PARTS = 8  # of such a run, of which the trial takes no more than one, and two steps
FEW = 64  # samples of the evaluation that is timed where the images are fixed
TRIED = 500  # rows of features whose comparison is timed
SAVED = 3.0  # times what hashing a checkpoint takes it takes to write, flush and read it back
FLUSHED = 0.02  # seconds of that, however small it is
METRICS = 12  # all metrics of an evaluation take so many times the time of precision and recall
COMPARING = 8 << 20  # bytes that the last evaluation takes, times the root of what it compares


def measure(trainer: Trainer, config: Config, pack: Dataset, progress: Progress = silent) -> Pace:
    """The pace of a run of `config.run.images`, or of `config.run.minutes` where they are given.

    It moves the trainer (see `trial.Trial`). With several processes, the slowest counts.
    """
    run, device = config.run, trainer.device
    assert run.images is not None
    whole = 60 * run.minutes if run.minutes else None
    started, spent = time.monotonic(), time.process_time()
    rate = LOGGING * speed(trainer, whole)
    taken = (time.monotonic() - started) * torch.get_num_threads()
    got = (time.process_time() - spent) / taken if device.type == "cpu" else 1.0
    images = run.images if whole is None else round(rate * whole)
    timed = distributed.first(
        lambda: time_chores(trainer, config, pack, images, progress), "chores"
    )
    often, once, first, learned = map(slowest, timed)
    share = min(max(CHORES * whole / often, LEAST_SHARE), 1.0) if whole and often else 1.0
    memory = memory_used(device)
    compared = work_of(trainer.game).compared(trainer.game, pack)
    if device.type == "cpu" and compared is not None:
        memory = max(memory, resident() + round(COMPARING * math.sqrt(final_count(compared))))
    tried = slowest(time.monotonic() - started) - learned
    return Pace(rate, share * often + once, memory, share, got, once, first, tried)


def affordable(
    config: Config,
    data: Data,
    device: torch.device,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Images that so configured networks see in these seconds, and at least a batch."""
    runtime.tune()
    return afforded(build_trainer(config, data, device), config, seconds, clock)


def afforded(
    trainer: Trainer,
    config: Config,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Images that this trainer, which its configuration has built, sees in these seconds."""
    with runtime.threads(suited_threads(trainer, config)):
        return max(round(speed(trainer, seconds, clock) * seconds), config.run.batch_size)


def suited_threads(trainer: Trainer, config: Config) -> int:
    """How many threads the trainer, which this moves, should have here.

    That is `config.run.threads`, or one for a deterministic run, or what PyTorch was told by the
    environment; else as many as
    PyTorch would use, halved as long as that costs no more than a sixth of the speed. A run on few
    does not suffer from what else comes to the machine: threads wait for the slowest of them.
    (bench/threads.py; docs/runs.md has its figures.)
    """
    if config.run.threads:
        return config.run.threads
    if config.run.deterministic:
        return 1
    most = torch.get_num_threads()
    told = {"OMP_NUM_THREADS", "MKL_NUM_THREADS"} & os.environ.keys()
    if told or most == 1 or trainer.device.type != "cpu" or distributed.world() > 1:
        return most
    if config.run.compile:
        return most  # each number of threads would be compiled anew
    play(trainer, 1)
    while most > 1:
        half = most // 2
        slow, quick = in_turns(trainer, half, most)
        if slow > quick * (most / half) ** WORTH:
            break
        most = half
    return most


def in_turns(trainer: Trainer, *counts: int) -> list[float]:
    """Seconds that the same steps take with each of these numbers of threads."""

    def timed(count: int, steps: int) -> float:
        with runtime.threads(count):
            return play(trainer, steps)

    first = [timed(count, 1) for count in counts]  # which also chooses kernels and fills caches
    steps = 1 if max(first) > LONG else trainer.game.period
    spent = [0.0 for _ in counts]
    while sum(spent) < PROBED:
        spent = [seconds + timed(n, steps) for n, seconds in zip(counts, spent, strict=True)]
    return spent


def speed(
    trainer: Trainer, whole: float | None, clock: Callable[[], float] = time.monotonic
) -> float:
    """Images per second of steps, which change the trainer; of several processes, the slowest's.

    whole: seconds that the run may take; None where its images are fixed.
    clock: gives seconds; `time.process_time` for CPU seconds.
    """
    total, spent = trainer.total or 0, 0.0
    starts = trainer.game.stages
    for start, end in zip(starts, (*starts[1:], 1.0), strict=True):
        trainer.images = max(trainer.images, math.ceil(start * total))
        spent += (end - start) / stage_speed(trainer, whole, clock)
    return 1 / spent


def stage_speed(
    trainer: Trainer, whole: float | None, clock: Callable[[], float] = time.monotonic
) -> float:
    """The same of the stage of a run that the trainer has come to."""
    total, most, period = trainer.total or 0, MEASURED, trainer.game.period
    before = trainer.images
    play(trainer, 1)  # the first step also chooses kernels and fills caches
    warm = trainer.images
    if whole is None:
        period = min(period, max(total // (PARTS * (warm - before)), 1))
    seconds = play(trainer, period, clock)
    if whole is None:
        whole, most = seconds / (trainer.images - warm) * total, TOLD
    while distributed.largest(int(seconds < min(most, whole / 20))):
        seconds += play(trainer, period, clock)
    return (trainer.images - warm) / slowest(seconds)


def play(trainer: Trainer, steps: int, clock: Callable[[], float] = time.monotonic) -> float:
    """Seconds of so many steps."""
    started = clock()
    for _ in range(steps):
        trainer.take_step()
    synchronise(trainer.device)
    return clock() - started


def time_chores(
    trainer: Trainer,
    config: Config,
    pack: Dataset,
    images: int,
    progress: Progress = silent,
) -> tuple[float, float, float, float]:
    """Seconds that a run of so many images takes beside its steps: on the way, and at its end.

    The third are those more of the first run on these data: see `Pace`. The fourth are those that
    went into the extractor here, which learns from the data once, and whose `progress` is told.
    """
    if distributed.rank():
        return 0.0, 0.0, 0.0, 0.0
    config = copy.deepcopy(config)
    config.run.images = images
    settle(config)
    counted, timed = config.run.evaluate_count or 0, warm
    if config.run.minutes is None:  # nothing but the plan's time depends on it
        config.run.evaluate_count, timed = min(counted, FEW), cold
    draw = timed(lambda: preview(trainer, config))
    save = SAVED * timed(lambda: hashed(trainer)) + FLUSHED
    runtime.give_back()
    compared = work_of(trainer.game).compared(trainer.game, pack)
    if compared is not None:
        assert isinstance(trainer.average, Averages)
        started = time.monotonic()
        examiner = Examiner(compared, config, trainer.device, progress)
        learned = time.monotonic() - started
        average = trainer.average[trainer.average.spans[0]]
        evaluate = timed(lambda: examiner.measure(trainer.game, average))
        evaluate *= counted / examiner.count
        end = 6 * evaluate + 1.5  # at most six candidates; the report
        first = 0.0
        if config.run.evaluate_final:
            last, real = evaluation_seconds(trainer, examiner, final_count(compared))
            new = fresh(compared, config.data.held_out)
            end += last + seconds_of_search(compared, final_count(compared), new)
            first = 0.0 if real_known(examiner, config) else real
    else:
        evaluate = work_of(trainer.game).previews * draw
        end, first, learned = 1.0, 0.0, 0.0
    assert config.run.sample_every and config.run.save_every and config.run.evaluate_every
    grids = images / config.run.sample_every + 6  # written as PNG, which takes half as long again
    evaluations = images / config.run.evaluate_every
    saves = images / config.run.save_every  # each with a glance at samples
    if compared is not None:  # an evaluation saves, too, unless that was just done
        both = math.lcm(config.run.save_every, config.run.evaluate_every)
        saves += evaluations - images / both
    often = (1.5 * grids + saves) * draw + saves * save + (evaluations + 1) * evaluate
    return often, end, first, learned


def real_known(examiner: Examiner, config: Config) -> bool:
    """Whether the evaluation at the end finds in the cache what real images score."""
    pack, held_out = examiner.pack, config.data.held_out
    numbers = final_count(pack), reference_count(pack, held_out)
    return scale.known(examiner.extractor, pack, *numbers, fresh(pack, held_out))


def evaluation_seconds(trainer: Trainer, examiner: Examiner, count: int) -> tuple[float, float]:
    """Seconds of the evaluation at the end, of so many samples and images of the data.

    And seconds of as many real images in their place. Drawing and features take a time for each
    image; what follows a time for each pair of them.
    """
    try:
        drawn = cold(lambda: examiner.features(examiner.draw(trainer.game)))
    except FloatingPointError:  # the run itself will say so
        return 0.0, 0.0
    features = numpy_generator("pace").standard_normal((min(count, TRIED), examiner.data.shape[1]))
    pairs = warm(lambda: precision_recall(features, features))
    drawing = drawn * count / examiner.count
    comparing = METRICS * pairs * (count / len(features)) ** 2
    return 2 * drawing + comparing, drawing + comparing


def warm(chore: Callable[[], object]) -> float:
    """Seconds of the second time: the first one also has to be given its memory."""
    chore()
    return cold(chore)


def cold(chore: Callable[[], object]) -> float:
    """Seconds of the first time."""
    started = time.monotonic()
    chore()
    return time.monotonic() - started


def hashed(trainer: Trainer) -> list[str]:
    return [hashlib.sha256(data).hexdigest() for _, data in trees.encode(trainer.state_dict())]


def slowest(seconds: float) -> float:
    """The most of all processes."""
    return distributed.largest(round(1e9 * seconds)) / 1e9


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def resident() -> int:
    """Bytes that this process holds now; the most it has held where the system does not say."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return memory_used(torch.device("cpu"))
    return int(pages) * system.page_size()


def memory_used(device: torch.device) -> int:
    """The most that this process has held, in bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return system.peak_memory()
