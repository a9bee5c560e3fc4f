"""Text: lines of characters or words, as numbers of symbols, int16 (T,)."""

from __future__ import annotations

import functools
import html
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.errors import CheckpointError, DataError
from ganzfeld.modalities.base import Modality, Spec
from ganzfeld.modalities.endings import need_ending
from ganzfeld.modalities.symbols import JOINED, MOST, UNITS, BadLine, Unit, Vocabulary, split
from ganzfeld.modalities.symbols import lines_of as lines_in
from ganzfeld.text import isolated, plain, shortened

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 200  # characters of a line on a page
ENOUGH = 100_000  # lines seen, until most of them look right
LENGTH = 1 << 16  # of a row, at most
PORTABLE = """symbols, unit = about["spec"]["extra"]["symbols"], about["spec"]["extra"]["unit"]
ids = [int(i) for i in (x.argmax(1) if x.ndim == 2 else x)]
found = [symbols[i] for i in ids[: ids.index(0)] if i] if 0 in ids else [symbols[i] for i in ids]
print((" " if unit == "words" else "").join(found))"""
# What `Vocabulary.encode` does.
PORTABLE_IN = f"""import re, sys, unicodedata
symbols, unit = about["spec"]["extra"]["symbols"], about["spec"]["extra"]["unit"]
length, x = about["spec"]["shape"][0], []
JOINED = re.compile({JOINED.pattern!a}, re.DOTALL)
with open(path, encoding="utf-8-sig") as file:
    lines = file.read().removesuffix("\\n").split("\\n")
for number, line in enumerate(lines, 1):
    line = unicodedata.normalize("NFC", line).strip()
    found = line.split() if unit == "words" else [one[0] for one in JOINED.finditer(line)]
    for one in found:
        if one not in symbols[1:]:
            sys.exit(f"line {{number}} holds {{one!r}}, which is not in the vocabulary")
    if not 0 < len(found) < length:
        sys.exit(f"line {{number}} must have 1 to {{length - 1}} {{unit}}")
    x.append(np.array([*map(symbols.index, found), *[0] * (length - len(found))], np.int64))"""
BUCKETS = 256  # into which pairs of symbols are counted


class Texts(Modality):
    """Lines with a vocabulary, which `spec.extra` holds: "unit" and "symbols"."""

    name, noun, suffix, sheet_suffix = "text", "lines", ".txt", ".txt"
    by_plain = "by how often symbols and pairs of symbols occur"
    hub_task, tags = "text-generation", ("text-generation",)
    values, recipe = "numbers of symbols", "text-gan"
    one, repeats, symbols, one_file = "line", True, True, True
    trained_per_measured = 12  # lines are cheap; 140 do not tell a Markov chain of pairs from text
    compares, odd = False, ()
    advice = "text-mle learns the same generator by maximum likelihood, better in the same time"

    def check(self, spec: Spec) -> None:
        vocabulary_of(spec)

    def shared(self, spec: Spec, other: Spec) -> Spec:
        """Of all symbols of both, those of `spec` first, and of the longer lines."""
        one, two = vocabulary_of(spec), vocabulary_of(other)
        if one.unit != two.unit:
            raise DataError(
                f"domain a is read by {one.unit} and b by {two.unit}", safe="nothing was trained"
            )
        symbols = (*one.symbols, *(s for s in two.symbols if s not in one.numbers))
        return text_spec(Vocabulary(symbols, max(one.length, two.length), one.unit))

    def to_network(self, stored: Tensor, spec: Spec) -> Tensor:
        return stored.long()

    def to_store(self, samples: Tensor, spec: Spec) -> NDArray[Any]:
        """Of tokens (N, T), or of probabilities (N, T, V) the likeliest ones."""
        return self.stored(samples.detach().cpu().numpy(), spec)

    def stored(self, samples: NDArray[Any], spec: Spec) -> NDArray[Any]:
        if samples.ndim == 3:
            samples = samples.argmax(2)
        return samples.astype(np.int16)

    def turned(self, spec: Spec, wanted: Spec) -> Callable[[NDArray[Any]], NDArray[Any]] | None:
        """Lines in the symbols of another vocabulary. What that lacks becomes one number beyond."""
        if vocabulary_of(spec) == (theirs := vocabulary_of(wanted)):
            return None

        def turn(rows: NDArray[Any]) -> NDArray[Any]:
            found = np.zeros((len(rows), theirs.length), np.int16)
            for row, line in zip(found, lines_of(rows, spec), strict=True):
                symbols = split(line, theirs.unit)[: theirs.length - 1]
                row[: len(symbols)] = [theirs.numbers.get(one, len(theirs)) for one in symbols]
            return found

        return turn

    def foreign(self, spec: Spec, wanted: Spec) -> list[str]:
        known = vocabulary_of(wanted).numbers
        return [repr(symbol) for symbol in vocabulary_of(spec).symbols if symbol not in known]

    def from_python(self, samples: Any, spec: Spec) -> NDArray[Any]:
        """A list of lines, or tokens (N, T)."""
        if isinstance(samples, str):
            samples = [samples]
        lines = list(samples)
        if not lines or not isinstance(lines[0], str):
            return super().from_python(samples, spec)
        vocabulary, rows = vocabulary_of(spec), []
        for number, line in enumerate(lines, 1):
            try:
                rows.append(vocabulary.encode(line))
            except BadLine as error:
                raise DataError(f"line {number:,}: {error}", safe="nothing was written") from None
        return np.stack(rows)

    def to_python(self, stored: NDArray[Any], spec: Spec, like: Any) -> Any:
        """Lines for lines, one for one, and tokens for tokens."""
        if isinstance(like, str):
            return lines_of(stored, spec)[0]
        return lines_of(stored, spec) if len(like) and isinstance(like[0], str) else stored

    def received(self, data: bytes, spec: Spec, most: int) -> NDArray[Any]:
        """A line a sample, none left out."""
        try:
            lines = lines_in(data)
        except BadLine as error:
            raise DataError(f"the text cannot be used: {error}") from None
        if not 0 < len(lines) <= most:
            raise DataError(f"1 to {most:,} lines are taken, and there are {len(lines):,}")
        return self.from_python(lines, spec)

    def save(self, sample: NDArray[Any], path: Path, spec: Spec) -> None:
        self.sheet(sample[None], None, path, spec)

    def encoded(self, sample: NDArray[Any], spec: Spec) -> bytes:
        return "".join(self.pieces([sample[None]], spec)).encode()

    def to_json(self, sample: NDArray[Any], spec: Spec) -> str:
        return lines_of(sample[None], spec)[0]

    def sheet(self, samples: NDArray[Any], columns: int | None, path: Path, spec: Spec) -> None:
        """A UTF-8 file with a line a sample."""
        self.write([samples], path, spec)

    def write(self, blocks: Iterable[NDArray[Any]], path: Path, spec: Spec) -> None:
        """Plain text. UsageError where the path ends as files of other formats do."""
        need_ending(path, self.noun, ".txt")
        super().write(blocks, path, spec)

    def portable(self) -> str:
        return PORTABLE

    def portable_in(self) -> str:
        return PORTABLE_IN

    def pieces(self, blocks: Iterable[NDArray[Any]], spec: Spec) -> Iterator[str]:
        for samples in blocks:
            yield "".join(f"{line}\n" for line in lines_of(samples, spec))

    def html(
        self, file: Path, alt: str, *, side: int = 640, most: int = 100_000, lazy: bool = False
    ) -> str | None:
        try:
            with file.open("rb") as opened:
                raw = opened.read(most)
        except OSError:
            return None
        return as_list(raw.decode("utf-8", "replace").split("\n")[: most // 20], alt)

    def show(
        self,
        samples: NDArray[Any],
        alt: str,
        spec: Spec,
        *,
        side: int = 640,
        most: int = 100_000,
        lazy: bool = False,
    ) -> str | None:
        return as_list(lines_of(samples, spec), alt)

    def words(self, samples: NDArray[Any], spec: Spec) -> str | None:
        return "\n".join(lines_of(samples, spec))

    def describe(self, spec: Spec) -> str:
        vocabulary = vocabulary_of(spec)
        return (
            f"lines of up to {vocabulary.length - 1:,} {vocabulary.unit}, "
            f"{len(vocabulary) - 1:,} different ones"
        )

    def examples(self, size: tuple[int, int] | None = None) -> list[tuple[Spec, int]]:
        letters = tuple("abcdefghijklmnopqrstuvwxyz")
        spec = text_spec(Vocabulary(("", *letters), 16))
        return [(spec, 0), (spec, 10)]

    def enough(self, spec: Spec) -> int | None:
        """From runs on names and sentences: about as many lines, whatever their length."""
        return ENOUGH

    def too_few(self, spec: Spec) -> str:
        return "lines: expect mistakes in every other one"

    def plain(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Square roots of the shares of symbols and of pairs, both in 256 buckets: (N, 512)."""
        rows = np.asarray(stored, np.int64)
        pairs = rows[:, :-1] * 31 + rows[:, 1:]
        found = np.concatenate([counted(rows, rows != 0), counted(pairs, rows[:, :-1] != 0)], 1)
        return found

    def facts(self, stored: NDArray[Any], spec: Spec) -> list[str]:
        rows = np.asarray(stored, np.int64).reshape(len(stored), -1)
        lines, counts = np.unique(rows, axis=0, return_counts=True)
        share = int(counts.max()) / len(rows)
        if len(lines) == len(rows) or share < FREQUENT:
            return []
        line = self.words(lines[counts.argmax()][None].astype(stored.dtype), spec) or ""
        return [f"The most frequent line is {100 * share:.1f} % of all: {line.strip()}"]

    def vitals(self, stored: NDArray[Any]) -> dict[str, float]:
        """Share of different lines, bits of entropy of a symbol, and symbols in a line."""
        rows = np.asarray(stored, np.int64).reshape(len(stored), -1)
        symbols = rows[rows != 0]
        shares = np.bincount(symbols) / max(len(symbols), 1) if len(symbols) else np.ones(1)
        shares = shares[shares > 0]
        return {
            "distinct": len(np.unique(rows, axis=0)) / len(rows),
            "entropy": abs(float((shares * np.log2(shares)).sum())),
            "level": float((rows != 0).sum(1).mean()),
        }


FREQUENT = 0.01  # of all lines, from which a single one is told


def counted(values: NDArray[np.int64], there: NDArray[np.bool_]) -> NDArray[np.float32]:
    counts = np.zeros((len(values), BUCKETS), np.float32)
    row = np.broadcast_to(np.arange(len(values))[:, None], values.shape)
    np.add.at(counts, (row[there], values[there] % BUCKETS), 1)
    shares: NDArray[np.float32] = np.sqrt(counts / np.maximum(counts.sum(1, keepdims=True), 1))
    return shares


def text_spec(vocabulary: Vocabulary) -> Spec:
    """Of rows that this vocabulary makes."""
    return Spec("text", (vocabulary.length,), "int16", vocabulary.to_json())


def vocabulary_of(spec: Spec) -> Vocabulary:
    """The vocabulary that a spec holds; CheckpointError where it is damaged.

    >>> v = Vocabulary(("", "a"), 3)
    >>> vocabulary_of(text_spec(v)) == v
    True
    """
    symbols: Any = spec.extra.get("symbols")
    unit = spec.extra.get("unit")
    whole = isinstance(symbols, list | tuple) and all(isinstance(s, str) for s in symbols)
    whole = whole and list(symbols[:1]) == [""] and len(symbols) <= MOST + 1
    length = spec.shape[0] if len(spec.shape) == 1 else 0
    if not whole or unit not in UNITS or not 0 < length <= LENGTH:
        raise CheckpointError(
            f"a spec of text is damaged: it holds a list of up to {MOST:,} symbols, of which the "
            f"first is empty, a unit ({' or '.join(UNITS)}), and one length up to {LENGTH:,}"
        )
    return _vocabulary(tuple(symbols), spec.shape[0], unit)


@functools.lru_cache(8)
def _vocabulary(symbols: tuple[str, ...], length: int, unit: Unit) -> Vocabulary:
    return Vocabulary(symbols, length, unit)


def lines_of(samples: NDArray[Any], spec: Spec) -> list[str]:
    """Stored samples (N, T) as lines."""
    vocabulary = vocabulary_of(spec)
    return [vocabulary.decode(row) for row in samples]


def as_list(lines: list[str], alt: str) -> str:
    """Lines as an ordered list in HTML: escaped, and each isolated from what stands around it."""
    if lines and not lines[-1]:
        lines = lines[:-1]
    items = "".join(
        "<li><bdi>"
        + isolated(html.escape(plain(shortened(line, SHOWN))), "<bdi>", "</bdi>")
        + "</bdi></li>"
        for line in lines
    )
    return f'<ol class="lines" aria-label="{html.escape(plain(alt), quote=True)}">{items}</ol>'
