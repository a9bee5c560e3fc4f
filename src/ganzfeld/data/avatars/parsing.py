"""Read captions with paraphrases back: what one says, in which words, or that it is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from ganzfeld.data.avatars.paraphrases import coloured, there
from ganzfeld.data.avatars.phrases import (
    ANY_HAT,
    CLAUSES,
    COLOURED,
    HAT,
    LANGUAGES,
    LINKS,
    ORDERS,
    PERSON,
    SPOKEN,
    WAYS,
    Ways,
)
from ganzfeld.data.avatars.sentences import SAID, VALUES, Facts
from ganzfeld.modalities.captions import words_of

SOME = "some"  # a hat of which only the colour is said
Words = tuple[str, ...]


@dataclass(frozen=True)
class Said:
    """One phrase of a caption. way: which of the ways to say it; None: "a hat"."""

    part: str
    value: str
    shade: str
    way: int | None


@dataclass
class Parsed:
    """What a caption says. said: by part. order: of its clauses. links: which, by clause."""

    language: str
    person: int = 0
    said: dict[str, Said] = field(default_factory=dict)
    order: str = ""
    links: dict[str, int] = field(default_factory=dict)

    def items(self) -> dict[str, str]:
        """Everything that it claims, by name: {"hair": "bob", "hair_colour": "red"}."""
        found = {}
        for part, one in self.said.items():
            found[part] = one.value
            if one.shade:
                found[f"{part}_colour"] = one.shade
        return found | ({"man": "yes"} if self.person else {})


@dataclass(frozen=True)
class Choice:
    """One choice that a caption made: its name, which way, and the odds of all ways."""

    name: str
    way: int
    odds: tuple[float, ...]


@cache
def phrases(language: str) -> Mapping[Words, Said]:
    """Every phrase of a language, as words."""
    found: dict[Words, Said] = {}
    for part, values in WAYS.items():
        told = {value: both[LANGUAGES.index(language)] for value, both in values.items()}
        if part == "hat":
            told[SOME] = ((HAT[language], 1.0),)
        for value, ways in told.items():
            for place, (template, _) in enumerate(ways):
                shades = VALUES[COLOURED[part]] if "{}" in template else ("",)
                for shade in shades:
                    words = tuple(words_of(coloured(template, shade, language)))
                    assert words not in found, words
                    way = None if value == SOME else place
                    found[words] = Said(part, value, shade, way)
    return found


LONGEST = {language: max(map(len, phrases(language))) for language in LANGUAGES}


class Reader:
    """The words of a caption, and how far it has been read."""

    def __init__(self, words: Sequence[str], language: str) -> None:
        self.words, self.language, self.at = tuple(words), language, 0

    @property
    def done(self) -> bool:
        return self.at == len(self.words)

    def take(self, words: Sequence[str]) -> bool:
        """Whether these come next; they are read then."""
        found = self.words[self.at : self.at + len(words)] == tuple(words)
        self.at += len(words) * found
        return found

    def one_of(self, ways: Ways) -> int | None:
        """Which of these comes next, the longest first."""
        told = [(words_of(text), place) for place, (text, _) in enumerate(ways)]
        for words, place in sorted(told, key=lambda one: -len(one[0])):
            if self.take(words):
                return place
        return None

    def phrase(self, parts: Sequence[str]) -> Said | None:
        """A phrase of one of these parts, the longest that fits."""
        known = phrases(self.language)
        for length in range(min(LONGEST[self.language], len(self.words) - self.at), 0, -1):
            one = known.get(self.words[self.at : self.at + length])
            if one is not None and one.part in parts:
                self.at += length
                return one
        return None

    def several(self, parts: Sequence[str]) -> list[Said] | None:
        """Phrases of these parts in their order, at least one; None where that is not there."""
        found: list[Said] = []
        left = list(parts)
        closed = False
        while left:
            start = self.at
            last = self.language == "en" and bool(found) and self.take(("and",))
            one = self.phrase(left)
            if one is None:
                if last:
                    return None
                self.at = start
                break
            if closed:  # nothing comes behind what "and" leads to
                return None
            closed = last
            found.append(one)
            left = left[left.index(one.part) + 1 :]
        if self.language == "en" and len(found) > 1 and not closed:
            return None
        return found or None


def parse(caption: str) -> Parsed | None:
    """What a caption says, and how; None where the grammar does not make it.

    Letter case and punctuation make no difference.

    >>> found = parse("a man with a bald head, on a plain blue background")
    >>> found.items()
    {'hair': 'bald', 'background': 'plain', 'background_colour': 'blue', 'man': 'yes'}
    >>> parse("a man with a bald hat") is None
    True
    """
    words = words_of(caption)
    language = "zh" if words[:1] == ["一"] else "en"
    reader, found = Reader(words, language), Parsed(language)
    if not start(reader, found):
        return None
    while not reader.done:
        if not any(clause(reader, found, name) for name in "hbw" if name not in found.order):
            return None
    return found if consistent(found) else None


def start(reader: Reader, found: Parsed) -> bool:
    """Who it is, and in which mood."""
    if reader.language == "zh":
        place = reader.one_of(PERSON["zh"])
        mood = reader.phrase(("mouth",))
    else:
        article = "an" if reader.words[1:2] == ("amused",) else "a"
        if not reader.take((article,)):
            return False
        mood = reader.phrase(("mouth",))
        place = reader.one_of(PERSON["en"])
    found.person = place or 0
    found.said |= {"mouth": mood} if mood else {}
    return place is not None


def clause(reader: Reader, found: Parsed, name: str) -> bool:
    """Read one clause, where it comes next."""
    before = reader.at
    parts = CLAUSES[name]
    got: list[Said] | None
    if reader.language == "zh" and name == "w":
        got = dressed(reader, found)
    else:
        link = reader.one_of(LINKS[reader.language][name])
        got = None if link is None else reader.several(parts)
        if got:
            assert link is not None
            found.links[name] = link
    if not got:
        reader.at = before
        return False
    found.said |= {one.part: one for one in got}
    found.order += name
    return True


def dressed(reader: Reader, found: Parsed) -> list[Said]:
    """In Chinese, what is worn on the head, and the clothes: either or both."""
    got: list[Said] = []
    for name, parts in (("w", CLAUSES["w"][:-1]), ("c", CLAUSES["w"][-1:])):
        before = reader.at
        link = reader.one_of(LINKS["zh"][name])
        some = None if link is None else reader.several(parts)
        if link is None or not some:
            reader.at = before
            continue
        found.links[name] = link
        got += some
    return got


def consistent(found: Parsed) -> bool:
    """Whether hair and beard have one colour, and the order is one that the grammar takes."""
    shades = {one.shade for part in ("hair", "beard") if (one := found.said.get(part))}
    ordered = any(visible(order, found.order) == found.order for order, _ in ORDERS)
    return len(shades - {""}) < 2 and ordered


def visible(order: str, clauses: str) -> str:
    return "".join(name for name in order if name in clauses)


def choices(found: Parsed, about: Facts) -> Iterator[Choice]:
    """Every choice that a caption of an avatar made, which says nothing of the avatar itself.

    about: what the avatar is. Their odds are exact, and each is independent of the others.
    """
    language = found.language
    yield Choice("language", LANGUAGES.index(language), (SPOKEN, 1 - SPOKEN))
    for part, odds in SAID.items():
        if there(about, part):
            yield Choice(f"{part} is said", int(part not in found.said), (odds, 1 - odds))
    if there(about, "beard"):
        yield Choice("person", found.person, odds_of(PERSON[language]))
    if hat := found.said.get("hat"):
        yield Choice("any hat", int(hat.way is None), (1 - ANY_HAT, ANY_HAT))
    if len(found.order) > 1:
        totals: dict[str, float] = {}
        for order, odds in ORDERS:
            own = visible(order, found.order)
            totals[own] = totals.get(own, 0.0) + odds
        place = list(totals).index(found.order)
        if len(totals) > 1:
            clauses = "".join(sorted(found.order))
            yield Choice(f"order of {clauses}", place, tuple(totals.values()))
    for name, link in found.links.items():
        yield Choice(f"{language}: link {name}", link, odds_of(LINKS[language][name]))
    for part, one in found.said.items():
        if one.way is None:
            continue
        ways = WAYS[part][one.value][LANGUAGES.index(language)]
        if len(ways) > 1:
            yield Choice(f"{language}: {part} {one.value}", one.way, odds_of(ways))


def odds_of(ways: Ways) -> tuple[float, ...]:
    return tuple(odds for _, odds in ways)
