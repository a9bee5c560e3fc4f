"""How well a small network tells generated fields from real ones: its AUC on fields held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganzfeld.core.randomness import seed_globally
from ganzfeld.networks.dcgan import DCGANDiscriminator

WIDTH, BATCH, PASSES = 16, 64, 6
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


def fitted(x: Tensor, y: Tensor, c: Tensor | None) -> nn.Module:
    """A network that was trained to give logits of y (N,)."""
    conditions = 0 if c is None else c.shape[1]
    net = DCGANDiscriminator(x.shape[1:], width=WIDTH, most=4 * WIDTH, conditions=conditions)
    rows = max(len(x) * PASSES // BATCH, 1)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
    for step in range(rows):
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * (1 - step / rows)
        chosen = torch.randint(len(x), (BATCH,))
        logits = net(x[chosen], None, None if c is None else c[chosen])
        loss = nn.functional.binary_cross_entropy_with_logits(logits, y[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.eval()


def scored(net: nn.Module, x: Tensor, c: Tensor | None) -> NDArray[np.float32]:
    parts = []
    for start in range(0, len(x), 512):
        rows = slice(start, start + 512)
        parts.append(net(x[rows], None, None if c is None else c[rows]))
    found: NDArray[np.float32] = torch.cat(parts).numpy()
    return found
