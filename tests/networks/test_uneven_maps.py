"""Maps with one short side, long lines and large volumes get networks that fit into memory."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from ganzfeld.config import Config
from ganzfeld.errors import CheckpointError
from ganzfeld.metrics import field_power
from ganzfeld.modalities import Spec
from ganzfeld.networks import side_inputs
from ganzfeld.networks.build import build_network, without_memory
from ganzfeld.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from ganzfeld.networks.layers import levels, uneven_levels
from ganzfeld.networks.side_inputs import RadialPower
from ganzfeld.recipes import RECIPES, Facts
from ganzfeld.training.build import complete
from ganzfeld.training.resume import adopt


def test_each_side_is_halved_by_itself() -> None:
    assert levels((1, 100)) == [(1, 100)]
    assert uneven_levels((1, 100)) == [(1, 7), (1, 13), (1, 25), (1, 50), (1, 100)]
    assert uneven_levels((30, 100))[0] == (8, 7)
    assert uneven_levels((32, 32)) == levels((32, 32))


@pytest.mark.parametrize("padding", ["zeros", "circular"])
@pytest.mark.parametrize(
    "shape", [(3, 1, 1000), (1, 9, 130), (1, 5, 8, 100), (2, 4000), (1, 1, 3), (1, 16, 16)]
)
def test_uneven_networks_take_and_make_any_shape(shape: tuple[int, ...], padding: str) -> None:
    own = {"width": 4, "most": 16, "padding": padding, "uneven": True}
    make = DCGANGenerator(shape, latent=8, noise=1, refine=4, output="identity", **own)
    judge = DCGANDiscriminator(shape, side="power", **own)
    made = make(torch.randn(2, make.latent))
    assert made.shape == (2, *shape)
    assert judge(made).shape == (2,)
    judge(made).sum().backward()
    assert math.prod(make.sizes[0]) <= 8**3


def test_even_sides_have_the_networks_of_before() -> None:
    usual, uneven = (
        DCGANGenerator((3, 32, 32), latent=8, width=4, uneven=u).state_dict() for u in (False, True)
    )
    assert [(k, v.shape) for k, v in usual.items()] == [(k, v.shape) for k, v in uneven.items()]


@pytest.mark.parametrize("shape", [(3, 1, 100_000), (1, 100_000), (1, 64, 64, 64)])
def test_the_recipe_of_fields_bounds_networks_and_batches(shape: tuple[int, ...]) -> None:
    config = RECIPES["fields"](Facts(count=3, spec=Spec("field", shape)))
    with without_memory():
        networks = {name: build_network(part) for name, part in config.networks.items()}
    for network in networks.values():
        numbers = [*network.parameters(), *network.buffers()]
        assert sum(n.numel() for n in numbers) < 8_000_000
    assert config.run.batch_size * math.prod(shape) <= 1 << 20


def test_usual_fields_have_the_batch_and_the_networks_of_before() -> None:
    config = RECIPES["fields"](Facts(count=3, spec=Spec("field", (1, 64, 64))))
    assert config.run.batch_size == 32
    assert "uneven" not in config.networks["G"].options


@pytest.mark.parametrize("shape", [(2, 64), (1, 12, 20), (1, 6, 6, 9)])
def test_power_by_shells_is_the_same_with_and_without_a_matrix(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.randn(3, *shape, requires_grad=True)
    matrix, measured = RadialPower(shape), field_power.shell_power(x.detach().numpy())
    monkeypatch.setattr(side_inputs, "MOST_ENTRIES", 0)
    monkeypatch.setattr(field_power, "MOST_ENTRIES", 0)
    sums = RadialPower(shape)
    assert matrix.as_matrix and not sums.as_matrix
    assert torch.allclose(matrix(x), sums(x), atol=1e-6)
    (a,), (b,) = (torch.autograd.grad(way(x).square().sum(), x) for way in (matrix, sums))
    assert torch.allclose(a, b, rtol=1e-4, atol=1e-6)
    again = field_power.shell_power(x.detach().numpy())
    assert np.allclose(measured, again, rtol=1e-9)


def test_a_run_from_before_the_option_goes_on_by_the_same_command(tmp_path: Path) -> None:
    def made() -> Config:
        facts = Facts(count=99, channels=3, height=16, width=16, classes=0)
        return complete(RECIPES["default"](facts))

    stored, wanted = made(), made()
    assert wanted.networks["G"].options["uneven"] is False
    for part in stored.networks.values():
        del part.options["uneven"]
    adopt(wanted, stored, tmp_path)
    wanted.networks["G"].options["uneven"] = True
    del stored.networks["G"].options["uneven"]
    with pytest.raises(CheckpointError, match=r"networks\.G\.options\.uneven"):
        adopt(wanted, stored, tmp_path)
