"""Numbers beside the samples: a recipe's networks take them, or it is refused in plain words."""

from __future__ import annotations

import pytest

from ganzfeld.errors import UsageError
from ganzfeld.modalities import image_spec
from ganzfeld.recipes import RECIPES, Facts
from ganzfeld.training import opening

FACTS = Facts(count=1000, channels=3, height=32, width=32, spec=image_spec(3, 32, 32), conditions=2)


class Images:
    spec = FACTS.spec


def of_images() -> list[str]:
    """Recipes that can be made for images with numbers."""
    found = []
    for name, make in RECIPES.items():
        try:
            make(FACTS)
        except (UsageError, KeyError):  # another kind of data, or of task
            continue
        found.append(name)
    return found


@pytest.mark.parametrize("name", of_images())
def test_its_networks_take_them_or_it_is_refused(name: str) -> None:
    config = RECIPES[name](FACTS)
    config.data.conditions = {"names": ["age", "height"], "rows": []}
    given = [part for part in config.networks.values() if "conditions" in part.options]
    if any(map(opening.deaf, given)):
        with pytest.raises(UsageError, match="takes no numbers as conditions \\(age, height\\)"):
            opening.need_taken(config, ["age", "height"], Images())  # type: ignore[arg-type]
    else:
        opening.need_taken(config, ["age", "height"], Images())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["projected", "tutorial-dcgan-mnist"])
def test_these_are_deaf(name: str) -> None:
    assert any(map(opening.deaf, RECIPES[name](FACTS).networks.values()))
