"""The two-player game, with all losses, penalties and orders of moves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from ganzfeld.core.schedules import cosine
from ganzfeld.core.types import Batch, Losses
from ganzfeld.errors import did_you_mean
from ganzfeld.games.augment import Augmentation
from ganzfeld.games.base import Game, Given, given_of, numbers, verdict
from ganzfeld.games.losses import LOSSES
from ganzfeld.games.penalties import estimated_slope, gradient_penalty, slope
from ganzfeld.games.turns import Turns


class Adversarial(Game):
    """A generator against a discriminator (Goodfellow et al. 2014).

    G: maps (z, y) to samples; its attribute `latent` is the number of entries in a z.
    D: maps (samples, y) to logits (N,).
    loss: a name in `ganzfeld.losses.LOSSES`.
    r1, r2: gamma of the zero-centred penalties on real and on fake samples, that is
        gamma / 2 * mean |gradient|^2 (Mescheder et al. 2018). A pair is a schedule: the first
        value at the start, the second after `burn_in`, along a cosine (Huang et al. 2024).
    gradient_penalty: weight of the one-centred penalty between them (Gulrajani et al. 2017).
    penalty_every: compute penalties in every k-th step of the discriminator only, with k times
        the weight (Karras et al. 2020, "lazy regularisation").
    difference: r1 and r2 by finite differences of this length in a random direction, which take
        no second derivative (`ganzfeld.games.penalties.estimated_slope`); 0: exact.
    burn_in: the part of the run, in (0, 1], over which schedules go from first to second value.
    discriminator_moves, generator_moves: moves of each player in a step where it moves.
    discriminator_every, generator_every: a player moves in every n-th step.
    generator_first: the generator moves before the discriminator.
    reuse_fakes: the fakes of the generator's move, made before it moved, also serve the
        discriminator's moves of the same step, which then see the same batch. It needs
        generator_first.
    discriminator_phase, generator_phase: steps in which only one player moves, then only
        the other, in turn; 0 and 0 for no phases.
    one_stage: both players move at once, from one pass of the fakes through D and back (Shen et
        al. 2021): per fake, the gradients of the two losses differ by a factor only. It needs a D
        without batch normalisation, and a loss whose factor is finite: not hinge or least-squares.
    augment: "none", "fixed", or "adaptive": what D sees, real and fake, is transformed at random
        (see `ganzfeld.games.augment`); samples never are.
    augment_p: probability of each transformation, or the most that an adaptive one may be. A
        pair is a schedule.
    augment_target: mean sign of D on real samples that an adaptive probability steers towards.
    augment_speed: images seen while it goes from 0 to 1; None: a tenth of the run, at most 500,000.
    augment_kinds: names in `ganzfeld.games.augment.KINDS`; None: those that suit `augment`.

    Example::

        import torch
        from ganzfeld import Adversarial
        from ganzfeld.networks import NETWORKS

        G = NETWORKS["mlp-generator"]((2,), latent=2, widths=(16,), output="linear")
        D = NETWORKS["mlp-discriminator"]((2,), widths=(16,))
        game = Adversarial(G, D, loss="relativistic", r1=0.1, r2=0.1)
        losses = game.loss("discriminator", {"x": torch.randn(8, 2)})  # by name, weighted
    """

    players = {"discriminator": ("D",), "generator": ("G",)}  # noqa: RUF012
    joint = {"both": ("discriminator", "generator")}  # noqa: RUF012
    averaged = shipped = ("G",)
    judge = "D"

    def __init__(
        self,
        G: nn.Module,
        D: nn.Module,
        *,
        loss: str = "non-saturating",
        r1: float | tuple[float, float] = 0.0,
        r2: float | tuple[float, float] = 0.0,
        gradient_penalty: float = 0.0,
        penalty_every: int = 1,
        difference: float = 0.0,
        burn_in: float = 1.0,
        discriminator_moves: int = 1,
        generator_moves: int = 1,
        discriminator_every: int = 1,
        generator_every: int = 1,
        generator_first: bool = False,
        reuse_fakes: bool = False,
        discriminator_phase: int = 0,
        generator_phase: int = 0,
        one_stage: bool = False,
        augment: str = "none",
        augment_p: float | tuple[float, float] = 0.8,
        augment_target: float = 0.6,
        augment_speed: float | None = None,
        augment_kinds: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        if loss not in LOSSES:
            raise ValueError(f"no loss is called {loss!r}. {did_you_mean(loss, LOSSES)}")
        if reuse_fakes and not generator_first:
            raise ValueError("reuse_fakes needs generator_first: the fakes are those of its move")
        self.turns = Turns(
            discriminator=(discriminator_moves, discriminator_every),
            generator=(generator_moves, generator_every),
            generator_first=generator_first,
            phases=(discriminator_phase, generator_phase),
            one_stage=one_stage,
            penalty_every=penalty_every,
        )
        self.G, self.D = G, D
        self.latent = cast(int, G.latent)
        self.adversarial = LOSSES[loss]
        self.r1, self.r2, self.gradient_penalty = r1, r2, gradient_penalty
        self.burn_in = burn_in
        if difference and (augment != "none" or drops(D)):
            raise ValueError(
                "difference needs augment none and no dropout in the discriminator: "
                "both of its passes must see the same image in the same way"
            )
        if (r1 or r2 or gradient_penalty) and mixes(D):
            raise ValueError(
                "r1, r2 and gradient_penalty need a discriminator without batch normalisation "
                "(networks.D.norm=none): each logit must come from its own sample alone"
            )
        self.slope = partial(estimated_slope, length=difference) if difference else slope
        self.period = self.turns.period(penalised=bool(r1 or r2 or gradient_penalty))
        self.reuse_fakes = self.shares_batch = reuse_fakes
        self.kept: tuple[int, Tensor] = (-1, torch.empty(0))  # (step, fakes): not past its step
        if one_stage:
            if reuse_fakes or any(self.turns.phases):
                raise ValueError("one_stage is both players at once: no phases, no kept fakes")
            check_one_stage(loss, D, [self.turns.discriminator, self.turns.generator])
        self.augment_p = augment_p
        if not all(0 <= p <= 1 for p in torch.as_tensor(augment_p).flatten()):
            raise ValueError(f"augment_p is a probability in [0, 1], not {augment_p}")
        self.augmentation: Augmentation | None = None
        if augment != "none":
            self.augmentation = Augmentation(
                augment, target=augment_target, images=augment_speed, kinds=augment_kinds
            )
        self.estimated = difference > 0
        self.own = Own(r1, r2, gradient_penalty, self.augmentation is not None)

    @property
    def cures(self) -> frozenset[str]:
        found = set() if mixes(self.D) else {"penalties"}
        if found and not (self.own.r1 or self.own.r2 or self.own.gradient_penalty):
            found.add("bare")
        if not self.estimated and not self.own.augmented:
            found.add("augment")
        return frozenset(found)

    def treat(self, penalties: float = 1.0, augment: bool = False) -> None:
        self.r1, self.r2, self.gradient_penalty = self.own.times(penalties)
        if augment and self.augmentation is None:
            self.augmentation = Augmentation("adaptive")
        elif not augment and not self.own.augmented:
            self.augmentation = None

    def moves(self, step: int) -> tuple[str, ...]:
        return self.turns.moves(step)

    def penalty_factor(self) -> int:
        """`penalty_every` in the first and every such step in which D moves, else 0."""
        return self.turns.penalty_factor(self.clock.step)

    def fake(self, batch: Batch) -> Tensor:
        """As many fakes as the batch has real samples, with the same labels."""
        x = batch["x"]
        z = torch.randn(len(x), self.latent, device=x.device)
        return cast(Tensor, self.G(z, batch.get("y"), **given_of(batch)))

    def verdict(self, x: Tensor, y: Tensor | None, **given: Tensor) -> Tensor:
        """Logits (N,) of samples as D sees them: augmented."""
        if self.augmentation is not None:
            x = self.augmentation(x, self.scheduled(self.augment_p))
        return verdict(self.D, x, y, **given)

    def watch(self, real_logits: Tensor, fake_logits: Tensor) -> None:
        """Let an adaptive augmentation know how sure D was of real samples.

        Where a constant in the logits means nothing (relativistic and Wasserstein losses), the
        boundary is half way between the means of both sides: 0 where these are symmetric.
        """
        if self.augmentation is None:
            return
        boundary: Tensor | float | None = self.adversarial.boundary
        if boundary is None:
            boundary = (real_logits.detach().mean() + fake_logits.detach().mean()) / 2
        signs = (real_logits.detach() - boundary).sign()
        self.augmentation.observe(signs, self.scheduled(self.augment_p), self.clock.total)

    def judged(
        self, real: Tensor, fake: Tensor, y: Tensor | None, given: Given | None = None
    ) -> tuple[Tensor, Tensor, Losses]:
        """Logits (N,) of real and of fake samples, and the penalties that are due.

        given: further conditions of both, by the names that D takes them by.
        """

        def logits(x: Tensor) -> Tensor:
            return self.verdict(x, y, **(given or {}))

        penalties: Losses = {}
        lazily = self.penalty_factor()
        if self.r1 and lazily:
            real_logits, squared = self.slope(logits, real)
            penalties["r1"] = lazily * self.scheduled(self.r1) / 2 * squared.mean()
        else:
            real_logits = logits(real)
        if self.r2 and lazily:
            fake_logits, squared = self.slope(logits, fake.detach())
            penalties["r2"] = lazily * self.scheduled(self.r2) / 2 * squared.mean()
        if fake.requires_grad or not (self.r2 and lazily):
            fake_logits = logits(fake)  # the penalties are no business of the generator's
        if self.gradient_penalty and lazily:
            squared = gradient_penalty(logits, real, fake.detach())
            penalties["gradient_penalty"] = lazily * self.gradient_penalty * squared.mean()
        self.watch(real_logits, fake_logits)
        return real_logits, fake_logits, penalties

    def discriminator_loss(self, batch: Batch) -> Losses:
        with torch.no_grad():
            step, kept = self.kept
            fake = kept if self.reuse_fakes and step == self.clock.step else self.fake(batch)
        real_logits, fake_logits, penalties = self.judged(*args_of(batch, fake))
        adversarial = self.adversarial.discriminator(real_logits, fake_logits).mean()
        return {"adversarial": adversarial, **penalties}

    def generator_loss(self, batch: Batch) -> Losses:
        y = batch.get("y")
        fake = self.fake(batch)
        if self.reuse_fakes:
            self.kept = (self.clock.step, fake.detach())
        given = given_of(batch)
        fake_logits = self.verdict(fake, y, **given)
        # no gradient reaches G through the real samples, so their pass keeps no graph
        with torch.no_grad():
            paired = self.adversarial.paired
            real_logits = self.verdict(batch["x"], y, **given) if paired else fake_logits
        return {"adversarial": self.adversarial.generator(fake_logits, real_logits).mean()}

    def both_loss(self, batch: Batch) -> Losses:
        """The discriminator's loss; its gradient becomes the generator's where it enters G.

        The term "generator" is for the record: no gradient comes from it.
        """
        fake = self.fake(batch)
        real_logits, fake_logits, penalties = self.judged(*args_of(batch, fake))
        seen = fake_logits.detach(), real_logits.detach()
        assert self.adversarial.ratio is not None
        ratio = self.adversarial.ratio(*seen).view(-1, *[1] * (fake.dim() - 1))
        if fake.requires_grad:
            fake.register_hook(lambda g: g * ratio.to(g))  # type: ignore[no-untyped-call]
        return {
            "discriminator": self.adversarial.discriminator(real_logits, fake_logits).mean(),
            "generator": self.adversarial.generator(*seen).mean(),
            **penalties,
        }

    def scheduled(self, value: float | tuple[float, float]) -> float:
        """A constant, or the point between two values that the clock has come to."""
        if isinstance(value, int | float):
            return value
        return cosine(value[0], value[1], self.clock.fraction / self.burn_in)

    def sample(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        return cast(Tensor, self.G(z, y, **numbers(c)))

    def cost(self, fake: Tensor, real: Tensor) -> Tensor:
        return self.adversarial.generator(fake, real)


class Own(NamedTuple):
    """The penalties that a game was made with, and whether it was made with augmentation."""

    r1: float | tuple[float, float]
    r2: float | tuple[float, float]
    gradient_penalty: float
    augmented: bool

    def times(
        self, factor: float
    ) -> tuple[float | tuple[float, float], float | tuple[float, float], float]:
        """All penalties times a factor; where there are none and it is above 1, R1 and R2 of 1."""
        if factor > 1 and not (self.r1 or self.r2 or self.gradient_penalty):
            return 1.0, 1.0, 0.0
        return by(self.r1, factor), by(self.r2, factor), self.gradient_penalty * factor


def by(value: float | tuple[float, float], factor: float) -> float | tuple[float, float]:
    if isinstance(value, int | float):
        return value * factor
    return value[0] * factor, value[1] * factor


def args_of(batch: Batch, fake: Tensor) -> tuple[Tensor, Tensor, Tensor | None, Given]:
    """What `Adversarial.judged` takes of a batch and of fakes with its conditions."""
    return batch["x"], fake, batch.get("y"), given_of(batch)


def drops(network: nn.Module) -> bool:
    return any(isinstance(m, nn.modules.dropout._DropoutNd) and m.p for m in network.modules())


def mixes(network: nn.Module) -> bool:
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.modules())


def check_one_stage(loss: str, D: nn.Module, moves: list[tuple[int, int]]) -> None:
    """Refuse what one pass of the fakes cannot serve, with a ValueError."""
    if LOSSES[loss].ratio is None:
        possible = ", ".join(name for name, entry in LOSSES.items() if entry.ratio is not None)
        raise ValueError(f"one_stage needs a loss out of {possible}, not {loss}")
    if mixes(D):
        raise ValueError("one_stage needs a discriminator without batch normalisation")
    if any(turn != (1, 1) for turn in moves):
        raise ValueError("one_stage is one move of both players in every step")
