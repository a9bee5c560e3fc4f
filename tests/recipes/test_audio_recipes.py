"""Recipes for sounds say how networks see them."""

from __future__ import annotations

import pytest

from ganzfeld.modalities import MODALITIES, Spec
from ganzfeld.networks.build import build_network
from ganzfeld.recipes import RECIPES, Facts

EXAMPLES = MODALITIES["audio"].examples()


@pytest.mark.parametrize(("spec", "classes"), EXAMPLES)
def test_spectrograms_and_waves(spec: Spec, classes: int) -> None:
    facts = Facts(count=2_000, spec=spec, classes=classes, afford=20_000)
    length = spec.shape[1]
    for recipe, shape in (("audio", (1, length // 32, 64)), ("wavegan", (1, length))):
        config = RECIPES[recipe](facts)
        assert config.data.spec is not None
        seen = Spec.from_json(config.data.spec)
        assert seen.shape[0] == 1 and seen.extra["rate"] == spec.extra["rate"]
        if recipe == "wavegan" or length == 4_096:
            assert seen.shape == shape
        for part in config.networks.values():
            assert tuple(part.options["shape"]) == seen.shape
            assert part.options["classes"] == classes
            build_network(part)
        assert config.run.batch_size == 16


def test_a_spec_that_was_seen_as_waves_is_seen_as_spectrograms_again() -> None:
    spec, _ = EXAMPLES[0]
    first = RECIPES["wavegan"](Facts(count=200, spec=spec))
    again = RECIPES["audio"](Facts(count=200, spec=Spec.from_json(first.data.spec or {})))
    assert again.data.spec is not None and again.data.spec["shape"] == [1, 128, 64]
    assert again.data.spec["extra"]["length"] == 4_096
