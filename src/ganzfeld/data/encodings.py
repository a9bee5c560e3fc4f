"""How text that is not UTF-8 may be written."""

from __future__ import annotations

import codecs
import re

UTF16 = (b"\xff\xfe", b"\xfe\xff")
WHITE = "\t\n\r\f\v\x1b"  # control characters that text may hold
USUAL = range(0xA1, 0xD8)  # first bytes of signs and of the 3,755 most usual letters of GB 2312
FEW = 20  # lines for each that may be damaged where a file is text all the same
CONTROLS = {chr(number) for number in range(32)} - set(WHITE)
SIGNS = "\u20ac\u2013\u2014\u2018\u2019\u201c\u201d\u201e\u2026"  # usual in European text
SIGNS += "\xa0\xab\xbb\xb0\xa7\xb2\xb3"
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


def foreign(head: bytes) -> str:
    """What text is written in that is not UTF-8; "" where that cannot be told, or it is no text.

    head: its first bytes, where a letter may be cut.

    Example::

        from ganzfeld.data.encodings import foreign

        assert foreign("\u732b,3\n\u72d7,4\n".encode("gbk")) == "GB18030"
        assert foreign(b"cat,3") == ""
    """
    lines, odd, _ = (1, 0, 0) if head.isascii() else odd_lines(head)
    if FEW * odd <= lines:
        return ""
    encoding = encoding_of(head)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return ""
    if encoding == "GB18030":  # Big5 has letters of two bytes, of which the second may be plain
        runs = re.findall(rb"[\x80-\xff]+", head)
        sure = 10 * sum(len(run) % 2 for run in runs) <= len(runs)
    else:  # of European text a third of the letters at most has an accent, of others nearly all
        beyond = [c for c in text if c > "\x7f"]
        letters, accented = sum(map(str.isalpha, text)), sum(map(str.isalpha, beyond))
        strange = sum(not c.isalpha() and c not in SIGNS for c in beyond)
        sure = encoding == "UTF-16" or (10 * strange <= len(beyond) and 3 * accented <= letters)
    return encoding if sure and text.strip() and not set(text) & CONTROLS else ""


def unmarked(head: bytes) -> str:
    r""" "UTF-16LE" or "UTF-16BE" where text without a mark is likely one of them; else "".

    There the ends of lines have two bytes.

    >>> [unmarked("emma\nava\n".encode(name)) for name in ("utf-16-le", "utf-16-be", "utf-8")]
    ['UTF-16LE', 'UTF-16BE', '']
    >>> unmarked(b"abc\n\0\n")
    ''
    """
    for name in ("UTF-16LE", "UTF-16BE"):
        text = head[: len(head) // 2 * 2].decode(name, "ignore")
        if 2 * text.count("\n") > head.count(b"\n") and not set(text) & CONTROLS:
            return name
    return ""


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
