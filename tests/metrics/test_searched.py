"""Of generated samples, only so many are looked up among the data: the search is the slow part."""

from __future__ import annotations

import numpy as np
import pytest

from ganzfeld.metrics.copies import SEARCHED, Passing
from ganzfeld.metrics.family import PIXEL_COUNT
from ganzfeld.modalities import MODALITIES


@pytest.mark.parametrize("kind", ["image", "audio"])
def test_the_search_takes_fewer_samples_than_pixels_are_compared(kind: str) -> None:
    shape, dtype = ((1, 8, 8), np.uint8) if kind == "image" else ((1, 64), np.int16)
    passed = Passing(MODALITIES[kind])
    chunks = [np.ones((300, *shape), dtype) for _ in range(8)]
    assert sum(map(len, passed.watched(chunks))) == 2_400
    assert sum(map(len, passed.thumbnails)) == SEARCHED
    assert sum(map(len, passed.pixels)) == PIXEL_COUNT
    assert all(sum(map(len, one)) == SEARCHED for one in zip(*passed.variants, strict=True))
