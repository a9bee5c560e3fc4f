"""Captions of avatars with parts left out, wrong in one thing, and combinations kept unseen.

A caption that says everything would teach a model to understand full descriptions only. So each
part of a description is said with a probability of its own (`SAID`). As the grammar knows what it
says, a caption can be made wrong in exactly one thing: what a discriminator of text and image
learns most from. Some combinations of attributes never occur in the training data (`unseen`): a
model that draws them has understood the parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.avatars import captions
from ganzfeld.data.avatars.captions import CHINESE_COLOURS, listed
from ganzfeld.data.avatars.description import (
    BACKGROUND_COLOURS,
    CLOTHES_COLOURS,
    HAIR_COLOURS,
    Scene,
)
from ganzfeld.data.avatars.oklab import nearest
from ganzfeld.data.avatars.scene import ATTRIBUTES, EYE_COLOURS, scene

Facts = Mapping[str, str]  # what is to be seen, by the names in VALUES

VALUES: dict[str, tuple[str, ...]] = {
    **{name: ATTRIBUTES[name] for name in ("hair", "hat", "glasses", "beard", "eyes", "mouth")},
    **{name: ATTRIBUTES[name] for name in ("earrings", "clothes", "background")},
    "hair_colour": tuple(HAIR_COLOURS),
    "hat_colour": tuple(CLOTHES_COLOURS),
    "eye_colour": tuple(EYE_COLOURS),
    "clothes_colour": tuple(CLOTHES_COLOURS),
    "background_colour": tuple(BACKGROUND_COLOURS),
}
# How likely a caption says each part of what is there, and how likely it takes the other noun.
SAID = {
    **{"mouth": 0.75, "hair": 0.85, "beard": 0.8, "eyes": 0.5, "hat": 0.9},
    **{"glasses": 0.9, "earrings": 0.7, "clothes": 0.8, "background": 0.8},
}
MAN, ANY_HAT = 0.5, 0.3  # "man" for "person" with a beard; "hat" for a cap, beanie, wizard's hat
WRONG = 4  # captions that are wrong in one thing, beside each right one
LANGUAGES = ("en", "zh")


def facts(one: Scene) -> dict[str, str]:
    """What a caption may say of a scene, by the names in VALUES."""
    names = one.attributes
    found = {name: names[name] for name in VALUES if name in names}
    return found | {
        "hat_colour": nearest(one.hat_colour, CLOTHES_COLOURS),
        "eye_colour": nearest(one.eye_colour, EYE_COLOURS),
    }


@dataclass(frozen=True)
class Wording:
    """What a caption leaves out and how it names things: the same for one that is wrong.

    said: of the parts in SAID. man, any_hat: the other noun, where it fits.
    """

    language: str = "en"
    said: frozenset[str] = frozenset(SAID)
    man: bool = False
    any_hat: bool = False


def wording(language: str, draw: np.random.Generator) -> Wording:
    """A wording by chance, with the probabilities in SAID."""
    numbers = draw.random(len(SAID) + 2)
    said = {name for name, number in zip(SAID, numbers, strict=False) if number < SAID[name]}
    return Wording(language, frozenset(said), bool(numbers[-2] < MAN), bool(numbers[-1] < ANY_HAT))


def sentence(about: Facts, how: Wording) -> str:
    """The caption of facts in a wording; parts that are not there are not said.

    >>> bald = dict.fromkeys(VALUES, "none") | {"hair": "bald", "mouth": "smile"}
    >>> sentence(bald | {"beard": "full", "hair_colour": "red"}, Wording(said=frozenset(["hair"])))
    'A person with a bald head.'
    """
    chinese = how.language == "zh"

    def say(words: Mapping[str, tuple[str, str]], part: str, colour: str = "") -> list[str]:
        if part not in how.said or about[part] in ("none", "hidden"):
            return []
        shade = about.get(colour, "")
        phrase = words[about[part]][chinese].format(
            CHINESE_COLOURS.get(shade, "") if chinese else shade
        )
        return [phrase.replace("a auburn", "an auburn").replace("a orange", "an orange")]

    hats = {**captions.HATS}
    if how.any_hat:
        hats = dict.fromkeys(hats, ("a {} hat", "{}帽子"))
    has = say(captions.HAIR, "hair", "hair_colour") + say(captions.BEARDS, "beard", "hair_colour")
    has += say(captions.EYES, "eyes", "eye_colour")
    worn = say(hats, "hat", "hat_colour") + say(captions.GLASSES, "glasses")
    worn += say(captions.EARRINGS, "earrings")
    clothes = say(captions.CLOTHES, "clothes", "clothes_colour")
    behind = say(captions.BACKGROUNDS, "background", "background_colour")
    man = how.man and about["beard"] != "none"
    mouth = "mouth" in how.said
    if chinese:
        who = ("一个男人" if man else "一个人") + (
            captions.MOUTHS[about["mouth"]][1] if mouth else ""
        )
        parts = [
            who,
            f"有着{'、'.join(has)}" if has else "",
            f"戴着{'、'.join(worn)}" if worn else "",
        ]
        parts += [f"身穿{clothes[0]}" if clothes else "", *behind]
        return "，".join(part for part in parts if part) + "。"
    who = captions.MOUTHS[about["mouth"]][0] if mouth else "A person"
    who = who.replace("person", "man") if man else who
    who += f" with {listed(has)}" if has else ""
    parts = [who, f"wearing {listed([*worn, *clothes])}" if worn + clothes else ""]
    parts += [f"on {behind[0]}" if behind else ""]
    return ", ".join(part for part in parts if part) + "."


def changed(about: Facts, how: Wording, draw: np.random.Generator) -> tuple[str, str, str]:
    """A caption that is wrong in one thing: the caption, the name of the thing, its false value."""
    right = sentence(about, how)
    for name in draw.permutation(list(VALUES)).tolist():
        part = name.removesuffix("_colour").replace(
            "eye", "eyes" if name == "eye_colour" else "eye"
        )
        absent = part in ("hat", "glasses") and about[part] == "none"
        if part not in how.said and not absent:
            continue
        others = [v for v in VALUES[name] if v not in (about[name], "hidden")]
        value = str(draw.choice(others))
        said = replace(how, said=how.said | {part})
        wrong = sentence({**about, name: value}, said)
        if wrong != right:
            return wrong, name, value
    value = str(draw.choice([v for v in VALUES["background"] if v != about["background"]]))
    said = replace(how, said=how.said | {"background"})  # nothing was said that could be wrong
    return sentence({**about, "background": value}, said), "background", value


def unseen(about: Facts) -> bool:
    """Whether it is a combination of two attributes that the training data never show."""

    def places(first: str, second: str) -> int:
        return VALUES[first].index(about[first]) + VALUES[second].index(about[second])

    if places("hair_colour", "background_colour") % 7 == 3:
        return True
    if places("hair", "clothes_colour") % 7 == 5:
        return True
    return about["hat"] != "none" and places("hat", "glasses") % 4 == 0


def scenes(count: int, seed: int, *, new: bool = False, start: int = 0) -> list[Scene]:
    """The first scenes of a seed that show a seen combination, or an unseen (new) one."""
    found: list[Scene] = []
    while len(found) < count:
        one = scene(seed, start)
        start += 1
        if unseen(facts(one)) == new:
            found.append(one)
    return found


def described(some: list[Scene], seed: int) -> tuple[list[str], list[str]]:
    """Captions of scenes, in turn in both languages, and for each WRONG false ones, one a line."""
    right, wrong = [], []
    for index, one in enumerate(some):
        draw = numpy_generator(seed, "captions", index)
        about, how = facts(one), wording(LANGUAGES[index % 2], draw)
        right.append(sentence(about, how))
        wrong.append("\n".join(changed(about, how, draw)[0] for _ in range(WRONG)))
    return right, wrong
