"""Networks for any shape, with and without labels, whose signals neither die nor blow up."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzfeld.networks import NETWORKS, layers
from ganzfeld.networks.layers import pyramid
from ganzfeld.recipes import RECIPES, Facts

KINDS = ("mlp", "dcgan", "residual")
SHAPES = [(1, 28, 28), (3, 48, 48), (3, 50, 37), (4, 9, 5), (2, 64, 96), (3, 3, 2)]


def options(kind: str) -> dict[str, object]:
    return {"widths": (32, 32)} if kind == "mlp" else {"width": 16, "most": 32}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("classes", [0, 3])
def test_any_shape(kind: str, shape: tuple[int, ...], classes: int) -> None:
    torch.manual_seed(0)
    generator = NETWORKS[f"{kind}-generator"](shape, classes=classes, **options(kind))
    discriminator = NETWORKS[f"{kind}-discriminator"](shape, classes=classes, **options(kind))
    y = torch.tensor([0, 1, 2, 0]) if classes else None
    x = generator(torch.randn(4, generator.latent), y)
    assert x.shape == (4, *shape)
    assert discriminator(x, y).shape == (4,)
    assert 0.2 < x.std() < 2.5, "the signal dies or explodes"
    assert (x[0] - x[1]).abs().mean() > 0.1, "z does not matter"


@pytest.mark.parametrize("kind", KINDS)
def test_labels_matter_and_are_asked_for(kind: str) -> None:
    torch.manual_seed(0)
    for role, width in (("generator", None), ("discriminator", (1, 8, 8))):
        net = NETWORKS[f"{kind}-{role}"]((1, 8, 8), classes=3, **options(kind)).eval()
        v = torch.randn(1, *(width or (net.latent,)))
        assert not torch.equal(net(v, torch.tensor([0])), net(v, torch.tensor([2])))
        with pytest.raises(ValueError, match="needs labels"):
            net(v, None)


@pytest.mark.parametrize("kind", ["mlp", "dcgan"])
@pytest.mark.parametrize("condition", ["concat", "projection"])
def test_both_ways_to_condition(kind: str, condition: str) -> None:
    make = NETWORKS[f"{kind}-discriminator"]
    net = make((1, 8, 8), classes=3, condition=condition, **options(kind))
    assert net(torch.randn(2, 1, 8, 8), torch.tensor([0, 2])).shape == (2,)


@pytest.mark.parametrize("kind", ["mlp", "dcgan"])
def test_spectral_norm_bounds_every_weight(kind: str) -> None:
    torch.manual_seed(0)
    net = NETWORKS[f"{kind}-discriminator"]((1, 16, 16), spectral=True, **options(kind))
    x = torch.randn(4, 1, 16, 16)
    for _ in range(50):
        net(x)
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            largest = torch.linalg.matrix_norm(module.weight.detach().flatten(1), 2)
            assert largest == pytest.approx(1, abs=0.05)


def test_pyramid_at_most_doubles_and_ends_at_the_picture() -> None:
    for height in range(1, 200, 7):
        for width in (1, 28, 50, 96, 192):
            sizes = pyramid(height, width)
            assert sizes[-1] == (height, width)
            for (a, b), (c, d) in pairwise(sizes):
                assert a <= c <= 2 * a and b <= d <= 2 * b
    assert pyramid(28, 28)[0] == (7, 7)
    assert pyramid(64, 64)[0] == (4, 4)
    assert pyramid(96, 96)[0] == (6, 6)


def test_residual_generator_starts_as_its_skip_path_and_still_learns() -> None:
    torch.manual_seed(0)
    generator = NETWORKS["residual-generator"]((1, 16, 16), width=16)
    x = generator(torch.randn(8, generator.latent))
    x.square().mean().backward()
    narrow = [p.grad for name, p in generator.named_parameters() if "narrow" in name]
    assert all(g is not None and g.abs().sum() > 0 for g in narrow)


def test_dcgan_at_the_papers_widths_has_the_papers_size() -> None:
    """512, 256, 128 and 64 channels at 64 pixels, as in the code that everybody trains."""
    generator = NETWORKS["dcgan-generator"]((3, 64, 64), width=64, most=512)
    convolutions = sum(m.weight.numel() for m in generator.ups)
    assert convolutions == 16 * (512 * 256 + 256 * 128 + 128 * 64 + 64 * 3)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 50, 34), (3, 4, 4)])
def test_a_refining_convolution_makes_the_picture_of_a_map_of_its_size(
    shape: tuple[int, int, int],
) -> None:
    generator = NETWORKS["dcgan-generator"](shape, width=4, latent=6, refine=5)
    assert generator.ups[-1].bias.shape == (5,)
    x = generator(torch.randn(3, 6))
    assert x.shape == (3, *shape) and x.abs().max() <= 1
    last = generator.refine[-1]
    assert last.weight.shape == (shape[0], 5, 3, 3)
    last.weight.data.zero_()
    last.bias.data.fill_(0.5)
    assert torch.equal(generator(torch.randn(3, 6)), torch.full((3, *shape), 0.5).tanh())


def test_a_generator_that_does_not_refine_is_the_papers() -> None:
    generator = NETWORKS["dcgan-generator"]((1, 16, 16), width=4)
    assert not [name for name in generator.state_dict() if name.startswith("refine")]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dcgan-discriminator", {"condition": "concat", "width": 4}),
        ("dcgan-discriminator", {"condition": "concat", "width": 4, "spectral": True}),
        ("conv-encoder", {"width": 4, "outputs": 3, "norm": "none"}),
        ("mnist-discriminator", {"width": 4, "dropout": 0.0}),
    ],
)
def test_many_classes_need_no_planes(
    name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same logits and derivatives, also those of a gradient penalty."""
    torch.manual_seed(0)
    network = NETWORKS[name]((3, 12, 16), classes=layers.MANY, **options).double().eval()
    y = torch.randint(0, layers.MANY, (5,))

    def found() -> list[Tensor]:
        x = torch.linspace(-1, 1, 5 * 3 * 12 * 16).double().view(5, 3, 12, 16).requires_grad_()
        out = network(x, y)
        (slope,) = torch.autograd.grad(out.sin().sum(), x, create_graph=True)
        loss = out.square().sum() + slope.square().sum()
        return [out, slope, *torch.autograd.grad(loss, list(network.parameters()))]

    without = found()
    monkeypatch.setattr(layers.JoinPlanes, "forward", fails)
    assert all(torch.equal(a, b) for a, b in zip(without, found(), strict=True))
    monkeypatch.undo()
    monkeypatch.setattr(layers, "MANY", 10_000)
    for a, b in zip(without, found(), strict=True):
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-12)


def fails(*arguments: Any) -> Tensor:
    raise AssertionError("planes were made")


def test_a_spectral_network_is_laid_out_without_power_iterations() -> None:
    """Its shapes are what counts: iterations on tensors without memory took most of a small run."""
    from torch.utils._python_dispatch import TorchDispatchMode

    from ganzfeld.networks.build import without_memory

    called: list[str] = []

    class Watched(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            called.append(str(func))
            return func(*args, **(kwargs or {}))

    def build() -> torch.nn.Module:
        return NETWORKS["dcgan-discriminator"]((3, 16, 16), width=4, spectral=True)

    with without_memory(), Watched():
        bare = build()
    of_iterations = ("aten.mv", "norm", "aten.dot", "aten.vdot", "aten.div")
    assert called and not [name for name in called if any(part in name for part in of_iterations)]
    shapes = [
        {name: (value.shape, value.dtype) for name, value in network.state_dict().items()}
        for network in (bare, build())
    ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("kind", ["dcgan-generator", "dcgan-discriminator"])
def test_first_weights_are_of_the_deviation_that_is_asked_for(kind: str) -> None:
    torch.manual_seed(0)
    network = NETWORKS[kind]((3, 32, 32), width=32, init_std=0.02)
    layers = [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    layers += [m for m in network.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert len(layers) == 4
    for layer in layers:
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.1)
        assert layer.bias is None or not layer.bias.any()


@pytest.mark.parametrize("recipe", ["dcgan", "wgan-gp"])
def test_recipes_that_begin_with_the_published_weights(recipe: str) -> None:
    config = RECIPES[recipe](Facts(count=1000, channels=3, height=32, width=32))
    assert {part.options["init_std"] for part in config.networks.values()} == {0.02}
