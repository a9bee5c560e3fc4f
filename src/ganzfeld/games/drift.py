"""The drift of generated samples: towards real ones that are near, away from each other.

Deng et al. 2026 ("Generative modeling via drifting"), with the couplings of entropic transport,
whose drift is zero only where both laws are equal.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

ROUNDS = 10  # of Sinkhorn's normalisation
FAR = -1e9  # the logit of a pair that cannot be
LEAST = 1e-300  # of what is divided by


def drift(
    x: Tensor,
    real: Tensor,
    fake: Tensor,
    temperature: float,
    same: tuple[Tensor, Tensor] | None = None,
    logs: bool = True,
) -> Tensor:
    """Where points x (..., N, d) should move: to `real` (..., P, d), away from `fake` (..., M, d).

    V = T_real(x) - T_fake(x), with T(x) the mean of the points that x is coupled with: that is the
    gradient flow of the Sinkhorn divergence (Feydy et al. 2019), and V of swapped sets is -V.
    temperature: of the coupling exp(-distance / temperature), in the units of the points.
    same: which pairs may be coupled, (N, P) and (N, M), True where labels are equal.
    logs: as of `coupling`.
    """
    real_pairs, fake_pairs = same if same is not None else (None, None)
    to = coupling(x, real, temperature, real_pairs, logs)
    away = coupling(x, fake, temperature, fake_pairs, logs)
    return to @ real - away @ fake


def coupling(
    x: Tensor,
    others: Tensor,
    temperature: float,
    same: Tensor | None = None,
    logs: bool = True,
) -> Tensor:
    """Weights (..., N, P) of others for each x, rows of sum 1, columns of nearly equal sums.

    Normalised in turn over columns and rows (Sinkhorn 1964), rows last.

    logs: in logarithms, since exp(-distance / temperature) is 0 for most pairs in float32, or a
    denormal number, which is slow. Else by a factor for each row and column in float64. There few
    are 0: the distances from a point to two others differ by no more than these two are apart.
    """
    logits = -torch.cdist(x, others) / temperature
    if same is not None:
        logits = logits.masked_fill(~same, FAR)
    if not logs:
        most = logits.amax(-1, keepdim=True)
        pairs = (logits - most).double().exp()
        rows = (most - most.amax(-2, keepdim=True)).double().exp()
        for _ in range(ROUNDS):
            columns = 1 / (pairs.mT @ rows).clamp_min(LEAST)
            rows = 1 / (pairs @ columns).clamp_min(LEAST)
        return (rows * pairs * columns.mT).to(x.dtype)
    for _ in range(ROUNDS):
        logits = logits - logits.logsumexp(-2, keepdim=True)
        logits = logits - logits.logsumexp(-1, keepdim=True)
    return logits.exp()


def drifted(
    fake: Tensor,
    real: Tensor,
    temperatures: Sequence[float],
    y: Tensor | None = None,
    logs: bool = True,
) -> tuple[Tensor, Tensor]:
    """The loss of fakes (L, N, d) beside real points alike, and how far they are, both scalars.

    There are L places, each of which is compared by itself. Points are scaled so that two real
    ones are the root of d apart in the mean, and temperatures are times that. The loss is half of
    |x - stopped(x + V)|^2, V being the sum over temperatures of each drift divided by its root
    mean square: its value says nothing, its gradient is -V. How far: the root mean square of the
    drift at the last temperature, on that scale; no gradient comes from it. logs: as of `coupling`.
    """
    fake, real = fake.float(), real.detach().float()
    n, d = fake.shape[-2:]
    apart = torch.cdist(real, real).mean() * n / max(n - 1, 1)
    scale = d**0.5 / apart.clamp_min(1e-12)
    fake, real = fake * scale, real * scale
    equal = None if y is None else y[:, None] == y
    same = None if equal is None else (equal, equal)
    with torch.no_grad():
        total, size = torch.zeros_like(fake), fake.new_zeros(())
        for temperature in temperatures:
            way = drift(fake, real, fake, temperature * d**0.5, same, logs)
            size = way.square().mean().sqrt()
            total += way / (size + 1e-8)
        goal = fake + total
    return (fake - goal).square().mean() / 2, size
