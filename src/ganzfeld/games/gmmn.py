"""The generative moment matching network (Li et al. 2015; Dziugaite et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn

from ganzfeld.core.types import Batch, Losses
from ganzfeld.games.base import Game, given_of, numbers


class GMMN(Game):
    """A generator whose batches should look like batches of the data to a kernel: no opponent.

    G: maps (z, y) to samples, with the attribute `latent`. For space "codes" it has the parts
        `codes`, (z, y) to codes, and `decoder`, (codes, y) to samples, as `CodeGenerator` has.
    E: the encoder, (samples, y) to codes; for space "pixels" there is none, or it stays as it is.
    space: "pixels" compares samples as they are. "codes" compares codes (Li et al. 2015,
        section 4): an autoencoder of E and `G.decoder` learns them alongside, and the generator
        moves only `G.codes`.
    bandwidths: of the kernel's parts, as multiples of the median distance of two real samples
        of the batch.
    generator_moves: moves of the generator in a step, each with a new batch.
    noise: deviation of the noise on codes that the decoder learns to undo. Codes have mean 0
        and deviation 1 in each entry, so it is the distance up to which codes decode alike.
    unbiased: the U-statistic of MMD^2, which may be slightly negative; else the V-statistic,
        which is not, and whose samples are closer together by one part in the batch size.

    With labels the kernel is zero between samples of different labels: batches then match
    jointly with their labels, so the generator does in each class.

    Example::

        import torch
        from ganzfeld import GMMN
        from ganzfeld.networks import NETWORKS

        G = NETWORKS["mlp-generator"]((2,), latent=2, widths=(16,), output="linear")
        game = GMMN(G, torch.nn.Identity(), space="pixels")
        losses = game.loss("generator", {"x": torch.randn(16, 2)})
    """

    averaged = shipped = ("G",)
    whole_batch = "the distance between samples and data"

    def __init__(
        self,
        G: nn.Module,
        E: nn.Module | None = None,
        *,
        space: Literal["pixels", "codes"] = "codes",
        bandwidths: Sequence[float] = (0.125, 0.25, 0.5, 1.0, 2.0),
        generator_moves: int = 1,
        noise: float = 0.1,
        unbiased: bool = True,
    ) -> None:
        super().__init__()
        if space not in ("pixels", "codes"):
            raise ValueError(f"space is pixels or codes, not {space!r}")
        if space == "codes" and (E is None or not hasattr(G, "codes")):
            raise ValueError("space codes needs an E, and a G with `codes` and `decoder`")
        if not bandwidths or min(bandwidths) <= 0:
            raise ValueError("bandwidths must be one or more numbers above 0")
        self.G, self.E = G, E
        self.latent = cast(int, G.latent)
        self.space, self.bandwidths, self.noise = space, tuple(bandwidths), noise
        self.generator_moves, self.unbiased = generator_moves, unbiased
        self.players = {"generator": ("G",)}
        if space == "codes":
            self.players = {"autoencoder": ("E", "G.decoder"), "generator": ("G.codes",)}

    def moves(self, step: int) -> tuple[str, ...]:
        first = ("autoencoder",) if self.space == "codes" else ()
        return (*first, *("generator",) * self.generator_moves)

    def autoencoder_loss(self, batch: Batch) -> Losses:
        """Mean squared error of an image through its code."""
        x, y = batch["x"], batch.get("y")
        code = self.encode(x, y)
        noisy = code + self.noise * torch.randn_like(code)
        return {"reconstruction": (x - self.part("decoder")(noisy, y)).square().mean()}

    def generator_loss(self, batch: Batch) -> Losses:
        """MMD^2 of the batch and as many fakes with its labels."""
        x, y = batch["x"], batch.get("y")
        z = self.latents_for(x)
        if self.space == "codes":
            with torch.no_grad():
                real = self.encode(x, y)
            fake = self.part("codes")(z, y)
        else:
            real, fake = x, self.G(z, y, **given_of(batch))
        return {"mmd": mmd2(real, fake, self.bandwidths, y, unbiased=self.unbiased)}

    def encode(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Codes (N, code), each entry standardised over the batch: bandwidths keep a meaning."""
        assert self.E is not None
        code = cast(Tensor, self.E(x, y)).float()
        spread, mean = torch.var_mean(code, 0, correction=0)
        return (code - mean) / (spread + 1e-5).sqrt()

    def part(self, name: str) -> nn.Module:
        return self.G.get_submodule(name)

    def sample(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        return cast(Tensor, self.G(z, y, **numbers(c)))


def mmd2(
    real: Tensor,
    fake: Tensor,
    bandwidths: Sequence[float],
    y: Tensor | None = None,
    *,
    unbiased: bool = True,
) -> Tensor:
    """Squared maximum mean discrepancy of two batches (N, ...), a scalar (Gretton et al. 2012).

    The kernel is the mean over b of exp(-|u - v|^2 / (2 (b m)^2)), with m the median distance of
    two real samples, times one where labels are equal and else zero. Both batches have labels y.

    unbiased: eq. 3 of that paper, without the diagonals of real and of fake; with labels eq. 4,
        without that of real against fake either, where labels are always equal and not by chance.
        Else eq. 5, with all of them. N is 2 or more.
    """
    real, fake = real.float().flatten(1), fake.float().flatten(1)
    n = len(real)
    of_real, of_fake, across = squares(real, real), squares(fake, fake), squares(real, fake)
    others = ~torch.eye(n, dtype=torch.bool, device=real.device)
    median = of_real.detach()[others].median().clamp_min(1e-12)
    same = 1.0 if y is None else (y[:, None] == y).float()

    def kernel(square: Tensor) -> Tensor:
        parts = [(square * (-0.5 / b**2) / median).exp() for b in bandwidths]
        return same * torch.stack(parts).mean(0)

    def apart(pairs: Tensor) -> Tensor:
        return (pairs * others).sum() / (n * (n - 1)) if unbiased else pairs.mean()

    cross = kernel(across)
    inner = apart(kernel(of_real) + kernel(of_fake))
    return inner - 2 * (cross.mean() if y is None else apart(cross))


def squares(a: Tensor, b: Tensor) -> Tensor:
    """Squared distances (N, M) of all pairs, not below 0."""
    sums = a.square().sum(1)[:, None] + b.square().sum(1)
    return (sums - 2 * a @ b.T).clamp_min(0)
