"""Captions of avatars in many wordings, whose probabilities are known exactly.

`sentences` says one thing in one way. Here each part may be said or not, in one of several ways
(`phrases`), in an order that is drawn, in English or Chinese, all independent of each other. So how
often a model of captions takes each way can be held against the truth (`metrics.captioning`), and
`parse` finds out of a caption what it says and which ways it took.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.avatars.captions import CHINESE_COLOURS, listed
from ganzfeld.data.avatars.description import Scene
from ganzfeld.data.avatars.phrases import (
    ANY_HAT,
    CLAUSES,
    COLOURED,
    HAT,
    LINKS,
    ORDERS,
    PERSON,
    SPOKEN,
    WAYS,
    chosen,
    ways_of,
)
from ganzfeld.data.avatars.sentences import SAID, VALUES, WRONG, Facts, facts, unseen

VERSION = 1  # part of the data's fingerprint: raise it when any caption changes
LINKED = ("h", "w", "c", "b")
DRAWS = 5 + len(SAID) * 2 + len(LINKED)  # numbers in [0, 1) that a wording takes


@dataclass(frozen=True)
class Wording:
    """Everything that a caption's words depend on beside what is to be seen.

    said: of the parts in SAID. person: the noun, 0 or 1 of PERSON. any_hat: "hat" whatever it is.
    order: of ORDERS. links: which of LINKS, by clause; "c" is clothes in Chinese.
    numbers: in [0, 1), by part: the way at which the odds of its value pass it.
    """

    language: str = "en"
    said: frozenset[str] = frozenset(SAID)
    person: int = 0
    any_hat: bool = False
    order: str = "hwb"
    links: dict[str, float] = field(default_factory=lambda: dict.fromkeys(LINKED, 0.0))
    numbers: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SAID, 0.0))


def wording(draw: np.random.Generator) -> Wording:
    """A wording by chance."""
    numbers = iter(draw.random(DRAWS).tolist())
    return Wording(
        "en" if next(numbers) < SPOKEN else "zh",
        frozenset(part for part in SAID if next(numbers) < SAID[part]),
        chosen(PERSON["en"], next(numbers)),
        next(numbers) < ANY_HAT,
        ORDERS[chosen(ORDERS, next(numbers))][0],
        {link: next(numbers) for link in LINKED},
        {part: next(numbers) for part in SAID},
    )


def there(about: Facts, part: str) -> bool:
    """Whether an avatar has something to say of a part."""
    return about[part] not in ("none", "hidden")


def phrase(about: Facts, part: str, how: Wording) -> str:
    """What a caption says of one part."""
    ways = ways_of(part, about[part], how.language)
    template = ways[chosen(ways, how.numbers[part])][0]
    if part == "hat" and how.any_hat:
        template = HAT[how.language]
    shade = about[COLOURED[part]] if part in COLOURED else ""
    return coloured(template, shade, how.language)


def coloured(template: str, shade: str, language: str) -> str:
    """A template with its colour, behind the right article."""
    said = template.format(CHINESE_COLOURS.get(shade, "") if language == "zh" else shade)
    return said.replace("a auburn", "an auburn").replace("a orange", "an orange")


def paraphrase(about: Facts, how: Wording) -> str:
    """The caption of facts in a wording; parts that are not there are not said.

    >>> bald = dict.fromkeys(VALUES, "none") | {"hair": "bald", "mouth": "smile"}
    >>> bald |= {"background": "plain", "background_colour": "blue"}
    >>> paraphrase(bald, Wording(said=frozenset(["hair", "background"]), order="bwh"))
    'a person on a plain blue background, with a bald head.'
    """

    def said(parts: tuple[str, ...]) -> list[str]:
        told = [part for part in parts if part in how.said and there(about, part)]
        return [phrase(about, part, how) for part in told]

    def link(clause: str) -> str:
        ways = LINKS[how.language][clause]
        return ways[chosen(ways, how.links[clause])][0]

    person = PERSON[how.language][how.person if there(about, "beard") else 0][0]
    mouth = "".join(said(("mouth",)))
    if how.language == "en":
        start = f"{mouth} {person}".strip()
        clauses = {c: f"{link(c)} {listed(s)}" for c in CLAUSES if (s := said(CLAUSES[c]))}
        told = [clauses[clause] for clause in how.order if clause in clauses]
        article = "an" if start.startswith("amused") else "a"
        return f"{article} {start}{' ' if told else ''}{', '.join(told)}."
    found = [person + mouth]
    for clause in how.order:
        if clause == "w":
            worn, clothes = said(CLAUSES["w"][:-1]), said(CLAUSES["w"][-1:])
            found += [link("w") + "、".join(worn)] if worn else []
            found += [link("c") + clothes[0]] if clothes else []
        elif own := said(CLAUSES[clause]):
            found.append(link(clause) + "、".join(own))
    return "，".join(found) + "。"


def changed(about: Facts, how: Wording, draw: np.random.Generator) -> str | None:
    """The same caption, wrong in exactly one of the things that it says.

    Which parts are said stays, and so does all else that says nothing of the image. No combination
    is told that the training data never show. None where nothing is said that could be wrong.
    """
    right = paraphrase(about, how)
    for name in draw.permutation(list(VALUES)).tolist():
        part = "eyes" if name == "eye_colour" else name.removesuffix("_colour")
        if part not in how.said or not there(about, part):
            continue
        values = WAYS[name] if name in WAYS else VALUES[name]
        for value in draw.permutation([v for v in values if v != about[name]]).tolist():
            other = {**about, name: value}
            numbers = how.numbers | {part: float(draw.random())}
            if not unseen(other) and (
                wrong := paraphrase(other, replace(how, numbers=numbers))
            ) != paraphrase(about, replace(how, numbers=numbers)):
                return wrong if wrong != right else None
    return None


def described(some: list[Scene], seed: int) -> tuple[list[str], list[str]]:
    """A caption of each scene, and for each up to WRONG false ones, one a line.

    Where a caption says nothing that could be wrong, that of another wording is false.
    """
    right, wrong = [], []
    for index, one in enumerate(some):
        draw = numpy_generator(seed, "paraphrases", index)
        about, how = facts(one), wording(draw)
        right.append(paraphrase(about, how))
        found = {changed(about, how, draw) for _ in range(WRONG)} - {None}
        while not found:
            found = {changed(about, wording(draw), draw)} - {None}
        wrong.append("\n".join(sorted(str(line) for line in found)))
    return right, wrong
