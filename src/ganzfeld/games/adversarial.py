"""The two-player game: every loss, penalty, order of moves and kind of data in one class."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from ganzfeld.errors import did_you_mean
from ganzfeld.games.game import Batch, Game, Losses
from ganzfeld.losses import LOSSES
from ganzfeld.penalties import gradient_penalty, slope
from ganzfeld.schedules import cosine


class Adversarial(Game):
    """A generator against a discriminator (Goodfellow et al. 2014).

    G: maps (z, y) to samples; its attribute `latent` is the number of entries in a z.
    D: maps (samples, y) to logits (N,).
    loss: a name in `ganzfeld.losses.LOSSES`.
    r1, r2: gamma of the zero-centred penalties on real and on fake samples, that is
        gamma / 2 * mean |gradient|^2 (Mescheder et al. 2018). A pair is a schedule: the first
        value at the start, the second after `burn_in`, along a cosine (Huang et al. 2024).
    gradient_penalty: weight of the one-centred penalty between them (Gulrajani et al. 2017).
    penalty_every: compute penalties in every k-th step only, with k times the weight
        (Karras et al. 2020, "lazy regularisation").
    burn_in: the part of the run, in (0, 1], over which schedules go from first to second value.
    discriminator_moves, generator_moves: moves of each player in a step where it moves.
    discriminator_every, generator_every: a player moves in every n-th step.
    generator_first: the order of the two.
    reuse_fakes: the fakes of the generator's move, made before it moved, also serve the
        discriminator's moves of the same step, which then see the same batch. It needs
        generator_first.
    discriminator_phase, generator_phase: steps in which only the one moves, then only the
        other, in turns; 0 and 0 for no phases.
    """

    players = {"discriminator": ("D",), "generator": ("G",)}  # noqa: RUF012
    averaged = ("G",)

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
        burn_in: float = 1.0,
        discriminator_moves: int = 1,
        generator_moves: int = 1,
        discriminator_every: int = 1,
        generator_every: int = 1,
        generator_first: bool = False,
        reuse_fakes: bool = False,
        discriminator_phase: int = 0,
        generator_phase: int = 0,
    ) -> None:
        super().__init__()
        if loss not in LOSSES:
            raise ValueError(f"no loss is called {loss!r}. {did_you_mean(loss, LOSSES)}")
        if reuse_fakes and not generator_first:
            raise ValueError("reuse_fakes needs generator_first: the fakes are those of its move")
        phases = {"discriminator": discriminator_phase, "generator": generator_phase}
        if any(phases.values()) and not (
            min(phases.values()) > 0 and discriminator_every == generator_every == 1
        ):
            raise ValueError(
                "phases need a discriminator_phase and a generator_phase of 1 or more, "
                "and neither player with an `every`"
            )
        self.G, self.D = G, D
        self.latent = cast(int, G.latent)
        self.adversarial = LOSSES[loss]
        self.r1, self.r2, self.gradient_penalty = r1, r2, gradient_penalty
        self.penalty_every, self.burn_in = penalty_every, burn_in
        self.period = math.lcm(
            penalty_every if (r1 or r2 or gradient_penalty) else 1,
            discriminator_every,
            generator_every,
            sum(phases.values()) or 1,
        )
        self.turns = [
            ("discriminator", discriminator_moves, discriminator_every),
            ("generator", generator_moves, generator_every),
        ]
        if generator_first:
            self.turns.reverse()
        self.phases = [(player, phases[player]) for player, _, _ in self.turns]
        self.reuse_fakes = self.shares_batch = reuse_fakes
        self.kept: tuple[int, Tensor] = (-1, torch.empty(0))  # (step, fakes): not past its step

    def moves(self, step: int) -> tuple[str, ...]:
        (first, length), (second, rest) = self.phases
        alone = None
        if length:
            alone = first if step % (length + rest) < length else second
        return tuple(
            player
            for player, count, every in self.turns
            if (step + 1) % every == 0 and alone in (None, player)
            for _ in range(count)
        )

    def fake(self, batch: Batch) -> Tensor:
        """As many fakes as the batch has real samples, with the same labels."""
        x = batch["x"]
        z = torch.randn(len(x), self.latent, device=x.device)
        return cast(Tensor, self.G(z, batch.get("y")))

    def discriminator_loss(self, batch: Batch) -> Losses:
        real, y = batch["x"], batch.get("y")
        with torch.no_grad():
            step, kept = self.kept
            fake = kept if self.reuse_fakes and step == self.clock.step else self.fake(batch)

        def judge(x: Tensor) -> Tensor:
            return cast(Tensor, self.D(x, y))

        penalties: Losses = {}
        lazily = self.penalty_every if self.clock.step % self.penalty_every == 0 else 0
        if self.r1 and lazily:
            real_logits, squared = slope(judge, real)
            penalties["r1"] = lazily * self.scheduled(self.r1) / 2 * squared.mean()
        else:
            real_logits = judge(real)
        if self.r2 and lazily:
            fake_logits, squared = slope(judge, fake)
            penalties["r2"] = lazily * self.scheduled(self.r2) / 2 * squared.mean()
        else:
            fake_logits = judge(fake)
        if self.gradient_penalty and lazily:
            squared = gradient_penalty(judge, real, fake)
            penalties["gradient_penalty"] = lazily * self.gradient_penalty * squared.mean()
        adversarial = self.adversarial.discriminator(real_logits, fake_logits).mean()
        return {"adversarial": adversarial, **penalties}

    def generator_loss(self, batch: Batch) -> Losses:
        y = batch.get("y")
        fake = self.fake(batch)
        if self.reuse_fakes:
            self.kept = (self.clock.step, fake.detach())
        fake_logits = self.D(fake, y)
        # no gradient reaches G through the real samples, so their pass keeps no graph
        with torch.no_grad():
            real_logits = self.D(batch["x"], y) if self.adversarial.paired else fake_logits
        return {"adversarial": self.adversarial.generator(fake_logits, real_logits).mean()}

    def scheduled(self, value: float | tuple[float, float]) -> float:
        """A constant, or the point between two values that the clock has come to."""
        if isinstance(value, int | float):
            return value
        return cosine(value[0], value[1], self.clock.fraction / self.burn_in)

    def sample(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return cast(Tensor, self.G(z, y))
