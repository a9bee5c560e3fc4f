"""How text that is not UTF-8 may be written."""

from __future__ import annotations

import re

UTF16 = (b"\xff\xfe", b"\xfe\xff")


def encoding_of(head: bytes) -> str:
    """What text that is not UTF-8 may be written in: a guess, for people to confirm.

    Chinese letters take two bytes, so that bytes above 127 come in runs of two and more. European
    ones take one, mostly between plain letters.

    Example::

        from ganzfeld.data.encodings import encoding_of

        assert encoding_of("gr\u00fcn, wei\u00df".encode("latin-1")) == "WINDOWS-1252"
        assert encoding_of("\u732b, \u72d7".encode("gb18030")) == "GB18030"
    """
    if head[:2] in UTF16:
        return "UTF-16"
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", head)]
    return "WINDOWS-1252" if 2 * runs.count(1) > len(runs) else "GB18030"


def decoded(data: bytes) -> str:
    """Text in UTF-8, or else in what `encoding_of` takes it for; other bytes become U+FFFD."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode(encoding_of(data), "replace")
