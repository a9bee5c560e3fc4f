"""Penalties on the slope of a discriminator.

Exact ones go through `torch.func`, so that a loss which contains them compiles as one graph.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)


def slope(net: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (N,) and the squared norm (N,) of each logit's gradient in its own sample.

    net: maps (N, ...) to (N,), each logit from its own sample alone: no batch normalisation.

    Half its mean is R1 on real samples and R2 on fakes (Mescheder et al. 2018, eq. 9 and 10).
    """

    def total(v: Tensor) -> tuple[Tensor, Tensor]:
        logits = net(v)
        return logits.float().sum(), logits

    gradient, logits = torch.func.grad(total, has_aux=True)(x)
    return logits, gradient.float().square().flatten(1).sum(1)


def estimated_slope(
    net: Callable[[Tensor], Tensor], x: Tensor, length: float
) -> tuple[Tensor, Tensor]:
    """As `slope`, but squared norms are estimates (N,) from one random direction each.

    (D(x + length u) - D(x))^2 / length^2 with u ~ N(0, I), whose mean over u is |gradient|^2 for
    a short length, and whose deviation is the square root of two times as much. No second
    derivative is taken: a pass through D more in place of a gradient of a gradient. Autocast is
    off, since logits in bfloat16 differ by more than so short a way makes of them.
    """
    with torch.autocast(x.device.type, enabled=False):
        x = x if x.dtype == torch.float64 else x.float()
        logits = net(x)
        moved = net(x + length * torch.randn_like(x))
        return logits, ((moved - logits) / length).square()


def gradient_penalty(net: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """(|gradient| - 1)^2, (N,), between real and fake samples (Gulrajani et al. 2017, eq. 3)."""
    share = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
    _, squared = slope(net, real.lerp(fake.to(real), share))
    # sqrt has no finite derivative at zero, where an untrained discriminator may start
    return ((squared + 1e-12).sqrt() - 1) ** 2
