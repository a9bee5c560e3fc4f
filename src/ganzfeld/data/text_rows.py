"""Lines of text as a pack holds them: rows of symbols, with the vocabulary in their spec."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import numpy as np

from ganzfeld.data.columns import Values
from ganzfeld.data.source import Raw
from ganzfeld.data.text_sets import grammar_lines
from ganzfeld.errors import DataError
from ganzfeld.modalities.base import Spec
from ganzfeld.modalities.symbols import (
    LONGEST,
    BadLine,
    Unit,
    build_vocabulary,
    cleaned,
    encode_lines,
)

GRAMMAR = "english"  # in a spec's extra: the language whose truth is known


def add_lines(raw: Raw, lines: Sequence[str], place: str, unit: Unit = "characters") -> None:
    """Set the samples "x" of a source from its lines, and leave out those that cannot be written.

    Lines that are damaged are bad samples, with their reason. Lines that are only too long, or hold
    symbols beyond the vocabulary, are no fault of the data: they are left out and counted.

    lines: one for each title of `raw`, "" where it is bad already.
    Raises DataError where no line is left.
    """
    for number, line in enumerate(lines):
        if number not in raw.bad:
            try:
                cleaned(line)
            except BadLine as error:
                raw.bad[number] = str(error)
    good = [number for number in range(len(lines)) if number not in raw.bad]
    try:
        vocabulary = build_vocabulary([lines[number] for number in good], unit=unit)
    except BadLine as error:
        if raw.bad:  # which then say it
            raw.columns["x"] = empty(len(lines))
            return
        raise DataError(
            f"{place} has {error}",
            fix=f"fold -s -w 60 {shlex.quote(place)} > lines.txt   cuts its lines at blanks",
        ) from None
    found = encode_lines([lines[number] for number in good], vocabulary, LONGEST)
    for reason, left in found.left_out.items():
        raw.facts[f"left out: {reason}"] += len(left)
    rows = [np.zeros(0, np.int16)] * len(lines)
    for row, length, at in zip(found.tokens, found.lengths, found.rows, strict=True):
        rows[good[at]] = row[:length]
    extra = {**vocabulary.to_json(), "ragged": True}
    raw.columns["x"] = Values(spec=Spec("text", (vocabulary.length,), "int16", extra), rows=rows)
    repeats = len(found.tokens) - len(np.unique(found.tokens, axis=0))
    if repeats:
        raw.facts["repeats of other lines, kept"] += repeats
    keep(raw, sorted({*raw.bad, *(good[at] for at in found.rows)}))


def empty(count: int) -> Values:
    extra = {"unit": "characters", "symbols": ["", " "], "ragged": True}
    return Values(spec=Spec("text", (2,), "int16", extra), rows=[np.zeros(0, np.int16)] * count)


def keep(raw: Raw, chosen: list[int]) -> None:
    """Go on with some of the samples alone."""
    if len(chosen) == len(raw.titles):
        return
    raw.titles = [raw.titles[number] for number in chosen]
    raw.columns = {name: values.kept(chosen) for name, values in raw.columns.items()}
    if raw.labels is not None:
        raw.labels = raw.labels[chosen]
    raw.bad = {at: raw.bad[number] for at, number in enumerate(chosen) if number in raw.bad}


def grammar(count: int) -> Raw:
    """The embedded set "grammar": sentences of `text_sets.english`, in words."""
    raw = Raw(columns={}, titles=[f"sentence {number}" for number in range(count)])
    add_lines(raw, grammar_lines(count), "grammar", "words")
    raw.columns["x"].spec.extra["grammar"] = GRAMMAR
    return raw
