"""Who may ask: hosts, origins, tokens, content types; and the headers of every answer.

A page in a browser can reach a server on its user's machine: by another name for that machine
(DNS rebinding), which only a list of hosts stops, or across origins, which Origin, the content
type and Sec-Fetch-Site show. All of it is checked on every path, before a body is read.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from typing import Any

from ganzfeld.shipping.server.problem import Problem
from ganzfeld.shipping.server.table import Endpoint

HOST = re.compile(
    r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?)(?::([0-9]{1,5}))?"
)
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
CLOSED = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


class Guard:
    """The rules of one server.

    host, port: where it listens. hosts: other names for it, with or without a port. origins: of
    pages elsewhere that may ask. token: None where none is needed.
    """

    def __init__(
        self,
        host: str,
        port: int,
        hosts: Iterable[str] = (),
        origins: Iterable[str] = (),
        token: str | None = None,
    ) -> None:
        own = f"[{host}]" if ":" in host and not host.startswith("[") else host
        self.port = port
        self.own = {*LOOPBACK, own.lower()}
        self.others = {name.lower() for name in hosts}
        self.origins = frozenset(origins)
        self.token = None if token is None else token.encode()

    def check(self, headers: list[tuple[bytes, bytes]], method: str, endpoint: Endpoint) -> None:
        """Problem where a request is refused."""
        said = single(headers)
        self.check_host(said)
        origin = said.get("origin")
        if origin is not None:
            self.check_origin(origin, said["host"])
        if method == "OPTIONS":
            return
        if self.token is not None and not endpoint.open:
            self.check_token(said.get("authorization", ""))
        if method == "POST":
            site = said.get("sec-fetch-site", "none")
            if site not in ("same-origin", "same-site", "none") and origin not in self.origins:
                raise Problem(403, "another site's page sent this")
            kind = said.get("content-type", "").partition(";")[0].strip().lower()
            wanted = endpoint.takes or ("application/json",)
            if kind not in wanted:
                raise Problem(
                    415, f"the body must be {' or '.join(wanted)}", fix=f"Content-Type: {wanted[0]}"
                )
            if said.get("content-encoding", "identity") != "identity":
                raise Problem(415, "the body must not be compressed")

    def check_host(self, said: dict[str, str]) -> None:
        host = said.get("host", "").lower()
        parts = HOST.fullmatch(host)
        if parts is not None:
            name, port = parts[1], parts[2]
            usual = port is None and self.port in (80, 443)
            if name in self.own and (usual or port == str(self.port)):
                return
            if host in self.others or name in self.others:
                return
        raise Problem(
            421,
            "this server is not meant for the host that was asked for",
            fix="ask for 127.0.0.1 or localhost, or start it with --allow-host NAME",
        )

    def check_origin(self, origin: str, host: str) -> None:
        if origin in self.origins:
            return
        scheme, _, place = origin.partition("://")
        if scheme in ("http", "https") and place.lower() == host.lower():
            return
        raise Problem(
            403,
            "a page of another origin sent this",
            fix="start the server with --allow-origin URL for a page that you trust",
        )

    def check_token(self, said: str) -> None:
        assert self.token is not None
        kind, _, token = said.partition(" ")
        given = token.strip().encode("latin-1", "replace")
        if kind.lower() == "bearer" and hmac.compare_digest(given, self.token):
            return
        raise Problem(
            401,
            "this server needs a token",
            fix="Authorization: Bearer TOKEN",
            headers={"WWW-Authenticate": "Bearer"},
        )

    def shared(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Headers that let a page of an allowed origin read the answer; none for others."""
        if not self.origins:
            return []
        origin = next((value.decode("latin-1") for name, value in headers if name == b"origin"), "")
        vary = [(b"vary", b"Origin")]
        if origin not in self.origins:
            return vary
        return [(b"access-control-allow-origin", origin.encode()), *vary]


ONCE = frozenset(
    ("host", "origin", "authorization", "content-type", "content-length", "content-encoding",
     "sec-fetch-site", "if-none-match")
)  # fmt: skip


def single(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers that decide something, each once. Problem 400 where one is there twice."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name = raw.decode("latin-1")
        if name in ONCE:
            if name in found:
                raise Problem(400, f"the header {name} is there twice", field=name)
            found[name] = value.decode("latin-1")
    return found


def preflight(shared: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers of the answer to OPTIONS."""
    return [
        *shared,
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", b"Authorization, Content-Type"),
        (b"access-control-max-age", b"600"),
    ]


Scope = dict[str, Any]
