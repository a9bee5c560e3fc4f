"""Events that happen every so many images."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from ganzfeld.training.trainer import Report


class Every:
    """Calls `do` whenever another `images` have been seen.

    widening: also at 1/2, 1/4, ... 1/64 of the first interval, when most happens.
    """

    def __init__(
        self,
        images: int | None,
        do: Callable[[Report], None],
        seen: int,
        *,
        widening: bool = False,
    ) -> None:
        assert images is not None
        self.images, self.do, self.seen, self.widening = images, do, seen, widening

    def __call__(self, report: Report) -> None:
        if self.due(report.images) > self.due(self.seen):
            self.do(report)
        self.seen = report.images

    def due(self, images: int) -> int:
        """How often it was due up to here."""
        early = sum(images >= self.images / 2**k for k in range(1, 7)) if self.widening else 0
        return images // self.images + early


class At(Every):
    """Calls `do` at each of these numbers of images, which are in order."""

    def __init__(self, marks: Sequence[int], do: Callable[[Report], None], seen: int) -> None:
        super().__init__(1, do, seen)
        self.marks = marks

    def due(self, images: int) -> int:
        return bisect_right(self.marks, images)
