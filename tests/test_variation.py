"""Mirrored and shifted images."""

from pathlib import Path

import pytest
import torch

import ganzfeld
from ganzfeld.config import with_settings
from ganzfeld.errors import UsageError
from ganzfeld.modalities.image.transforms import variation
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.plan import settle
from ganzfeld.training.trainer import Trainer, as_data


def ramp(n: int = 64) -> torch.Tensor:
    """Images that rise from left to right, each with another offset."""
    x = torch.linspace(-1, 1, 16).expand(n, 3, 8, 16)
    return (x + torch.arange(n)[:, None, None, None] / 1000).contiguous()


def test_nothing_asked_is_nothing_done():
    assert variation() is None


def test_mirrored_are_about_half_and_exactly_so():
    x, vary = ramp(), variation(mirror=True)
    y = vary({"x": x, "y": torch.arange(64)}, 5)
    same = torch.tensor([torch.equal(a, b) for a, b in zip(y["x"], x, strict=True)])
    flipped = torch.tensor([torch.equal(a, b.flip(2)) for a, b in zip(y["x"], x, strict=True)])
    assert (same ^ flipped).all() and 20 <= int(flipped.sum()) <= 44
    assert torch.equal(y["y"], torch.arange(64))
    assert torch.equal(vary({"x": x}, 5)["x"], y["x"])
    assert not torch.equal(vary({"x": x}, 6)["x"], y["x"])


def test_jitter_keeps_the_size_and_takes_every_window():
    x, vary = ramp(400), variation(jitter=0.25)
    y = vary({"x": x}, 1)["x"]
    assert y.shape == x.shape
    # 16 columns become 20: five windows, told apart by their left edge
    edges = y[:, 0, 0, 0] - torch.arange(400) / 1000
    counts = edges.round(decimals=3).unique(return_counts=True)[1]
    assert len(counts) == 5 and int(counts.min()) >= 40 and int(counts.max()) <= 130


def test_pairs_move_alike_and_strangers_do_not():
    x = ramp()
    pair = variation(mirror=True, jitter=0.5, together=True)({"a": x, "b": x}, 3)
    assert torch.equal(pair["a"], pair["b"])
    alone = variation(mirror=True, jitter=0.5)({"a": x, "b": x}, 3)
    assert not torch.equal(alone["a"], alone["b"])


def trainer() -> Trainer:
    config = RECIPES["default"](Facts(count=20, channels=3, height=16, width=16, classes=0))
    config = with_settings(config, ["networks.*.width=4", "data.mirror=true", "data.jitter=0.2"])
    config.run.images, config.run.batch_size = 64, 4
    settle(complete(config))
    pixels = torch.randint(256, (20, 3, 16, 16), generator=torch.Generator().manual_seed(1))
    return build_trainer(config, as_data(pixels.byte()), torch.device("cpu"))


def test_a_resumed_run_sees_the_same_windows():
    straight, first, again = trainer(), trainer(), trainer()
    for _ in range(6):
        straight.take_step()
    for _ in range(3):
        first.take_step()
    again.load_state_dict(first.state_dict())
    for _ in range(3):
        again.take_step()
    for name, value in straight.game.state_dict().items():
        assert torch.equal(value, again.game.state_dict()[name]), name


def test_a_jitter_out_of_range_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match=r"data\.jitter is a number from 0 to 1, not 2"):
        ganzfeld.train(
            "avatars:40", out=tmp_path / "r", images=32, quiet=True, settings=["data.jitter=2"]
        )
