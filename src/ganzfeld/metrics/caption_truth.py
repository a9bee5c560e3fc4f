"""Captions of avatars against the truth: grammar, attributes, and how often each wording is taken.

Beside each number stands what fresh true captions of the same images score. All functions are pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.avatars import sentences
from ganzfeld.data.avatars.description import Scene
from ganzfeld.data.avatars.paraphrases import paraphrase, there, wording
from ganzfeld.data.avatars.parsing import SOME, Parsed, choices, parse
from ganzfeld.data.avatars.phrases import ANY_HAT, COLOURED, PERSON, WAYS
from ganzfeld.data.avatars.scene import draw
from ganzfeld.data.avatars.sentences import SAID
from ganzfeld.metrics.captioned import SEED
from ganzfeld.modalities.captions import words_of

LEAST = 5.0  # captions expected of the rarest way, below which a choice is left out (Cochran 1954)
COUNT = 2_000  # images of each part

Facts = dict[str, str]
Images = NDArray[np.uint8]
Writer = Callable[[Images], list[str]]  # captions of images (N, 3, H, W), one each


@dataclass(frozen=True)
class Asked:
    """Avatars that nobody was trained on. facts: what each shows."""

    scenes: list[Scene]
    facts: list[Facts]

    def images(self, height: int, width: int) -> Images:
        parts = [self.scenes[i : i + 256] for i in range(0, len(self.scenes), 256)]
        return np.concatenate([draw(part, height, width) for part in parts])

    def true(self, turn: int = 0) -> list[str]:
        """Fresh true captions. turn: another number, others."""
        return [
            paraphrase(one, wording(numpy_generator(SEED, "true captions", turn, place)))
            for place, one in enumerate(self.facts)
        ]


def asked(count: int, *, new: bool = False) -> Asked:
    """new: combinations that the training data never show."""
    scenes = sentences.scenes(count, SEED, new=new)
    return Asked(scenes, [sentences.facts(one) for one in scenes])


def report(
    write: Writer,
    size: tuple[int, int],
    *,
    count: int = COUNT,
    news: Sequence[bool] = (False, True),
) -> dict[str, Any]:
    """Every number of a writer, and of true captions, on seen and on new combinations.

    The wording's chi-square is of captions of seen combinations and new ones alike.
    """
    found: dict[str, Any] = {"count": count}
    for new in news:
        questions = asked(count, new=new)
        found["new" if new else "seen"] = {
            "model": scores(write(questions.images(*size)), questions.facts),
            "true": scores(questions.true(), questions.facts),
        }
    return found


def scores(captions: Sequence[str], facts: Sequence[Facts]) -> dict[str, Any]:
    """Numbers of captions, one of each avatar.

    grammatical: share that the grammar makes. f1, precision, recall: see `attributes`; and
        `by_attribute`, the share that is right of what is said of each.
    wording: chi-square of all choices of wording, over their degrees of freedom: about 1 for true
        captions, whatever their number. `wording_worst`: of the choices that are furthest off.
    vocabulary: different words. distinct: share of different captions.
    """
    parsed = [parse(caption) for caption in captions]
    return {
        "grammatical": sum(one is not None for one in parsed) / len(parsed),
        **attributes(parsed, facts),
        **wordings(parsed, facts),
        "vocabulary": len({word for caption in captions for word in words_of(caption)}),
        "distinct": len(set(captions)) / len(captions),
    }


# Attributes


def attributes(parsed: Sequence[Parsed | None], facts: Sequence[Facts]) -> dict[str, Any]:
    """How much of what captions say is right, and how much of what should be said is.

    precision: share of all that is said that is right. recall: what is said rightly, over what
    true captions say on the average, by attribute and at most 1 for each: who says more than the
    truth does gains nothing. f1: their harmonic mean. Captions that are no captions say nothing.
    """
    right: dict[str, int] = {}
    said: dict[str, int] = {}
    expected: dict[str, float] = {}
    for one, about in zip(parsed, facts, strict=True):
        for name, odds in sayable(about).items():
            expected[name] = expected.get(name, 0.0) + odds
        for name, value in (one.items() if one is not None else {}).items():
            kind = "any hat" if value == SOME else name
            said[kind] = said.get(kind, 0) + 1
            right[kind] = right.get(kind, 0) + true_of(name, value, about)
    precision = sum(right.values()) / max(sum(said.values()), 1)
    reached = sum(min(right.get(name, 0), most) for name, most in expected.items())
    recall = reached / max(sum(expected.values()), 1e-9)
    return {
        "f1": 2 * precision * recall / max(precision + recall, 1e-9),
        "precision": precision,
        "recall": recall,
        "by_attribute": {name: right[name] / said[name] for name in sorted(said)},
    }


def sayable(about: Facts) -> dict[str, float]:
    """The probability that a true caption says each thing of an avatar."""
    found: dict[str, float] = {}
    for part, odds in SAID.items():
        if not there(about, part):
            continue
        found[part] = odds
        if part in COLOURED and "{}" in WAYS[part][about[part]][0][0][0]:
            found[f"{part}_colour"] = odds
    if "hat" in found:
        found["hat"], found["any hat"] = (1 - ANY_HAT) * SAID["hat"], ANY_HAT * SAID["hat"]
    if there(about, "beard"):
        found["man"] = PERSON["en"][1][1]
    return found


def true_of(name: str, value: str, about: Facts) -> bool:
    """Whether one thing that a caption says is so."""
    if name == "man":
        return there(about, "beard")
    if value == SOME:
        return there(about, "hat")
    part = name.removesuffix("_colour")
    if not there(about, part):
        return False
    return about[COLOURED[part] if name.endswith("_colour") else part] == value


# Wording


def wordings(parsed: Sequence[Parsed | None], facts: Sequence[Facts]) -> dict[str, Any]:
    """Pearson's chi-square of every choice against its true odds, over the degrees of freedom."""
    counts: dict[tuple[str, tuple[float, ...]], list[int]] = {}
    for one, about in zip(parsed, facts, strict=True):
        if one is None:
            continue
        for choice in choices(one, about):
            own = counts.setdefault((choice.name, choice.odds), [0] * len(choice.odds))
            own[choice.way] += 1
    each: dict[str, list[float]] = {}
    total, freedom = 0.0, 0
    for (name, odds), seen in counts.items():
        number = sum(seen)
        if number * min(odds) < LEAST:
            continue
        value = sum((n - number * p) ** 2 / (number * p) for n, p in zip(seen, odds, strict=True))
        total, freedom = total + value, freedom + len(odds) - 1
        each.setdefault(name, []).append(value / (len(odds) - 1))
    worst = sorted(each, key=lambda name: -max(each[name]))[:5]
    return {
        "wording": total / freedom if freedom else None,
        "wording_freedom": freedom,
        "wording_worst": {name: max(each[name]) for name in worst},
    }
