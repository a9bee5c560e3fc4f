"""Training for so many seconds of CPU time, which other programs on the machine do not use up.

Rates fall with the time, by a cosine after the `hold` of their optimiser. What is looked at on the
way, and how long that takes, does not count.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ganzfeld.config import Config
from ganzfeld.games.ema import Average
from ganzfeld.training.build import build_game, build_optimiser
from ganzfeld.training.trainer import Trainer

Rows = np.ndarray[Any, Any]


def train(
    config: Config, rows: Rows, seconds: float, seen: Callable[[float, Any], None], moments: int
) -> tuple[int, int]:
    """Train for so many CPU seconds; gives the steps and the samples seen.

    seen: is given the seconds and the averaged game, so many times as `moments` says, at last at
        the end.
    """
    game = build_game(config)
    optimisers = {
        player: build_optimiser(
            config.optimisers[player],
            [p for name in names for p in game.get_submodule(name).parameters()],
        )
        for player, names in game.players.items()
    }
    done = [0.0]

    def schedule(player: str) -> Callable[[int], dict[str, float]]:
        one = config.optimisers[player]
        first, last = one.lr, one.lr if one.final_lr is None else one.final_lr

        def rate(images: int) -> dict[str, float]:
            part = max(done[0] - one.hold, 0) / (1 - one.hold)
            return {"lr": last + (first - last) * (1 + math.cos(math.pi * min(part, 1))) / 2}

        return rate

    average = Average(game, half_life_images=1e12, ramp=0.05)  # a twentieth of what was seen
    trainer = Trainer(
        game,
        optimisers,
        {"x": torch.from_numpy(rows)},
        batch_size=config.run.batch_size,
        seed=config.run.seed,
        schedules={player: schedule(player) for player in optimisers},
        average=average,
    )
    spent, last, moment = 0.0, time.process_time(), 1
    for report in trainer:
        now = time.process_time()
        spent, last = spent + now - last, now
        done[0] = min(spent / seconds, 1.0)
        trainer.total = max(round(trainer.images / max(done[0], 1e-3)), 1)
        if done[0] >= moment / moments:
            with torch.no_grad(), average.applied(game) as applied:
                seen(spent, applied)
            moment, last = moment + 1, time.process_time()
        if done[0] >= 1:
            return report.step, report.images
    raise AssertionError
