"""Metrics of captions, by judges that know the truth, by none, and by those that learned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ganzfeld.data.avatars import sentences
from ganzfeld.data.avatars.scene import draw, scene
from ganzfeld.data.avatars.sentences import VALUES
from ganzfeld.metrics import captioned
from ganzfeld.metrics.caption_judges import judges, truth

COUNT = 200


def numbered(order: Any) -> NDArray[np.uint8]:
    """Images that say in a pixel which avatar they are of."""
    images = np.zeros((len(order), 3, 4, 4), np.uint8)
    images[:, 0, 0, 0] = order
    return images


def number_of(x: torch.Tensor) -> torch.Tensor:
    return ((x[:, 0, 0, 0] + 1) * 127.5).round().long()


class Knows:
    """Retrieval by the truth: the vectors of an avatar and of its caption are one."""

    def __init__(self, lines: list[str]) -> None:
        self.places: dict[str, int] = {line: place for place, line in enumerate(lines)}
        generator = torch.Generator().manual_seed(0)
        self.vectors = torch.nn.functional.normalize(
            torch.randn(20_000, 64, generator=generator), dim=1
        )

    def encode(self, lines: list[str]) -> torch.Tensor:
        return torch.tensor([self.places.setdefault(line, len(self.places)) for line in lines])

    def text(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.vectors[tokens]

    def image(self, x: torch.Tensor) -> torch.Tensor:
        return self.vectors[number_of(x)]


@pytest.fixture(scope="module")
def asked() -> captioned.Questions:
    return captioned.questions(COUNT)


def test_who_draws_what_was_asked_for_is_always_found(asked: captioned.Questions) -> None:
    net: Any = Knows(asked.captions)
    drawn = numbered(range(COUNT))
    assert captioned.r_precision(net, drawn, asked.captions) == 1
    assert captioned.hard_precision(net, drawn, asked.facts, asked.captions) == 1


def test_shuffled_images_are_found_by_chance(asked: captioned.Questions) -> None:
    """A judge that sees the images of other captions: 1 of 100, 1 of 10."""
    hits, hard = [], []
    for turn in range(1, 8):  # every image is another's
        net: Any = Knows(asked.captions)
        net.image = lambda x, t=turn, v=net.vectors: v[10_000 + 200 * t + number_of(x)]
        drawn = numbered(range(COUNT))
        hits.append(captioned.r_precision(net, drawn, asked.captions))
        hard.append(captioned.hard_precision(net, drawn, asked.facts, asked.captions))
    assert abs(np.mean(hits) - 0.01) < 3 * (0.01 * 0.99 / 1_400) ** 0.5
    assert abs(np.mean(hard) - 0.1) < 3 * (0.1 * 0.9 / 1_400) ** 0.5


def test_accuracy_counts_only_what_captions_say(asked: captioned.Questions) -> None:
    def named(x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Right but for all hats, which it takes for none, and for colors of what is not there."""
        found = {}
        for name, values in VALUES.items():
            places = [values.index(asked.facts[i][name]) for i in number_of(x).tolist()]
            wrong = [not captioned.visible(name, asked.facts[i]) for i in number_of(x).tolist()]
            chosen = torch.tensor(places)
            chosen = torch.where(torch.tensor(wrong), (chosen + 1) % len(values), chosen)
            found[name] = torch.eye(len(values))[chosen * (name != "hat")]
        return found

    net: Any = named
    shares = captioned.accuracy(net, numbered(range(COUNT)), asked.facts)
    bare = np.mean([one["hat"] == "none" for one in asked.facts])
    assert shares.pop("hat") == pytest.approx(bare)
    assert set(shares.values()) == {1.0}
    assert captioned.chance(asked.facts)["hat"] == pytest.approx(bare)


def test_avatars_of_one_caption_differ_in_all_else() -> None:
    one, other = scene(0, 3), scene(0, 4)
    both = captioned.alike(one, other)
    assert sentences.facts(both) == sentences.facts(one)
    assert both.skin == other.skin and both.face_width == other.face_width


def test_what_a_caption_leaves_open_is_free_in_bits() -> None:
    def named(x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"hair_colour": torch.eye(10)[number_of(x)]}

    net: Any = named
    each = captioned.EACH
    assert captioned.freedom(net, numbered(list(range(each)) * 3), "hair_colour") == pytest.approx(
        3
    )
    assert captioned.freedom(net, numbered([4] * each + [7] * each), "hair_colour") == 0
    half = ([1] * (each // 2) + [2] * (each // 2)) * 2
    assert captioned.freedom(net, numbered(half), "hair_colour") == pytest.approx(1)
    for colour, lines in captioned.left_open(6).items():
        part = colour.removesuffix("_colour")
        words = {"hair": "hair", "clothes": "shirt", "background": "background"}[part]
        assert len(lines) == 6 and not any(words in line for line in lines), colour


def test_short_prompts_say_two_parts_and_what_they_name_is_counted(
    asked: captioned.Questions,
) -> None:
    lines, named = captioned.short_prompts(asked)
    both = zip(lines, asked.captions, strict=True)
    assert all(2 * len(line) < 1.7 * len(full) for line, full in both)
    assert lines[0].isascii() and not lines[1].isascii()
    about = zip(named, asked.facts, strict=True)
    assert all(captioned.visible(name, one) for names, one in about for name in names)
    black = [i for i, one in enumerate(asked.facts) if "black" in lines[i] and i % 2 == 0]
    assert black and all(
        "black" in {asked.facts[i][name] for name in sentences.VALUES} for i in black
    )

    class Right:
        """Right of all but hats."""

        def __call__(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            places = number_of(x).tolist()
            return {
                name: torch.eye(len(values))[[values.index(asked.facts[i][name]) for i in places]]
                * (name != "hat")
                for name, values in VALUES.items()
            }

    net: Any = Right()
    share = captioned.share_said(net, numbered(range(COUNT)), asked.facts, named)
    total = sum(map(len, named))
    hats = sum("hat" in one for one in named)
    assert 0 < hats < total / 4
    assert share == pytest.approx(1 - hats / total)


def test_short_prompts_are_reported_beside_real_images() -> None:
    asked = captioned.questions(40)
    lines, _ = captioned.short_prompts(asked)
    real = asked.images(16, 16)
    facts = {image.tobytes(): one for image, one in zip(real, asked.facts, strict=True)}

    class Sees:
        """Knows what real images show, and whatever is drawn is one of them."""

        def __call__(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            pixels = ((x + 1) * 127.5).round().to(torch.uint8).numpy()
            places = truth([facts[image.tobytes()] for image in pixels])
            return {name: torch.eye(len(VALUES[name]))[rows] for name, rows in places.items()}

        def trunk(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((2, 3))

    net: Any = Sees()
    found = captioned.report_of_short(
        lambda some: real[[lines.index(line) for line in some]], net, (16, 16), 40, 4
    )
    assert found["model"]["said"] == found["ceiling"]["said"] == 1
    assert found["model"]["frechet"] == pytest.approx(0, abs=1e-6) != found["ceiling"]["frechet"]
    assert found["ceiling"]["frechet"] > 1e-3
    assert found["model"]["variety"] == 0, "each caption gives one image, eight times"
    worse = captioned.report_of_short(
        lambda some: real[[lines.index(line) - 1 for line in some]], net, (16, 16), 40, 4
    )
    assert worse["model"]["said"] < 0.9


def test_new_questions_are_of_unseen_combinations() -> None:
    asked = captioned.questions(20, new=True, language="zh")
    assert all(map(sentences.unseen, asked.facts)) and asked.captions[0].startswith("一个")


@pytest.mark.slow
def test_the_judges_that_learned_know_real_avatars() -> None:
    """Real pairs are the ceiling; shuffled ones are chance."""
    attributes, retrieval = judges(32, 32, lambda *_: None)
    asked = captioned.questions(600)
    real = asked.images(32, 32)
    shares = captioned.accuracy(attributes, real, asked.facts)
    for name in ("hair_colour", "background_colour", "clothes_colour", "hat", "glasses"):
        assert shares[name] > 0.9, name
    found = captioned.r_precision(retrieval, real, asked.captions)
    assert found > 0.8
    shuffled = captioned.r_precision(retrieval, np.roll(real, 1, 0), asked.captions)
    assert shuffled < 0.03


def test_the_color_of_hair_counts_where_an_image_shows_it() -> None:
    asked = captioned.questions(400)
    turned = [
        replace(one, hair_colour=tuple(1 - part for part in one.hair_colour))
        for one in asked.scenes
    ]
    pixels = asked.images(32, 32).astype(int), draw(turned, 32, 32).astype(int)
    changed = (abs(pixels[0] - pixels[1]).max(1) > 24).sum((1, 2))
    shown = np.array([captioned.visible("hair_colour", one) for one in asked.facts])
    assert 30 < (~shown).sum() < 100
    assert changed[~shown].max() < 30  # of 1,024 pixels: the eyebrows
    assert np.mean(changed[shown] > 30) > 0.95
