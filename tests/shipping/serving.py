"""A server in a thread of the test, and requests to it over plain sockets."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ganzfeld.shipping.server import run as running
from ganzfeld.shipping.server.app import App, Limits
from ganzfeld.shipping.server.guard import Guard
from ganzfeld.shipping.server.handlers import application
from ganzfeld.shipping.server.served import Served


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Running:
    """What a test asks: `get`, `post`, or raw bytes. Every reply is read to its end."""

    def __init__(self, app: App, port: int) -> None:
        self.app, self.port = app, port

    def connect(self, seconds: float = 20.0) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), seconds)

    def raw(self, data: bytes, seconds: float = 20.0) -> Reply:
        with self.connect(seconds) as own:
            own.sendall(data)
            return read_reply(own)

    def get(self, path: str, **headers: str) -> Reply:
        return self.raw(self.request("GET", path, headers, b""))

    def post(self, path: str, value: Any, **headers: str) -> Reply:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        own = {"content_type": "application/json", "content_length": str(len(body))} | headers
        return self.raw(self.request("POST", path, own, body))

    def request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        own = {"host": f"127.0.0.1:{self.port}"} | headers
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{k.replace('_', '-')}: {v}" for k, v in own.items()),
        ]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def read_reply(own: socket.socket) -> Reply:
    """One HTTP reply; status 0 where the server closed without one."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = own.recv(65536)
        if not more:
            return Reply(0, {}, data)
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in rest)}
    status = int(first.split()[1])
    length = headers.get("content-length")
    if status in (204, 304):
        return Reply(status, headers, b"")
    while length is None or len(body) < int(length):
        more = own.recv(65536)
        if not more:
            break
        body += more
    return Reply(status, headers, body)


@contextmanager
def served(models: list[Served], limits: Limits | None = None, **rules: Any) -> Iterator[Running]:
    """Models behind a port of their own. rules: of `Guard`."""
    running.warm(models)
    own = running.listen("127.0.0.1", 0)
    port = own.getsockname()[1]
    app = application(models, Guard("127.0.0.1", port, **rules), limits)
    there = threading.Event()
    thread = threading.Thread(target=running.run, args=(app, own, there.set), daemon=True)
    thread.start()
    assert there.wait(20)
    try:
        yield Running(app, port)
    finally:
        app.stopping = True
        thread.join(20)
        assert not thread.is_alive()


def until(seconds: float, test: Any) -> bool:
    """Whether `test()` comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if test():
            return True
        time.sleep(0.01)
    return bool(test())
