"""Penalties on the slope of a discriminator: which, with which weight, and the arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)

Scheduled = float | tuple[float, float]  # a constant, or its first and its last value


@dataclass(frozen=True, kw_only=True)
class Penalties:
    """The penalties of a discriminator, and in which of its steps they are due.

    r1, r2: gamma of the zero-centred penalties on real and on fake samples, that is
        gamma / 2 * mean |gradient|^2 (Mescheder et al. 2018). A pair is a schedule.
    gradient_penalty: weight of the one-centred penalty between them (Gulrajani et al. 2017).
    every: compute them in every k-th step of the discriminator only, with k times the weight
        (Karras et al. 2020, "lazy regularisation").
    difference: r1 and r2 by finite differences of this length in a random direction, which take
        no second derivative (`estimated_slope`); 0: exact.

    Example::

        from ganzfeld.games.penalties import Penalties

        assert not Penalties() and Penalties(r1=1.0, every=4)
    """

    r1: Scheduled = 0.0
    r2: Scheduled = 0.0
    gradient_penalty: float = 0.0
    every: int = 1
    difference: float = 0.0

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.r1 or self.r2 or self.gradient_penalty)

    def times(self, factor: float) -> Penalties:
        """All weights times a factor; where there are none and it is above 1, R1 and R2 of 1."""
        if factor > 1 and not self:
            return replace(self, r1=1.0, r2=1.0)

        def by(value: Scheduled) -> Scheduled:
            if isinstance(value, int | float):
                return value * factor
            return value[0] * factor, value[1] * factor

        weight = self.gradient_penalty * factor
        return replace(self, r1=by(self.r1), r2=by(self.r2), gradient_penalty=weight)

    @property
    def slope(self) -> Callable[[Callable[[Tensor], Tensor], Tensor], tuple[Tensor, Tensor]]:
        """What gives logits and their squared slopes, exact or estimated."""
        return partial(estimated_slope, length=self.difference) if self.difference else slope


def slope(net: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (N,) and the squared norm (N,) of each logit's gradient in its own sample.

    net: maps (N, ...) to (N,), each logit from its own sample alone: no batch normalisation.

    Half its mean is R1 on real samples and R2 on fakes (Mescheder et al. 2018, eq. 9 and 10).
    """

    def total(v: Tensor) -> tuple[Tensor, Tensor]:
        logits = net(v)
        return logits.float().sum(), logits

    (gradient,), logits = derivatives(total, x)
    return logits, gradient.float().square().flatten(1).sum(1)


def derivatives(
    total: Callable[..., tuple[Tensor, Any]], *inputs: Tensor
) -> tuple[tuple[Tensor, ...], Any]:
    """The gradients of a scalar in its inputs, which can be differentiated again.

    total: maps the inputs to the scalar and anything else, which is returned beside.

    `torch.func` makes one graph of a compiled loss. Else it is left alone: its first gradient
    imports the compiler, which takes a second of every run.
    """
    if torch.compiler.is_compiling():
        places = tuple(range(len(inputs)))
        found: tuple[tuple[Tensor, ...], Any] = torch.func.grad(total, places, has_aux=True)(
            *inputs
        )
        return found
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        own = [x if x.requires_grad else x.detach().requires_grad_() for x in inputs]
        scalar, beside = total(*own)
        return torch.autograd.grad(
            scalar, own, create_graph=again, allow_unused=True, materialize_grads=True
        ), beside


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
