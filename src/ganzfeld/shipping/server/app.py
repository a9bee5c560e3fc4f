"""The ASGI application: from a request to an answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from ganzfeld.core import marks, reader
from ganzfeld.shipping.server import answers, pages
from ganzfeld.shipping.server.batching import Batcher, Job
from ganzfeld.shipping.server.fields import checked
from ganzfeld.shipping.server.guard import CLOSED, HEADERS, Guard, preflight
from ganzfeld.shipping.server.metrics import Metrics
from ganzfeld.shipping.server.problem import LANGUAGES, Problem, spoken
from ganzfeld.shipping.server.served import Served
from ganzfeld.shipping.server.table import Endpoint, openapi, table

Headers = list[tuple[bytes, bytes]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

HEAD_BYTES = 16 << 10  # of an address and its headers
JSON_BYTES = 64 << 10  # of a body of JSON
DEPTH = 4  # of JSON
BODY_SECONDS = 15.0  # until a body must be there
PATIENCE = 0.25  # seconds until it is worth looking whether the client is still there
START = "/v1/models/"


@dataclass(frozen=True)
class Limits:
    """count: samples a request. pixels: of an image in. body: bytes. queue: samples that wait.
    seconds: of a request's work."""

    count: int = 64
    pixels: int = 4_000_000
    body: int = 8 << 20
    queue: int = 256
    seconds: float = 30.0


@dataclass
class Answer:
    body: bytes
    media: str = "application/json"
    status: int = 200
    headers: Headers = field(default_factory=list)
    policy: tuple[bytes, bytes] = CLOSED


@dataclass
class Request:
    """One request, once it was let in. served: the model that its address names."""

    endpoint: Endpoint
    served: Served | None
    query: bytes
    headers: dict[bytes, bytes]
    receive: Receive

    @property
    def model(self) -> Served:
        assert self.served is not None
        return self.served


Handler = Callable[[Any, Request], Awaitable[Answer]]  # of an `App`


class Disconnected(Exception):
    """The client went away."""


class App:
    """An ASGI application that serves models; `handlers.application` makes one.

    handlers: what the endpoints of the table do, by their names. quiet: log faults only.
    stopping: set when the server shall end; from then on it refuses work.
    """

    def __init__(
        self,
        models: Sequence[Served],
        guard: Guard,
        limits: Limits,
        handlers: Mapping[str, Handler],
        *,
        quiet: bool = True,
    ) -> None:
        self.models = {one.name: one for one in models}
        self.guard, self.limits, self.quiet = guard, limits, quiet
        self.metrics = Metrics()
        self.batcher = Batcher(self.metrics, limits.queue)
        self.endpoints = table(limits.count)
        self.plain: dict[str, list[Endpoint]] = {}
        self.of_models: dict[str, list[Endpoint]] = {}
        for one in self.endpoints:
            places = self.of_models if one.path.startswith(START) else self.plain
            places.setdefault(one.path.removeprefix(f"{START}{{model}}/"), []).append(one)
        self.handlers = handlers
        self.stopping = False
        self.projecting = 0  # projections that wait or are at work
        self.page = pages.app(frozenset().union(*(one.needs for one in models)))
        self.docs = pages.docs(self.endpoints)
        self.openapi = openapi(self.endpoints, guard.token is not None)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        start, request_id, path = time.perf_counter(), "", "other"
        headers: Headers = scope["headers"]
        try:
            endpoint, served = self.find(scope["method"], scope["path"])
            path = endpoint.path if endpoint.path.startswith("/") else path
            if size_of(scope["path"], scope["query_string"], headers) > HEAD_BYTES:
                raise Problem(431, f"address and headers may have {HEAD_BYTES:,} bytes")
            self.guard.check(headers, scope["method"], endpoint)
            if served is None and "{model}" in path:
                raise self.no_model(scope["path"])
            if scope["method"] == "OPTIONS" and endpoint.name != "missing":
                answer = Answer(b"", status=204, headers=preflight([]))
            else:
                if self.stopping and not endpoint.open:
                    raise Problem(503, "the server is stopping", headers={"Retry-After": "10"})
                request = Request(endpoint, served, scope["query_string"], dict(headers), receive)
                answer = await self.handlers[endpoint.name](self, request)
        except Problem as problem:
            request_id = secrets.token_hex(6)
            answer = refusal(problem, request_id, headers)
        except Disconnected:
            return
        except Exception:
            request_id = secrets.token_hex(6)
            print(f"{request_id} {path}\n{traceback.format_exc()}", file=sys.stderr, flush=True)
            answer = refusal(Problem(500, "this is a fault of the server"), request_id, headers)
        said = [
            (b"content-type", answer.media.encode()),
            (b"content-length", str(len(answer.body)).encode()),
            *answer.headers,
            answer.policy,
            *HEADERS,
            *self.guard.shared(headers),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": said})
        await send({"type": "http.response.body", "body": answer.body})
        seconds = time.perf_counter() - start
        method = scope["method"] if scope["method"] in ("GET", "POST") else "other"
        self.metrics.answered(path, method, answer.status, seconds)
        if not self.quiet:
            told = f"{request_id or '-'} {method} {path} {answer.status} {1000 * seconds:.1f} ms"
            print(f"{told} {len(answer.body)} bytes", file=sys.stderr, flush=True)

    def find(self, method: str, path: str) -> tuple[Endpoint, Served | None]:
        """The endpoint of an address. An unknown one is let through to the guard as "other"."""
        served, known = None, self.plain.get(path)
        if known is None and path.startswith(START):
            name, _, action = path.removeprefix(START).partition("/")
            served, known = self.models.get(name), self.of_models.get(action)
        wanted = "GET" if method == "HEAD" else method
        for one in known or ():
            if one.method == wanted or method == "OPTIONS":
                return one, served
        allowed = ", ".join(sorted({one.method for one in known or ()}))
        missing = "not allowed" if known else "missing"
        return Endpoint(wanted, f"other:{allowed}", missing, ""), None

    def no_model(self, path: str) -> Problem:
        return Problem(
            404,
            "there is no such model here",
            field="model",
            fix=f"known: {', '.join(self.models)}",
        )

    # What handlers use

    def query(self, request: Request) -> dict[str, Any]:
        """The query's fields, validated. Problem 400 and 422."""
        try:
            pairs = parse_qsl(
                request.query.decode("ascii"),
                keep_blank_values=True,
                max_num_fields=32,
                errors="strict",
            )
        except ValueError as error:
            raise Problem(400, "the query cannot be read") from error
        given = dict(pairs)
        if len(given) != len(pairs):
            raise Problem(422, "a field is there twice in the query")
        return checked(request.endpoint.query, given, texts=True)

    async def json(self, request: Request) -> dict[str, Any]:
        """The body's fields, validated. Problem 400, 413 and 422."""
        data = await self.body(request, min(JSON_BYTES, self.limits.body))
        try:
            given = reader.parse(data, DEPTH)
        except (ValueError, RecursionError) as error:
            raise Problem(400, f"the body {error}"[:200]) from error
        if not isinstance(given, dict):
            raise Problem(422, "the body must be a JSON object")
        return checked(request.endpoint.body, given, texts=False)

    async def body(self, request: Request, most: int) -> bytes:
        """The body of at most so many bytes, which must come in time. Problem 413 and 408."""
        too_large = Problem(
            413, f"the body may have {most:,} bytes", headers={"Connection": "close"}
        )
        length = request.headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > most:
            raise too_large
        parts, size = [], 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await request.receive()
                    if message["type"] == "http.disconnect":
                        raise Disconnected
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > most:
                        raise too_large
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError as error:
            raise Problem(
                408, "the body did not come in time", headers={"Connection": "close"}
            ) from error

    async def work(self, request: Request, **job: Any) -> Any:
        """What the thread that draws makes of a job. Problem 429 and 504."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        own = Job(future, time.monotonic() + self.limits.seconds, **job)
        self.batcher.put(own)
        await asyncio.wait({future}, timeout=PATIENCE)
        if not future.done():
            gone = asyncio.ensure_future(left(request.receive))
            try:
                await asyncio.wait(
                    {future, gone},
                    timeout=self.limits.seconds + 5,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                gone.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await gone
        if future.done():
            return future.result()
        self.batcher.cancel(own)
        future.cancel()
        if gone.done() and not gone.cancelled():
            raise Disconnected
        raise Problem(504, "the request did not have its turn in time", fix="ask for less at once")


def size_of(path: str, query: bytes, headers: Headers) -> int:
    """Bytes of a request before its body, about: h11 bounds them only while they come in parts."""
    return len(path) + len(query) + sum(len(name) + len(value) for name, value in headers)


async def left(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def refusal(problem: Problem, request_id: str, asked: Headers) -> Answer:
    """A problem in the language that the headers of its request prefer."""
    language = spoken(b",".join(value for name, value in asked if name == b"accept-language"))
    return Answer(
        problem.body(request_id, language),
        "application/problem+json",
        problem.status,
        [
            *((k.lower().encode(), v.encode()) for k, v in problem.headers.items()),
            (b"cache-control", b"no-store"),
            (b"content-language", LANGUAGES[language].encode()),
            (b"vary", b"Accept-Language"),
        ],
    )


def as_json(value: Any) -> Answer:
    return Answer(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())


def in_format(data: bytes, mark: marks.Mark | None = None, *, format: str) -> Answer:
    """A file. mark: of one that has no place for it."""
    ending = "png" if format == "grid" else format
    answer = no_store(Answer(data, answers.media_of(ending)))
    if mark is not None:
        answer.headers.append((answers.MARK_HEADER, marks.as_text(mark).encode()))
    return answer


def no_store(answer: Answer) -> Answer:
    answer.headers.append((b"cache-control", b"no-store"))
    return answer
