"""Columns of numbers that are spelled as people spell them, or that hold a few cells of words."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ganzfeld.core.names import shortened
from ganzfeld.data.columns import Values
from ganzfeld.data.typed import number, plain_cell

FEW = 0.05  # of a column's cells that may be no numbers, and make their rows bad
DRESSED = re.compile(
    r"(?P<sign>[+-]?)(?P<before>[$€£¥]?) ?(?P<number>\d[\d.,]*) ?(?P<after>[%$€£¥]?)"
)
GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")  # 1,234.5
COMMA = re.compile(r"\d+,\d+")  # 1234,5
POINTED = re.compile(r"\d{1,3}(\.\d{3})*(,\d+)?")  # 1.234,5


def spelled(cells: Sequence[str]) -> tuple[list[float], str] | None:
    """Numbers of cells with a currency, a percent sign, thousands in groups or a decimal comma.

    And what was taken off, in words. None where a cell is no such number. A comma with three
    digits behind it parts thousands, unless another cell of the column has fewer or more, or a
    zero before it; points do where a comma follows them.
    """
    found = [DRESSED.fullmatch(cell) for cell in cells]
    if not cells or not all(found):
        return None
    texts = [match["number"] for match in found if match]
    both = any(0 < text.find(".") < text.find(",") or text.count(".") > 1 for text in texts)
    pointed = both and all(map(POINTED.fullmatch, texts))
    if pointed:
        texts = [text.replace(".", "") for text in texts]
    commas = [text for text in texts if "," in text]
    grouped = not pointed and all(GROUPED.fullmatch(t) and t[0] != "0" for t in commas)
    if not grouped and not all(COMMA.fullmatch(text) or text.isdigit() for text in texts):
        return None
    plain = [text.replace(",", "" if grouped else ".") for text in texts]
    if any(text.count(".") > 1 for text in plain):
        return None
    signs = {match[at] for match in found if match for at in ("before", "after")} - {""}
    said = [f"{sign} taken off" for sign in sorted(signs)]
    if pointed:
        said.append("points taken for thousands")
    if commas:
        said.append("commas taken for thousands" if grouped else "decimal commas")
    numbers = [
        float(text) * (-1 if match and match["sign"] == "-" else 1)
        for text, match in zip(plain, found, strict=True)
    ]
    return numbers, ", ".join(said)


def but_for_few(cells: Sequence[Any], values: Values) -> tuple[Values, dict[int, str]]:
    """A column that was taken for text as numbers, and the cells that are none, by their places.

    values: what `typed` made of it, which is given back where it is text indeed.
    """
    there = [plain_cell(cell) for cell in cells]
    words = {row: cell for row, cell in enumerate(there) if isinstance(cell, str)}
    if any(word.isdigit() for word in words.values()):
        return values, {}  # 04109 is a code, and so are the others
    count = sum(cell is not None for cell in there)
    said = ""
    if (found := spelled([str(cell) for cell in there if cell is not None])) is not None:
        numbers, said = iter(found[0]), found[1]
        row_of = [math.nan if cell is None else next(numbers) for cell in there]
        words = {}
    elif len(words) <= FEW * count and not any(isinstance(cell, bool) for cell in there):
        row_of = [
            math.nan if cell is None or isinstance(cell, str) else float(cell) for cell in there
        ]
    else:
        return values, {}
    column = np.array(row_of)
    whole = not (column[np.isfinite(column)] % 1).any()
    extra = {"spelled": said} if said else {}
    odd = {row: shortened(word, 40) for row, word in words.items()}
    return number(column, whole=whole, **extra), odd
