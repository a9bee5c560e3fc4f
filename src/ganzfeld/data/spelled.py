"""Numbers as people spell them: with currencies, percent signs, commas for points."""

from __future__ import annotations

import re
from collections.abc import Sequence

DRESSED = re.compile(
    r"(?P<sign>[+-]?)(?P<before>[$€£¥]?) ?(?P<number>\d[\d.,]*) ?(?P<after>[%$€£¥]?)"
)
GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")  # 1,234.5
COMMA = re.compile(r"\d+,\d+")  # 1234,5
CODES = "USD|EUR|GBP|CNY|RMB|JPY|CHF|CAD|AUD|INR|KRW|SEK|NOK|DKK|PLN|BRL|MXN|SGD|HKD|NZD|ZAR"
LOSS = re.compile(r"\((?P<amount>[^()]*\d[^()]*)\)|(?P<behind>[^-]*\d)-")  # (1,234.50), 12.50-
UNIT = re.compile(
    rf"(?P<code>(?:{CODES}) ?)?(?P<sign>-?)(?P<number>[$€£¥]?\d[\d.,]*)"
    r"(?P<unit> [A-Za-zµ°][A-Za-z0-9/²³]{0,5}| ?[°元円][A-Z]?)?"
)
POINTED = re.compile(r"\d{1,3}(\.\d{3})*(,\d+)?")  # 1.234,5


def spelled(cells: Sequence[str], rules: int) -> tuple[list[float], str] | None:
    """Numbers of cells with a currency, a percent sign, thousands in groups or a decimal comma; and
    from rules 6 on, with one unit behind all of them, and losses in brackets.

    And what was taken off, in words. None where a cell is no such number. A comma with three
    digits behind it parts thousands, unless another cell of the column has fewer or more, or a
    zero before it; points do where a comma follows them.
    """
    cells, units = undressed(cells) if rules >= 6 else (cells, [])
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
    said = [f"{sign} taken off" for sign in sorted(signs)] + units
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


def undressed(cells: Sequence[str]) -> tuple[list[str], list[str]]:
    """Cells without the one code of a currency or unit that all have, and losses with a minus; and
    what was done, in words.

    >>> undressed(["EUR 5", "(EUR 7)"]), undressed(["5 km", "7 mi"])
    ((['5', '-7'], ['brackets taken for a minus', 'EUR taken off']), (['5 km', '7 mi'], []))
    """
    said: list[str] = []
    losses = [LOSS.fullmatch(cell) for cell in cells]
    signed = [*cells]
    if any(losses) and not all(losses):  # (1), (2), (3) are no losses
        signed = [
            f"-{m['amount'] or m['behind']}" if m else cell
            for m, cell in zip(losses, cells, strict=True)
        ]
        brackets = any(m and m["amount"] for m in losses)
        said = [f"{'brackets' if brackets else 'a sign behind'} taken for a minus"]
    flat = [re.sub(r"^-([A-Z]{3}) ?", r"\1 -", cell) for cell in signed]
    found = [UNIT.fullmatch(cell) for cell in flat]
    dress = {((m["code"] or "").strip(), (m["unit"] or "").strip()) for m in found if m}
    if not all(found) or len(dress) != 1 or dress == {("", "")}:
        return signed, said
    said += [f"{part} taken off" for part in dress.pop() if part]
    return [m["sign"] + m["number"] for m in found if m], said
