"""A run that cannot give good images is told so beforehand."""

from types import SimpleNamespace
from typing import Any

import pytest

from ganzfeld.recipes.gan import Facts, default
from ganzfeld.training.plan import outlook


def told(images: int, side: int, rate: float, minutes: float | None = None) -> str | None:
    facts = Facts(count=100, channels=3, height=side, width=side, classes=0)
    config = default(facts)
    config.run.images, config.run.minutes = images, minutes
    pack: Any = SimpleNamespace(channels=3, height=side, width=side)
    return outlook(config, rate, pack)


def test_too_few_images_are_named_with_the_time_and_a_size_that_fits() -> None:
    text = told(40_000, 96, 75)
    assert text is not None
    assert "40,000 images to see are few for 96x96" in text and "96,000" in text
    assert "21 min 20 s" in text and "--size 64" in text


@pytest.mark.parametrize("images, side", [(60_000, 28), (100_000, 48), (3_000, 96)])
def test_enough_images_and_mere_trials_are_left_alone(images: int, side: int) -> None:
    assert told(images, side, 500) is None


def test_who_asks_for_minutes_is_told_however_few_images_they_allow() -> None:
    text = told(928, 28, 39, minutes=0.8)
    assert text is not None and text.startswith("note: 928 images to see are few")


def test_no_size_is_named_where_none_fits() -> None:
    text = told(3_300, 64, 1)
    assert text is not None and "--size" not in text and "17 h 46 min" in text
