"""Errors of the server as RFC 9457 has them. None of them holds a traceback or a path."""

from __future__ import annotations

import json
from typing import Any

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

    def body(self, request_id: str) -> bytes:
        said: dict[str, Any] = {
            "type": f"urn:ganzfeld:problem:{self.status}",
            "title": TITLES[self.status],
            "status": self.status,
            "detail": self.detail,
            "field": self.field,
            "fix": self.fix,
            "id": request_id,
        }
        return json.dumps({k: v for k, v in said.items() if v is not None}).encode()
