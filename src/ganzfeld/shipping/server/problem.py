"""Errors of the server as RFC 9457 has them. None of them holds a traceback or a path.

`title`, `detail` and `fix` are in the language that a request prefers: one process answers many
people, so that its own language (`core.language.tr`) does not matter here.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ganzfeld.core.language import JOINS, in_chinese

TITLES = {
    304: "Not Modified",
    400: "Malformed request",
    401: "A token is needed",
    403: "Refused",
    404: "Not found",
    405: "Method not allowed",
    406: "Format not offered",
    408: "Too slow",
    413: "Too large",
    415: "Content type not taken",
    421: "Not for this host",
    422: "Wrong value",
    429: "Queue full",
    431: "Headers too large",
    500: "A fault of the server",
    503: "Not ready",
    504: "Out of time",
}


LANGUAGES = {"en": "en", "zh": "zh-CN"}  # as headers name them
WANTED = re.compile(r"\s*([a-z]{1,8})(?:-[a-z0-9-]{1,40})?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")
LONGEST = 400  # characters of a sentence that is looked up
MOST = 8  # joins in it: a client may have put hundreds there, and each costs a look


def spoken(accepted: bytes) -> str:
    """ "zh" or "en": which of them the header Accept-Language prefers; else "en".

    Example::

        from ganzfeld.shipping.server.problem import spoken

        assert spoken(b"fr, zh-CN;q=0.9, en;q=0.8") == "zh" and spoken(b"") == "en"
    """
    best, found = 0.0, "en"
    for part in accepted.decode("latin-1").lower().split(",")[:32]:
        one = WANTED.fullmatch(part)
        if one is None or one[1] not in LANGUAGES:
            continue
        weight = 1.0 if one[2] is None else float(one[2])
        if weight > best:
            best, found = weight, one[1]
    return found


class Problem(Exception):
    """A request that is refused. headers: of the answer, beside those that all have."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        field: str | None = None,
        fix: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.field, self.fix, self.headers = field, fix, headers or {}

    def body(self, request_id: str, language: str = "en") -> bytes:
        """As JSON. language: "zh" or "en", of what people read; `field` and `type` stay."""

        def told(text: str | None) -> str | None:
            if text is None or language == "en" or len(text) > LONGEST:
                return text
            if sum(text.count(join) for join, _ in JOINS) > MOST:
                return text
            return in_chinese(text)

        said: dict[str, Any] = {
            "type": f"urn:ganzfeld:problem:{self.status}",
            "title": told(TITLES[self.status]),
            "status": self.status,
            "detail": told(self.detail),
            "field": self.field,
            "fix": told(self.fix),
            "id": request_id,
        }
        said = {name: value for name, value in said.items() if value is not None}
        return json.dumps(said, ensure_ascii=False).encode(errors="replace")
