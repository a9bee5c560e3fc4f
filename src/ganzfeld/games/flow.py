"""Terms of adversarial flow models, for the game of a generator against a discriminator.

Lin et al. 2025 ("Adversarial flow models"). A plain game has many best generators: any map that
takes the law of z to that of the data. Paying for the way from z to its sample leaves one of them,
the map of optimal transport, so that training does not drift among equals.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

from ganzfeld.core.types import Losses
from ganzfeld.errors import UsageError

On = Literal["samples", "pooled"]
POOLS: dict[int, Any] = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}
SIDE = 4  # of pooled samples, at most
KEPT = 0.9  # of the mean square of gradients, in each move
LEAST = 1e-8  # added to a gradient's size

Weight = float | tuple[float, float]


class FlowTerms(nn.Module):
    """What `Adversarial` adds for its options `transport`, `centring`, `normalise_gradient`.

    transport: weight of the mean squared way from z to its sample, or a schedule of two.
    on: "samples" takes the way to the sample itself, so z has as many numbers as a sample.
        "pooled" takes it to the sample's means over a grid of 4x4 places or fewer, in deviations
        of those of the batch's real samples, from as many of the first numbers of z: the latent
        may stay small.
    centring: weight of (D(real) + D(fake))^2, which keeps logits near 0 where the loss only knows
        differences.
    normalise: the gradient that D gives a sample is brought to a mean square of 1 / numbers^2, the
        size that the mean of squares over all numbers has, by a running mean of its squares. The
        weight of `transport` then means the same on all data. The running mean is a buffer.

    Example::

        import torch
        from ganzfeld.games.flow import FlowTerms

        terms = FlowTerms(transport=0.1)
        z = torch.randn(8, 2)
        way = terms.generator(0.1, z, z + 1, z)["transport"]  # 0.1
    """

    square: Tensor

    def __init__(
        self,
        transport: Weight = 0.0,
        on: On = "samples",
        centring: float = 0.0,
        normalise: bool = False,
    ) -> None:
        super().__init__()
        weights = [centring, *(transport if isinstance(transport, list | tuple) else [transport])]
        if min(weights) < 0:
            raise ValueError("transport and centring are weights of 0 or more")
        if on not in ("samples", "pooled"):
            raise ValueError(f"transport_on is samples or pooled, not {on!r}")
        self.transport, self.on = transport, on
        self.centring, self.normalise = centring, normalise
        if normalise:
            self.register_buffer("square", torch.zeros(()))

    @property
    def whole_batch(self) -> str:
        """What looks at a batch as a whole, in words; see `ganzfeld.training.parts`."""
        pooled = self.transport and self.on == "pooled"
        spread = ["the spread of real samples (transport_on=pooled)"] if pooled else []
        size = ["the gradient's size (normalise_gradient)"] if self.normalise else []
        return " and ".join(spread + size)

    @property
    def used(self) -> bool:
        return bool(self.transport or self.centring or self.normalise)

    def discriminator(self, real: Tensor, fake: Tensor) -> Losses:
        """Of logits (N,) of both."""
        if not self.centring:
            return {}
        return {"centring": self.centring * (real + fake).square().mean()}

    def generator(self, weight: float, z: Tensor, fake: Tensor, real: Tensor) -> Losses:
        """Of latents (N, latent), their samples and real ones; the weight is that of now."""
        if not self.transport:
            return {}
        there = fake.float().flatten(1) if self.on == "samples" else pooled(fake, real, z.shape[1])
        if there.shape[1] != z.shape[1] and self.on == "samples":
            raise UsageError(
                f"transport goes from each number of z to one of the sample, and z has "
                f"{z.shape[1]} numbers for the {there.shape[1]} of a sample",
                fix=f"--set game.transport_on=pooled   or networks.G.latent={there.shape[1]}",
            )
        return {"transport": weight * (there - z[:, : there.shape[1]]).square().mean()}

    def to_judge(self, fake: Tensor, parts: int = 1) -> Tensor:
        """The same samples; on the way back their gradient is brought to its size.

        parts: in which a batch is computed; the size is that of the whole batch.
        """
        if not (self.normalise and fake.requires_grad):
            return fake
        seen = fake.view_as(fake)
        seen.register_hook(lambda g: self.brought(g, parts))  # type: ignore[no-untyped-call]
        return seen

    def brought(self, gradient: Tensor, parts: int = 1) -> Tensor:
        """g / sqrt(v), with v <- 0.9 v + 0.1 (numbers x |g|^2); the first v is its first value."""
        now = parts**2 * gradient.numel() * gradient.float().square().sum()
        mean = torch.where(self.square > 0, KEPT * self.square + (1 - KEPT) * now, now)
        self.square.copy_(mean)
        return (gradient.float() / (mean.sqrt() + LEAST)).to(gradient.dtype)


def pooled(fake: Tensor, real: Tensor, most: int) -> Tensor:
    """Means of fakes (N, C, ...) over a grid of places, (N, up to `most`), in deviations of real's.

    The grid has as many places as `most` numbers are enough for, at most 4 a side. Samples (N, d)
    are taken as they are. Raises UsageError where not even the mean of each channel fits.
    """
    spatial = fake.dim() - 2
    sides = [side for side in range(SIDE, 0, -1) if fake.shape[1] * side**spatial <= most]
    if not sides or spatial not in (0, *POOLS):
        raise UsageError(
            f"transport has no place for {math.prod(fake.shape[1:])} numbers in a z of {most}",
            fix=f"--set networks.G.latent={fake.shape[1]}   or more",
        )

    def means(x: Tensor) -> Tensor:
        x = x.float()
        size = [min(sides[0], side) for side in x.shape[2:]]
        return (POOLS[spatial](x, size) if spatial else x).flatten(1)

    spread, mean = torch.var_mean(means(real), 0, correction=0)
    return (means(fake) - mean) / (spread + 1e-4).sqrt()
