"""The two-player game, with all losses, penalties and orders of moves."""

from __future__ import annotations

from typing import Any, Unpack, cast

import torch
from torch import Tensor, nn

from ganzfeld.core.plugins import spelled_by
from ganzfeld.core.schedules import cosine
from ganzfeld.core.types import Batch, Losses
from ganzfeld.errors import did_you_mean
from ganzfeld.games.augment import Augmentation
from ganzfeld.games.base import Game, Given, given_of, numbers, verdict
from ganzfeld.games.consistency import consistency
from ganzfeld.games.flow import FlowTerms, On
from ganzfeld.games.grouping import Single, check_double, groups
from ganzfeld.games.losses import LOSSES
from ganzfeld.games.opening import Opening, pretext
from ganzfeld.games.penalties import Penalties, Scheduled, gradient_penalty
from ganzfeld.games.turns import Turns


class Adversarial(Game):
    """A generator against a discriminator (Goodfellow et al. 2014).

    G: maps (z, y) to samples; its attribute `latent` is the number of entries in a z.
    D: maps (samples, y) to logits (N,).
    loss: a name in `ganzfeld.losses.LOSSES`.
    penalties: on the slope of D (`ganzfeld.games.penalties.Penalties`); by default none.
    turns: who moves when (`ganzfeld.games.turns.Turns`); by default D, then G, in each step.
    augment: what D sees, real and fake, is transformed at random; samples never are. An
        `ganzfeld.games.augment.Augmentation`, or "none", "fixed" or "adaptive".
    burn_in: the part of the run, in (0, 1], over which a value that is a pair goes from the first
        to the second along a cosine (Huang et al. 2024), and then stays there.
    transport, transport_on, centring, normalise_gradient: terms of adversarial flow models, see
        `ganzfeld.games.flow.FlowTerms`. transport may be a pair, which is a schedule.
    opening: the part of the run in which D's `features` learn from the data alone
        (`ganzfeld.games.opening`); then they stand still and its `heads` play. 0: all of D plays.
    consistency: weight of the difference between G's coarse images and its last one, see
        `ganzfeld.games.consistency`; for a G with `scales`, as `ScalesGenerator` has them.
    single: fields of these one by one, as recipes, configurations and `--set game.r1=1` have
        them; `ganzfeld.games.grouping.groups` lists them.

    Raises ValueError for what does not go together.

    Example::

        import torch
        from ganzfeld import Adversarial
        from ganzfeld.games.penalties import Penalties
        from ganzfeld.networks import NETWORKS

        G = NETWORKS["mlp-generator"]((2,), latent=2, widths=(16,), output="linear")
        D = NETWORKS["mlp-discriminator"]((2,), widths=(16,))
        game = Adversarial(G, D, loss="relativistic", penalties=Penalties(r1=0.1, r2=0.1))
        losses = game.loss("discriminator", {"x": torch.randn(8, 2)})  # by name, weighted
    """

    players = {"discriminator": ("D",), "generator": ("G",)}  # noqa: RUF012
    joint = {"both": ("discriminator", "generator")}  # noqa: RUF012
    averaged = shipped = ("G",)
    judge = "D"

    @spelled_by(groups, "penalties", "turns")
    def __init__(
        self,
        G: nn.Module,
        D: nn.Module,
        *,
        loss: str = "non-saturating",
        burn_in: float = 1.0,
        penalties: Penalties | None = None,
        turns: Turns | None = None,
        augment: str | Augmentation = "none",
        transport: Scheduled = 0.0,
        transport_on: On = "samples",
        centring: float = 0.0,
        normalise_gradient: bool = False,
        opening: float = 0.0,
        consistency: float = 0.0,
        **single: Unpack[Single],
    ) -> None:
        super().__init__()
        if loss not in LOSSES:
            raise ValueError(f"no loss is called {loss!r}. {did_you_mean(loss, LOSSES)}")
        made = augment if isinstance(augment, Augmentation) else None
        check_double(single, penalties=penalties, turns=turns, augment=made)
        usual = groups(augment="none" if isinstance(augment, Augmentation) else augment, **single)
        self.penalties: Penalties = usual[0] if penalties is None else penalties
        self.turns: Turns = usual[1] if turns is None else turns
        self.G, self.D = G, D
        self.latent = cast(int, G.latent)
        self.adversarial, self.burn_in = LOSSES[loss], burn_in
        self.augmentation = usual[2] if made is None else made
        self.flow = FlowTerms(transport, transport_on, centring, normalise_gradient)
        self.consistency = consistency
        self.opening = Opening(opening) if opening else None
        if self.opening is not None:
            if not hasattr(D, "features"):
                raise ValueError("opening needs a discriminator with `features` and `heads`")
            heads = {"discriminator": ("D.heads",), "generator": ("G",)}
            self.players = {"features": ("D.features",), **heads}
            self.stages = self.opening.stages
        check_together(self, loss)
        self.slope = self.penalties.slope
        self.period = self.turns.period(self.penalties.every if self.penalties else 1)
        self.shares_batch = self.turns.reuse_fakes
        self.kept: dict[int, tuple[int, Tensor]] = {}  # by part: (step, fakes), not past its step
        self.own = self.penalties, self.augmentation is not None  # what `treat` starts from

    @property
    def cures(self) -> frozenset[str]:
        own, augmented = self.own
        found = set() if mixes(self.D) else {"penalties"}
        if found and not own:
            found.add("bare")
        if not own.difference and not augmented:
            found.add("augment")
        return frozenset(found)

    def treat(self, penalties: float = 1.0, augment: bool = False) -> None:
        own, augmented = self.own
        self.penalties = own.times(penalties)
        if augment and self.augmentation is None:
            self.augmentation = Augmentation("adaptive")
        elif not augment and not augmented:
            self.augmentation = None

    def moves(self, step: int) -> tuple[str, ...]:
        if self.opening is not None and self.opening.now(self.clock):
            return ("features",)
        return self.turns.moves(step)

    def opening_words(self, images: int) -> str:
        return "" if self.opening is None else self.opening.words(images)

    def features_loss(self, batch: Batch) -> Losses:
        """What D's features learn from the data before the game begins."""
        return pretext(self.D.get_submodule("features"), batch["x"], batch.get("y"))

    def penalty_factor(self) -> int:
        """`every` of the penalties in the first and each such step in which D moves, else 0."""
        return self.turns.penalty_factor(self.clock.step, self.penalties.every)

    def fake(self, batch: Batch, z: Tensor | None = None) -> Tensor:
        """As many fakes as the batch has real samples, with the same labels."""
        z = self.latents_for(batch["x"]) if z is None else z
        return cast(Tensor, self.G(z, batch.get("y"), **given_of(batch)))

    def scales(self, batch: Batch, z: Tensor) -> list[Tensor]:
        """Fakes, and before them those of coarser scales where these should be consistent."""
        if not self.consistency:
            return [self.fake(batch, z)]
        found: list[Tensor] = cast(Any, self.G).scales(z, batch.get("y"), **given_of(batch))
        return found

    def verdict(self, x: Tensor, y: Tensor | None, **given: Tensor) -> Tensor:
        """Logits (N,) of samples as D sees them: augmented."""
        if self.augmentation is not None:
            x = self.augmentation(x, self.scheduled(self.augmentation.limit))
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
        limit = self.scheduled(self.augmentation.limit)
        self.augmentation.observe(signs, limit, self.clock.total, self.clock.parts)

    def judged(
        self, real: Tensor, fake: Tensor, y: Tensor | None, given: Given | None = None
    ) -> tuple[Tensor, Tensor, Losses]:
        """Logits (N,) of real and of fake samples, and the penalties that are due.

        given: further conditions of both, by the names that D takes them by.
        """

        def logits(x: Tensor) -> Tensor:
            return self.verdict(x, y, **(given or {}))

        penalties: Losses = {}
        asked, lazily = self.penalties, self.penalty_factor()
        if asked.r1 and lazily:
            real_logits, squared = self.slope(logits, real)
            penalties["r1"] = lazily * self.scheduled(asked.r1) / 2 * squared.mean()
        else:
            real_logits = logits(real)
        if asked.r2 and lazily:
            fake_logits, squared = self.slope(logits, fake.detach())
            penalties["r2"] = lazily * self.scheduled(asked.r2) / 2 * squared.mean()
        if fake.requires_grad or not (asked.r2 and lazily):
            fake_logits = logits(fake)  # the penalties are no business of the generator's
        if asked.gradient_penalty and lazily:
            squared = gradient_penalty(logits, real, fake.detach())
            penalties["gradient_penalty"] = lazily * asked.gradient_penalty * squared.mean()
        self.watch(real_logits, fake_logits)
        return real_logits, fake_logits, penalties

    def discriminator_loss(self, batch: Batch) -> Losses:
        with torch.no_grad():
            step, kept = self.kept.get(self.clock.part, (-1, torch.empty(0)))
            fake = kept if self.turns.reuse_fakes and step == self.clock.step else self.fake(batch)
        real_logits, fake_logits, penalties = self.judged(*args_of(batch, fake))
        adversarial = self.adversarial.discriminator(real_logits, fake_logits).mean()
        centred = self.flow.discriminator(real_logits, fake_logits)
        return {"adversarial": adversarial, **penalties, **centred}

    def generator_loss(self, batch: Batch) -> Losses:
        x, y, flow = batch["x"], batch.get("y"), self.flow
        terms: Losses = {}
        scales = []
        if flow.transport or self.consistency:
            z = self.latents_for(x)
            scales = self.scales(batch, z)
            terms = consistency(self.consistency, scales)
            terms |= flow.generator(self.scheduled(flow.transport), z, scales[-1], x)
        fake = scales[-1] if scales else self.fake(batch)
        if self.turns.reuse_fakes:
            self.kept[self.clock.part] = (self.clock.step, fake.detach())
        given = given_of(batch)
        fake_logits = self.verdict(flow.to_judge(fake, self.clock.parts), y, **given)
        # no gradient reaches G through the real samples, so their pass keeps no graph
        with torch.no_grad():
            paired = self.adversarial.paired
            real_logits = self.verdict(x, y, **given) if paired else fake_logits
        return {"adversarial": self.adversarial.generator(fake_logits, real_logits).mean(), **terms}

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

    def scheduled(self, value: Scheduled) -> float:
        """A constant, or the point between two values that the clock has come to."""
        if isinstance(value, int | float):
            return value
        return cosine(value[0], value[1], self.clock.fraction / self.burn_in)

    def sample(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        return cast(Tensor, self.G(z, y, **numbers(c)))

    def cost(self, fake: Tensor, real: Tensor) -> Tensor:
        return self.adversarial.generator(fake, real)


def args_of(batch: Batch, fake: Tensor) -> tuple[Tensor, Tensor, Tensor | None, Given]:
    """What `Adversarial.judged` takes of a batch and of fakes with its conditions."""
    return batch["x"], fake, batch.get("y"), given_of(batch)


def drops(network: nn.Module) -> bool:
    return any(isinstance(m, nn.modules.dropout._DropoutNd) and m.p for m in network.modules())


def mixes(network: nn.Module) -> bool:
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.modules())


def check_together(game: Adversarial, loss: str) -> None:
    """Refuse groups that do not go with each other or with the discriminator: a ValueError."""
    penalties, turns, D = game.penalties, game.turns, game.D
    if penalties.difference and (game.augmentation is not None or drops(D)):
        raise ValueError(
            "difference needs augment none and no dropout in the discriminator: "
            "both of its passes must see the same image in the same way"
        )
    if penalties and mixes(D):
        raise ValueError(
            "r1, r2 and gradient_penalty need a discriminator without batch normalisation "
            "(networks.D.norm=none): each logit must come from its own sample alone"
        )
    if game.consistency and (turns.one_stage or not hasattr(game.G, "scales")):
        raise ValueError("consistency needs a generator with `scales`, and no one_stage")
    if turns.one_stage and game.opening is not None:
        raise ValueError("one_stage moves the whole of D: it has no opening")
    if turns.one_stage and game.flow.used:
        raise ValueError("one_stage has no place for transport, centring, normalise_gradient")
    if turns.one_stage:
        check_one_stage(loss, D, [turns.discriminator, turns.generator])


def check_one_stage(loss: str, D: nn.Module, moves: list[tuple[int, int]]) -> None:
    """Refuse what one pass of the fakes cannot serve, with a ValueError."""
    if LOSSES[loss].ratio is None:
        possible = ", ".join(name for name, entry in LOSSES.items() if entry.ratio is not None)
        raise ValueError(f"one_stage needs a loss out of {possible}, not {loss}")
    if mixes(D):
        raise ValueError("one_stage needs a discriminator without batch normalisation")
    if any(turn != (1, 1) for turn in moves):
        raise ValueError("one_stage is one move of both players in every step")
