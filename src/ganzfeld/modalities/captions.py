"""Captions as rows of word numbers: English by word, Chinese by character.

Letter case and punctuation are left out. Number 0 fills a row up behind its end, number 1 stands
for a word that is not in the vocabulary. Needs NumPy only.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import shown
from ganzfeld.errors import UsageError

UNKNOWN = 1  # the number of a word that is not known
SYMBOLS = ("", "\ufffd")  # of the first two numbers
MOST = 5_000  # words of a vocabulary, the most frequent ones
LONGEST = 64  # words of a caption; the rest is cut off
LEFT_OUT = "leave --text out   for samples by captions of the data"
LIKE = 0.6  # letters in common, from which a known word is named for an unknown one

# one Han character or kana, or a run of letters and digits with what joins them
ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(f"[{ALONE}]|(?:(?![{ALONE}_])\\w)+(?:['\u2019-](?:(?![{ALONE}_])\\w)+)*")

Tokens = NDArray[np.int16]


def words_of(caption: str) -> list[str]:
    """The words of a caption, in small letters.

    >>> words_of("A red T-shirt, 红色T恤。")
    ['a', 'red', 't-shirt', '红', '色', 't', '恤']
    """
    plain = unicodedata.normalize("NFKC", caption).casefold().replace("\u2019", "'")
    return WORD.findall(plain)


def vocabulary(captions: Iterable[str]) -> tuple[list[str], int]:
    """The symbols by number, the most frequent words first, and the length of the longest row.

    >>> vocabulary(["a red hat", "a red cap"])
    (['', '\ufffd', 'a', 'red', 'cap', 'hat'], 3)
    """
    counts: Counter[str] = Counter()
    longest = 1
    for caption in captions:
        words = words_of(caption)
        counts.update(words)
        longest = max(longest, len(words))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return [*SYMBOLS, *ranked[: MOST - len(SYMBOLS)]], min(longest, LONGEST)


def encode(captions: Iterable[str], symbols: Iterable[str], length: int) -> Tokens:
    """Rows (N, length), int16, of word numbers; words that are not known are UNKNOWN."""
    numbers = {word: number for number, word in enumerate(symbols)}
    found: list[list[int]] = []
    for caption in captions:
        row = [numbers.get(word, UNKNOWN) for word in words_of(caption)[:length]]
        found.append(row + [0] * (length - len(row)))
    return np.array(found, dtype=np.int16).reshape(len(found), length)


def decode(row: Iterable[float], symbols: list[str]) -> str:
    """The words of a row, as they are read: Chinese without spaces.

    >>> decode([2, 3, 0], ["", "?", "red", "hat"])
    'red hat'
    """
    text = ""
    for number in row:
        word = symbols[int(number)] if 0 < int(number) < len(symbols) else ""
        apart = text and word and not (alone(text[-1]) or alone(word[0]))
        text += f" {word}" if apart else word
    return text


def lines_of(sheet: Path) -> Path:
    """Where the captions of a sheet's images lie, one a line."""
    return sheet.with_name(f"{sheet.stem}.captions.txt")


def alone(character: str) -> bool:
    return re.match(f"[{ALONE}]", character) is not None


def asked(text: str, about: Mapping[str, Any]) -> Tokens:
    """The row (length,) of a caption that somebody asks for.

    about: of the condition: "symbols" and "length". UsageError for no words, too many, or words
    that no caption of the training data had, with near ones.
    """
    symbols, words = list(about["symbols"]), words_of(text)
    if not words:
        raise UsageError(
            f'--text "{shown(text)}": there are no words in it',
            safe="nothing was drawn",
            fix=LEFT_OUT,
        )
    if len(words) > about["length"]:
        raise UsageError(
            f"--text has {len(words)} words; the longest caption of the training data had "
            f"{about['length']}",
            fix=f'--text "{" ".join(words[:8])} ..."   with fewer words',
        )
    known = set(symbols)
    strange = list(dict.fromkeys(word for word in words if word not in known))
    if strange:
        near = {word: near_words(word, symbols) for word in strange}
        told = ", ".join(
            f"{shown(word)} (near: {', '.join(map(shown, found))})" if found else shown(word)
            for word, found in near.items()
        )
        better = " ".join(next(iter(near.get(word, [word])), "") for word in words)
        few = ", ".join(shown(word) for word in symbols[len(SYMBOLS) :][:12])
        raise UsageError(
            f"no caption of the training data has the words {told}. Frequent ones are {few}",
            safe="nothing was drawn",
            fix=f'--text "{" ".join(better.split())}"' if better.strip() else LEFT_OUT,
        )
    found_row: Tokens = encode([text], symbols, about["length"])[0]
    return found_row


def near_words(word: str, symbols: Iterable[str]) -> list[str]:
    """Up to three known words that look like it."""
    known = [symbol for symbol in symbols if symbol and symbol != SYMBOLS[1]]
    return difflib.get_close_matches(word, known, n=3, cutoff=LIKE)
