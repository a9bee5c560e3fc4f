"""The arguments of the two-player game one by one, as configurations spell them, and in groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from ganzfeld.games.augment import Augmentation, check_chance
from ganzfeld.games.penalties import Penalties, Scheduled
from ganzfeld.games.turns import Turns

PLAYERS = ("discriminator_moves", "generator_moves", "discriminator_every", "generator_every")
ORDER = ("generator_first", "reuse_fakes", "discriminator_phase", "generator_phase", "one_stage")
FIELDS = {
    "penalties": ("r1", "r2", "gradient_penalty", "penalty_every", "difference"),
    "turns": (*PLAYERS, *ORDER),
    "augment": ("augment_p", "augment_target", "augment_speed", "augment_kinds"),
}


class Single(TypedDict, total=False):
    """The arguments of `groups`, for type checkers."""

    r1: Scheduled
    r2: Scheduled
    gradient_penalty: float
    penalty_every: int
    difference: float
    discriminator_moves: int
    generator_moves: int
    discriminator_every: int
    generator_every: int
    generator_first: bool
    reuse_fakes: bool
    discriminator_phase: int
    generator_phase: int
    one_stage: bool
    augment_p: Scheduled
    augment_target: float
    augment_speed: float | None
    augment_kinds: Sequence[str] | None


def groups(
    *,
    r1: Scheduled = 0.0,
    r2: Scheduled = 0.0,
    gradient_penalty: float = 0.0,
    penalty_every: int = 1,
    difference: float = 0.0,
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
    augment_p: Scheduled = 0.8,
    augment_target: float = 0.6,
    augment_speed: float | None = None,
    augment_kinds: Sequence[str] | None = None,
) -> tuple[Penalties, Turns, Augmentation | None]:
    """What these say together: the fields of `Penalties`, `Turns` and `Augmentation`.

    Stored runs, recipes and `--set game.r1=...` have them by these names. Raises ValueError for
    values that cannot be.

    Example::

        from ganzfeld.games.grouping import groups

        penalties, turns, augmentation = groups(r1=1.0, penalty_every=4, generator_first=True)
        assert penalties.every == 4 and turns.generator_first and augmentation is None
    """
    check_chance(augment_p)
    augmentation = None
    if augment != "none":
        augmentation = Augmentation(
            augment,
            target=augment_target,
            images=augment_speed,
            kinds=augment_kinds,
            limit=augment_p,
        )
    penalties = Penalties(
        r1=r1,
        r2=r2,
        gradient_penalty=gradient_penalty,
        every=penalty_every,
        difference=difference,
    )
    turns = Turns(
        discriminator=(discriminator_moves, discriminator_every),
        generator=(generator_moves, generator_every),
        generator_first=generator_first,
        phases=(discriminator_phase, generator_phase),
        reuse_fakes=reuse_fakes,
        one_stage=one_stage,
    )
    return penalties, turns, augmentation


def check_double(given: Single, **whole: object) -> None:
    """Refuse single arguments of a group that was given as a whole, with a ValueError."""
    for group, names in FIELDS.items():
        double = [name for name in names if name in given]
        if whole[group] is not None and double:
            raise ValueError(f"{double[0]} belongs to {group}, which was given: say it there")
