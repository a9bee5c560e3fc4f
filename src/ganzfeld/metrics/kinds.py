"""By which network the samples of each kind are measured: one entry a kind.

A kind without an entry is measured by `Modality.plain`: its numbers, by a fixed random projection
where they are many. A kind's own metrics are entries of `registry.FAMILIES` and `registry.TABLE`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.core.store import digest
from ganzfeld.data.pack import Pack
from ganzfeld.errors import DataError, UsageError
from ganzfeld.metrics import (
    audio_classifier,
    default,
    features,
    field_features,
    learned,
    series_features,
    table_family,
)
from ganzfeld.metrics.features import Extractor
from ganzfeld.metrics.learning import Progress
from ganzfeld.modalities import modality_of, spec_of_data

MOST = 256  # numbers of a sample that are compared


@dataclass(frozen=True)
class Measures:
    """By what samples of one kind are measured.

    make: (name, pack, protocol, progress) to an extractor; UsageError for names not known.
    candidates: the names that the data allow, best first. in_training: the name of what chooses
    checkpoints, of (pack, samples held out or None for a run from before).
    """

    make: Callable[[str, Pack, str | None, Progress], Extractor]
    candidates: Callable[[Pack], list[str]]
    in_training: Callable[[Pack, int | None], str]


def of_images(name: str, pack: Pack, protocol: str | None, progress: Progress) -> Extractor:
    return features.make_extractor(name, pack, protocol=protocol, progress=progress)


def learned_or_random(pack: Pack, held_out: int | None) -> str:
    """Of images. held_out: None for a run from before."""
    return "random" if held_out is None or len(pack) < learned.LEAST else "learned"


class Plain(nn.Module):
    """Stored samples as `Modality.plain` has them, projected where there are many numbers."""

    def __init__(self, pack: Pack) -> None:
        super().__init__()
        self.spec = spec_of_data(pack)
        self.kind = modality_of(self.spec)
        size = self.kind.plain(pack.rows(np.arange(1))["x"]).shape[1]
        turn = np.zeros((0, 0), np.float32)
        if size > MOST:
            draws = numpy_generator("plain", self.spec.modality, size)
            turn = (draws.standard_normal((size, MOST)) / np.sqrt(size)).astype(np.float32)
        self.register_buffer("turn", torch.from_numpy(turn))

    def forward(self, stored: Tensor) -> Tensor:
        flat = torch.from_numpy(self.kind.plain(stored.cpu().numpy())).to(stored.device)
        turn: Tensor = self.get_buffer("turn")
        return flat @ turn if len(turn) else flat


def plain(name: str, pack: Pack, protocol: str | None, progress: Progress) -> Extractor:
    """Of a kind that has no extractor of its own."""
    if protocol is not None:
        raise UsageError("--protocol is for the inception extractor, which sees images")
    if name != "plain":
        return features.users_own(name)
    network = Plain(pack)
    return Extractor(
        name="plain",
        network=network,
        prepare=lambda stored: stored,
        weights=digest({"turn": network.get_buffer("turn").numpy()}),
        values="as stored",
        facts={"warning": f"samples are compared {network.kind.by_plain}, without any network"},
    )


IMAGES = Measures(of_images, default.candidates, learned_or_random)


def of_sounds(name: str, pack: Pack, protocol: str | None, progress: Progress) -> Extractor:
    if name == "domain":
        return audio_classifier.listener(pack, progress)
    if name == "listener":  # the same, however well it hears: to choose checkpoints by
        return audio_classifier.listener(pack, progress, least=0.0)
    return plain(name, pack, protocol, progress)


def heard_or_plain(pack: Pack) -> list[str]:
    """A listener where there are labels to learn, else coarse spectrograms."""
    return ["domain", "plain"] if audio_classifier.can_listen(pack) else ["plain"]


def listener_or_plain(pack: Pack, held_out: int | None) -> str:
    """Coarse spectrograms hardly tell mumbling from words: runs are judged by ear."""
    return "listener" if audio_classifier.can_listen(pack) else "plain"


PLAIN = Measures(plain, lambda pack: ["plain"], lambda pack, held_out: "plain")
ROWS = Measures(table_family.extractor, lambda pack: ["rows"], lambda pack, held_out: "rows")
OBSERVED = Measures(
    field_features.extractor, lambda pack: ["observables"], lambda pack, held_out: "observables"
)
SERIES = Measures(
    series_features.extractor, lambda pack: ["series"], lambda pack, held_out: "series"
)
SOUNDS = Measures(of_sounds, heard_or_plain, listener_or_plain)
MEASURES: dict[str, Measures] = {
    "image": IMAGES,
    "table": ROWS,
    "field": OBSERVED,
    "audio": SOUNDS,
    "series": SERIES,
}


def measures_of(pack: Pack) -> Measures:
    """Of the kind that the data are of."""
    return MEASURES.get(spec_of_data(pack).modality, PLAIN)


def make_extractor(
    name: str, pack: Pack, *, protocol: str | None = None, progress: Progress
) -> Extractor:
    """An extractor for these data by its name, or a user's own by `file.py:name`."""
    return measures_of(pack).make(name, pack, protocol, progress)


def made(pack: Pack, names: list[str], progress: Progress) -> Extractor:
    """The first extractor of some that can be made; it notes why the ones before could not."""
    why = ""
    for name in names:
        try:
            found = make_extractor(name, pack, progress=progress)
        except DataError as error:
            if name == names[-1]:
                raise
            why = error.what
            continue
        if why:
            found.facts["note"] = why
        return found
    raise ValueError("no extractor was named")
