"""Weights of a run of another size, or without labels, are taken as far as they fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import ganzfeld
from ganzfeld.core import checkpoint
from ganzfeld.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from ganzfeld.networks.mlp import MLPDiscriminator
from ganzfeld.networks.residual import ResidualDiscriminator, ResidualGenerator
from ganzfeld.networks.tutorials import AnimeGenerator, MnistDiscriminator, MnistGenerator
from ganzfeld.training.transfer import Transfer


def moved(there: nn.Module, here: nn.Module) -> Transfer:
    found = Transfer(here, there.state_dict())
    here.load_state_dict(found.state)
    return found


def test_a_generator_of_twice_the_size_keeps_its_last_layers() -> None:
    small, large = (DCGANGenerator((3, s, s), width=4, refine=2) for s in (16, 32))
    found = moved(small, large)
    for i, up in enumerate(small.ups):
        assert torch.equal(large.ups[i + 1].weight, up.weight)
        assert torch.equal(large.norms[i + 1].weight, small.norms[i].weight)
    assert torch.equal(large.refine[1].weight, small.refine[1].weight)
    assert found.fresh == ["linear", "norms.0", "ups.0"]
    assert found.words.endswith("linear, norms.0, ups.0 afresh")


def test_a_discriminator_of_twice_the_size_keeps_its_first_layers() -> None:
    small, large = (DCGANDiscriminator((3, s, s), width=4) for s in (16, 32))
    assert moved(small, large).fresh == ["layers.4", "verdict.linear"]
    assert torch.equal(large.layers[2].weight, small.layers[2].weight)


@pytest.mark.parametrize("make", [ResidualGenerator, ResidualDiscriminator])
def test_residual_networks_of_another_size(make: type[nn.Module]) -> None:
    small, large = (make((3, s, s), width=16, most=32) for s in (16, 32))
    found = moved(small, large)
    assert found.taken > 0.8 * sum(t.numel() for t in small.state_dict().values())


def test_labels_are_added_without_changing_the_images() -> None:
    for make in (DCGANGenerator, MnistGenerator, AnimeGenerator):
        side = 24 if make is AnimeGenerator else 16
        plain, labelled = (make((3, side, side), width=4, classes=n) for n in (0, 5))
        found = moved(plain, labelled)
        z, y = torch.randn(4, 100), torch.tensor([0, 1, 2, 3])
        with torch.no_grad():
            before, after = plain.eval()(z, None), labelled.eval()(z, y)
        assert torch.allclose(before, after, atol=1e-6), make
        assert "labels added" in found.words


def test_a_discriminator_with_labels_begins_as_one_without() -> None:
    pairs = [
        (lambda n: DCGANDiscriminator((3, 16, 16), width=4, classes=n, condition="concat")),
        (lambda n: MLPDiscriminator((3, 16, 16), widths=[8, 4], classes=n)),
        (lambda n: MnistDiscriminator((3, 16, 16), width=4, classes=n)),
    ]
    for make in pairs:
        plain, labelled = make(0), make(5)
        assert not moved(plain, labelled).fresh
        x, y = torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 3])
        with torch.no_grad():
            assert torch.allclose(plain.eval()(x), labelled.eval()(x, y), atol=1e-6)


def test_the_same_network_is_taken_whole() -> None:
    one, other = (DCGANGenerator((3, 16, 16), width=4) for _ in range(2))
    found = moved(one, other)
    assert found.words == "whole" and found.taken == found.size
    assert all(torch.equal(v, other.state_dict()[k]) for k, v in one.state_dict().items())


@pytest.mark.long
def test_a_run_of_another_size_and_with_labels_starts_from_one_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 3, 16, 16), dtype=np.uint8)
    common = {"recipe": "dcgan", "batch": 16, "images": 32}
    settings = ["networks.*.width=4", "run.threads=1", "run.keep=9"]
    small = ganzfeld.train(pixels, out=tmp_path / "small", settings=settings, quiet=True, **common)
    labelled = (pixels.repeat(2, 2).repeat(2, 3), np.arange(64) % 3)
    capsys.readouterr()
    ganzfeld.train(labelled, out=tmp_path / "large", init=small.path, settings=settings, **common)
    told = " ".join(capsys.readouterr().out.split())
    assert "starts from" in told and "linear, norms.0, ups.0" in told and "afresh" in told
    start = checkpoint.load(tmp_path / "large" / "checkpoints" / "images-000000000000").state
    given = checkpoint.load(small.path / "checkpoints" / "images-000000000032").state
    for part, name in (("game", "G.ups"), ("average", "medium.G.ups")):
        kept = given[part][f"{name}.0.weight"]
        assert torch.equal(start[part][f"{name}.1.weight"], kept)
    first = start["game"]["D.layers.0.weight"]
    assert torch.equal(first[:, :3], given["game"]["D.layers.0.weight"])
    assert not first[:, 3:].any()
