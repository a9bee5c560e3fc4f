"""The ten rules of the server, each over raw sockets."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("uvicorn")

from serving import Running, read_reply, served

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.shipping.server.app import Limits
from ganzfeld.shipping.server.served import Served, load

SAMPLE = "/v1/models/faces/sample?seed=1"
SAMPLES = "/v1/models/faces/samples"
SCORE = "/v1/models/faces/score?label=bob"
PROJECTION = "/v1/models/faces/projection?steps=0"
TOKEN = "correct-horse-battery"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Served:
    run = ganzfeld.train(
        "avatars:64",
        out=tmp_path_factory.mktemp("runs") / "faces",
        recipe="hinge",
        size=16,
        images=64,
        batch=32,
        settings=["networks.G.width=4", "networks.D.width=4"],
        quiet=True,
    )
    return load("faces", str(run.path))


@pytest.fixture(scope="module")
def server(model: Served) -> Iterator[Running]:
    with served([model], Limits(count=8, pixels=1_000_000, body=200_000)) as own:
        yield own


# (1) Loopback by default; others need a token


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "example.org"])
def test_other_machines_need_a_token(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(["serve", "no-such-model", "--host", host])
    assert error.value.code == 2 and "no token" in capsys.readouterr().err
    with pytest.raises(SystemExit) as error:
        main(["serve", "no-such-model", "--host", host, "--token", "short"])
    assert error.value.code == 2 and "can be guessed" in capsys.readouterr().err


# (2) Hosts


@pytest.mark.parametrize(
    "host, status",
    [
        ("127.0.0.1:PORT", 200),
        ("localhost:PORT", 200),
        ("LOCALHOST:PORT", 200),
        ("[::1]:PORT", 200),
        ("proxy.example", 200),
        ("proxy.example:443", 200),
        ("named.example:99", 200),
        ("named.example", 421),
        ("named.example:98", 421),
        ("evil.example", 421),
        ("evil.example:PORT", 421),
        ("127.0.0.1", 421),
        ("127.0.0.1:8999", 421),
        ("localhost.:PORT", 421),
        ("127.0.0.1:PORT@evil.example", 421),
        ("127.0.0.1:PORT/evil", 421),
        ("127.0.0.1.evil.example:PORT", 421),
        ("evil.example#127.0.0.1:PORT", 421),
        ("127.1:PORT", 421),
        ("", 421),
    ],
)
@pytest.mark.parametrize("path", [SAMPLE, "/", "/health", "/no/such/path"])
def test_hosts(model: Served, hosted: Running, host: str, status: int, path: str) -> None:
    named = host.replace("PORT", str(hosted.port))
    found = hosted.raw(f"GET {path} HTTP/1.1\r\nhost: {named}\r\n\r\n".encode())
    allowed = 404 if "such" in path else 200
    assert found.status == (allowed if status == 200 else status)


@pytest.fixture(scope="module")
def hosted(model: Served) -> Iterator[Running]:
    with served([model], hosts=["proxy.example", "Named.example:99"]) as own:
        yield own


def test_two_hosts_or_none_are_refused(server: Running) -> None:
    own, port = f"127.0.0.1:{server.port}", server.port
    for lines in (
        f"host: {own}\r\nhost: evil.example\r\n",
        f"host: evil.example\r\nhost: {own}\r\n",
        "",
    ):
        assert server.raw(f"GET /health HTTP/1.1\r\n{lines}\r\n".encode()).status == 400
    assert server.raw(b"GET /health HTTP/1.0\r\n\r\n").status == 421
    for method in ("POST", "OPTIONS", "DELETE"):
        found = server.raw(f"{method} {SAMPLES} HTTP/1.1\r\nhost: evil:{port}\r\n\r\n".encode())
        assert found.status == 421


# (3) Origins


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "origin, status",
    [
        ("http://127.0.0.1:PORT", 200),
        ("https://127.0.0.1:PORT", 200),
        ("https://trusted.example", 200),
        ("null", 403),
        ("", 403),
        ("http://localhost:PORT", 403),
        ("http://127.0.0.1:8999", 403),
        ("http://127.0.0.1:PORT.evil.example", 403),
        ("https://trusted.example.evil", 403),
        ("http://trusted.example", 403),
        ("https://evil.example", 403),
        ("file://", 403),
    ],
)
def test_origins(shared: Running, origin: str, status: int, method: str) -> None:
    named = origin.replace("PORT", str(shared.port))
    if method == "GET":
        found = shared.get(SAMPLE, origin=named)
    else:
        found = shared.post(SAMPLES, {"count": 1}, origin=named)
    assert found.status == status
    told = found.headers.get("access-control-allow-origin")
    assert told == (named if origin == "https://trusted.example" else None)
    assert found.headers["vary"] == "Origin" and "access-control-allow-credentials" not in (
        found.headers
    )


@pytest.fixture(scope="module")
def shared(model: Served) -> Iterator[Running]:
    with served([model], origins=["https://trusted.example"]) as own:
        yield own


def test_preflight_is_answered_for_trusted_pages_alone(shared: Running, server: Running) -> None:
    def preflight(own: Running, origin: str) -> Any:
        host = f"127.0.0.1:{own.port}"
        return own.raw(
            f"OPTIONS {SAMPLES} HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\n"
            "access-control-request-method: POST\r\n\r\n".encode()
        )

    found = preflight(shared, "https://trusted.example")
    assert found.status == 204
    assert found.headers["access-control-allow-origin"] == "https://trusted.example"
    assert preflight(shared, "https://evil.example").status == 403
    assert preflight(server, "https://trusted.example").status == 403
    assert "access-control-allow-origin" not in server.get(SAMPLE).headers


# (4) Content types, tokens, Sec-Fetch-Site


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_forms_and_plain_text_are_refused(server: Running, kind: str) -> None:
    assert server.post(SAMPLES, {"count": 1}, content_type=kind).status == 415
    assert server.post(SCORE, png(16, 16), content_type=kind).status == 415
    assert server.post(SCORE, png(16, 16)).status == 415  # as JSON


def test_a_compressed_body_is_refused(server: Running) -> None:
    found = server.post(SAMPLES, zlib.compress(b"{}"), content_encoding="deflate")
    assert found.status == 415


def test_requests_of_other_sites_are_refused(server: Running) -> None:
    assert server.post(SAMPLES, {"count": 1}, sec_fetch_site="cross-site").status == 403
    assert server.post(SAMPLES, {"count": 1}, sec_fetch_site="same-origin").status == 200


def test_a_token_is_asked_for(model: Served, capfd: pytest.CaptureFixture[str]) -> None:
    with served([model], token=TOKEN) as own:
        own.app.quiet = False
        for given in ("", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN):
            headers = {"authorization": given} if given else {}
            for path in (SAMPLE, "/v1/models", "/metrics", "/openapi.json", "/nothing"):
                found = own.get(path, **headers)
                assert found.status == 401 and found.headers["www-authenticate"] == "Bearer"
        assert own.get(f"{SAMPLE}&token={TOKEN}").status == 401
        found = own.get(SAMPLE, authorization=f"Bearer {TOKEN}")
        assert found.status == 200 and "public" not in found.headers["cache-control"]
        for path in ("/", "/docs", "/health", "/ready"):
            assert own.get(path).status == 200
        twice = f"authorization: Bearer {TOKEN}\r\n" * 2
        host = f"host: 127.0.0.1:{own.port}\r\n"
        assert own.raw(f"GET {SAMPLE} HTTP/1.1\r\n{host}{twice}\r\n".encode()).status == 400
    log = capfd.readouterr().err
    assert "/v1/models/{model}/sample 200" in log and TOKEN not in log and "seed" not in log


# (5) Bodies and values


def test_bodies_have_a_limit(server: Running) -> None:
    host = f"host: 127.0.0.1:{server.port}\r\ncontent-type: image/png\r\n"
    start = f"POST {SCORE} HTTP/1.1\r\n{host}"
    for length, status in (("200001", 413), (str(1 << 62), 413), ("9" * 24, 400)):
        found = server.raw(f"{start}content-length: {length}\r\n\r\n".encode())
        assert found.status == status, length
    with server.connect() as own:  # one that does not say how long it is
        own.sendall(f"{start}transfer-encoding: chunked\r\n\r\n".encode())
        piece = b"10000\r\n" + bytes(65536) + b"\r\n"
        for _ in range(4):
            own.sendall(piece)
        assert read_reply(own).status == 413
    assert server.post(SAMPLES, b" " * 70_000).status == 413  # JSON may have less
    both = f"{start}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    assert server.raw(both.encode()).status == 415  # h11 reads the second: no body
    assert server.raw(f"{start}content-length: -5\r\n\r\n".encode()).status == 400


def test_a_slow_body_is_given_up(model: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzfeld.shipping.server.app.BODY_SECONDS", 0.2)
    with served([model]) as own, own.connect() as slow:
        host = f"host: 127.0.0.1:{own.port}\r\ncontent-type: application/json\r\n"
        slow.sendall(f"POST {SAMPLES} HTTP/1.1\r\n{host}content-length: 50\r\n\r\n{{".encode())
        assert read_reply(slow).status == 408


BAD_JSON: list[tuple[bytes, int]] = [
    (b"", 400),
    (b"{", 400),
    (b"\xff\xfe", 400),
    (b'{"count": NaN}', 400),
    (b'{"std": 1e400}', 400),
    (b'{"std": Infinity}', 400),
    (b'{"count": 1, "count": 2}', 400),
    (b'{"labels": ' + b"[" * 50 + b"]" * 50 + b"}", 400),
    (b"[" * 30_000, 400),
    (b"[1]", 422),
    (b'"x"', 422),
    (b'{"count": 1000000000}', 422),
    (b'{"count": 0}', 422),
    (b'{"count": 1.5}', 422),
    (b'{"count": true}', 422),
    (b'{"count": "1e3"}', 422),
    (b'{"count": [1]}', 422),
    (b'{"seed": -1}', 422),
    (b'{"seed": 18446744073709551616}', 422),
    (b'{"seed": "99999999999999999999"}', 422),
    (b'{"seed": "' + b"9" * 5000 + b'"}', 422),
    (b'{"start": "18446744073709551615", "count": 2}', 422),
    (b'{"std": -1}', 422),
    (b'{"std": "1"}', 422),
    (b'{"labels": ["no such class"]}', 422),
    (b'{"labels": "bob"}', 422),
    (b'{"labels": [' + b'"bob",' * 9 + b'"bob"]}', 422),
    (b'{"labels": ["' + b"b" * 300 + b'"]}', 422),
    (b'{"of": 1000000}', 422),
    (b'{"of": 2, "count": 3}', 422),
    (b'{"rank": "beauty"}', 422),
    (b'{"numbers": {"age": "3"}}', 422),
    (b'{"format": "pickle"}', 422),
    (b'{"format": "csv"}', 406),
    (b'{"path": "/etc/passwd"}', 422),
    (b'{"__class__": "x"}', 422),
    (b'{"count": 1, ' + b'"a": 1, ' * 5000 + b'"b": 1}', 400),
]


@pytest.mark.parametrize("body, status", BAD_JSON, ids=range(len(BAD_JSON)))
def test_wrong_values_are_named(server: Running, body: bytes, status: int) -> None:
    found = server.post(SAMPLES, body)
    assert found.status == status, found.body
    assert found.headers["content-type"] == "application/problem+json"
    said = found.json
    assert said["status"] == status and said["title"] and said["detail"] and len(said["id"]) == 12
    if status == 422 and b"[1]" != body != b'"x"':
        assert said["field"]


@pytest.mark.parametrize(
    "query, status",
    [
        ("seed=1&seed=2", 422), ("seed=", 422), ("seed=0x10", 422), ("seed=-1", 422),
        ("seed=1.0", 422), ("seed=%00", 422), ("seed=%ff", 400),
        ("index=18446744073709551616", 422),
        ("std=nan", 422), ("std=inf", 422), ("std=1e999", 422), ("std=1_0", 422),
        ("label=../../etc/passwd", 422), ("file=x", 422),
        ("&".join(f"a{i}=1" for i in range(40)), 400),
        ("seed=18446744073709551615&index=18446744073709551615&std=0.5&label=2", 200),
        ("seed=%31", 200), ("revision=0", 404), ("format=wav", 406), ("format=exe", 422),
    ],
)  # fmt: skip
def test_wrong_queries(server: Running, query: str, status: int) -> None:
    assert server.get(f"/v1/models/faces/sample?{query}").status == status


def test_no_path_leads_anywhere_else(server: Running) -> None:
    for path in (
        "/v1/models/../../etc/passwd",
        "/v1/models/..%2f..%2fetc%2fpasswd/sample",
        "/v1/models/%2e%2e/sample",
        "/v1/models/nobody/sample",
        "/static/app.html",
        "//evil.example/",
        "/v1/models/faces",
        "/v1/models/faces/sample/",
    ):
        found = server.get(path)
        assert (
            found.status == 404 and b"passwd" not in found.body and b"/" + b"tmp" not in found.body
        )
    assert server.get(SAMPLES).status == 405 and server.get(SAMPLES).headers["allow"] == "POST"
    host = f"host: 127.0.0.1:{server.port}\r\n"
    for method in ("DELETE", "PUT", "PATCH", "TRACE"):
        assert server.raw(f"{method} {SAMPLE} HTTP/1.1\r\n{host}\r\n".encode()).status == 405
    assert server.raw(f"CONNECT evil:80 HTTP/1.1\r\n{host}\r\n".encode()).status in (404, 405)


# (6) Images


def png(width: int, height: int, frames: int = 1) -> bytes:
    buffer = io.BytesIO()
    image = Image.new("RGB", (width, height), "red")
    more = [Image.new("RGB", (width, height), "blue")] * (frames - 1)
    image.save(buffer, "PNG", save_all=frames > 1, append_images=more)
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header asks for much and whose data are next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def as_kind(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("path", [SCORE, PROJECTION])
def test_images_are_checked_before_they_are_decoded(server: Running, path: str) -> None:
    def ask(data: bytes) -> int:
        return server.post(path, data, content_type="image/png").status

    for kind in ("PNG", "JPEG", "WEBP"):
        assert ask(as_kind(kind)) == 200
    for kind in ("TIFF", "GIF", "BMP", "PPM", "ICO"):
        assert ask(as_kind(kind)) == 415, kind
    assert ask(b"") == 415 and ask(b"RIFF\0\0\0\0WAVEfmt ") == 415
    assert ask(b"%!PS-Adobe-3.0 EPSF-3.0") == 415
    start = time.perf_counter()
    assert ask(bomb(13_000, 13_000)) == 413 and ask(bomb(1 << 30, 1 << 30)) == 413
    assert time.perf_counter() - start < 1.0
    assert ask(bomb(900, 900)) == 422  # cut short
    assert ask(png(16, 16)[:60]) == 422 and ask(png(16, 16, frames=3)) == 422
    assert ask(b"\x89PNG\r\n\x1a\n" + bytes(100)) == 422


# (7) Headers


def test_every_answer_has_its_headers(server: Running) -> None:
    for found in (
        server.get("/"),
        server.get("/docs"),
        server.get(SAMPLE),
        server.get("/nothing"),
        server.post(SAMPLES, b"{"),
        server.get(SAMPLE, origin="null"),
        server.raw(b"GET / HTTP/1.1\r\nhost: evil\r\n\r\n"),
    ):
        said = found.headers
        assert said["x-content-type-options"] == "nosniff" and said["x-frame-options"] == "DENY"
        assert said["referrer-policy"] == "no-referrer" and "server" not in said
        assert said["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'none'" in said["content-security-policy"]
        assert "unsafe-inline" not in said["content-security-policy"]
        assert "set-cookie" not in said


# (8) Slow and oversized requests


def test_headers_have_a_limit_and_a_time(model: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzfeld.shipping.server.run.HEADER_SECONDS", 0.5)
    with served([model]) as own:
        host = f"host: 127.0.0.1:{own.port}\r\n"
        assert own.raw(f"GET /{'a' * 20_000} HTTP/1.1\r\n{host}\r\n".encode()).status == 431
        many = "".join(f"x-{i}: {'a' * 50}\r\n" for i in range(500))
        assert own.raw(f"GET / HTTP/1.1\r\n{host}{many}\r\n".encode()).status == 431
        endless = f"GET /{'a' * 300_000}".encode()  # refused before it is whole
        with contextlib.suppress(ConnectionResetError):
            assert own.raw(endless).status == 400
        for start in (b"", b"GET / HTTP/1.1\r\nhost: 127"):
            with own.connect(5) as slow:
                slow.sendall(start)
                before = time.perf_counter()
                assert slow.recv(10) == b"" and time.perf_counter() - before < 3
        with own.connect(5) as twice:  # a connection that is kept is not cut in its second request
            for _ in range(3):
                twice.sendall(own.request("GET", "/health", {}, b""))
                assert read_reply(twice).status == 200
                time.sleep(0.3)


def test_64_slow_clients_keep_nobody_from_an_answer(server: Running) -> None:
    slow: list[socket.socket] = []
    try:
        for _ in range(64):
            slow.append(server.connect())
            slow[-1].sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1")
        start = time.perf_counter()
        assert server.get(SAMPLE).status == 200
        assert time.perf_counter() - start < 1.0
    finally:
        for own in slow:
            own.close()


# (9) Code of its author


def test_code_is_not_run_unless_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text(
        "from ganzfeld.networks.dcgan import DCGANGenerator\n"
        f"open({str(tmp_path / 'ran')!r}, 'w').close()\n"
        "Mine = DCGANGenerator\n"
    )
    run = ganzfeld.train(
        "avatars:32",
        out=tmp_path / "run",
        size=16,
        images=32,
        batch=16,
        settings=[f"networks.G.name={tmp_path / 'mine.py'}:Mine", "networks.*.width=4"],
        quiet=True,
    )
    (tmp_path / "ran").unlink()
    with pytest.raises(SystemExit) as error:
        main(["serve", str(run.path / "model"), "--port", "0"])
    assert error.value.code == 4 and "not run" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()


def test_nothing_is_told_of_a_fault(
    server: Running, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(app: Any, request: Any) -> None:
        raise RuntimeError("secret /home/me")

    monkeypatch.setitem(server.app.handlers, "health", fail)  # type: ignore[arg-type]
    found = server.get("/health")
    assert found.status == 500 and b"secret" not in found.body and b"Traceback" not in found.body
    log = capfd.readouterr().err
    assert found.json["id"] in log and "secret" in log
    assert json.loads(found.body)["detail"] == "this is a fault of the server"
