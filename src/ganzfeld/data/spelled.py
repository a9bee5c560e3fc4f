"""Numbers as people spell them: with currencies, percent signs, commas for points."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
    if any(text[0] == "0" and text[1:2].isdigit() for text in texts):
        return None  # 04109 is a code
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
    if not said:
        return None
    numbers = [
        float(text) * (-1 if match and match["sign"] == "-" else 1)
        for text, match in zip(plain, found, strict=True)
    ]
    return numbers, ", ".join(said)
