"""With transport one map is left of the many that make the same law: the one that theory names."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzfeld import Adversarial, Trainer
from ganzfeld.networks import NETWORKS

pytestmark = pytest.mark.long


class Line(nn.Module):
    """z to A z + b."""

    latent = 2

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        made: Tensor = self.layer(z)
        return made


class Quadratic(nn.Module):
    """A judge that sees means and covariances, and so all of a Gaussian law."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        found: Tensor = self.layer(torch.cat([x, x * x, x[:, :1] * x[:, 1:]], 1))
        return found.squeeze(1)


def train(
    G: nn.Module,
    D: nn.Module,
    data: Tensor,
    steps: int,
    size: int,
    rates: dict[str, float],
    **options: Any,
) -> None:
    """The game for so many steps; rates fall in a straight line."""
    total = steps * size
    game = Adversarial(G, D, burn_in=0.5, penalty_every=4, **options)
    networks = {"discriminator": D, "generator": G}
    adam = {
        player: torch.optim.Adam(network.parameters(), rates[player], betas=(0.0, 0.99))
        for player, network in networks.items()
    }

    def falling(rate: float) -> Any:
        return lambda images: {"lr": rate * (1 - images / total) + 1e-4}

    schedules = {player: falling(rate) for player, rate in rates.items()}
    trainer = Trainer(game, adam, data, batch_size=size, total=total, schedules=schedules)
    for report in trainer:
        if report.images >= total:
            break


def gaussian(seed: int, mean: Tensor, root: Tensor, **options: Any) -> Tensor:
    """A of the map that was learned to a Gaussian law of this mean and root of its covariance."""
    torch.manual_seed(seed)
    data = mean + torch.randn(8_192, 2) @ root
    G = Line()
    rates = {"discriminator": 2e-2, "generator": 4e-2}
    train(G, Quadratic(), data, 300, 128, rates, r1=0.1, r2=0.1, **options)
    assert (G.layer.bias - mean).abs().max() < 0.3
    return G.layer.weight.detach()


def test_a_gaussian_is_reached_by_the_root_of_its_covariance() -> None:
    """m + S^(1/2) z, for every seed; without transport S^(1/2) times any rotation of z will do."""
    covariance, mean = torch.tensor([[1.2, 0.6], [0.6, 0.8]]), torch.tensor([0.5, -0.5])
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors @ values.sqrt().diag() @ vectors.T
    free = torch.stack([gaussian(seed, mean, root) for seed in range(2)])
    paid = torch.stack([gaussian(seed, mean, root, transport=(1.0, 0.02)) for seed in range(2)])
    for found in (*free, *paid):
        assert (found @ found.T - covariance).norm() < 0.6, "another law"
    assert all((found - root).norm() > 0.5 for found in free)
    assert all((found - root).norm() < 0.25 for found in paid)
    assert (paid[1] - paid[0]).norm() < 0.2 * (free[1] - free[0]).norm()


def rising(seed: int, **options: Any) -> float:
    """The part of z in [-2, 2] over which a map to four narrow modes on a line rises."""
    torch.manual_seed(seed)
    data = (torch.randint(4, (4_096, 1)) - 1.5) * 0.9 + 0.05 * torch.randn(4_096, 1)
    G = NETWORKS["mlp-generator"]((1,), latent=1, widths=(32, 32), norm="none", output="linear")
    D = NETWORKS["mlp-discriminator"]((1,), widths=(32, 32))
    rates = {"discriminator": 5e-3, "generator": 5e-3}
    train(G, D, data, 200, 64, rates, r1=0.02, r2=0.02, **options)
    with torch.no_grad():
        x = G.eval()(torch.linspace(-2, 2, 401)[:, None])[:, 0]
    assert x.std() > 0.5, "it has learned nothing"
    return float((x.diff() > 0).float().mean())


def test_on_a_line_the_map_rises_whatever_the_seed() -> None:
    assert rising(1) < 0.1
    assert all(rising(seed, transport=(0.1, 0.005)) == 1 for seed in (0, 1))
