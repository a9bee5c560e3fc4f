"""Captions as conditions: a column of text becomes rows of word numbers beside the samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import shown
from ganzfeld.data.beside import Beside
from ganzfeld.data.candidates import SEVERAL, WRONG, need_column
from ganzfeld.data.columns import Column, text_of
from ganzfeld.data.pack import Pack
from ganzfeld.errors import DataError
from ganzfeld.modalities import captions

KIND = "caption"  # of a condition, and its entry in a batch


class Captioned(Beside):
    """A pack whose rows have captions too. about: the condition, as `captioned` finds it.

    Rows have "caption" (n, T) int64, word numbers with zeros behind their ends, "caption_length"
    (n,), and, where the data have captions that are wrong, "caption_wrong" (n, K, T). Where images
    have several captions, "caption" is the first, and all are "caption_several" (n, K, T), with
    rows of zeros behind the last.
    """

    given = KIND

    def __init__(self, whole: Pack, about: Mapping[str, Any]) -> None:
        super().__init__(whole, [about], [str(about["name"])])
        found = several_of(whole.columns[about["name"]])
        symbols, length = about["symbols"], about["length"]
        most = max(map(len, found))
        filled = [line for some in found for line in (*some, *[""] * (most - len(some)))]
        self.several = captions.encode(filled, symbols, length).reshape(len(found), most, length)
        self.tokens = self.several[:, 0]
        self.wrong = None
        column = whole.columns.get(f"{about['name']}{WRONG}")
        if column is not None and column.spec.modality in ("text", "class"):
            several = [line.split("\n") for line in lines_of(column)]
            most = max(len(some) for some in several)
            flat = [some[i % len(some)] for some in several for i in range(most)]
            self.wrong = captions.encode(flat, symbols, length).reshape(len(several), most, length)

    def rows(self, indices: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        tokens = self.tokens[indices].astype(np.int64)
        found = {KIND: tokens, f"{KIND}_length": (tokens != 0).sum(1)}
        if self.several.shape[1] > 1:
            found[f"{KIND}_several"] = self.several[indices].astype(np.int64)
        if self.wrong is not None:
            found[f"{KIND}_wrong"] = self.wrong[indices].astype(np.int64)
        return {**self.whole.rows(indices), **found}


def are(pack: Pack, names: Sequence[str]) -> bool:
    """Whether the one column that is named holds text."""
    column = pack.columns.get(names[0]) if len(names) == 1 else None
    return column is not None and column.spec.modality == "text"


def captioned(pack: Pack, names: Sequence[str], training: NDArray[np.int64]) -> Captioned:
    """The pack with its captions. training: rows whose words make the vocabulary.

    Raises DataError where samples have no caption.
    """
    (name,) = names
    column = need_column(pack.columns, name, pack.report["source"])
    found = several_of(column)
    if missing := sum(not captions.words_of(some[0]) for some in found):
        raise DataError(
            f"{missing:,} of {len(found):,} samples have no words in {shown(name)}",
            safe="nothing was trained",
            fix=f"fill in the column {shown(name)}, or take those samples out of the data",
        )
    first = captions.words_of(found[int(training[0])][0])
    if all(captions.words_of(line) == first for row in training for line in found[int(row)]):
        raise DataError(
            f"the column {shown(name)} says the same of all samples: nothing can be learned of it",
            safe="nothing was trained",
            fix="--condition with a column in which captions differ",
        )
    symbols, length = captions.vocabulary(line for row in training for line in found[int(row)])
    about = {"name": name, "kind": KIND, "digest": column.digest}
    return Captioned(pack, {**about, "symbols": symbols, "length": length})


def lines_of(column: Column) -> list[str]:
    """All texts of a column; of classes, which few texts that repeat are read as, their names."""
    if column.spec.modality == "class":
        names = ["", *column.spec.extra["names"]]  # "" for what is missing, -1
        return [names[int(row) + 1] for row in column.rows(np.arange(len(column)))]
    return [text_of(column.sample(row)) for row in range(len(column))]


def several_of(column: Column) -> list[list[str]]:
    """The captions of each sample, at least one."""
    lines = lines_of(column)
    return [line.split("\n") if SEVERAL in column.spec.extra else [line] for line in lines]
