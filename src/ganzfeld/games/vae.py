"""The variational autoencoder (Kingma and Welling 2014)."""

from __future__ import annotations

import math
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, softplus

from ganzfeld.core.types import Batch, Losses
from ganzfeld.games.base import Game, given_of, numbers

LEAST = 1 / 255  # half a grey level of pixels in [-1, 1]: no noise is smaller than rounding
Noise = Literal["gaussian", "laplace", "bernoulli"]


class VAE(Game):
    """An encoder and a decoder that maximise a lower bound of the data's log likelihood.

    G: the decoder, from (z, y) to samples; its attribute `latent` is the entries of a z.
    E: the encoder, from (samples, y) to (N, 2 latent): means of z, then what `log_variance`
        turns into their log variances.
    noise: what a sample's numbers have around the decoder's output. "gaussian" compares by
        squares and "laplace" by absolute values; "bernoulli" takes pixels in [-1, 1] as
        probabilities (x + 1) / 2 and is for images of black and white.
    deviation: the noise's standard deviation (Laplace: its scale). None takes the one that
        makes a batch most likely, which is the root of its mean squared error (Rybkin et al.
        2021, "sigma-VAE", section 3.2) or its mean absolute error: the terms are then balanced
        without a knob.
    beta: weight of the divergence; above 1, entries of z are more independent and images
        less sharp (Higgins et al. 2017).

    Example::

        import torch
        from ganzfeld import VAE
        from ganzfeld.networks import NETWORKS

        shape, latent = (1, 16, 16), 8
        G = NETWORKS["dcgan-generator"](shape, latent=latent, width=8)
        E = NETWORKS["conv-encoder"](shape, outputs=2 * latent, width=8)
        losses = VAE(G, E).loss("autoencoder", {"x": torch.zeros(4, *shape)})
    """

    players = {"autoencoder": ("E", "G")}  # noqa: RUF012
    averaged = shipped = ("G",)

    def __init__(
        self,
        G: nn.Module,
        E: nn.Module,
        *,
        noise: Noise = "gaussian",
        deviation: float | None = None,
        beta: float = 1.0,
    ) -> None:
        super().__init__()
        if noise not in ("gaussian", "laplace", "bernoulli"):
            raise ValueError(f"noise is gaussian, laplace or bernoulli, not {noise!r}")
        if (deviation is not None and deviation <= 0) or beta < 0:
            raise ValueError("deviation must be more than 0, and beta 0 or more")
        self.G, self.E = G, E
        self.latent = cast(int, G.latent)
        self.noise, self.deviation, self.beta = noise, deviation, beta

    def autoencoder_loss(self, batch: Batch) -> Losses:
        """Both terms in nats a sample: their sum at beta 1 is minus the bound (eq. 10)."""
        x, y = batch["x"], batch.get("y")
        given = given_of(batch)
        mean, log_variance = self.encode(x, y, **given)
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        surprise = self.surprise(x, cast(Tensor, self.G(z, y, **given)).float())
        return {
            "reconstruction": surprise.mean(),
            "divergence": self.beta * divergence(mean, log_variance).mean(),
        }

    def encode(self, x: Tensor, y: Tensor | None, **given: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log variances of q(z | x), (N, latent) each, float32."""
        mean, raw = cast(Tensor, self.E(x, y, **given)).float().chunk(2, 1)
        return mean, log_variance(raw)

    def surprise(self, x: Tensor, mean: Tensor) -> Tensor:
        """-log p(x | z), (N,), in nats."""
        if self.noise == "bernoulli":
            likely, pixel = (mean.clamp(-1, 1) + 1) / 2, (x.clamp(-1, 1) + 1) / 2
            return binary_cross_entropy(likely, pixel, reduction="none").flatten(1).sum(1)
        gaussian = self.noise == "gaussian"
        error = (x - mean).flatten(1)
        sizes = error.square() if gaussian else error.abs()
        if self.deviation is None:
            least = LEAST**2 if gaussian else LEAST
            scale = sizes.mean().clamp_min(least)
        else:
            scale = sizes.new_tensor(self.deviation ** (2 if gaussian else 1))
        if gaussian:
            each = 0.5 * (sizes / scale + (2 * math.pi * scale).log())
        else:
            each = sizes / scale + (2 * scale).log()
        return each.sum(1)

    def sample(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        return cast(Tensor, self.G(z, y, **numbers(c)))


def log_variance(raw: Tensor) -> Tensor:
    """The encoder's numbers as log variances in about (-12, 4), so that no exp overflows."""
    upper = 4 - softplus(4 - raw)
    return softplus(upper + 12) - 12


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) summed over the latent, (N,) (appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
