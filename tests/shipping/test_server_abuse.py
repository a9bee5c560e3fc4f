"""Broken HTTP and clients that do not behave: an answer or an end, and the next one is served."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")

from serving import Running, read_reply, served, until

import ganzfeld
from ganzfeld.shipping.server.served import Served, load

SAMPLE = "/v1/models/faces/sample"
SAMPLES = "/v1/models/faces/samples"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Served:
    run = ganzfeld.train(
        "avatars:64", out=tmp_path_factory.mktemp("runs") / "faces", recipe="hinge", size=16,
        images=64, batch=32, settings=["networks.*.width=4", "run.evaluate_final=false"],
        quiet=True,
    )  # fmt: skip
    return load("faces", str(run.path))


@pytest.fixture(scope="module")
def server(model: Served) -> Iterator[Running]:
    with served([model]) as own:
        yield own


HOST = b"host: 127.0.0.1:%d\r\n"
BODY = b"content-type: application/json\r\n"
POST = b"POST " + SAMPLES.encode() + b" HTTP/1.1\r\n" + HOST + BODY
BROKEN = {
    "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(80) + b"\r\n\r\n",
    "http 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "http 0.9": b"GET /\r\n\r\n",
    "http 9": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    "no method": b" / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method of its own": b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n",
    "null in the path": b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "escape in the path": b"GET /\x1b[31m HTTP/1.1\r\n" + HOST + b"\r\n",
    "bytes in the path": b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path of another host": b"GET http://example.org/ HTTP/1.1\r\nhost: example.org\r\n\r\n",
    "a file": b"GET file:///etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
    "connect": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + HOST + b"\r\n",
    "all options": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "trace": b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n",
    "null in a header": b"GET / HTTP/1.1\r\n" + HOST + b"x: \x00\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\n" + HOST + b": x\r\n\r\n",
    "a header with a space": b"GET / HTTP/1.1\r\n" + HOST + b"origin : http://evil\r\n\r\n",
    "folded": b"GET / HTTP/1.1\r\n" + HOST + b"x: a\r\n b\r\n\r\n",
    "bytes in the host": b"GET / HTTP/1.1\r\nhost: \xff\xfe\r\n\r\n",
    "bytes in the origin": b"GET / HTTP/1.1\r\n" + HOST + b"origin: \xff://\xff\r\n\r\n",
    "bytes in the token": b"GET / HTTP/1.1\r\n" + HOST + b"authorization: Bearer \xff\r\n\r\n",
    "a length below 0": POST + b"content-length: -1\r\n\r\n",
    "a length of words": POST + b"content-length: ten\r\n\r\n",
    "a length of 5000 digits": POST + b"content-length: " + b"9" * 5000 + b"\r\n\r\n",
    "two lengths": POST + b"content-length: 2\r\ncontent-length: 4\r\n\r\n{}{}",
    "length and chunks": POST + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown encoding": POST + b"transfer-encoding: gzip\r\n\r\n",
    "a chunk of words": POST + b"transfer-encoding: chunked\r\n\r\nxyz\r\n\r\n",
    "a chunk of terabytes": POST + b"transfer-encoding: chunked\r\n\r\nffffffffffff\r\n{}\r\n",
    "a long chunk's head": POST + b"transfer-encoding: chunked\r\n\r\n1;" + b"a" * 90_000,
    "long trailers": POST
    + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx: "
    + b"a" * 90_000
    + b"\r\n\r\n",
    "a web socket": b"GET / HTTP/1.1\r\n"
    + HOST
    + b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    + b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    "half a letter": POST + b'content-length: 18\r\n\r\n{"labels":["\xf0\x9f\x98"]}',
    "half a pair": POST + b'content-length: 23\r\n\r\n{"labels": ["\\ud800"]}  ',
    "a field of half a pair": POST + b'content-length: 14\r\n\r\n{"\\udc00": 1}  ',
    "a wide body": POST + b"content-length: 60002\r\n\r\n[" + b"0," * 30_000 + b"0",
    "a deep body": POST + b"content-length: 60000\r\n\r\n" + b"[" * 60_000,
    "a number of 9000 digits": POST
    + b'content-length: 9011\r\n\r\n{"seed": '
    + b"9" * 9000
    + b" }",
}
PLACES = [
    "/../../etc/passwd",
    "/v1/models/../../etc/passwd/sample",
    "/v1/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd/sample",
    "/v1/models/faces/%2e%2e/faces/sample",
    "/v1/models/faces%00/sample",
    "/v1/models/faces\\..\\x/sample",
    "/v1/models//etc/passwd/sample",
    "/v1/models/%c0%ae%c0%ae/sample",
    "/v1/models/%ff/sample",
    "/v1/models/%zz/sample",
    "//v1/models/faces/sample",
    "/v1/models/faces/sample/",
    "/static/../app.py",
    "/%2fetc%2fpasswd",
    "/v1/models/" + "a" * 9_000 + "/sample",
]
HARMLESS = {  # nothing of it is used
    "all options": (204, 404),
    **dict.fromkeys(
        ("a web socket", "bytes in the token", "http 9", "folded", "long trailers"), (200,)
    ),
}
ANSWERS = (0, 400, 403, 404, 405, 408, 413, 415, 421, 422, 431, 501, 505)


@pytest.mark.parametrize("name", BROKEN)
def test_broken_requests_end_in_an_answer_of_4xx_or_a_closed_connection(
    name: str, server: Running, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzfeld.shipping.server.app.BODY_SECONDS", 0.3)
    monkeypatch.setattr("ganzfeld.shipping.server.run.HEADER_SECONDS", 0.3)
    data = BROKEN[name].replace(b"%d", str(server.port).encode())
    status = 0
    with contextlib.suppress(ConnectionError), server.connect(5) as own:
        own.sendall(data)
        status = read_reply(own).status
    assert status in HARMLESS.get(name, ANSWERS)
    assert server.get("/health").status == 200
    said = capfd.readouterr()
    assert "Traceback" not in said.err + said.out and "\x1b" not in said.err + said.out


@pytest.mark.parametrize("place", PLACES, ids=range(len(PLACES)))
def test_no_address_leads_out_of_the_table(place: str, server: Running) -> None:
    found = server.get(place)
    assert found.status in (400, 404, 431) and b"root:" not in found.body
    assert json.loads(found.body or b"{}") is not None or found.status == 400


def test_pipelined_requests_are_answered_in_their_order(server: Running) -> None:
    one = server.request("GET", f"{SAMPLE}?seed=1&format=json", {}, b"")
    bad = server.request("GET", f"{SAMPLE}?seed=x", {}, b"")
    with server.connect() as own:
        own.sendall((one + bad) * 40)
        data = b""
        while data.count(b"HTTP/1.1 ") < 80:
            data += own.recv(1 << 20)
    told = [int(part.split()[0]) for part in data.split(b"HTTP/1.1 ")[1:]]
    assert told == [200, 422] * 40


def test_a_body_behind_an_answer_is_no_second_request(server: Running) -> None:
    hidden = server.request("GET", "/v1/models", {}, b"")
    request = server.request("GET", "/health", {"content_length": str(len(hidden))}, hidden)
    with server.connect(5) as own:
        own.sendall(request + server.request("GET", "/health", {"connection": "close"}, b""))
        data = b""
        while more := own.recv(1 << 16):
            data += more
    assert data.count(b"HTTP/1.1 200") == 2 and b'"faces"' not in data


def test_who_does_not_take_his_answer_is_let_go(
    model: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzfeld.shipping.server.run.TAKING_SECONDS", 0.3)
    with served([model]) as own, contextlib.ExitStack() as open_:
        greedy = [open_.enter_context(socket.socket()) for _ in range(4)]
        for one in greedy:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.settimeout(5)
            one.connect(("127.0.0.1", own.port))
            one.setblocking(False)
        request = own.request("GET", "/", {}, b"") * 20
        ended = set()

        def sent() -> bool:
            for one in set(greedy) - ended:
                try:
                    one.send(request)
                except BlockingIOError:
                    continue
                except ConnectionError:
                    ended.add(one)
            return len(ended) == len(greedy)

        assert until(15, sent)
        assert own.get("/health").status == 200


def test_who_takes_it_slowly_gets_all_of_it(model: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzfeld.shipping.server.run.TAKING_SECONDS", 0.2)
    with served([model]) as own, own.connect() as slow:
        many = 200
        slow.sendall(own.request("GET", "/", {}, b"") * many)
        size = len(own.raw(own.request("GET", "/", {}, b"")).body)
        taken = 0
        while taken < many * size:
            more = slow.recv(200_000)
            assert more, f"cut off after {taken:,} of {many * size:,} bytes"
            taken += len(more)
            time.sleep(0.005)


def test_paths_of_a_model_are_told_to_nobody(
    server: Running, model: Served, tmp_path: Path
) -> None:
    said = b"".join(server.get(place).body for place in ("/v1/models", "/openapi.json", "/", "/x"))
    assert str(tmp_path.parent).encode() not in said and b"runs/" not in said
