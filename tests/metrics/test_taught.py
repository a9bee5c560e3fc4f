"""What `learned` foretells of Inception: the package's file, images of any kind, what is seen."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import grid_sample, interpolate

from ganzfeld import metrics
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.errors import DataError
from ganzfeld.metrics import learned, taught
from ganzfeld.metrics.features import Extractor, Features, extract, make_extractor
from ganzfeld.metrics.learning import learning_rows

Pixels = NDArray[np.uint8]
BITS = """
import hashlib, numpy as np, torch
from ganzfeld.metrics.taught import Taught, taught
x = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (9, 3, 40, 48)).astype(np.float32))
torch.set_num_threads(1)
print(hashlib.sha256(Taught(taught())(x).detach().numpy().tobytes()).hexdigest())
"""


def silent(stage: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def pack() -> Pack:
    return open_pack("avatars", PackOptions(size=(32, 32), count=600), workers=0)


@pytest.fixture(scope="module")
def net(pack: Pack) -> Extractor:
    return make_extractor("learned", pack, progress=silent)


@pytest.fixture
def anew() -> Iterator[None]:
    """The file is read again, now and after the test."""
    taught.taught.cache_clear()
    yield
    taught.taught.cache_clear()


def test_the_file_is_small_and_of_half_precision() -> None:
    tensors = taught.taught()
    assert taught.FILE.stat().st_size < 600_000
    assert {name for name, array in tensors.items() if array.dtype != np.float16} == {"offset"}
    assert all(np.isfinite(array).all() for array in tensors.values())


@pytest.mark.parametrize("cut", [None, 1_000])
def test_a_damaged_file_is_refused(
    cut: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, anew: None
) -> None:
    place = tmp_path / "taught.safetensors"
    if cut is not None:
        place.write_bytes(taught.FILE.read_bytes()[:-cut])
    monkeypatch.setattr(taught, "FILE", place)
    with pytest.raises(DataError, match="missing or damaged") as error:
        taught.taught()
    assert "reinstall" in error.value.fix and str(place) in error.value.what


def test_another_file_makes_another_protocol(
    pack: Pack, net: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers by two files of the package must not stand in one table."""
    other = {**taught.taught(), "offset": taught.taught()["offset"] + 1}
    monkeypatch.setattr(learned, "taught", lambda: other)
    assert make_extractor("learned", pack, progress=silent).weights != net.weights


def test_two_processes_give_the_same_bits() -> None:
    found = [
        subprocess.run(
            [sys.executable, "-c", BITS], capture_output=True, text=True, check=True, env=os.environ
        ).stdout
        for _ in range(2)
    ]
    assert found[0] == found[1] and len(found[0].strip()) == len(hashlib.sha256().hexdigest())


@pytest.mark.parametrize("size", [(4, 4), (5, 40), (28, 28), (64, 64), (96, 130)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_any_size_and_number_of_channels(size: tuple[int, int], channels: int) -> None:
    draw = np.random.default_rng(1)
    x = torch.from_numpy(draw.uniform(-1, 1, (5, channels, *size)).astype(np.float32))
    found = taught.Taught(taught.taught())(x)
    assert found.shape == (5, 96) and found.isfinite().all()
    assert not torch.allclose(found[0], found[1])


@pytest.mark.parametrize(
    ("side", "seen"), [(4, 64), (28, 56), (32, 64), (48, 48), (64, 64), (96, 64)]
)
def test_small_images_are_enlarged_a_whole_number_of_times(side: int, seen: int) -> None:
    assert taught.as_taught(torch.zeros(1, 3, side, side)).shape[2:] == (seen, seen)


def test_grey_is_repeated_and_transparent_parts_are_white() -> None:
    draw = np.random.default_rng(1)
    grey = torch.from_numpy(draw.uniform(-1, 1, (2, 1, 64, 64)).astype(np.float32))
    colour = grey.expand(-1, 3, -1, -1)
    clear, solid = -torch.ones(2, 1, 64, 64), torch.ones(2, 1, 64, 64)
    assert torch.allclose(taught.as_taught(grey), colour)
    assert torch.allclose(taught.as_taught(torch.cat([grey, solid], 1)), colour)
    assert torch.allclose(taught.as_taught(torch.cat([colour, solid], 1)), colour)
    assert torch.allclose(taught.as_taught(torch.cat([colour, clear], 1)), torch.ones(2, 3, 64, 64))


def test_its_share_of_the_variance(net: Extractor, pack: Pack) -> None:
    found = features(net, np.array(pack.images[learning_rows(pack)]))
    variance = found.var(0)
    assert found.shape[1] == 4 * learned.SHAPES + 96
    ratio = variance[4 * learned.SHAPES :].sum() / variance[: 4 * learned.SHAPES].sum()
    assert ratio == pytest.approx(learned.SHARE, rel=0.05)


def features(net: Extractor, pixels: Pixels) -> Features:
    return extract(net, [pixels], len(pixels))


def test_bends_are_seen_and_dots_still_are(net: Extractor, pack: Pack) -> None:
    """Counts of shapes hardly tell bent images from fresh ones."""
    rest = np.setdiff1d(np.arange(len(pack)), learning_rows(pack))
    images = np.array(pack.images[rest])
    reference, fresh = images[::2], images[1::2]
    x = torch.from_numpy(fresh).float()
    draw = torch.Generator().manual_seed(0)
    field = interpolate(torch.randn(len(x), 2, 5, 5, generator=draw), (32, 32), mode="bicubic") / 6
    line = torch.linspace(-1, 1, 32)
    grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1) + field.permute(0, 2, 3, 1)
    bent = grid_sample(x, grid, padding_mode="reflection", align_corners=True).byte().numpy()
    sign = 14 * (1 - 2 * (np.indices((32, 32)).sum(0) % 2))
    dots = (fresh.astype(np.int64) + sign).clip(0, 255).astype(np.uint8)
    data, same = features(net, reference), features(net, fresh)

    def ratio(pixels: Pixels, width: int | None = None) -> float:
        found = features(net, pixels)[:, :width]
        own = metrics.frechet_distance(same[:, :width], data[:, :width])
        return metrics.frechet_distance(found, data[:, :width]) / own

    shapes = 4 * learned.SHAPES
    print(ratio(bent), ratio(bent, shapes), ratio(dots), ratio(dots, shapes))
    assert ratio(bent) > 1.2 * ratio(bent, shapes)
    assert ratio(dots) > 2
    found = metrics.precision_recall(features(net, dots), data).precision
    assert found < metrics.precision_recall(same, data).precision / 3
