"""Embedded ciphers: English sentences, and others of the same language under a secret key.

The key is a permutation of the letters for each place of a period, so that the truth is known:
period 1 is a substitution, longer ones are ciphers of Vigenere. Needs NumPy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.progress import Progress
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.pairs import counted
from ganzfeld.data.source import Gathered, Raw
from ganzfeld.data.text_rows import add_lines
from ganzfeld.data.text_sets import english

CIPHERS = {"cipher": 1, "vigenere": 3}  # embedded sets, and the period of each one's key
COUNT, HELD = 10_000, 256  # sentences of each language, and pairs that are held out
HELD_FROM = 10_000_000_000  # number of the first held-out sentence
LETTERS = "abcdefghijklmnopqrstuvwxyz "


def keys(period: int, seed: int = 0) -> NDArray[np.int64]:
    """A secret key: a permutation of the 27 letters for each place of a period, (period, 27).

    Example::

        from ganzfeld.data.ciphers import encipher, keys

        secret = encipher(["a cat sleeps"], keys(1))
    """
    rng = numpy_generator("cipher", seed, period)
    return np.stack([rng.permutation(len(LETTERS)) for _ in range(period)])


def encipher(lines: Sequence[str], key: NDArray[Any]) -> list[str]:
    """Lines of small letters and spaces under a key: each letter by its place in the line.

    A space that a line would begin or end with becomes an underscore: spaces there are cut off
    when lines are read.
    """
    found = []
    for line in lines:
        numbers = [LETTERS.index(letter) for letter in line]
        row = [int(key[place % len(key), number]) for place, number in enumerate(numbers)]
        found.append("".join(LETTERS[number] for number in row).replace(" ", "_"))
    return found


def plain(lines: Sequence[str]) -> list[str]:
    """Lines with underscores in place of spaces, as `encipher` writes them."""
    return [line.replace(" ", "_") for line in lines]


def sentences(start: int, count: int) -> list[str]:
    return [" ".join(words) for words in english().sample(0, start, count)]


def side(name: str, secret: bool, start: int, count: int) -> Gathered:
    """One language of an embedded cipher, as a source: sentence `start` and so on."""
    part = f"{name}, {'secret' if secret else 'plain'} from {start}"

    def gather(progress: Progress) -> Raw:
        lines = sentences(start, count)
        lines = encipher(lines, keys(CIPHERS[name])) if secret else plain(lines)
        raw = Raw(columns={}, titles=[f"sentence {start + number}" for number in range(count)])
        add_lines(raw, lines, part)
        return raw

    return Gathered(
        kind="embedded",
        name=name,
        place=part,
        stamps=[(part, count, 1)],
        modality="text",
        gather=gather,
    )


def asked(source: object) -> tuple[str, int] | None:
    """("cipher", 2000) for "cipher:2000"; None for all else, and for a path of that name."""
    return counted(source, CIPHERS, COUNT)


def sides(
    name: str, count: int, *, paired: bool = False
) -> tuple[Gathered, Gathered, Gathered, Gathered]:
    """Plain and secret lines to learn from, and held-out pairs of both.

    paired: the same sentences on both sides; else others on each.
    """
    return (
        side(name, False, 0, count),
        side(name, True, 0 if paired else count, count),
        side(name, False, HELD_FROM, HELD),
        side(name, True, HELD_FROM, HELD),
    )
