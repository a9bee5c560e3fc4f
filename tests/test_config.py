"""Configurations go to JSON and back without loss, and say what is wrong with them."""

import json

import pytest

from ganzfeld.config import Config, differences, from_dict, to_json, with_settings
from ganzfeld.errors import UsageError
from ganzfeld.modalities import MODALITIES
from ganzfeld.recipes.gan import RECIPES, Facts

FACTS = Facts(count=1000, channels=3, height=32, width=48, classes=4)


@pytest.mark.parametrize("name", RECIPES)
def test_round_trip(name: str) -> None:
    kind = MODALITIES[RECIPES[name].modality or "image"]
    spec, _ = kind.examples((32, 48))[0]
    config = RECIPES[name](Facts(count=1000, spec=spec, classes=4, words=9, channels_b=3))
    again = from_dict(Config, json.loads(to_json(config)))
    assert to_json(again) == to_json(config)
    assert again.optimisers == config.optimisers
    assert RECIPES[name].__doc__


def test_settings_reach_every_depth() -> None:
    config = with_settings(
        RECIPES["default"](FACTS),
        [
            "networks.G.width=8",
            "game.r1=2",
            "optimisers.generator.lr=1e-3",
            "optimisers.generator.betas=[0.5, 0.9]",
            "run.save_every=100",
            "networks.G.name=mine:Tall",
        ],
    )
    assert config.networks["G"].options["width"] == 8
    assert config.game.options["r1"] == 2
    assert config.optimisers["generator"].lr == 1e-3
    assert config.optimisers["generator"].betas == (0.5, 0.9)
    assert config.run.save_every == 100
    assert config.networks["G"].name == "mine:Tall"


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("run.save_evry=5", "'run.save_every'"),
        ("optimizers.generator.lr=1", "'optimisers'"),
        ("run.batch_size=many", "should be int"),
        ("run.batch_size=true", "should be int"),
        ("optimisers.generator.betas=[1]", "should be"),
        ("nonsense", "PATH=VALUE"),
    ],
)
def test_wrong_settings_are_named(setting: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_settings(RECIPES["default"](FACTS), [setting])
    assert hint in str(caught.value)
    assert caught.value.code == 2


def test_differences_are_rows() -> None:
    old, new = RECIPES["default"](FACTS), RECIPES["default"](FACTS)
    assert differences(old, new, ()) == []
    new.run.seed = 5
    new.networks["D"].options["width"] = 99
    rows = differences(old, new, ())
    assert [row[0] for row in rows] == ["networks.D.options.width", "run.seed"]
    assert rows[1] == ("run.seed", "0", "5")
    assert differences(old, new, {"run.seed"}) == rows[:1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(".5", 0.5), ("1.", 1.0), ("+2", 2), ("1_000", 1000), ("-.5e-1", -0.05)],
        *[("False", False), ("True", True), ("None", None)],
        *[("007", "007"), ("1.2.3", "1.2.3"), ("v1", "v1")],
    ],
)
def test_values_are_spelled_as_in_json_or_in_python(text: str, value: object) -> None:
    config = with_settings(RECIPES["default"](FACTS), [f"networks.D.spectral={text}"])
    found = config.networks["D"].options["spectral"]
    assert found == value and type(found) is type(value)
