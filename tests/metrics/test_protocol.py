"""The three ways to resize, each against its definition written out."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from ganzfeld.metrics.inception_resize import PROTOCOLS, SIDE, to_rgb

SIZES = [(28, 28), (96, 112), (301, 640), (1, 5), (299, 299)]


def picture(height: int, width: int, channels: int = 3, count: int = 1) -> NDArray[np.uint8]:
    draw = np.random.default_rng(height * width)
    return draw.integers(0, 256, (count, channels, height, width)).astype(np.uint8)


def bilinear(channel: NDArray[np.float64], *, half_pixel: bool) -> NDArray[np.float64]:
    for axis in (0, 1):
        old = channel.shape[axis]
        place = np.arange(SIDE, dtype=np.float64)
        place = (place + 0.5) * old / SIDE - 0.5 if half_pixel else place * old / SIDE
        place = place.clip(0, old - 1)
        low = np.floor(place).astype(int)
        share = place - low
        share = share[:, None] if axis == 0 else share
        first, second = (channel.take(i, axis) for i in (low, np.minimum(low + 1, old - 1)))
        channel = first * (1 - share) + second * share
    return channel


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_each_resize_is_what_it_says(height: int, width: int) -> None:
    x = picture(height, width)
    found = {name: make(torch.from_numpy(x))[0].numpy() for name, make in PROTOCOLS.items()}
    for c in range(3):
        plane = x[0, c].astype(np.float64)
        tf1 = (bilinear(plane, half_pixel=False) - 128) / 128
        assert np.abs(found["tf1"][c] - tf1).max() < 2e-4  # float32 positions
        torch_fid = 2 * bilinear(plane, half_pixel=True) / 255 - 1
        assert np.abs(found["pytorch-fid"][c] - torch_fid).max() < 2e-4
        pil = Image.fromarray(x[0, c].astype(np.float32))
        resized = np.asarray(pil.resize((SIDE, SIDE), Image.Resampling.BICUBIC)).clip(0, 255)
        assert np.abs(found["clean"][c] * 128 + 128 - resized).max() < 1e-4
    assert {p.shape for p in found.values()} == {(3, SIDE, SIDE)}


def test_channels() -> None:
    grey = torch.from_numpy(picture(4, 5, 1))
    assert torch.equal(to_rgb(grey), grey.repeat(1, 3, 1, 1))
    colour = torch.from_numpy(picture(4, 5, 3))
    assert torch.equal(to_rgb(colour), colour)
    whole = torch.full((1, 1, 4, 5), 255, dtype=torch.uint8)
    assert torch.equal(to_rgb(torch.cat([colour, whole], 1)), colour)
    assert (to_rgb(torch.cat([colour, 0 * whole], 1)) == 255).all()
    assert torch.equal(to_rgb(torch.cat([grey, whole], 1)), to_rgb(grey))
    half = torch.tensor([[[[100]], [[128]]]], dtype=torch.uint8)
    assert to_rgb(half).flatten().tolist() == [round((100 * 128 + 255 * 127) / 255)] * 3
