"""Run the server on uvicorn: its socket, its limits, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib.util
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

import numpy as np

from ganzfeld.errors import UsageError
from ganzfeld.shipping.server.app import App
from ganzfeld.shipping.server.served import Served

INSTALL = 'pip install "ganzfeld[serve]"'
HEADER_SECONDS = 10.0  # until a request's headers must be there
TAKING_SECONDS, TAKEN_BYTES = 10.0, 32 << 10  # what a client must take of its answer, and when
GRACE_SECONDS = 10.0  # for the queue, after the signal to stop
CONNECTIONS = 256  # at a time; slow ones are closed after HEADER_SECONDS


def need_uvicorn() -> None:
    """UsageError where it is not installed, before any model is loaded."""
    if importlib.util.find_spec("uvicorn") is None:
        raise UsageError("a server needs uvicorn, which is not installed", fix=INSTALL)


def address(host: str, port: int) -> str:
    """A host and a port as the address of a page has them: IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; UsageError where the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    own = socket.socket(
        family, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )  # asyncio asks for TCP_NODELAY
    try:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.bind((host, port))
        own.listen(1024)
    except (OSError, TypeError, UnicodeError) as error:  # the latter of what is no name of a host
        own.close()
        why = getattr(error, "strerror", None) or error
        fix = f"--port {port + 1 if 0 < port < 65535 else 7878}, or 0 for any free one"
        if getattr(error, "errno", None) == errno.EACCES:
            fix = "--port 7878, or another above 1023"
        elif getattr(error, "errno", None) != errno.EADDRINUSE:
            fix = "--host with a name or an address of this machine, or leave it out"
        raise UsageError(
            f"the address {address(host, port)} cannot be used: {why}", fix=fix
        ) from error
    return own


def check_host(host: str, token: str | None) -> None:
    """UsageError where others could reach the server and nothing asks who they are."""
    if host in ("127.0.0.1", "localhost", "::1"):
        return
    if not token:
        raise UsageError(
            f"--host {host} lets other machines in, and there is no token to ask them for",
            fix="GANZFELD_TOKEN=... ganzfeld serve ... (or --token), or leave --host out",
        )
    if len(token) < 16:
        raise UsageError(
            f"a token of {len(token)} characters can be guessed",
            fix='16 or more, such as $(python -c "import secrets; print(secrets.token_urlsafe())")',
        )


def warm(models: Sequence[Served]) -> None:
    """Draw each model's first sample, alone and among others; note its hash for /ready."""
    for served in models:
        if served.engine is not None:
            alone = served.engine.draw([(0, 0)])
            among = served.engine.draw([(1, 5), (0, 0), (2, 7)])[1:2]
            if not np.array_equal(alone, among, equal_nan=alone.dtype.kind == "f"):
                raise UsageError(f"{served.name}: a sample depends on what is drawn beside it")
            served.first = served.digest(alone)


def run(app: App, own: socket.socket, started: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or Ctrl-C; requests that wait are answered first.

    UsageError where uvicorn is not installed.
    """
    need_uvicorn()
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Patient(H11Protocol):  # type: ignore[misc]
        """Closes connections that uvicorn keeps: the headers of a request do not come in time, or
        nobody takes the answer."""

        late: asyncio.TimerHandle | None = None
        stuck: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.late = self.loop.call_later(HEADER_SECONDS, self.give_up)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.late is not None and self.cycle is not None:
                self.late.cancel()
                self.late = None
            elif self.late is None and (self.cycle is None or self.cycle.response_complete):
                self.late = self.loop.call_later(HEADER_SECONDS, self.give_up)

        def give_up(self) -> None:
            if self.cycle is None or self.cycle.response_complete:
                self.transport.close()
            self.late = None

        def pause_writing(self) -> None:
            super().pause_writing()
            self.watch()

        def resume_writing(self) -> None:
            super().resume_writing()
            if self.stuck is not None:
                self.stuck.cancel()
                self.stuck = None

        def watch(self) -> None:
            """Look again in a while whether the client has taken some of its answer."""
            waits = self.transport.get_write_buffer_size()
            self.stuck = self.loop.call_later(TAKING_SECONDS, self.look, waits)

        def look(self, before: int) -> None:
            if before - self.transport.get_write_buffer_size() < TAKEN_BYTES:
                self.transport.abort()
            else:
                self.watch()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            for timer in (self.late, self.stuck):
                if timer is not None:
                    timer.cancel()

    class Server(uvicorn.Server):  # type: ignore[misc]
        """Ends with 0 on SIGTERM and Ctrl-C, once its queue is empty; a second one ends it now."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            if threading.current_thread() is not threading.main_thread():
                yield
                return
            numbers = (signal.SIGINT, signal.SIGTERM)
            before = {number: signal.signal(number, self.handle_exit) for number in numbers}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if app.stopping:
                self.force_exit = self.should_exit = True
            app.stopping = True

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started()
            self.ending = asyncio.ensure_future(self.end())

        async def end(self) -> None:
            """Once it shall stop: /ready says so, and nothing ends before the queue is empty."""
            while not app.stopping:
                await asyncio.sleep(0.05)
            last = asyncio.get_running_loop().time() + GRACE_SECONDS
            while not app.batcher.idle and asyncio.get_running_loop().time() < last:
                await asyncio.sleep(0.02)
            self.should_exit = True

    config = uvicorn.Config(
        app,
        http=Patient,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=int(GRACE_SECONDS),
        h11_max_incomplete_event_size=16384,
    )
    try:
        Server(config).run(sockets=[own])
    finally:
        app.batcher.stop()
        own.close()
