"""Networks for fields: periodic, of one to three dimensions, told numbers, spectra and sums."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganzfeld.data.field_sets import gaussian
from ganzfeld.metrics.field_power import radial_power
from ganzfeld.networks import NETWORKS
from ganzfeld.networks.dimensions import convolution, transposed, wrapped
from ganzfeld.networks.side_inputs import RadialPower, SideVerdict, Sums

SHAPES = [(2, 32), (1, 16, 16), (2, 24, 16), (1, 8, 8, 8)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("padding", ["zeros", "circular"])
def test_fields_of_any_dimension(shape: tuple[int, ...], padding: str) -> None:
    torch.manual_seed(0)
    given = {"conditions": 2, "padding": padding, "width": 8}
    generator = NETWORKS["dcgan-generator"](
        shape, output="identity", noise=1, refine=4, latent=12, **given
    )
    discriminator = NETWORKS["dcgan-discriminator"](shape, side="power", **given)
    z, c = torch.randn(3, generator.latent), torch.randn(3, 2)
    x = generator(z, None, c)
    assert x.shape == (3, *shape) and x.abs().max() > 1
    assert discriminator(x, None, c).shape == (3,)
    assert not torch.equal(generator(z, None, c + 1), x)
    assert not torch.equal(discriminator(x, None, c + 1), discriminator(x, None, c))
    gained = NETWORKS["dcgan-generator"](
        shape, output="identity", noise=1, refine=4, latent=12, gains=True, **given
    )
    assert not gained.load_state_dict(generator.state_dict(), strict=False).unexpected_keys
    assert torch.equal(gained.eval()(z, None, c), generator.eval()(z, None, c))  # at the start
    gained.gains[-1].linear.bias.data.fill_(1.0)
    assert not torch.equal(gained(z, None, c), generator(z, None, c))


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_circular_layers_know_no_border(dimensions: int) -> None:
    """A shifted input gives a shifted output, exactly so: nowhere is a border."""
    torch.manual_seed(0)
    sides = [8] * dimensions
    x = torch.randn(2, 3, *sides, dtype=torch.float64)
    axes = tuple(range(2, 2 + dimensions))
    down = convolution(dimensions, 3, 4, 4, 2, 1, padding="circular").double()
    up = transposed(dimensions, 3, 4, 4, 2, 1, padding="circular").double()
    moved = torch.roll(x, [2] * dimensions, axes)
    assert torch.allclose(down(moved), torch.roll(down(x), [1] * dimensions, axes))
    assert torch.allclose(up(moved), torch.roll(up(x), [4] * dimensions, axes))
    assert up(x).shape[2:] == (16,) * dimensions
    inside = (slice(None), slice(None), *[slice(2, -2)] * dimensions)
    plain = transposed(dimensions, 3, 4, 4, 2, 1).double()
    plain.load_state_dict(up.state_dict())
    assert torch.allclose(plain(x)[inside], up(x)[inside])
    assert not torch.allclose(plain(x), up(x))
    x.requires_grad_()
    found = []  # first and second gradients: quicker than PyTorch's own, to the same bits
    for padded in (wrapped(x), torch.nn.functional.pad(x, (1, 1) * dimensions, mode="circular")):
        first = torch.autograd.grad(padded.pow(3).sum(), x, create_graph=True)[0]
        found.append((padded, first, torch.autograd.grad(first.pow(2).sum(), x)[0]))
    assert all(map(torch.equal, *found))


def test_noise_reaches_every_map_and_nothing_else_is_random() -> None:
    torch.manual_seed(0)
    generator = NETWORKS["dcgan-generator"]((1, 16, 16), width=4, latent=5, noise=2, refine=3)
    assert generator.latent == 5 + 2 * (16 + 64 + 256)
    z = torch.randn(2, generator.latent)
    generator.eval()
    assert torch.equal(generator(z), generator(z))
    for place in (0, 5, 5 + 32, 5 + 32 + 128):
        other = z.clone()
        other[:, place] += 1
        assert not torch.equal(generator(other), generator(z))


def test_missing_options_are_the_networks_of_before() -> None:
    """The layers, names and draws of the release before fields: hashes of runs stay."""
    torch.manual_seed(0)
    G = NETWORKS["dcgan-generator"]((3, 16, 16), classes=2, width=4, most=8, latent=6)
    D = NETWORKS["dcgan-discriminator"]((3, 16, 16), classes=2, width=4, most=8)
    last = torch.randn(3)
    assert {type(layer) for layer in G.ups} == {torch.nn.ConvTranspose2d}
    assert {type(layer) for layer in D.layers} == {torch.nn.Conv2d, torch.nn.LeakyReLU}
    assert set(G.state_dict()) == {
        "labels.embedding.weight", "linear.weight", "linear.bias",
        *(f"norms.{i}.{name}" for i in (0, 1) for name in (
            "weight", "bias", "running_mean", "running_var", "num_batches_tracked")),
        *(f"ups.{i}.{name}" for i in (0, 1) for name in ("weight", "bias")),
    }  # fmt: skip
    assert set(D.state_dict()) == {
        "layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias",
        "verdict.linear.weight", "verdict.linear.bias", "verdict.embedding.weight",
    }  # fmt: skip
    torch.manual_seed(0)
    nn = torch.nn
    nn.Embedding(2, 32), nn.Linear(38, 8 * 16), nn.init.normal_(torch.empty(8 * 16, 38))
    for before, behind in ((8, 4), (4, 3)):
        layer = nn.ConvTranspose2d(before, behind, 4)
        nn.init.normal_(layer.weight)
    for before, behind in ((3, 4), (4, 8)):
        layer = nn.Conv2d(before, behind, 4)
        nn.init.normal_(layer.weight)
    verdict, embedding = nn.Linear(128, 1), nn.Embedding(2, 128)
    nn.init.normal_(verdict.weight), nn.init.normal_(embedding.weight)
    assert torch.equal(torch.randn(3), last), "other draws than before"


def test_numbers_are_asked_for() -> None:
    net = NETWORKS["dcgan-generator"]((1, 8, 8), width=4, conditions=2)
    with pytest.raises(ValueError, match="2 numbers as conditions"):
        net(torch.randn(2, net.latent))


def test_radial_power_is_that_of_the_metric() -> None:
    x, _ = gaussian.make(range(8), size=16)
    told = RadialPower((1, 16, 16))(torch.from_numpy(x)) / 0.25
    for row, field in zip(told, x, strict=True):
        assert np.exp(row.numpy()) == pytest.approx(radial_power(field[None])[0], rel=2e-3)


def test_radial_power_of_lines_and_volumes() -> None:
    torch.manual_seed(0)
    for shape in ((2, 10), (1, 6, 6, 8)):
        x = torch.randn(1, *shape)
        told = RadialPower(shape)(x) / 0.25
        assert told.exp()[0].numpy() == pytest.approx(radial_power(x.numpy()).ravel(), rel=2e-3)


def test_sums_are_those_of_the_deposits() -> None:
    deposits = torch.zeros(1, 2, 4, 4)
    deposits[0, 0, 1, 1], deposits[0, 1, 2, 2] = 0.5, 1.5
    x = torch.log1p(deposits / 0.5) / 2
    side = Sums((2, 4, 4), unit=[0.5], scale=[2.0], expected=[np.log(2.0), 1.0])
    told = side(x, torch.tensor([[1.0]]))[0]
    assert told[0] / 0.25 == pytest.approx(np.log1p(1), rel=1e-5)
    assert told[1] / 0.25 == pytest.approx(np.log1p(3), rel=1e-5)
    assert told[4] / 0.25 == pytest.approx(np.log(4), rel=1e-5)
    assert told[5] == pytest.approx(np.log(2) - 1, rel=1e-5)


def test_side_inputs_carry_gradients_to_the_sample_and_have_finite_slopes() -> None:
    torch.manual_seed(0)
    for side, options in (("power", {}), ("sums", {"unit": [0.1], "scale": [2.0]})):
        verdict = SideVerdict(side, (1, 8, 8), 1, options)
        for x in (torch.rand(2, 1, 8, 8), torch.zeros(2, 1, 8, 8)):
            x.requires_grad_()
            verdict(x, torch.zeros(2, 1)).sum().backward()
            assert x.grad is not None and x.grad.isfinite().all()
        assert x.grad is not None


def test_an_unknown_side_input_is_named() -> None:
    with pytest.raises(ValueError, match="powr"):
        NETWORKS["dcgan-discriminator"]((1, 8, 8), width=4, side="powr")


def test_deposits_begin_at_the_expected_sum_and_are_whole_quanta() -> None:
    torch.manual_seed(0)
    net = NETWORKS["deposit-generator"](
        (2, 8, 8), width=4, latent=8, conditions=1, noise=1, refine=4,
        unit=[0.05], scale=[3.0], expected=[6.0, 1.0], quanta=True,
    )  # fmt: skip
    c = torch.tensor([[-1.0], [0.0], [1.0]]).repeat(50, 1)
    x = net(torch.randn(150, net.latent), None, c)
    quanta = (3 * x).expm1()
    assert torch.allclose(quanta, quanta.round(), atol=1e-2) and quanta.min() >= 0
    sums = quanta.flatten(1).sum(1).view(50, 3).mean(0)
    assert sums.log().tolist() == pytest.approx([5.0, 6.0, 7.0], abs=0.5)
    x.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())
