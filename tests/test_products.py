"""Deep convolutions as products of matrices: the same numbers, derivatives included."""

import copy
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ganzfeld import train
from ganzfeld.config import to_json
from ganzfeld.core import runfolder
from ganzfeld.networks import gemm_conv
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.training import build
from ganzfeld.training.trainer import as_data

DOWN, UP = nn.Conv2d(6, 10, 4, 2, 1), nn.ConvTranspose2d(6, 10, 4, 2, 1)
OTHERS = {  # kernels, strides and paddings of all kinds, and rows and columns that none uses
    "same": (nn.Conv2d(6, 10, 3, 1, 1), (4, 3)),
    "same, up": (nn.ConvTranspose2d(6, 10, 3, 1, 1, bias=False), (4, 3)),
    "whole": (nn.Conv2d(6, 10, 4, bias=False), (4, 4)),
    "from one": (nn.ConvTranspose2d(6, 10, 4), (1, 1)),
    "oblong": (nn.Conv2d(6, 10, (3, 5), (3, 2), (0, 2)), (8, 6)),
    "oblong, up": (nn.ConvTranspose2d(6, 10, (3, 5), (3, 2), (0, 2)), (3, 2)),
    "odd": (DOWN, (7, 5)),
}


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers of few weights count as deep, too."""
    monkeypatch.setattr(gemm_conv, "FEW", 1)
    monkeypatch.setattr(gemm_conv, "MANY", 1)


def pair(layer: nn.Module) -> tuple[nn.Module, nn.Module]:
    plain = copy.deepcopy(layer).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    ours = copy.deepcopy(plain)
    gemm_conv.as_products(ours)
    return ours, plain


@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize(
    ("layer", "sides"),
    [(DOWN, (8, 6)), (UP, (4, 3)), *OTHERS.values()],
    ids=["down", "up", *OTHERS],
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_and_two_derivatives_are_those_of_pytorch(
    layer: nn.Module, sides: tuple[int, int], layout: torch.memory_format
) -> None:
    def found(layer: nn.Module) -> list[Tensor]:
        draw = torch.Generator().manual_seed(1)
        x = torch.randn(3, 6, *sides, generator=draw).contiguous(memory_format=layout)
        x.requires_grad_()
        y = layer(x)
        slopes = torch.func.grad(lambda v: layer(v).sigmoid().sum())(x)  # as penalties take it
        loss = y.square().mean() + slopes.square().sum()
        return [y, slopes, *torch.autograd.grad(loss, [x, *layer.parameters()])]

    ours, plain = pair(layer)
    assert isinstance(ours, gemm_conv.Conv2d | gemm_conv.ConvTranspose2d)
    for mine, theirs in zip(found(ours), found(plain), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
        assert mine.dim() < 4 or mine.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (DOWN, (3, 6, 16, 16)),
        (UP, (3, 6, 8, 8)),
        (DOWN, (0, 6, 8, 8)),
        (UP, (0, 6, 4, 4)),
        (UP, (6, 4, 4)),
        (DOWN, (6, 8, 8)),
    ],
    ids=["large", "large, up", "none", "none, up", "one, up", "one"],
)
def test_what_does_not_suit_goes_pytorchs_way(
    layer: nn.Module, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, plain = pair(layer)
    monkeypatch.setattr(gemm_conv.Gather, "apply", None)
    monkeypatch.setattr(gemm_conv.Scatter, "apply", None)
    x = torch.randn(shape)
    assert torch.equal(ours(x), plain(x))


@pytest.mark.usefixtures("shallow")
def test_other_precisions_go_pytorchs_way(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, _ = pair(DOWN)
    monkeypatch.setattr(gemm_conv.Gather, "apply", None)
    with torch.autocast("cpu", torch.bfloat16):
        assert ours(torch.randn(2, 6, 8, 8)).dtype == torch.bfloat16
    assert ours.double()(torch.randn(2, 6, 8, 8).double()).dtype == torch.float64


@pytest.mark.usefixtures("shallow")
def test_only_plain_layers_are_taken() -> None:
    others = [
        nn.Conv2d(6, 6, 1),
        nn.Conv2d(6, 6, 3, padding="same"),
        nn.Conv2d(6, 6, 4, 2, 1, dilation=2),
        nn.Conv2d(6, 6, 4, 2, 1, groups=2),
        nn.Conv2d(6, 6, 4, 2, 1, padding_mode="reflect"),
        nn.ConvTranspose2d(6, 6, 4, 2, 1, output_padding=1),
        nn.utils.parametrizations.spectral_norm(copy.deepcopy(DOWN)),
    ]
    assert not gemm_conv.deep_layers(nn.Sequential(*others))
    assert len(gemm_conv.deep_layers(nn.Sequential(copy.deepcopy(DOWN), copy.deepcopy(UP)))) == 2


@pytest.mark.parametrize(
    ("channels", "samples", "side", "taken"),
    [
        (64, 1, 8, False),  # 131,072 weights, 16 places
        (128, 8, 8, True),  # 524,288 weights, 128 places in all
        (128, 9, 8, False),
        (256, 9, 8, True),  # 2,097,152 weights
        (256, 1, 16, True),
        (256, 4, 16, False),  # 256 places in all
    ],
)
def test_the_rule(
    channels: int, samples: int, side: int, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _ = pair(nn.Conv2d(channels, 2 * channels, 4, 2, 1))
    seen: list[torch.Size] = []
    real = gemm_conv.Gather.apply
    monkeypatch.setattr(
        gemm_conv.Gather, "apply", lambda x, *a: seen.append(x.shape) or real(x, *a)
    )
    ours(torch.zeros(samples, channels, side, side))
    assert bool(seen) is taken


@pytest.mark.parametrize(
    ("asked", "cost", "taken"),
    [(None, 0.7, True), (None, 0.95, False), (True, 9.9, True), (False, 0.1, False)],
)
def test_a_probe_decides_where_it_is_left_open(
    asked: bool | None, cost: float, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "product_cost", lambda: cost)
    facts = Facts(count=9, channels=3, height=64, width=64, classes=0)
    config = RECIPES["dcgan"](facts)
    for part in config.networks.values():
        part.options |= {"width": 64, "most": 512}
    config.run.products = asked
    game, cpu = build.build_game(config), torch.device("cpu")
    assert build.products_for(config, game, cpu) is taken
    if asked is None:
        assert not build.products_for(config, nn.Linear(2, 2), cpu)  # type: ignore[arg-type]
        assert not build.products_for(config, game, torch.device("cuda"))
        config.run.precision = "bfloat16"
        assert not build.products_for(config, game, cpu)


def test_the_probe_measures_and_draws_no_random_numbers() -> None:
    state = torch.get_rng_state()
    gemm_conv.product_cost.cache_clear()
    assert 0.05 < gemm_conv.product_cost() < 20
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize("cost", [0.5, 2.0])
def test_a_run_keeps_to_what_was_chosen(
    cost: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it goes on on a machine that would choose otherwise."""

    def kinds(game: nn.Module) -> set[bool]:
        return {
            type(layer) in gemm_conv.OURS for layer in game.modules() if hasattr(layer, "stride")
        }

    monkeypatch.setattr(build, "product_cost", lambda: cost)
    widths = ["networks.*.width=4", "networks.*.most=8"]
    run = train(
        "avatars:16", out=tmp_path, size=16, recipe="dcgan", batch=8, images=16, settings=widths,
        quiet=True,
    )  # fmt: skip
    config = runfolder.read_config(run.path)
    assert config.run.products is (cost < 1)
    monkeypatch.setattr(build, "product_cost", lambda: 1 / cost)
    data = as_data(torch.zeros(16, 3, 16, 16, dtype=torch.uint8))
    trainer = build.build_trainer(config, data, torch.device("cpu"))
    assert kinds(trainer.game) == {cost > 1}


def test_a_run_of_before_goes_on_without(tmp_path: Path) -> None:
    facts = Facts(count=9, channels=3, height=16, width=16, classes=0)
    stored = json.loads(to_json(RECIPES["dcgan"](facts)))
    del stored["run"]["products"]
    (tmp_path / "config.json").write_text(json.dumps(stored))
    assert runfolder.read_config(tmp_path).run.products is False
