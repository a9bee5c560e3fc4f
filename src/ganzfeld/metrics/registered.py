"""Copies among samples of a kind that can be fitted to each other: shifted, scaled, mirrored.

Each sample's nearest originals are looked up by sketches, those found are fitted to it, and the
distance of the nearest is divided by that of the sixth nearest (the ratio test of Lowe 2004, as in
`data.likeness`): a copy is far nearer than any other image, whatever the data are.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganzfeld.core.files import cache_folder
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.core.store import digest, keep, kept
from ganzfeld.data.likeness import RIVAL, Axes
from ganzfeld.errors import ResourceError
from ganzfeld.metrics.memorisation import Look, Memorisation, judged, left_out, new_of
from ganzfeld.modalities.fitting import Fitting

VERSION = 1  # of what is cached: raise it when the same prints would be found otherwise
TRIED = 24  # originals that are fitted to each sample
SPARE = 8  # more of them, of which those that are the same image are left out
ROWS = 256  # samples looked up together: 50,000 columns of float32 are 50 MB
TRIAL = 64  # samples in a trial of the time
TYPICAL = 64  # numbers of a sketch on its axes

Prints = NDArray[Any]


class Registered:
    """Prints of the data (M, ...), in which the originals of others can be looked up.

    Example::

        import numpy as np
        from ganzfeld.metrics.registered import Registered
        from ganzfeld.modalities import MODALITIES

        prints = np.random.default_rng(0).integers(0, 256, (40, 32, 32)).astype(np.uint8)
        fitting = next(filter(None, (kind.fitting() for kind in MODALITIES.values())))
        found = Registered(fitting, prints).look(prints[:3, :, ::-1])
        assert list(found.indices) == [0, 1, 2]  # mirrored
    """

    def __init__(self, fitting: Fitting, prints: Prints) -> None:
        self.fitting, self.prints = fitting, prints
        own = fitting.sketch(prints)
        self.axes = Axes(own)
        self.own = torch.from_numpy(self.axes(own))

    def look(self, prints: Prints) -> Look:
        """The original of each print (N, ...) that fits it best."""
        return self.looked(prints, None)

    def look_without(self, rows: NDArray[np.int64]) -> Look:
        """The same of some of the data, each as if it, and what equals it, were not there."""
        return self.looked(self.prints[rows], rows)

    def looked(self, prints: Prints, rows: NDArray[np.int64] | None) -> Look:
        found = [
            self.few(prints[low : low + ROWS], None if rows is None else rows[low : low + ROWS])
            for low in range(0, len(prints), ROWS)
        ]
        indices, distances, relative = (np.concatenate(part) for part in zip(*found, strict=True))
        return Look(indices, distances, relative)

    def few(self, prints: Prints, rows: NDArray[np.int64] | None) -> tuple[NDArray[Any], ...]:
        """Indices, distances and relative distances of one block."""
        more = 0 if rows is None else 1 + SPARE
        candidates, looks = self.candidates(prints, TRIED + more)
        theirs, left = self.prints[candidates], None
        if rows is not None:
            flat = prints.reshape(len(prints), 1, -1)
            left = (theirs.reshape(*candidates.shape, -1) == flat).all(2)
        away = self.fitting.apart(prints, theirs, looks, left)
        order = np.argsort(away, axis=1, kind="stable")
        ordered = np.take_along_axis(away, order, axis=1)
        measured = np.isfinite(ordered).sum(1)
        last = np.clip(np.minimum(measured, RIVAL) - 1, 0, None)[:, None]
        rivals = np.take_along_axis(ordered, last, axis=1)[:, 0]
        near = np.where(measured > 0, ordered[:, 0], 1.0)
        usable = (measured > 0) & (rivals > 0)
        relative = np.divide(near, rivals, out=np.ones(len(near)), where=usable)
        return np.take_along_axis(candidates, order[:, :1], axis=1)[:, 0], near, relative

    def candidates(self, prints: Prints, most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Originals with the nearest sketches, (n, most) or fewer, and which sketch was near."""
        views = [torch.from_numpy(self.axes(x)) for x in self.fitting.sketches(prints)]
        best = views[0] @ self.own.T
        for view in views[1:]:
            torch.maximum(best, view @ self.own.T, out=best)
        chosen = torch.topk(best, min(most, len(self.own)), dim=1).indices
        near = self.own[chosen]
        each = torch.stack([torch.einsum("nd,nkd->nk", view, near) for view in views])
        return chosen.numpy(), each.argmax(0).numpy()


def memorisation_of_prints(
    fitting: Fitting,
    generated: Prints,
    data: Prints,
    held_out: Prints | None = None,
    *,
    pairs: int = 16,
) -> Memorisation:
    """As `memorisation`, of the `prints` of samples whose kind has a `fitting`."""
    among = Registered(fitting, data)
    return judged(among.look(generated), look_of_fresh(among, held_out), pairs=pairs)


def look_of_fresh(among: Registered, held_out: Prints | None) -> Look:
    """What fresh samples find. All runs on the same data ask for it: the cache folder keeps it."""
    by = str(getattr(among.fitting, "__name__", ""))
    both = {f"{by} data": among.prints} | ({} if held_out is None else {"held out": held_out})
    place = cache_folder() / f"fresh-{VERSION}-{digest(both)[:32]}.safetensors"
    known = kept(place) if by.startswith("ganzfeld.") else None
    if known is not None:
        return Look(**known[0])
    fresh = None if held_out is None else new_of(among.look(held_out), 0.0)
    if fresh is None:
        fresh = among.look_without(left_out(len(among.prints)))
    if by.startswith("ganzfeld."):
        with suppress(ResourceError):  # the next time it is found again
            keep(place, vars(fresh), {})
    return fresh


def seconds_of(fitting: Fitting, prints: Prints, lookups: int, count: int) -> float:
    """About how long so many samples take among so many originals, by a trial on a part.

    prints: some of the data, (n, ...).
    """
    few = np.resize(prints, (TRIAL, *prints.shape[1:]))
    theirs, looks = np.stack([few] * TRIED, 1), np.zeros((TRIAL, TRIED), np.int64)
    noise = numpy_generator("registered").standard_normal
    view = torch.from_numpy(noise((TRIAL, TYPICAL), np.float32))
    among = torch.from_numpy(noise((count, TYPICAL), np.float32))
    best = view @ among.T

    def once() -> None:
        for _ in fitting.sketches(few):
            torch.maximum(best, view @ among.T, out=best)
        torch.topk(best, min(TRIED, count), dim=1)
        fitting.apart(np.roll(few, 1, 0), theirs, looks)

    once()  # the first time takes its memory
    started = time.monotonic()
    once()
    middle = time.monotonic()
    fitting.sketch(few)
    sketched = time.monotonic() - middle
    return ((middle - started) * lookups + sketched * count) / TRIAL
