"""Embedded text: sentences of a small grammar whose probabilities are known exactly.

A `Grammar` gives a sentence's probability, the entropy of the language and how far a set of
sentences is from it, so that a text model is measured against the truth. Needs NumPy only.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ganzfeld.core.latents import words_of

DRAW = 0x74657874  # purpose of the random words, "text"

Option = tuple[float, tuple[str, ...]]  # a probability and what a symbol becomes
Rules = Mapping[str, Sequence[Option]]


class Grammar:
    """A probabilistic context-free grammar: from `start`, each symbol with rules becomes words.

    rules: symbol -> (probability, symbols and words). Symbols are the keys; all else are words.
        No symbol leads back to itself, so the language is finite.

    >>> coin = Grammar({"S": [(0.5, ("heads",)), (0.5, ("tails",))]}, "S")
    >>> coin.probability(["heads"]), round(coin.entropy(), 3)
    (0.5, 0.693)
    """

    def __init__(self, rules: Rules, start: str = "S") -> None:
        self.rules, self.start = dict(rules), start
        for name, options in self.rules.items():
            if abs(sum(p for p, _ in options) - 1) > 1e-9 or min(p for p, _ in options) <= 0:
                raise ValueError(f"the probabilities of {name} are above 0 and sum to 1")
        self.longest = self.extent(start, max)
        self.most_choices = self.choices(start)

    @property
    def words(self) -> list[str]:
        return sorted(
            {w for options in self.rules.values() for _, body in options for w in body}
            - set(self.rules)
        )

    def extent(self, symbol: str, pick: Any) -> int:
        """Words of the longest (pick=max) or the shortest (pick=min) sentence of a symbol."""
        if symbol not in self.rules:
            return 1
        return int(pick(sum(self.extent(s, pick) for s in body) for _, body in self.rules[symbol]))

    def choices(self, symbol: str) -> int:
        """Most rules that a derivation applies."""
        if symbol not in self.rules:
            return 0
        return 1 + max(sum(self.choices(s) for s in body) for _, body in self.rules[symbol])

    def sentence(self, uniforms: Iterable[float]) -> list[str]:
        """The sentence that these numbers in [0, 1) choose, from left to right."""
        numbers, stack, found = iter(uniforms), [self.start], []
        while stack:
            symbol = stack.pop()
            if symbol not in self.rules:
                found.append(symbol)
                continue
            left = next(numbers)
            for p, body in self.rules[symbol]:  # noqa: B007  (the last one stands for rounding)
                left -= p
                if left < 0:
                    break
            stack.extend(reversed(body))
        return found

    def sample(self, seed: int, first: int, count: int) -> list[list[str]]:
        """Sentences number `first` and so on: each a function of (seed, its number)."""
        blocks = -(-self.most_choices // 4)
        found: list[list[str]] = []
        for start in range(first, first + count, 4096):
            numbers = range(start, min(start + 4096, first + count))
            words = words_of(DRAW, seed, numbers, blocks)  # (4, n, blocks)
            uniforms = (
                words.astype(np.float64).transpose(1, 2, 0).reshape(len(numbers), -1) * 2**-32
            )
            found += [self.sentence(row) for row in uniforms.tolist()]
        return found

    def probability(self, sentence: Sequence[str]) -> float:
        """Exactly, over all derivations; 0 for what is no sentence of the language."""
        words = tuple(sentence)

        @functools.cache
        def ends(symbol: str, at: int) -> dict[int, float]:
            """Where a symbol that starts at a word may end, with its probability."""
            if symbol not in self.rules:
                return {at + 1: 1.0} if at < len(words) and words[at] == symbol else {}
            total: dict[int, float] = {}
            for p, body in self.rules[symbol]:
                reached = {at: p}
                for part in body:
                    step: dict[int, float] = {}
                    for place, q in reached.items():
                        for end, r in ends(part, place).items():
                            step[end] = step.get(end, 0.0) + q * r
                    reached = step
                for end, q in reached.items():
                    total[end] = total.get(end, 0.0) + q
            return total

        return ends(self.start, 0).get(len(words), 0.0)

    def entropy(self, symbol: str | None = None) -> float:
        """Of the derivations, in nats; of the sentences too, where each has one derivation."""
        symbol = symbol or self.start
        if symbol not in self.rules:
            return 0.0
        return sum(
            p * (-math.log(p) + sum(self.entropy(s) for s in body))
            for p, body in self.rules[symbol]
        )

    def expected(self) -> dict[str, float]:
        """How often each symbol is used in a sentence, on average."""
        found: Counter[str] = Counter()

        def walk(symbol: str, weight: float) -> None:
            if symbol in self.rules:
                found[symbol] += weight  # type: ignore[assignment]
                for p, body in self.rules[symbol]:
                    for part in body:
                        walk(part, weight * p)

        walk(self.start, 1.0)
        return dict(found)

    def derivation(self, sentence: Sequence[str]) -> list[tuple[str, int]] | None:
        """The rules of a sentence's first derivation, as (symbol, number); None: no sentence."""
        words = tuple(sentence)

        def parse(stack: tuple[str, ...], at: int) -> list[tuple[str, int]] | None:
            if not stack:
                return [] if at == len(words) else None
            symbol, rest = stack[0], stack[1:]
            if symbol not in self.rules:
                return parse(rest, at + 1) if at < len(words) and words[at] == symbol else None
            for number, (_, body) in enumerate(self.rules[symbol]):
                found = parse(body + rest, at)
                if found is not None:
                    return [(symbol, number), *found]
            return None

        return parse((self.start,), 0)

    def measure(self, sentences: Sequence[Sequence[str]]) -> dict[str, float]:
        """How a set of sentences stands to the language; what is exact is known, not estimated.

        acceptance: share that are sentences of the language.
        entropy: mean -log probability of those, in nats: that of the language where all is right,
            less where the set keeps to what is likely. entropy_true: the language's.
        kl: of the rules that they use from the language's, in nats a sentence: the sum over
            symbols of how often each is used times KL(used || true). Zero where every
            rule has its share; its floor is about (rules - symbols) / (2 count).
        """
        parsed = [d for s in sentences if (d := self.derivation(s)) is not None]
        used = Counter(rule for one in parsed for rule in one)
        totals: Counter[str] = Counter()
        for (symbol, _), number in used.items():
            totals[symbol] += number
        kl = surprise = 0.0
        for (symbol, number), count in used.items():
            p = self.rules[symbol][number][0]
            surprise -= count * math.log(p)
            kl += count * math.log(count / totals[symbol] / p)
        n = max(len(parsed), 1)
        return {
            "acceptance": len(parsed) / max(len(sentences), 1),
            "entropy": surprise / n,
            "entropy_true": self.entropy(),
            "kl": kl / n,
            "kl_floor": (sum(len(o) - 1 for o in self.rules.values())) / (2 * n),
        }


def even(*words: str) -> list[Option]:
    """Single words, the first twice as likely as the last, in even steps."""
    weights = [2 - i / max(len(words) - 1, 1) for i in range(len(words))]
    return [(w / sum(weights), (word,)) for w, word in zip(weights, words, strict=True)]


def english() -> Grammar:
    """Short English sentences, up to 11 words; each has one derivation.

    Subject and verb agree in number over up to four words between them, which may say another:
    "the cats near a dog sleep". A chain of low order cannot know it.
    """
    rules: dict[str, Sequence[Option]] = {
        "S": [(0.55, ("NPs", "VPs")), (0.45, ("NPp", "VPp"))],
        "NPs": [(1.0, ("DETs", "ADJ", "Ns", "MOD"))],
        "NPp": [(1.0, ("DETp", "ADJ", "Np", "MOD"))],
        "MOD": [(0.65, ()), (0.35, ("near", "NP"))],
        "NP": [(0.6, ("DETs", "ADJ", "Ns")), (0.4, ("DETp", "ADJ", "Np"))],
        "VPs": [(0.45, ("VIs",)), (0.55, ("VTs", "NP"))],
        "VPp": [(0.45, ("VIp",)), (0.55, ("VTp", "NP"))],
        "DETs": [(0.5, ("the",)), (0.3, ("a",)), (0.2, ("this",))],
        "DETp": [(0.5, ("the",)), (0.3, ("some",)), (0.2, ("these",))],
        "ADJ": [(0.6, ()), (0.4, ("A",))],
        "A": even("small", "big", "red", "quiet"),
        "Ns": even("cat", "dog", "bird", "child", "fox", "wolf"),
        "Np": even("cats", "dogs", "birds", "children", "foxes", "wolves"),
        "VIs": even("sleeps", "sings", "runs", "waits"),
        "VIp": even("sleep", "sing", "run", "wait"),
        "VTs": even("sees", "likes", "follows", "hears"),
        "VTp": even("see", "like", "follow", "hear"),
    }
    return Grammar(rules)


def brackets(pairs: int, depth: int) -> Grammar:
    """Balanced brackets of `pairs` pairs that are open at most `depth` at once.

    All strings are equally likely: each step's probability is the share of the strings that
    start so. Six pairs at depth 3 are 89 strings.
    """

    @functools.cache
    def ways(left: int, opened: int) -> int:
        """Strings from here on, with this many symbols left."""
        if not left:
            return int(opened == 0)
        up = ways(left - 1, opened + 1) if opened < depth else 0
        return up + (ways(left - 1, opened - 1) if opened else 0)

    rules: dict[str, Sequence[Option]] = {}
    for left in range(2 * pairs, 0, -1):
        for opened in range(depth + 1):
            total = ways(left, opened)
            if not total:
                continue
            options: list[Option] = []
            for word, step in (("(", 1), (")", -1)):
                after = opened + step
                if 0 <= after <= depth and ways(left - 1, after):
                    body = (word, f"B{left - 1},{after}") if left > 1 else (word,)
                    options.append((ways(left - 1, after) / total, body))
            rules[f"B{left},{opened}"] = options
    return Grammar(rules, f"B{2 * pairs},0")


def grammar_lines(count: int, *, seed: int = 0, first: int = 0) -> list[str]:
    """Lines of the embedded set "grammar": `english` sentences number `first` and so on.

    >>> grammar_lines(1) == grammar_lines(3)[:1]
    True
    """
    return [" ".join(one) for one in english().sample(seed, first, count)]
