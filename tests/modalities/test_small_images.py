"""Images as a few hundred numbers: sums of whole numbers are the means that pooling finds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganzfeld.modalities.image.plain import PIXEL_SIDE, small


@pytest.mark.parametrize("shape", [(28, 28), (64, 64), (96, 64), (100, 60), (352, 352), (384, 384)])
def test_small_images_are_means_of_pixels(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, *shape), dtype=np.uint8)
    pixels[0] = 255  # the largest sums
    step = math.ceil(max(shape) / PIXEL_SIDE)
    x = torch.from_numpy(pixels).float() / 255
    means = torch.nn.functional.avg_pool2d(x, step, ceil_mode=True).reshape(2, -1).numpy()
    found = small(pixels)
    assert found.dtype == np.float32 and found == pytest.approx(means, abs=1e-6)
    assert (found[0] == 1).all() or step > 11
