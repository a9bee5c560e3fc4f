"""What the search for copies looks at: thumbnails of generated images and of all of the data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ganzfeld.data.pack import Pack
from ganzfeld.metrics.features import Features, of_pack
from ganzfeld.metrics.memorisation import LEFT_OUT, left_out, thumbnails
from ganzfeld.metrics.reference import usable_rows
from ganzfeld.metrics.scale import small
from ganzfeld.metrics.suite import PIXEL_COUNT, Thumbnails

LIMIT = 50_000  # images of the data that are looked at: 150 MB of thumbnails in colour


class Passing:
    """Small copies of the first images that pass, put aside on their way to the extractor."""

    def __init__(self) -> None:
        self.pixels: list[Features] = []
        self.thumbnails: list[Features] = []
        self.mirrors: list[Features] = []

    def watched(self, chunks: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
        """The chunks as they come."""
        seen = 0
        for chunk in chunks:
            if seen < PIXEL_COUNT:
                few = np.ascontiguousarray(chunk[: PIXEL_COUNT - seen])
                self.pixels.append(small(few))
                self.thumbnails.append(thumbnails(few))
                self.mirrors.append(thumbnails(mirrored(few)))
                seen += len(chunk)
            yield chunk


def mirrored(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images (N, C, H, W) with left and right exchanged."""
    return np.ascontiguousarray(pixels[:, :, :, ::-1])


def for_copies(
    passed: Passing, numbers: NDArray[np.int64], pack: Pack, held_out: Pack | None
) -> Thumbnails:
    """Both sides of the search. The data are looked at whole, or at a random part of 50,000."""
    rows = usable_rows(pack)[:LIMIT]
    others = rows[left_out(len(rows))]
    fresh = None
    if held_out is not None:
        fresh = thumbnails_of(held_out, usable_rows(held_out)[:LEFT_OUT])
    of_fresh = pack if held_out is None else held_out
    chosen = others if held_out is None else usable_rows(held_out)[:LEFT_OUT]
    generated = np.concatenate(passed.thumbnails)
    return Thumbnails(
        generated=generated,
        mirrors=np.concatenate(passed.mirrors),
        data=thumbnails_of(pack, rows),
        fresh=fresh,
        fresh_mirrors=thumbnails_of(of_fresh, chosen, mirror=True),
        numbers=numbers[: len(generated)],
        rows=rows,
        whole=len(pack),
    )


def thumbnails_of(pack: Pack, rows: NDArray[np.int64], *, mirror: bool = False) -> Features:
    chunks = (mirrored(x) if mirror else x for x in of_pack(pack, rows))
    return np.concatenate([thumbnails(x) for x in chunks])
