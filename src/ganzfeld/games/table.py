"""Games for rows of a table."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from ganzfeld.core.types import Batch, Losses
from ganzfeld.errors import did_you_mean
from ganzfeld.games.base import Game, verdict
from ganzfeld.games.interactions import Interactions
from ganzfeld.games.losses import LOSSES
from ganzfeld.games.penalties import slope
from ganzfeld.games.vae import divergence, log_variance

FAMILIAR = 1e4  # rows: of a table of so many, the logarithm of frequencies is taken


def off(p: Tensor, shares: Tensor) -> Tensor:
    """The chi-square distance of shares (choices,) from the mean of probabilities (N, choices).

    It also grows with the variance of the probabilities, by 1/N.
    """
    return ((p.mean(0) - shares).square() / (shares + 1 / len(p))).sum()


def off_unbiased(p: Tensor, shares: Tensor) -> Tensor:
    """`off` without that: the mean of what two halves of the rows give is the distance itself."""
    one, other = (half.mean(0) - shares for half in p.chunk(2))
    return (one * other / (shares + 1 / len(p))).sum()


def apart_in_pairs(fake: Tensor, real: Tensor) -> Tensor:
    """The squared distance of the mean products of two entries of rows (N, width), all pairs.

    It is the maximum mean discrepancy (Gretton et al. 2012) for the kernel (x . y)^2, without the
    terms of a row with itself or with the row that was drawn for the same choice: its mean over
    batches is the distance itself. Of one-hot vectors, such means are the shares in the tables of
    two columns.
    """
    n = len(fake)
    others = 1 - torch.eye(n, device=fake.device)

    def mean(a: Tensor, b: Tensor) -> Tensor:
        return ((a @ b.T).square() * others).sum() / (n * (n - 1))

    return mean(fake, fake) - 2 * mean(fake, real) + mean(real, real)


class TableGAN(Game):
    """A conditional generator of rows against a discriminator of packs of rows.

    After Xu et al. 2019 ("Modeling tabular data using conditional GAN"): each fake is asked to
    have one given choice in one column. Which column is drawn evenly, which choice by the
    logarithm of its frequency, so that rare ones are learned; the real rows beside it have the
    same choice. Samples draw choices by their shares instead (`TableGenerator.condition`), which
    undoes it. The gradient penalty is R1 (Mescheder et al. 2018).

    Where rows depend on numbers c (`G.conditions`), a fake has the numbers of the real row beside
    it and, where there are labels, its label; no other choice is asked for. The numbers stand
    beside both rows in all distances, so that what goes with them is learned as between columns.

    G, D: as `ganzfeld.networks.table` has them; `D.pack` divides the batch.
    loss: a name in `ganzfeld.games.losses.LOSSES`.
    r1: gamma of the penalty on real packs, which is due in every `penalty_every`-th step, with so
        many times the weight.
    choice: weight of the cross-entropy between the given choice and the generator's.
    moments: weight of the squared distance between the mean real and the mean fake row of a batch
        (Park et al. 2018, "information loss").
    pairs: weight of the squared distance between the mean products of two entries of rows, less
        the shares in the training part. This is what teaches which choices go together.
    triples: the same of the products of entries of three columns.
    expected: fakes enter both by the probabilities of their choices, which is what drawn choices
        give on average: the distances have the same mean, less noise and an exact gradient. Else
        by relaxed choices; triples are by probabilities always.
    marginals: weight of the chi-square distance between the shares of choices among samples, as
        they are drawn after training, and in the training part.
    """

    players = {"discriminator": ("D",), "generator": ("G",)}  # noqa: RUF012
    averaged = shipped = ("G",)
    G: Any
    D: Any
    middle: Tensor  # (width,): the share of each choice, and 0 for values
    judge = None  # D sees packs of rows, so it has no logit of a single one
    whole_batch = "shares and means of rows"

    def __init__(
        self,
        G: nn.Module,
        D: nn.Module,
        *,
        loss: str = "non-saturating",
        r1: float = 1.0,
        penalty_every: int = 4,
        choice: float = 1.0,
        moments: float = 0.0,
        pairs: float = 0.0,
        triples: float = 0.0,
        expected: bool = False,
        marginals: float = 0.0,
    ) -> None:
        super().__init__()
        if loss not in LOSSES:
            raise ValueError(f"no loss is called {loss!r}. {did_you_mean(loss, LOSSES)}")
        if min(r1, choice, moments, pairs, triples, marginals) < 0:
            raise ValueError(
                "r1, choice, moments, pairs, triples and marginals are weights: 0 or more"
            )
        if penalty_every < 1:
            raise ValueError("penalty_every is a number of steps: 1 or more")
        self.G, self.D = G, D
        self.latent = cast(int, G.latent)
        self.period = self.penalty_every = penalty_every if r1 else 1
        self.adversarial, self.r1, self.choice, self.moments = LOSSES[loss], r1, choice, moments
        self.pairs, self.triples, self.marginals = pairs, triples, marginals
        self.expected, choices = expected, self.G.choices
        heads = [head for head in choices.layout.heads if sum(head)]
        self.interactions = Interactions([sum(head) for head in heads], [h[0] for h in heads])
        middle = torch.zeros(choices.layout.width)
        middle[choices.places] = self.G.shares
        self.register_buffer("middle", middle, persistent=False)

    def conditioned(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor | None]:
        """Rows (N, width) out of a batch, the choice (N,) that each was drawn for, its numbers."""
        x, choices, n = batch["x"], self.G.choices, len(batch["x"])
        if self.G.conditions:
            return x, self.G.condition(self.latents_for(x), batch.get("y")), batch["c"]
        if not choices.heads:
            return x, torch.zeros(n, dtype=torch.long, device=x.device), None
        counted = x[:, choices.places].cumsum(0)  # (n, choices): rows up to here that have it
        present = counted[-1] > 0
        weight = (self.G.shares * FAMILIAR + 1).log() * present
        head = torch.randint(choices.heads, (n,), device=x.device)
        given = torch.multinomial(weight * (choices.head == head[:, None]), 1)[:, 0]
        turn = (torch.rand(n, device=x.device) * counted[-1][given]).floor()
        row = (counted[:, given] <= turn).sum(0).clamp_max(n - 1)  # the turn-th that has it
        return x[row], given, None

    def fake(self, given: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Rows that have a gradient, their logits, and their latents."""
        z = self.latents_for(given)
        return (*cast(tuple[Tensor, Tensor], self.G.relaxed(z, given, c)), z)

    def discriminator_loss(self, batch: Batch) -> Losses:
        real, given, c = self.conditioned(batch)
        with torch.no_grad():
            fake, _, _ = self.fake(given, c)

        def logits(x: Tensor) -> Tensor:
            return self.told(x, given, c)

        losses: Losses = {}
        if self.r1 and self.clock.step % self.penalty_every == 0:
            real_logits, squared = slope(logits, real)
            lazily = self.penalty_every * self.r1 / 2
            losses["r1"] = lazily * squared.sum() / len(real_logits)
        else:
            real_logits = logits(real)
        adversarial = self.adversarial.discriminator(real_logits, logits(fake)).mean()
        return {"adversarial": adversarial, **losses}

    def generator_loss(self, batch: Batch) -> Losses:
        real, given, c = self.conditioned(batch)
        fake, raw, z = self.fake(given, c)
        fake_logits = self.told(fake, given, c)
        with torch.no_grad():
            paired = self.adversarial.paired
            real_logits = self.told(real, given, c) if paired else fake_logits
        losses = {"adversarial": self.adversarial.generator(fake_logits, real_logits).mean()}
        if self.choice and self.G.embedding is not None:
            log_p = self.G.choices.log_probabilities(raw).gather(1, given[:, None])
            losses["choice"] = -self.choice * log_p.mean()
        if self.moments:
            losses["moments"] = self.moments * (fake.mean(0) - real.mean(0)).square().sum()
        losses |= self.together(fake, raw, z, real, c)
        if self.marginals and self.G.choices.heads:
            z = self.latents_for(fake)
            asked = given if self.G.conditions else self.G.condition(z, None)
            drawn = self.G.choices.log_probabilities(self.G.raw(z, asked, c))
            losses["marginals"] = self.marginals * off_unbiased(drawn.exp(), self.G.shares)
        return losses

    def told(self, x: Tensor, given: Tensor, c: Tensor | None) -> Tensor:
        return verdict(self.D, x, given) if c is None else verdict(self.D, x, given, c)

    def together(
        self, fake: Tensor, raw: Tensor, z: Tensor, real: Tensor, c: Tensor | None
    ) -> Losses:
        """What columns have to do with each other: distances of their tables."""
        losses: Losses = {}
        fake, real, exact = fake - self.middle, real - self.middle, self.pairs and self.expected
        if self.triples or exact:
            mean = cast(Tensor, self.G.expected(raw, z)) - self.middle
        if exact:
            own = self.interactions.in_columns(fake, real)
            losses["pairs"] = self.pairs * (self.interactions.pairs(mean, real) + own)
        elif self.pairs:
            beside = [fake, real] if c is None else [torch.cat([x, c], 1) for x in (fake, real)]
            losses["pairs"] = self.pairs * apart_in_pairs(*beside)
        if self.triples:
            losses["triples"] = self.triples * self.interactions.triples(mean, real)
        return losses

    def sample(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        return cast(Tensor, self.G(z, y) if c is None else self.G(z, y, c))


class TableVAE(Game):
    """An encoder and a decoder of rows that maximise a lower bound of their likelihood.

    After Xu et al. 2019, section 4.5: values within modes are Gaussian with one deviation a
    column, choices are categorical.

    reconstruction: weight of their likelihood against the divergence.
    marginals: weight of the chi-square distance between the mean probabilities of choices, of as
        many latents from the prior as there are rows in a batch, and the training part's shares,
        which the decoder must know. Without it, what the prior makes of rare choices is off.
    """

    players = {"autoencoder": ("E", "G")}  # noqa: RUF012
    averaged = shipped = ("G",)
    whole_batch = "shares of rows"
    G: Any
    E: Any

    def __init__(
        self, G: nn.Module, E: nn.Module, *, reconstruction: float = 2.0, marginals: float = 0.0
    ) -> None:
        super().__init__()
        if reconstruction <= 0 or marginals < 0:
            raise ValueError("reconstruction must be more than 0, and marginals 0 or more")
        if marginals and len(G.shares) != G.choices.count:  # type: ignore[arg-type,union-attr]
            raise ValueError("marginals needs a decoder that knows the shares")
        self.G, self.E = G, E
        self.latent = cast(int, G.latent)
        self.reconstruction, self.marginals = reconstruction, marginals

    def autoencoder_loss(self, batch: Batch) -> Losses:
        x = batch["x"]
        beside = (None, self.G.said(batch.get("caption"))) if self.E.sentence else ()
        mean, raw = cast(Tensor, self.E(x, *beside)).float().chunk(2, 1)
        variance = log_variance(raw)
        z = mean + (variance / 2).exp() * torch.randn_like(mean)
        given = batch.get("y"), batch.get("c"), batch.get("caption")
        decoded = self.G.raw(z, *given).float()
        losses = {
            "reconstruction": self.reconstruction * self.surprise(x, decoded).mean(),
            "divergence": divergence(mean, variance).mean(),
        }
        if self.marginals and self.G.choices.heads:
            drawn = self.G.raw(self.latents_for(x), *given).float()
            p = self.G.choices.log_probabilities(drawn).exp()
            losses["marginals"] = self.marginals * off(p, self.G.shares)
        return losses

    def surprise(self, x: Tensor, decoded: Tensor) -> Tensor:
        """-log p(row | z), (N,), in nats, but for a constant."""
        choices = self.G.choices
        chosen = choices.log_probabilities(decoded) * x[:, choices.places]
        log_deviation = self.G.log_deviation.clamp_min(-4.6)
        error = (x - decoded)[:, choices.numbers] / log_deviation.exp()
        in_mode = x[:, choices.numbers] != 0  # it is 0 where an atom or "missing" is chosen
        within = ((0.5 * error.square() + log_deviation) * in_mode).sum(1)
        return cast(Tensor, within - chosen.sum(1))

    def sample(
        self,
        z: Tensor,
        y: Tensor | None = None,
        c: Tensor | None = None,
        caption: Tensor | None = None,
    ) -> Tensor:
        return cast(Tensor, self.G(z, y, c, caption) if caption is not None else self.G(z, y, c))
