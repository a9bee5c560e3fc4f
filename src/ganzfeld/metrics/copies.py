"""Collect prints or thumbnails of generated and training samples to search for copies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.data.held import Part, occurs_once
from ganzfeld.data.pack import Pack
from ganzfeld.metrics import registered
from ganzfeld.metrics.features import Features, of_pack
from ganzfeld.metrics.memorisation import LEFT_OUT, left_out
from ganzfeld.metrics.neighbours import seconds_of
from ganzfeld.metrics.reference import usable_rows
from ganzfeld.metrics.registry import PIXEL_COUNT, Thumbnails
from ganzfeld.modalities import Modality, modality_of, spec_of_data

LIMIT = 50_000  # samples of the data that are looked at: 50 MB of prints
SEARCHED = 500  # generated samples that are looked up: 2,000 took half of a run of 20 seconds


class Passing:
    """Small copies of the first samples that pass, put aside on their way to the extractor.

    keeps: whether the samples themselves are put aside, too.
    """

    def __init__(self, kind: Modality, keeps: bool = False) -> None:
        self.kind, self.keeps = kind, keeps
        self.samples: list[NDArray[Any]] = []
        self.pixels: list[Features] = []
        self.thumbnails: list[NDArray[Any]] = []  # or prints, where samples can be fitted
        self.variants: list[list[Features]] = []

    def watched(self, chunks: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        """The chunks as they come."""
        seen = 0
        for chunk in chunks:
            if seen < PIXEL_COUNT:
                few = np.ascontiguousarray(chunk[: PIXEL_COUNT - seen])
                if self.keeps:
                    self.samples.append(few)
                self.pixels.append(self.kind.plain(few))
                self.put_aside(few[: max(SEARCHED - seen, 0)])
                seen += len(chunk)
            yield chunk

    def put_aside(self, samples: NDArray[Any]) -> None:
        """What the search for copies takes of these."""
        if len(samples):
            self.thumbnails.append(searched(self.kind, samples))
            if self.kind.fitting() is None:
                self.variants.append(self.kind.variants(samples))


def for_copies(
    passed: Passing, numbers: NDArray[np.int64], pack: Pack, held_out: Pack | None
) -> Thumbnails:
    """Both sides of the search. The data are looked at whole, or at a random part of 50,000.

    held_out: samples that were not trained on. Where they are rows of `pack`, they are not data.
    """
    kind, trained = passed.kind, trained_rows(pack, held_out)
    rows = trained[:LIMIT]
    of_fresh, chosen = pack, rows[left_out(len(rows))]
    if held_out is not None:
        of_fresh, chosen = held_out, usable_rows(held_out)[:LEFT_OUT]
    generated = np.concatenate(passed.thumbnails)
    variants = () if kind.fitting() else (kind.variants(x) for x in of_pack(of_fresh, chosen))
    return Thumbnails(
        generated=generated,
        variants=joined(passed.variants),
        data=thumbnails_of(pack, rows),
        fresh=None if held_out is None else thumbnails_of(of_fresh, chosen),
        fresh_variants=joined(list(variants)),
        numbers=numbers[: len(generated)],
        rows=rows,
        whole=len(trained),
        repeated=float(1 - occurs_once(pack).mean()) if kind.repeats else 0.0,
    )


def trained_rows(pack: Pack, held_out: Pack | None) -> NDArray[np.int64]:
    """Rows of the data that copies may be of, in their order of use."""
    rows = usable_rows(pack)
    if isinstance(held_out, Part) and held_out.whole.fingerprint == pack.fingerprint:
        rows = rows[~np.isin(rows, held_out.chosen)]
    return rows


def searched(kind: Modality, samples: NDArray[Any]) -> NDArray[Any]:
    """What the search takes of stored samples."""
    return kind.prints(samples) if kind.fitting() else kind.thumbnails(samples)


def joined(chunks: list[list[Features]]) -> list[Features]:
    """Each variant of all images, from chunks that hold all variants."""
    return [np.concatenate(parts) for parts in zip(*chunks, strict=True)]


def thumbnails_of(pack: Pack, rows: NDArray[np.int64]) -> NDArray[Any]:
    kind = modality_of(spec_of_data(pack))
    return np.concatenate([searched(kind, x) for x in of_pack(pack, rows)])


def seconds_of_search(pack: Pack, count: int, held_out: Pack | None) -> float:
    """About how long the search takes for so many samples among the images of a pack."""
    rows = trained_rows(pack, held_out)[:LIMIT]
    kind = modality_of(spec_of_data(pack))
    fresh = rows if held_out is None else usable_rows(held_out)
    lookups = min(count, SEARCHED) + min(LEFT_OUT, len(fresh))
    if (fitting := kind.fitting()) is not None:
        some = kind.prints(pack.rows(rows[:256])["x"])
        return registered.seconds_of(fitting, some, lookups, len(rows))
    lookups *= 1 + len(kind.variants(pack.rows(rows[:1])["x"]))
    return seconds_of(lookups + lookups // 2, len(rows))  # also of the neighbours of those found
