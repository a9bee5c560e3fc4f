"""The data's side of a comparison: which images, and their cached features."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from ganzfeld.core.files import cache_folder
from ganzfeld.core.randomness import key, numpy_generator
from ganzfeld.core.store import keep, kept
from ganzfeld.data import held
from ganzfeld.data.pack import Pack
from ganzfeld.errors import ResourceError
from ganzfeld.metrics.features import Extractor, Features, extract, of_pack

COUNT = 10_000  # samples, where the data have as many

Progress = Callable[[str, int, int], None]
Labels = NDArray[np.int64]


def reference_rows(pack: Pack, count: int, net: Extractor | None = None) -> Labels:
    """Rows of the data to compare with: the same ones for the same count, whatever the seed.

    Shuffled, since data are often sorted by class, and some metrics take blocks. Images that
    the extractor `net` has learned from are left out: it knows them better than fresh ones. Those
    that runs hold out by default come last, so that a reference without them is the same for all.
    """
    return usable_rows(pack, net)[: max(count, 0)]


def usable_rows(pack: Pack, net: Extractor | None = None) -> Labels:
    """All rows that may be reference, in their order of use."""
    rows = shuffled(pack)
    last = np.isin(rows, held.held_rows(pack, held.usual(len(pack))))
    rows = np.concatenate([rows[~last], rows[last]])
    learned = getattr(net, "learned_from", None)
    if learned is None or not len(learned):
        return rows
    left: Labels = rows[~np.isin(rows, learned)]
    return left


def shuffled(pack: Pack) -> Labels:
    return numpy_generator("reference").permutation(len(pack))


def features_of(
    net: Extractor,
    pack: Pack,
    rows: Labels,
    device: torch.device,
    progress: Progress,
    stage: str = "images of the data",
) -> Features:
    """The data's features, from the cache folder or extracted now and kept there."""

    def extracted() -> Features:
        return extract(
            net, of_pack(pack, rows), len(rows), device=device, progress=progress, stage=stage
        )

    if ":" in net.name:
        return extracted()  # a user's code may change while its weights stay
    which = f"{key(rows.astype('<i8').tobytes().hex()):016x}"
    parts = (net.name, net.weights, net.protocol, pack.fingerprint, len(rows), which)
    facts = {"of": [str(part) for part in parts]}
    place = cache_folder() / f"features-{key('features', *parts):016x}.safetensors"
    found = kept(place)
    if found is not None and found[1] == facts and len(found[0]["features"]) == len(rows):
        return found[0]["features"]
    features = extracted()
    with contextlib.suppress(ResourceError):  # the next time they are made again
        keep(place, {"features": features}, facts)
    return features
