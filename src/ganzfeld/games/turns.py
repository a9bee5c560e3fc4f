"""Who moves in which step of a two-player game, and in which of them penalties are due."""

from __future__ import annotations

import math
from dataclasses import dataclass

DISCRIMINATOR, GENERATOR, BOTH = "discriminator", "generator", "both"


@dataclass(frozen=True, kw_only=True)
class Turns:
    """The order of moves, a function of the step alone.

    discriminator, generator: (moves, every): so many moves in every n-th step.
    generator_first: the generator moves before the discriminator.
    phases: (steps of the discriminator alone, steps of the generator alone), in turn; (0, 0) for
        none.
    one_stage: both move at once, once in every step.
    penalty_every: penalties in every k-th step in which the discriminator moves.

    Raises ValueError for phases that cannot be.

    Example::

        from ganzfeld.games.turns import Turns

        turns = Turns(discriminator=(2, 1), penalty_every=2)
        assert turns.moves(0) == ("discriminator", "discriminator", "generator")
        assert [turns.penalty_factor(step) for step in range(4)] == [2, 0, 2, 0]
    """

    discriminator: tuple[int, int] = (1, 1)
    generator: tuple[int, int] = (1, 1)
    generator_first: bool = False
    phases: tuple[int, int] = (0, 0)
    one_stage: bool = False
    penalty_every: int = 1

    def __post_init__(self) -> None:
        if any(self.phases) and not (
            min(self.phases) > 0 and self.discriminator[1] == self.generator[1] == 1
        ):
            raise ValueError(
                "phases need a discriminator_phase and a generator_phase of 1 or more, "
                "and neither player with an `every`"
            )

    @property
    def order(self) -> list[tuple[str, int, int, int]]:
        """(player, moves, every, steps of its phase), the first to move first."""
        found = [
            (DISCRIMINATOR, *self.discriminator, self.phases[0]),
            (GENERATOR, *self.generator, self.phases[1]),
        ]
        return found[::-1] if self.generator_first else found

    def moves(self, step: int) -> tuple[str, ...]:
        """Players in the order of their moves in this step, each as often as it moves."""
        if self.one_stage:
            return (BOTH,)
        (first, *_, length), (second, *_, rest) = self.order
        alone = None
        if length:
            alone = first if step % (length + rest) < length else second
        return tuple(
            player
            for player, count, every, _ in self.order
            if (step + 1) % every == 0 and alone in (None, player)
            for _ in range(count)
        )

    def penalty_factor(self, step: int) -> int:
        """`penalty_every` in the first and every such step in which D moves, else 0."""
        (first, *_, length), (*_, rest) = self.order
        if length:
            before, own = (0, length) if first == DISCRIMINATOR else (length, rest)
            number = step // (length + rest) * own + step % (length + rest) - before
        else:
            number = step // self.discriminator[1]
        return self.penalty_every if number % self.penalty_every == 0 else 0

    def period(self, penalised: bool) -> int:
        """Steps after which all repeats. penalised: whether there are penalties."""
        lazily = self.penalty_every if penalised else 1
        if self.phases[0]:
            rounds = math.lcm(lazily, self.phases[0]) // self.phases[0]
            return rounds * sum(self.phases)
        return math.lcm(lazily * self.discriminator[1], self.generator[1])
