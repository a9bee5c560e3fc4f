"""Cheap evaluations during training, always with the same latents and data.

The extractor is the one that the kind of sample names for it: of images `learned`, which needs no
labels and no weights. The Frechet distance is biased at such counts, but equally for all that are
compared here. The evaluation at the end takes other samples and, where the data suffice, other
images of the data.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganzfeld import metrics
from ganzfeld.config import Config
from ganzfeld.core import latents
from ganzfeld.core.progress import Progress, silent
from ganzfeld.core.randomness import key
from ganzfeld.data import held
from ganzfeld.data.conditions import slot_of
from ganzfeld.data.pack import Pack
from ganzfeld.games import Game
from ganzfeld.games.ema import Average
from ganzfeld.metrics.features import extract, of_pack
from ganzfeld.metrics.frechet import frechet_estimate
from ganzfeld.metrics.kinds import make_extractor, measures_of
from ganzfeld.metrics.learning import learning_rows
from ganzfeld.metrics.protocol import describe_protocol
from ganzfeld.metrics.reference import shuffled
from ganzfeld.metrics.registry import kernel_of
from ganzfeld.modalities import modality_of, spec_of_data
from ganzfeld.models import draws

LEAST = 6  # images
LEARN = ("learned", "listener")  # extractors that look at a part of the data first
LIE = ("precision", "recall", "density", "coverage")  # where samples lie among the data
REAL = 32  # real images to compare with others


def measured_by(pack: Pack, held_out: int | None) -> str:
    """The extractor of evaluations in training. held_out: None for a run from before."""
    return measures_of(pack).in_training(pack, held_out)


def usable(pack: Pack, extractor: str) -> NDArray[np.int64]:
    """Rows that may be reference, in their order of use: neither held out nor learned from."""
    rows = shuffled(pack)
    rows = rows[~np.isin(rows, held.held_rows(pack, held.usual(len(pack))))]
    return rows[~np.isin(rows, learning_rows(pack))] if extractor in LEARN else rows


def selection_rows(pack: Pack, held_out: int | None) -> NDArray[np.int64]:
    """Rows of training images in the order in which choosing a checkpoint takes them.

    From the end that `reference_rows` reaches last: the final evaluation takes other images where
    there are enough. held_out: None for a run from before, which took the first.
    """
    if held_out is None:
        return shuffled(pack)
    rows = usable(pack, measured_by(pack, held_out))
    return rows[~np.isin(rows, held.held_rows(pack, held_out))][::-1]


class Examiner:
    """Measures generators against a fixed part of the data.

    config: `run.evaluate_count` must be known.
    real: what as many other real images have in place of the samples, by the same names; {} where
        there are too few. The Frechet distance alone where there are fewer than that.
    """

    def __init__(
        self, pack: Pack, config: Config, device: torch.device, progress: Progress = silent
    ) -> None:
        assert config.run.evaluate_count is not None
        self.count, self.seed, self.device = config.run.evaluate_count, config.run.seed, device
        self.latents = config.run.latents or latents.PORTABLE
        self.pack, self.spec = pack, spec_of_data(pack)
        self.kind = modality_of(self.spec)
        name = measured_by(pack, config.data.held_out)
        self.extractor = make_extractor(name, pack, progress=progress)
        order = selection_rows(pack, config.data.held_out)
        rows, others = order[: self.count], order[self.count : 2 * self.count]
        self.labels = None
        if config.data.classes and pack.labels is not None:
            # the data's own proportions
            self.labels = torch.from_numpy(np.resize(pack.labels[rows], self.count))
        elif config.data.classes:  # clusters, which come evenly
            self.labels = torch.arange(self.count) % len(config.data.classes)
        self.given = None  # numbers beside the samples, those of the data's own rows
        if config.data.conditions:
            self.slot = slot_of(config.data.conditions)
            self.given = torch.from_numpy(pack.rows(np.resize(rows, self.count))[self.slot])
        self.data = self.features(of_pack(pack, rows))
        about = describe_protocol(self.extractor, pack, self.count, len(rows), self.seed)
        # other samples than `evaluate` draws, and other images of the data
        which = "in training" if config.data.held_out is None else "in training, other images"
        self.protocol = f"{which} / {about['id']}"
        self.real = self.compare_real(others)

    def compare_real(self, rows: NDArray[np.int64]) -> dict[str, float]:
        """What other real images have. rows: theirs, `count` or fewer."""
        if len(rows) < REAL:
            return {}
        found = self.features(of_pack(self.pack, rows))
        if len(rows) == self.count == len(self.data):
            known = numbers(found, self.data)
            return {name: known[name] for name in ("frechet", *LIE, "diversity")}
        # The bias of few samples goes with 1/N + 1/M (Chong and Forsyth 2020), and there is
        # nothing else between real images.
        there, here = 1 / len(found) + 1 / len(self.data), 1 / self.count + 1 / len(self.data)
        return {"frechet": metrics.frechet_distance(found, self.data) * here / there}

    def features(self, chunks: Iterable[NDArray[Any]]) -> NDArray[np.float32]:
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
        kernel = kernel_of(self.extractor.name, found, self.data)
        return {
            **numbers(found, self.data),
            "kernel": kernel.value,
            "kernel_interval": list(kernel.interval),
            "real": self.real,
            "seconds": round(time.monotonic() - started, 3),
            **about,
        }

    @torch.inference_mode()
    def draw(self, game: Game) -> Iterator[NDArray[Any]]:
        first = key(self.seed, "examine") % 2**31
        for low in range(0, self.count, draws.CHUNK):
            numbers = range(low, min(low + draws.CHUNK, self.count))
            own = [first + i for i in numbers]
            z = latents.tensor(self.latents, game.latent, self.seed, own)
            y = None if self.labels is None else self.labels[low : numbers.stop].to(self.device)
            c = {}
            if self.given is not None:
                c = {self.slot: self.given[low : numbers.stop].to(self.device)}
            x = game.sample(z.to(self.device), y, **c).float().cpu()
            if not x.isfinite().all():
                raise FloatingPointError
            yield self.kind.to_store(x, self.spec)


def numbers(found: NDArray[np.float32], data: NDArray[np.float32]) -> dict[str, Any]:
    """Of features (N, D) against the data's (M, D); with intervals, which cost little."""
    there = metrics.manifolds(found, data)
    known = {"frechet": frechet_estimate(found, data)}
    known |= {name: getattr(there, name) for name in LIE}
    return {
        **{name: measured.value for name, measured in known.items()},
        "diversity": metrics.diversity(found, data),
        **{f"{name}_interval": list(measured.interval) for name, measured in known.items()},
    }
