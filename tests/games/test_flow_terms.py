"""The terms of adversarial flow models: numbers by hand, known maps, and that a run resumes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganzfeld import Adversarial, Trainer
from ganzfeld.config import with_settings
from ganzfeld.core import checkpoint
from ganzfeld.errors import UsageError
from ganzfeld.games.ema import Average
from ganzfeld.games.flow import FlowTerms, pooled
from ganzfeld.networks import NETWORKS
from ganzfeld.recipes import RECIPES, Facts
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.trainer import as_data


def test_transport_and_centring_by_hand() -> None:
    terms = FlowTerms(transport=0.5, centring=0.1)
    z = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    fake = z + torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    assert float(terms.generator(0.5, z, fake, z)["transport"]) == pytest.approx(0.5 * 6 / 4)
    real, other = torch.tensor([1.0, 2.0]), torch.tensor([1.0, -4.0])
    assert float(terms.discriminator(real, other)["centring"]) == pytest.approx(0.1 * 4)


def test_the_gradient_gets_one_size_whatever_it_was() -> None:
    """A constant gradient of any size comes back with a mean square of 1 / numbers^2."""
    for size in (1e-4, 1.0, 1e3):
        terms = FlowTerms(normalise=True)
        for _ in range(3):
            x = torch.ones(4, 5, requires_grad=True)
            (size * terms.to_judge(x)).sum().backward()
        assert x.grad is not None
        assert x.grad.square().mean().sqrt().item() == pytest.approx(1 / 20, rel=1e-4)
    with torch.no_grad():
        assert torch.equal(terms.to_judge(x), x), "samples themselves stay as they are"


def test_the_size_follows_slowly() -> None:
    terms = FlowTerms(normalise=True)
    sizes = []
    for size in (1.0, 10.0):
        x = torch.ones(2, 2, requires_grad=True)
        (size * terms.to_judge(x)).sum().backward()
        assert x.grad is not None
        sizes.append(x.grad.square().mean().sqrt().item())
    # v = 0.9 * 1 + 0.1 * 100 = 10.9 in units of the first
    assert sizes == pytest.approx([1 / 4, 10 / math.sqrt(10.9) / 4], rel=1e-5)


def test_pooled_places_follow_the_latent() -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(64, 3, 8, 8), torch.randn(64, 3, 8, 8)
    assert pooled(fake, real, 100).shape == (64, 3 * 4 * 4)
    assert pooled(fake, real, 30).shape == (64, 3 * 3 * 3)
    assert pooled(fake, real, 3).shape == (64, 3)
    own = pooled(real, real, 3)
    assert own.mean(0).abs().max() < 1e-5 and (own.std(0) - 1).abs().max() < 0.05
    with pytest.raises(UsageError, match="no place"):
        pooled(fake, real, 2)


def test_wrong_values_are_refused() -> None:
    G, D = networks(2)
    for options in ({"transport": -1.0}, {"centring": -0.1}, {"transport_on": "pixels"}):
        with pytest.raises(ValueError, match="transport"):
            Adversarial(G, D, **options)
    with pytest.raises(ValueError, match="one_stage"):
        Adversarial(G, D, one_stage=True, normalise_gradient=True)
    game = Adversarial(networks(3)[0], D, transport=0.1)
    with pytest.raises(UsageError, match="transport_on=pooled"):
        game.loss("generator", {"x": torch.randn(4, 2)})


def networks(latent: int, dims: int = 2, width: int = 32) -> tuple[nn.Module, nn.Module]:
    G = NETWORKS["mlp-generator"](
        (dims,), latent=latent, widths=(width, width), norm="none", output="linear"
    )
    return G, NETWORKS["mlp-discriminator"]((dims,), widths=(width, width))


def trained(
    G: nn.Module,
    D: nn.Module,
    data: Tensor,
    steps: int,
    seed: int,
    *,
    r: float = 0.02,
    lr: float = 2e-3,
    **options: Any,
) -> nn.Module:
    """The averaged generator after so many steps, with rates that fall along a line."""
    own: dict[str, Any] = {"r1": r, "r2": r, "centring": 0.01, "penalty_every": 4, **options}
    game = Adversarial(G, D, loss="relativistic", **own)
    optimisers = {
        player: torch.optim.Adam(network.parameters(), 1e-3, betas=(0.0, 0.9))
        for player, network in (("discriminator", D), ("generator", G))
    }
    total, size = steps * 256, 256

    def schedule(images: int) -> dict[str, float]:
        return {"lr": lr * (1 - images / total) + lr / 200}

    average = Average(game, 1e12, ramp=0.15)
    trainer = Trainer(
        game,
        optimisers,
        data,
        batch_size=size,
        seed=seed,
        total=total,
        schedules=dict.fromkeys(optimisers, schedule),
        average=average,
    )
    for report in trainer:
        if report.step >= steps:
            break
    found = average.get_submodule("G")
    assert isinstance(found, nn.Module)
    return found


def mixture(count: int) -> Tensor:
    """Four narrow modes at -1.5, -0.5, 0.5 and 1.5, of deviation 0.05."""
    draw = torch.Generator().manual_seed(0)
    modes = torch.randint(4, (count, 1), generator=draw) - 1.5
    return modes + 0.05 * torch.randn(count, 1, generator=draw)


GRID = torch.linspace(0.0005, 0.9995, 4_001).double()  # quantiles of z


def on_grid(G: nn.Module) -> Tensor:
    """What a generator makes of z from small to large, (4001,)."""
    with torch.no_grad():
        x: Tensor = G(torch.special.ndtri(GRID).float()[:, None])
    return x[:, 0]


@pytest.mark.slow
def test_in_one_dimension_the_map_rises_and_without_the_term_it_does_not() -> None:
    """The map of optimal transport from N(0, 1) rises everywhere: less than 1 % of steps fall."""
    falls = {}
    for transport in (0.0, 0.1):
        torch.manual_seed(0)
        options: dict[str, Any] = {"transport": (transport, transport / 20), "r": 0.05}
        G = trained(*networks(1, 1, 64), mixture(8_192), 1_000, 0, lr=5e-4, **options)
        falls[transport] = float((on_grid(G).diff() < 0).float().mean())
    assert falls[0.1] < 0.01
    assert falls[0.0] > 0.1


class Bent(nn.Module):
    """Numbers (N, 1) through a perceptron whose kinks lie all over the line; plus themselves."""

    def __init__(self, *, spread: float, reach: float, judge: bool) -> None:
        super().__init__()
        self.latent, self.judge = 1, judge
        first, second, last = nn.Linear(1, 64), nn.Linear(64, 64), nn.Linear(64, 1)
        nn.init.normal_(first.weight, std=spread)
        nn.init.uniform_(first.bias, -spread * reach, spread * reach)
        nn.init.normal_(second.weight, std=0.175)
        if not judge:
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(first, nn.LeakyReLU(0.2), second, nn.LeakyReLU(0.2), last)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        out: Tensor = self.layers(x)
        return out[:, 0] if self.judge else x + out


@pytest.mark.slow
def test_with_the_term_the_modes_are_found_in_their_order() -> None:
    """Near in Wasserstein distance; no fall by more than a mode's deviation, which D cannot see."""
    torch.manual_seed(0)
    data = mixture(8_192)
    G = Bent(spread=3.0, reach=2.5, judge=False)
    D = Bent(spread=4.0, reach=2.0, judge=True)
    options: dict[str, Any] = {"transport": (0.1, 0.02), "r": 0.01, "lr": 1e-3}
    x = on_grid(trained(G, D, data, 2_500, 0, **options))
    below = x.cummax(0).values - x
    assert float((below > 0.05).float().mean()) < 0.01
    quantiles = np.quantile(data.numpy()[:, 0], GRID.numpy())
    assert np.abs(np.sort(x.numpy()) - quantiles).mean() < 0.085
    start = np.abs(np.sort(torch.special.ndtri(GRID).numpy()) - quantiles).mean()
    assert start > 0.2


@pytest.mark.slow
def test_of_a_gaussian_it_is_the_known_map_and_seeds_agree() -> None:
    """N(m, S) from N(0, I): G(z) = m + S^(1/2) z, and G(z) varies less over seeds than without."""
    mean = torch.tensor([0.5, -0.5])
    root = torch.tensor([[0.9, 0.3], [0.3, 0.6]])  # symmetric and positive: the root of S
    draw = torch.Generator().manual_seed(0)
    data = mean + torch.randn(8_192, 2, generator=draw) @ root
    z = torch.randn(512, 2, generator=draw)
    spreads = []
    for transport in (0.0, 0.2):
        maps = []
        for seed in range(3):
            torch.manual_seed(seed)
            flow = {"transport": (transport, transport / 20), "normalise_gradient": True}
            G = trained(*networks(2), data, 700, seed, **flow)
            with torch.no_grad():
                maps.append(G(z))
        spreads.append(float(torch.stack(maps).var(0).sum(1).mean().sqrt()))
    off = (torch.stack(maps) - mean - z @ root).square().sum(2).mean().sqrt()
    assert off < 0.15
    assert spreads[1] < spreads[0] / 3


FLOW = (
    "game.transport=[0.2,0.01]",
    "game.transport_on=pooled",
    "game.centring=0.01",
    "game.normalise_gradient=true",
)


def trainer_of(*settings: str) -> Trainer:
    facts = Facts(count=24, channels=1, height=8, width=8)
    config = RECIPES["default"](facts)
    config.run.images, config.run.batch_size, config.run.precision = 96, 8, "float32"
    config = complete(with_settings(config, ["networks.*.width=4", *settings]))
    draw = torch.Generator().manual_seed(5)
    data = {"x": torch.randint(0, 256, (24, 1, 8, 8), generator=draw, dtype=torch.uint8)}
    return build_trainer(config, as_data(data), torch.device("cpu"))


def after(trainer: Trainer, steps: int) -> dict[str, Tensor]:
    while trainer.step < steps:
        trainer.take_step()
    return {name: value.clone() for name, value in trainer.game.state_dict().items()}


def test_a_run_resumes_bit_for_bit_and_the_running_mean_is_needed(tmp_path: Path) -> None:
    whole = after(trainer_of(*FLOW), 7)
    half = trainer_of(*FLOW)
    after(half, 3)
    saved = checkpoint.save(tmp_path, half.images, half.state_dict(), {})
    for forgotten in (False, True):
        trainer = trainer_of(*FLOW)
        state = checkpoint.load(saved).state
        if forgotten:
            state["game"]["flow.square"].zero_()
        trainer.load_state_dict(state)
        again = after(trainer, 7)
        equal = all(torch.equal(whole[name], again[name]) for name in whole)
        assert equal is not forgotten


def test_without_the_options_there_is_no_new_state_and_no_other_number() -> None:
    plain, named = after(trainer_of(), 3), after(trainer_of("game.transport=0.0"), 3)
    assert not any("flow" in name for name in plain)
    assert all(torch.equal(plain[name], named[name]) for name in plain)
