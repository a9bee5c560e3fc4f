"""How well a small network tells generated fields from real ones: its AUC on fields held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganzfeld.core.optimizers import AdamW
from ganzfeld.core.randomness import seed_globally
from ganzfeld.networks.conditions import NumberEmbedding
from ganzfeld.networks.dimensions import convolution
from ganzfeld.networks.layers import SLOPE, initialise

WIDTH, BATCH, PASSES, LEAST = 16, 64, 8, 100  # channels, samples, passes, and steps at least
RATE = 2e-3
HELD_OUT = 1 / 3  # of either side


@dataclass(frozen=True)
class Auc:
    """value: 0.5 where both cannot be told apart, 1 where they always can.

    error: its standard error. count: fields of either side that it was measured on.
    """

    value: float
    error: float
    count: int


def auc(scores: NDArray[Any], others: NDArray[Any]) -> float:
    """The chance that one of `scores` is greater than one of `others`; ties count half."""
    both = np.concatenate([scores, others])
    _, place, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    n, m = len(scores), len(others)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def standard_error(value: float, n: int) -> float:
    """Of an AUC from n scores on either side (Hanley and McNeil 1982)."""
    q1, q2 = value / (2 - value), 2 * value**2 / (1 + value)
    variance = value * (1 - value) + (n - 1) * (q1 + q2 - 2 * value**2)
    return float(max(variance, 0.0) ** 0.5 / n)


def classifier_auc(
    generated: Tensor,
    real: Tensor,
    c_generated: Tensor | None = None,
    c_real: Tensor | None = None,
    *,
    seed: int = 0,
) -> Auc:
    """Train a small convolutional network on two thirds of each side and test it on the rest.

    generated, real: fields (N, C, ...) in a network's units, of which as many are taken as the
        smaller side has. c_...: the numbers they were asked for by, (N, k), scaled.
    """
    n = min(len(generated), len(real))
    test = max(int(n * HELD_OUT), 1)
    x = torch.cat([real[:n], generated[:n]]).float()
    y = torch.cat([torch.ones(n), torch.zeros(n)])
    c = None if c_real is None or c_generated is None else torch.cat([c_real[:n], c_generated[:n]])
    training = torch.arange(2 * n) % n >= test
    noise = torch.random.get_rng_state()
    try:
        seed_globally(seed, "field classifier")
        net = fitted(x[training], y[training], None if c is None else c[training])
    finally:
        torch.random.set_rng_state(noise)
    with torch.no_grad():
        scores = scored(net, x[~training], None if c is None else c[~training])
    value = auc(scores[:test], scores[test:])
    return Auc(value, standard_error(value, test), test)


class Texture(nn.Module):
    """Fields (N, C, ...) to logits (N,): convolutions, whose maps are pooled over all places.

    Means and mean squares of the maps at each size tell textures and levels apart, and what the
    smallest maps hold place by place tells where something lies.
    """

    def __init__(self, shape: torch.Size, conditions: int) -> None:
        super().__init__()
        channels, *sides = shape
        n = len(sides)
        self.numbers = NumberEmbedding(conditions) if conditions else None
        self.layers = nn.ModuleList()
        pooled = 2 * channels
        for behind in (WIDTH, 2 * WIDTH, 2 * WIDTH):
            self.layers.append(initialise(convolution(n, channels, behind, 3, 1, 1)))
            channels, pooled = behind, pooled + 2 * behind
            sides = [-(-side // 2) for side in sides]
        cells = channels * int(np.prod(sides))
        told = self.numbers.width if self.numbers is not None else 0
        self.first = initialise(nn.Linear(pooled + cells + told, 64))
        self.last = initialise(nn.Linear(64, 1), 1.0)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        pool = {
            3: nn.functional.avg_pool1d,
            4: nn.functional.avg_pool2d,
            5: nn.functional.avg_pool3d,
        }
        found = moments(x)
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), SLOPE)
            found += moments(x)
            x = pool[x.dim()](x, 2, ceil_mode=True)
        told = [self.numbers(c)] if self.numbers is not None else []
        hidden = self.first(torch.cat([*found, x.flatten(1), *told], 1))
        logits: Tensor = self.last(nn.functional.leaky_relu(hidden, SLOPE))
        return logits.squeeze(1)


def moments(x: Tensor) -> list[Tensor]:
    """Means and logarithms of mean squares of each channel, both (N, C)."""
    flat = x.flatten(2)
    return [flat.mean(2), (flat.square().mean(2) + 1e-6).log()]


def fitted(x: Tensor, y: Tensor, c: Tensor | None) -> nn.Module:
    """A network that was trained to give logits of y (N,)."""
    conditions = 0 if c is None else c.shape[1]
    net = Texture(x.shape[1:], conditions)
    rows = max(len(x) * PASSES // BATCH, LEAST)
    optimiser = AdamW(net.parameters(), lr=RATE, weight_decay=1e-2)
    for step in range(rows):
        for group in optimiser.param_groups:
            group["lr"] = RATE * (1 - step / rows)
        chosen = torch.randint(len(x), (BATCH,))
        logits = net(x[chosen], None if c is None else c[chosen])
        loss = nn.functional.binary_cross_entropy_with_logits(logits, y[chosen])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return net.eval()


def scored(net: nn.Module, x: Tensor, c: Tensor | None) -> NDArray[np.float32]:
    parts = []
    for start in range(0, len(x), 512):
        rows = slice(start, start + 512)
        parts.append(net(x[rows], None if c is None else c[rows]))
    found: NDArray[np.float32] = torch.cat(parts).numpy()
    return found
