"""What a model's card says of its data: their name, whatever gave them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ganzfeld.config import Config, Data
from ganzfeld.models.folder import card_of, describe
from ganzfeld.recipes import RECIPES, Facts

FACTS = Facts(count=64, channels=3, height=16, width=16, classes=0)


def about(run: Path, recipe: str, **data: Any) -> dict[str, Any]:
    config: Config = RECIPES[recipe](FACTS)
    kind = "unpaired" if "other" in data else "images"
    config.data = Data(
        kind=kind, size=(16, 16), channels=3, samples=64, fingerprint="0" * 64, **data
    )
    config.run.images = 64
    return describe(config, run, {"images": 64, "average": "long"}, 64)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("/home/me/mnist", "mnist"),
        ("avatars:500", "avatars:500"),
        ("data/dataset.npz", "data of a Python program"),
        ("{run}/data/dataset.npz", "data of a Python program"),
        ("/home/me/dataset.npz", "dataset.npz"),
    ],
)
def test_a_card_names_the_data(source: str, said: str, tmp_path: Path) -> None:
    told = card_of(about(tmp_path, "default", source=source.format(run=tmp_path)))
    assert f"\n# {said}, trained by the recipe default\n" in told
    assert f"| data | {said}, 64 images, fingerprint" in told
    assert str(tmp_path) not in told


def test_a_card_names_both_domains(tmp_path: Path) -> None:
    told = card_of(about(tmp_path, "cyclegan", source="/me/horses", other="/me/zebras"))
    assert "\n# horses and zebras, trained by the recipe cyclegan\n" in told
    assert "| data | horses and zebras, " in told and "/me" not in told
