"""The arguments of the two-player game: in groups, or one by one as configurations have them."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch

from ganzfeld import Adversarial
from ganzfeld.core.plugins import call, options_of
from ganzfeld.errors import UsageError
from ganzfeld.games.augment import Augmentation
from ganzfeld.games.grouping import FIELDS, Single, groups
from ganzfeld.games.penalties import Penalties
from ganzfeld.games.turns import Turns
from ganzfeld.networks import NETWORKS

# what stored runs have by default: a change of any is a change of what they mean
STORED: dict[str, Any] = {
    "loss": "non-saturating",
    "r1": 0.0,
    "r2": 0.0,
    "gradient_penalty": 0.0,
    "penalty_every": 1,
    "difference": 0.0,
    "burn_in": 1.0,
    "discriminator_moves": 1,
    "generator_moves": 1,
    "discriminator_every": 1,
    "generator_every": 1,
    "generator_first": False,
    "reuse_fakes": False,
    "discriminator_phase": 0,
    "generator_phase": 0,
    "one_stage": False,
    "augment": "none",
    "augment_p": 0.8,
    "augment_target": 0.6,
    "augment_speed": None,
    "augment_kinds": None,
}
OTHER: dict[str, Any] = {
    **{name: 0.5 for name in FIELDS["penalties"]},
    "penalty_every": 3,
    **{name: 2 for name in FIELDS["turns"][:4]},
    "generator_first": True,
    "one_stage": True,
    "augment_p": 0.5,
    "augment_target": 0.1,
    "augment_speed": 9.0,
    "augment_kinds": ["flip"],
}


def parts() -> tuple[Any, Any]:
    torch.manual_seed(0)
    G = NETWORKS["mlp-generator"]((2,), latent=2, widths=(8,), output="linear")
    return G, NETWORKS["mlp-discriminator"]((2,), widths=(8,))


def losses(game: Adversarial) -> list[float]:
    torch.manual_seed(1)
    batch = {"x": torch.randn(8, 2)}
    terms = [game.loss(player, batch) for player in ("discriminator", "generator")]
    return [value.item() for found in terms for value in found.values()]


def test_a_configuration_spells_every_argument_by_the_name_it_always_had() -> None:
    known = options_of(Adversarial)
    assert {n: known[n].default for n in STORED} == STORED
    assert set(Single.__annotations__) == set(inspect.signature(groups).parameters) - {"augment"}
    assert {name for names in FIELDS.values() for name in names} == set(Single.__annotations__)

    class Mine(Adversarial):
        """Takes what its parent takes."""

    class Own(Adversarial):
        def __init__(self, G: Any, D: Any, *, weight: float = 1.0, **options: Any) -> None:
            super().__init__(G, D, **options)

    assert options_of(Mine) == known and "r1" not in options_of(Own)
    assert call("game", Own, *parts(), r1=0.5).penalties == Penalties(r1=0.5)
    with pytest.raises(UsageError, match=r"no option .r3.*r1"):
        call("game", Mine, *parts(), r3=0.5)


def described(**single: Any) -> list[Any]:
    penalties, turns, augmentation = groups(**single)
    assert augmentation is not None
    found = [augmentation.limit, augmentation.target, augmentation.images, augmentation.kinds]
    return [penalties, turns, *found]


@pytest.mark.parametrize("name", OTHER)
def test_each_of_them_reaches_its_group(name: str) -> None:
    usual = described(augment="adaptive")
    changed = described(augment="adaptive", **{name: OTHER[name]})
    assert sum(a != b for a, b in zip(usual, changed, strict=True)) == 1


def test_phases_and_kept_fakes_reach_the_turns() -> None:
    turns = groups(discriminator_phase=3, generator_phase=2)[1]
    assert turns == Turns(phases=(3, 2))
    assert groups(generator_first=True, reuse_fakes=True)[1].reuse_fakes


def test_groups_give_the_game_that_single_arguments_give() -> None:
    one = Adversarial(
        *parts(), r1=(2.0, 0.5), r2=0.3, penalty_every=2, discriminator_moves=2, burn_in=0.5
    )
    other = Adversarial(
        *parts(),
        penalties=Penalties(r1=(2.0, 0.5), r2=0.3, every=2),
        turns=Turns(discriminator=(2, 1)),
        burn_in=0.5,
    )
    assert losses(one) == losses(other) and one.moves(0) == other.moves(0)
    assert one.period == other.period == 2 and len(losses(one)) == 4
    plain = Adversarial(*parts())
    assert len(losses(plain)) == 2 and losses(plain) != losses(one)


def test_an_augmentation_may_be_given_whole() -> None:
    given = Augmentation("fixed", limit=0.4, kinds=["flip"])
    game = Adversarial(*parts(), augment=given)
    assert game.augmentation is given and game.scheduled(given.limit) == 0.4
    assert Adversarial(*parts(), augment="fixed").augmentation is not None
    with pytest.raises(ValueError, match="probability"):
        Augmentation("fixed", limit=1.5)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"penalties": Penalties(), "r1": 1.0}, "r1 belongs to penalties"),
        ({"turns": Turns(), "generator_first": True}, "generator_first belongs to turns"),
        ({"augment": Augmentation("fixed"), "augment_p": 0.5}, "augment_p belongs to augment"),
    ],
)
def test_what_is_said_twice_is_refused(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Adversarial(*parts(), **options)
