"""Collect thumbnails of generated and training images to search for copies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ganzfeld.data.pack import Pack
from ganzfeld.metrics.features import Features, of_pack
from ganzfeld.metrics.memorisation import LEFT_OUT, left_out, thumbnails, variants_of
from ganzfeld.metrics.reference import usable_rows
from ganzfeld.metrics.registry import PIXEL_COUNT, Thumbnails
from ganzfeld.metrics.scale import small

LIMIT = 50_000  # images of the data that are looked at: 150 MB of thumbnails in colour


class Passing:
    """Small copies of the first images that pass, put aside on their way to the extractor."""

    def __init__(self) -> None:
        self.pixels: list[Features] = []
        self.thumbnails: list[Features] = []
        self.variants: list[list[Features]] = []

    def watched(self, chunks: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
        """The chunks as they come."""
        seen = 0
        for chunk in chunks:
            if seen < PIXEL_COUNT:
                few = np.ascontiguousarray(chunk[: PIXEL_COUNT - seen])
                self.pixels.append(small(few))
                self.thumbnails.append(thumbnails(few))
                self.variants.append(variants_of(few))
                seen += len(chunk)
            yield chunk


def for_copies(
    passed: Passing, numbers: NDArray[np.int64], pack: Pack, held_out: Pack | None
) -> Thumbnails:
    """Both sides of the search. The data are looked at whole, or at a random part of 50,000."""
    rows = usable_rows(pack)[:LIMIT]
    of_fresh, chosen = pack, rows[left_out(len(rows))]
    if held_out is not None:
        of_fresh, chosen = held_out, usable_rows(held_out)[:LEFT_OUT]
    generated = np.concatenate(passed.thumbnails)
    return Thumbnails(
        generated=generated,
        variants=joined(passed.variants),
        data=thumbnails_of(pack, rows),
        fresh=None if held_out is None else thumbnails_of(of_fresh, chosen),
        fresh_variants=joined([variants_of(x) for x in of_pack(of_fresh, chosen)]),
        numbers=numbers[: len(generated)],
        rows=rows,
        whole=len(pack),
    )


def joined(chunks: list[list[Features]]) -> list[Features]:
    """Each variant of all images, from chunks that hold all variants."""
    return [np.concatenate(parts) for parts in zip(*chunks, strict=True)]


def thumbnails_of(pack: Pack, rows: NDArray[np.int64]) -> Features:
    return np.concatenate([thumbnails(x) for x in of_pack(pack, rows)])
