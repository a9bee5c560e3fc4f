"""How text that is not UTF-8 may be written."""

from __future__ import annotations

import re

UTF16 = (b"\xff\xfe", b"\xfe\xff")
WHITE = "\t\n\r\f\v\x1b"  # control characters that text may hold
USUAL = range(0xA1, 0xD8)  # first bytes of signs and of the 3,755 most usual letters of GB 2312
FEW = 20  # lines for each that may be damaged where a file is text all the same
MARK = "\ufffd"  # in place of bytes that are not UTF-8
DAMAGED = "holds bytes that are not UTF-8"


def encoding_of(head: bytes, *, usual: bool = True) -> str:
    """What text that is not UTF-8 may be written in: a guess, for people to confirm.

    Chinese letters take two bytes, so that bytes above 127 come in runs of two and more. European
    ones take one, mostly between plain letters. Two in a row would be a rare Chinese
    letter, and most are usual ones. usual: whether that counts; see `source.RULES`.

    Example::

        from ganzfeld.data.encodings import encoding_of

        assert encoding_of("gr\u00fcn, wei\u00df".encode("latin-1")) == "WINDOWS-1252"
        assert encoding_of("Gr\u00f6\u00dfe".encode("latin-1")) == "WINDOWS-1252"
        assert encoding_of("\u732b, \u72d7".encode("gb18030")) == "GB18030"
    """
    if head[:2] in UTF16:
        return "UTF-16"
    found = re.findall(rb"[\x80-\xff]+", head)
    runs = [len(run) for run in found]
    first = [run[place] for run in found for place in range(0, len(run) - 1, 2)]  # of two bytes
    rare = 2 * sum(byte in USUAL for byte in first) < len(first)
    return "WINDOWS-1252" if 2 * runs.count(1) > len(runs) or (usual and rare) else "GB18030"


def odd_lines(data: bytes) -> tuple[int, int, int]:
    """Of how many lines: that are not UTF-8 or hold control characters, and that are UTF-8 beyond
    ASCII: (lines, odd ones, others beyond ASCII).

    >>> odd_lines("a\n\u732b\n".encode() + b"\xff\n")
    (4, 1, 1)
    """
    lines, odd, beyond = data.split(b"\n"), 0, 0
    for line in lines:
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            odd += 1
            continue
        odd += any(c < " " and c not in WHITE for c in text)
        beyond += not line.isascii()
    return len(lines), odd, beyond


def decoded(data: bytes, *, usual: bool = True) -> str:
    """Text in UTF-8, or else in what `encoding_of` takes it for; other bytes become U+FFFD.

    Where nearly all lines are UTF-8 and more than those that are not say so, all are.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        lines, odd, beyond = odd_lines(data)
        if FEW * odd <= lines and odd < beyond:
            return data.decode("utf-8-sig", "replace")
        return data.decode(encoding_of(data, usual=usual), "replace")
