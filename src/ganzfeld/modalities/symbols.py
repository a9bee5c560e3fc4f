"""Lines of text as rows of symbols: characters as readers see them, or words.

A row has `length` entries, int16. Entry 0 of the vocabulary is END: it closes every line and fills
the rest of its row, so that all rows are equally long. Needs NumPy only.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

END = 0  # the symbol that closes a line
UNKNOWN = "\ufffd"  # stands for numbers beyond a vocabulary
LIMIT = 1_000  # symbols of a vocabulary, unless more are asked for
MOST = 32_767  # of any: rows are int16
LONGEST = 64  # symbols of a line, unless more are asked for
BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)

Unit = Literal["characters", "words"]
UNITS: tuple[Unit, ...] = ("characters", "words")
Tokens = NDArray[np.int16]
Lengths = NDArray[np.int64]

# a code point with the marks, joiners and modifiers that readers see as one character with it
MARKS = "\u0300-\u036f\u200d\ufe00-\ufe0f\u20d0-\u20ff\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
JOINED = re.compile(f"{FLAG}|.(?:\u200d.|[{MARKS}])*", re.DOTALL)


class BadLine(ValueError):
    """A line that cannot be used; the message is the reason, without the line."""


def lines_of(raw: bytes) -> list[str]:
    """The lines of a text file: UTF-8, or UTF-16 with its byte order mark.

    Only line feeds, with or without a carriage return before, end a line. A last empty line is
    none. Raises BadLine where the bytes are no text.
    """
    encoding = "utf-8"
    for mark, name in BYTE_ORDER_MARKS:
        if raw.startswith(mark):
            raw, encoding = raw[len(mark) :], name
            break
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        row = raw[: error.start].count(b"\n") + 1
        raise BadLine(f"not {encoding.upper()} text: line {row:,} breaks its rules") from None
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def cleaned(line: str) -> str:
    """A line as it is learned: composed (NFC), without spaces around. BadLine for what cannot be.

    Raises BadLine for an empty line, and for control characters other than tabs.
    """
    line = unicodedata.normalize("NFC", line).strip()
    if not line:
        raise BadLine("empty")
    for character in line:
        if unicodedata.category(character) in ("Cc", "Cs") and character != "\t":
            raise BadLine(f"holds the control character U+{ord(character):04X}")
    return line


def split(line: str, unit: Unit) -> list[str]:
    """The symbols of a line. Words are what lies between spaces.

    >>> split("nai\u0308ve", "characters")
    ['n', 'a', 'ï', 'v', 'e']
    """
    if unit == "words":
        return line.split()
    return [found[0] for found in JOINED.finditer(line)]


def joined(symbols: Iterable[str], unit: Unit) -> str:
    """The line of these symbols."""
    return (" " if unit == "words" else "").join(symbols)


@dataclass(frozen=True)
class Vocabulary:
    """The symbols that a model can write, the most frequent first; entry 0 is END, written "".

    length: entries of a row: the longest line and its END.

    >>> v = Vocabulary(("", "a", "b"), 4)
    >>> v.encode("ab").tolist(), v.decode(v.encode("ab"))
    ([1, 2, 0, 0], 'ab')
    """

    symbols: tuple[str, ...]
    length: int
    unit: Unit = "characters"
    numbers: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", {s: i for i, s in enumerate(self.symbols)})

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, line: str) -> Tokens:
        """A row (length,); BadLine where a symbol is not among ours, or the line is too long."""
        symbols = split(cleaned(line), self.unit)
        if len(symbols) >= self.length:
            raise BadLine(f"longer than {self.length - 1:,} {self.unit}")
        row = np.zeros(self.length, np.int16)
        for i, symbol in enumerate(symbols):
            number = self.numbers.get(symbol)
            if not number:
                raise BadLine(f"holds {symbol!r}, which is not in the vocabulary")
            row[i] = number
        return row

    def decode(self, row: Sequence[int] | NDArray[Any]) -> str:
        """The line of a row, up to its first END; numbers beyond the vocabulary are marked."""
        found: list[str] = []
        for number in np.asarray(row).tolist():
            if number == END:
                break
            found.append(self.symbols[number] if number < len(self.symbols) else UNKNOWN)
        return joined(found, self.unit)

    def to_json(self) -> dict[str, Any]:
        return {"unit": self.unit, "symbols": list(self.symbols)}


@dataclass(frozen=True)
class Encoded:
    """Lines as rows: tokens (N, length), lengths (N,) without END, and what was left out.

    rows: the number of each row's line in the source, (N,). left_out: reason -> line numbers.
    """

    tokens: Tokens
    lengths: Lengths
    rows: NDArray[np.int64]
    left_out: dict[str, list[int]]


def build_vocabulary(
    lines: Iterable[str],
    *,
    unit: Unit = "characters",
    limit: int = LIMIT,
    longest: int = LONGEST,
) -> Vocabulary:
    """The vocabulary of the training part: its `limit` most frequent symbols.

    Lines that are empty, hold control characters or have more than `longest` symbols do not
    count. Rarer symbols make a line unusable (`Vocabulary.encode`): an unknown symbol in its place
    would be learned like any other, and written.
    Raises BadLine where no line is left.
    """
    counts: Counter[str] = Counter()
    most = 0
    for line in lines:
        try:
            symbols = split(cleaned(line), unit)
        except BadLine:
            continue
        if len(symbols) <= longest:
            counts.update(symbols)
            most = max(most, len(symbols))
    if not counts:
        raise BadLine(f"no line of 1 to {longest:,} {unit}")
    ordered = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
    return Vocabulary(("", *ordered[: min(limit, MOST)]), most + 1, unit)


def encode_lines(
    lines: Sequence[str], vocabulary: Vocabulary, longest: int | None = None
) -> Encoded:
    """All lines that the vocabulary can write, in order; the others by reason.

    The reason of a symbol that is missing does not name it, so that there are few reasons.
    longest: symbols that a line might have had, where the vocabulary is of these lines.
    """
    rows: list[Tokens] = []
    numbers: list[int] = []
    left_out: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        try:
            rows.append(vocabulary.encode(line))
            numbers.append(number)
        except BadLine as error:
            reason = str(error)
            if reason.startswith("holds '"):
                reason = f"holds one of the rarer {vocabulary.unit}"
            elif longest is not None:
                reason = f"longer than {longest:,} {vocabulary.unit}"
            left_out.setdefault(reason, []).append(number)
    tokens = np.stack(rows) if rows else np.zeros((0, vocabulary.length), np.int16)
    return Encoded(tokens, lengths_of(tokens), np.array(numbers, np.int64), left_out)


def lengths_of(tokens: NDArray[Any]) -> Lengths:
    """Symbols before the first END of each row, (N,)."""
    ended = tokens == END
    lengths: Lengths = np.where(ended.any(1), ended.argmax(1), tokens.shape[1]).astype(np.int64)
    return lengths
