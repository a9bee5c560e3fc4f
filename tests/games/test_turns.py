"""The order of moves, checked against a plain count of them."""

from __future__ import annotations

import itertools

import pytest

from ganzfeld.games.turns import Turns


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(("phases", "every"), [((0, 0), 1), ((0, 0), 2), ((2, 3), 1), ((1, 1), 1)])
@pytest.mark.parametrize("lazily", [1, 2, 3])
def test_penalties_come_with_every_kth_step_in_which_the_discriminator_moves(
    first: bool, phases: tuple[int, int], every: int, lazily: int
) -> None:
    turns = Turns(
        discriminator=(2, every),
        generator_first=first,
        phases=phases,
    )
    moving = [step for step in range(60) if "discriminator" in turns.moves(step)]
    due = [step for step in moving if turns.penalty_factor(step, lazily)]
    assert due == moving[::lazily]
    assert {turns.penalty_factor(step, lazily) for step in due} == {lazily}


@pytest.mark.parametrize("first", [False, True])
def test_what_repeats_repeats_after_the_period(first: bool) -> None:
    for phases, lazily in itertools.product([(0, 0), (2, 3)], [1, 2, 4]):
        turns = Turns(generator_first=first, phases=phases)
        period = turns.period(lazily)
        seen = [
            (turns.moves(step), turns.penalty_factor(step, lazily)) for step in range(3 * period)
        ]
        for step in range(2 * period):
            (moves, factor), (later, again) = seen[step], seen[step + period]
            assert moves == later and ("discriminator" not in moves or factor == again)


def test_orders_that_cannot_be() -> None:
    assert Turns(one_stage=True).moves(7) == ("both",)
    for wrong in ({"phases": (1, 0)}, {"phases": (1, 1), "generator": (1, 2)}):
        with pytest.raises(ValueError, match="phases need"):
            Turns(**wrong)
