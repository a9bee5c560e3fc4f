"""Captions in many wordings: every caption is read back, and its odds are what they are said."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pytest

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.avatars import sentences
from ganzfeld.data.avatars.description import Scene
from ganzfeld.data.avatars.paraphrases import changed, described, paraphrase, wording
from ganzfeld.data.avatars.parsing import choices, parse
from ganzfeld.data.avatars.phrases import LINKS, ORDERS, PERSON, WAYS
from ganzfeld.data.captions import Captioned
from ganzfeld.data.conditions import conditioned
from ganzfeld.data.pack import open_pack
from ganzfeld.metrics.caption_truth import true_of

COUNT = 1_500


@pytest.fixture(scope="module")
def some() -> list[Scene]:
    return sentences.scenes(COUNT, 5)


@pytest.fixture(scope="module")
def lines(some: list[Scene]) -> list[str]:
    return described(some, 5)[0]


def test_the_odds_of_everything_add_up_to_one() -> None:
    ways = [one for values in WAYS.values() for both in values.values() for one in both]
    ways += [one for links in LINKS.values() for one in links.values()]
    for one in [*ways, ORDERS, *PERSON.values()]:
        assert abs(sum(odds for _, odds in one) - 1) < 1e-12 and all(odds > 0 for _, odds in one)


def test_a_caption_is_read_back_and_says_the_truth(some: list[Scene], lines: list[str]) -> None:
    for one, line in zip(some, lines, strict=True):
        found, about = parse(line), sentences.facts(one)
        assert found is not None, line
        assert all(true_of(name, value, about) for name, value in found.items().items()), line


def test_the_wording_that_is_read_is_the_one_that_was_drawn(some: list[Scene]) -> None:
    """Said parts, order and links, of captions that say all there is."""
    for index, one in enumerate(some[:300]):
        about, how = sentences.facts(one), wording(numpy_generator("read", index))
        found = parse(paraphrase(about, how))
        assert found is not None and found.language == how.language
        there = {part for part in how.said if about[part] not in ("none", "hidden")}
        assert set(found.said) == there
        assert found.order == "".join(c for c in how.order if c in found.order)
        assert ("hat" in there and how.any_hat) == (
            "hat" in there and found.said["hat"].way is None
        )


def test_each_way_is_taken_as_often_as_the_grammar_says(
    some: list[Scene], lines: list[str]
) -> None:
    counts: dict[tuple[str, tuple[float, ...]], list[int]] = {}
    for one, line in zip(some, lines, strict=True):
        found = parse(line)
        assert found is not None
        for choice in choices(found, sentences.facts(one)):
            assert abs(sum(choice.odds) - 1) < 1e-9
            own = counts.setdefault((choice.name, choice.odds), [0] * len(choice.odds))
            own[choice.way] += 1
    for (name, odds), seen in counts.items():
        total = sum(seen)
        for number, p in zip(seen, odds, strict=True):
            assert abs(number - total * p) <= 4.5 * (total * p * (1 - p)) ** 0.5 + 1, name


def test_what_the_grammar_does_not_make_is_no_caption() -> None:
    good = "a man with short pink hair and a pink beard, on a plain blue background."
    assert parse(good) is not None and parse(good.upper()) is not None
    for bad in (
        *("", "a", "man", "a man with", "a man man", "an man", "一个", "一个人有着"),
        good.replace(" and ", " "),
        good.replace("a pink beard", "a blue beard"),  # of one person
        good.replace("short pink hair and a pink beard", "a pink beard and short pink hair"),
        good.replace("background.", "background on a plain blue background."),
        "a man on a plain blue background, wearing a red cap",  # an order that is not drawn
        "a man with long pink hair, with short pink hair",
        "a person with round glasses",
        "一个人，戴着粉色短发",
        "a man with short 粉色 hair",
    ):
        expected = bad == "a man on a plain blue background, wearing a red cap"  # "bwh" begins so
        assert (parse(bad) is not None) == expected, bad


def test_a_wrong_caption_says_one_thing_otherwise_and_all_else_alike(some: list[Scene]) -> None:
    for index, one in enumerate(some[:400]):
        draw = numpy_generator("wrong", index)
        about, how = sentences.facts(one), wording(draw)
        wrong = changed(about, how, draw)
        if wrong is None:
            assert not [p for p in how.said if about[p] not in ("none", "hidden")]
            continue
        right, other = parse(paraphrase(about, how)), parse(wrong)
        assert right is not None and other is not None
        assert set(right.said) == set(other.said) and right.order == other.order
        assert (right.language, right.person, right.links) == (
            other.language,
            other.person,
            other.links,
        )
        theirs, ours = other.items(), right.items()
        false = {name for name, value in theirs.items() if not true_of(name, value, about)}
        # the colour of hair is said of a beard, too; a bald head has none
        assert false and len({n.replace("beard_c", "hair_c") for n in false}) == 1, wrong
        assert ours != theirs


def test_captions_of_the_plain_set_are_of_the_grammar_and_as_they_were() -> None:
    right, wrong = sentences.described(sentences.scenes(200, 0), 0)
    assert all(parse(line) is not None for line in right)
    text = "\n".join([*right[:50], *wrong[:50]])
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "f5885ee4a217d478"


def test_the_set_is_a_pack_with_captions_and_wrong_ones() -> None:
    pack = conditioned(open_pack("avatars-paraphrases:60"), ["caption"], 10)
    plain = open_pack("avatars-captions:60")
    assert isinstance(pack, Captioned)
    rows = pack.rows(np.arange(60))
    assert rows["caption"].shape[0] == 60 and rows["caption_wrong"].shape[0] == 60
    assert (rows["x"] == plain.rows(np.arange(60))["x"]).all(), "the images are the same"
    assert pack.fingerprint != plain.fingerprint or "caption" in plain.columns
    wordings = {tuple(row) for row in rows["caption"]}
    assert len(wordings) == 60


def test_an_order_that_ends_early_is_one_that_begins_a_whole_one() -> None:
    """Whichever clauses are there, some order of the grammar has them so."""
    orders = [order for order, _ in ORDERS]
    for order in orders:
        for first, second in pairwise(order):
            assert any(
                first + second == "".join(c for c in o if c in first + second) for o in orders
            )
