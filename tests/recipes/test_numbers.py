"""Numbers beside the samples: a recipe takes them, or says in plain words that it does not."""

from __future__ import annotations

import pytest

from ganzfeld.core.plugins import options_of
from ganzfeld.errors import UsageError
from ganzfeld.modalities import image_spec
from ganzfeld.networks import NETWORKS
from ganzfeld.recipes import RECIPES, Facts

FACTS = Facts(count=1000, channels=3, height=32, width=32, spec=image_spec(3, 32, 32), conditions=2)


@pytest.mark.parametrize("name", ["mlp", "projected", "tutorial-dcgan-mnist"])
def test_refused_in_plain_words(name: str) -> None:
    with pytest.raises(UsageError, match="takes no numbers as a condition; default"):
        RECIPES[name](FACTS)


@pytest.mark.parametrize("name", ["default", "hinge", "modern"])
def test_those_named_take_them(name: str) -> None:
    for part in RECIPES[name](FACTS).networks.values():
        assert part.options["conditions"] == 2
        assert "conditions" in options_of(NETWORKS[part.name])
