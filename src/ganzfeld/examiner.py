"""Measuring during training: cheap, always with the same latents and data, so that numbers compare.

The extractor is the `random` one, which needs no labels and no weights. The Frechet distance
is biased at such counts, but equally for all that are compared here; what `ganzfeld evaluate`
says of the result is on other samples.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganzfeld import generate, latents, metrics, pictures
from ganzfeld.config import Config
from ganzfeld.data.pack import Pack
from ganzfeld.ema import Average
from ganzfeld.evaluation import describe_protocol, reference_rows
from ganzfeld.games import Game
from ganzfeld.metrics.features import extract, make_extractor, of_pack
from ganzfeld.randomness import key

LEAST = 6  # pictures


def can_examine(game: Game, pack: Pack) -> bool:
    """Whether there are samples to draw and enough data to compare them with."""
    return bool(game.latent) and len(pack) >= LEAST


def judged(images: int, pictures: int) -> int:
    """Samples of the evaluation at the end of a run of so many images."""
    return min(max(images // 40, 64), 2000, pictures)


class Examiner:
    """Measures generators against a fixed part of the data.

    config: `run.evaluate_count` must be known.
    """

    def __init__(self, pack: Pack, config: Config, device: torch.device) -> None:
        assert config.run.evaluate_count is not None
        self.count, self.seed, self.device = config.run.evaluate_count, config.run.seed, device
        self.latents = config.run.latents or latents.PORTABLE
        self.extractor = make_extractor("random", pack, progress=lambda *_: None)
        rows = reference_rows(pack, self.count)
        self.labels = None
        if config.data.classes and pack.labels is not None:
            # the data's own proportions
            self.labels = torch.from_numpy(np.resize(pack.labels[rows], self.count))
        self.data = self.features(of_pack(pack, rows))
        about = describe_protocol(self.extractor, pack, self.count, len(rows), self.seed)
        self.protocol = f"in training / {about['id']}"  # other samples than `evaluate` draws

    def features(self, chunks: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
        return extract(self.extractor, chunks, self.count, device=self.device)

    def measure(self, game: Game, average: Average) -> dict[str, Any]:
        """Distances of averaged networks' samples to the data, and how long it took in seconds.

        No distances where samples are not finite.
        """
        started = time.monotonic()
        about = {"count": self.count, "protocol": self.protocol}
        try:
            with average.applied(game):
                found = self.features(self.draw(game))
        except FloatingPointError:
            return {"seconds": time.monotonic() - started, **about}
        kernel = metrics.kernel_distance(found, self.data)
        return {
            "frechet": metrics.frechet_distance(found, self.data),
            "kernel": kernel.value,
            "kernel_interval": list(kernel.interval),
            **metrics.precision_recall(found, self.data)._asdict(),
            **metrics.density_coverage(found, self.data)._asdict(),
            "diversity": metrics.diversity(found, self.data),
            "seconds": round(time.monotonic() - started, 3),
            **about,
        }

    @torch.inference_mode()
    def draw(self, game: Game) -> Iterator[NDArray[np.uint8]]:
        first = key(self.seed, "examine") % 2**31
        for low in range(0, self.count, generate.CHUNK):
            numbers = range(low, min(low + generate.CHUNK, self.count))
            own = [first + i for i in numbers]
            z = torch.from_numpy(latents.draw(self.latents, game.latent, self.seed, own))
            y = None if self.labels is None else self.labels[low : numbers.stop].to(self.device)
            x = game.sample(z.to(self.device), y).float().cpu()
            if not x.isfinite().all():
                raise FloatingPointError
            yield pictures.to_pixels(x)
