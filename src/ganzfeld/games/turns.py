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
    reuse_fakes: the fakes of the generator's move, made before it moved, also serve the
        discriminator's moves of the same step, which then see the same batch. It needs
        generator_first.
    one_stage: both players move at once, from one pass of the fakes through D and back (Shen et
        al. 2021): per fake, the gradients of the two losses differ by a factor only. It needs a D
        without batch normalisation, and a loss whose factor is finite: not hinge or least-squares.

    Raises ValueError for orders that cannot be.

    Example::

        from ganzfeld.games.turns import Turns

        turns = Turns(discriminator=(2, 1))
        assert turns.moves(0) == ("discriminator", "discriminator", "generator")
        assert [turns.penalty_factor(step, every=2) for step in range(4)] == [2, 0, 2, 0]
    """

    discriminator: tuple[int, int] = (1, 1)
    generator: tuple[int, int] = (1, 1)
    generator_first: bool = False
    phases: tuple[int, int] = (0, 0)
    reuse_fakes: bool = False
    one_stage: bool = False

    def __post_init__(self) -> None:
        if self.reuse_fakes and not self.generator_first:
            raise ValueError("reuse_fakes needs generator_first: the fakes are those of its move")
        if any(self.phases) and not (
            min(self.phases) > 0 and self.discriminator[1] == self.generator[1] == 1
        ):
            raise ValueError(
                "phases need a discriminator_phase and a generator_phase of 1 or more, "
                "and neither player with an `every`"
            )
        if self.one_stage and (self.reuse_fakes or any(self.phases)):
            raise ValueError("one_stage is both players at once: no phases, no kept fakes")

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

    def penalty_factor(self, step: int, every: int) -> int:
        """`every` in the first and each such step in which D moves, else 0."""
        (first, *_, length), (*_, rest) = self.order
        if length:
            before, own = (0, length) if first == DISCRIMINATOR else (length, rest)
            number = step // (length + rest) * own + step % (length + rest) - before
        else:
            number = step // self.discriminator[1]
        return every if number % every == 0 else 0

    def period(self, lazily: int) -> int:
        """Steps after which all repeats, with penalties in every so many steps of D."""
        if self.phases[0]:
            rounds = math.lcm(lazily, self.phases[0]) // self.phases[0]
            return rounds * sum(self.phases)
        return math.lcm(lazily * self.discriminator[1], self.generator[1])
