"""`ganzfeld serve` as a process of its own, with each of its options, asked over raw sockets.

`pytest -m long -s tests/shipping/test_server_process.py -k table` prints the table of security.
"""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from serving import Reply, Running, until
from shipping_runs import tiny

import ganzfeld
from ganzfeld.models import embedded

pytest.importorskip("uvicorn", reason='needs pip install "ganzfeld[serve]"')
pytest.importorskip("onnxruntime", reason='needs pip install "ganzfeld[onnx]"')
pytest.importorskip("onnxscript")

pytestmark = pytest.mark.long
TOKEN = "a-token-of-this-test"  # 20 characters
ALLOWED = "https://trusted.example"
SAMPLE, SAMPLES = "/v1/models/small/sample?seed=1", "/v1/models/small/samples"
SCORE = "/v1/models/faces/score?label=0"


@contextmanager
def process(log: Path, *words: str, **more: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The command and its port. log: takes what it says."""
    with log.open("w") as file:
        own = subprocess.Popen(
            [sys.executable, "-m", "ganzfeld", "serve", *words, "--port", "0"],
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | more,
        )
        try:
            assert until(60, lambda: "API: " in log.read_text() or own.poll() is not None)
            found = re.search(r"API: http://\S+:(\d+)/docs", log.read_text())
            assert found, log.read_text()
            yield own, int(found[1])
        finally:
            own.send_signal(signal.SIGTERM)
            assert own.wait(30) == 0


class Asked(Running):
    """Requests to the process, with its token unless `plain`."""

    def __init__(self, port: int, log: Path) -> None:
        self.port, self.log = port, log

    def request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        own = {"authorization": f"Bearer {TOKEN}"} | headers
        return super().request(method, path, {k: v for k, v in own.items() if v != "-"}, body)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("served")
    return ganzfeld.export(tiny("hinge", home / "run"), home / "small").folder


@pytest.fixture(scope="module")
def asked(exported: Path) -> Iterator[Asked]:
    """One process with nearly all options."""
    log = exported.parent / "log"
    words = [str(exported), f"faces={embedded.HOME / embedded.USUAL}", "--log"]
    words += ["--allow-host", "proxy.example", "--allow-origin", ALLOWED, "--threads", "2"]
    words += ["--max-count", "3", "--max-pixels", "2000", "--max-body", "20000"]
    words += ["--queue", "40", "--timeout", "20"]
    with process(log, *words, GANZFELD_TOKEN=TOKEN) as (_, port):
        yield Asked(port, log)


def png(side: int) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (side, side)).save(data, "PNG")
    return data.getvalue()


# The options


def test_several_models_have_names_and_engines_of_their_own(asked: Asked) -> None:
    """A folder's name, or NAME=PATH; --engine auto takes onnxruntime for an exported folder."""
    told = asked.get("/v1/models").json
    models = {one["name"]: one["engine"] for one in told["models"]}
    assert models == {"small": "onnx", "faces": "torch"}
    for name, size in (("small", 16), ("faces", 32)):
        found = asked.get(f"/v1/models/{name}/sample?seed=1")
        with Image.open(io.BytesIO(found.body)) as image:
            assert image.size == (size, size)


def test_limits_are_those_of_the_options(asked: Asked) -> None:
    told = asked.get("/v1/models").json["limits"]
    assert told == {"count": 3, "pixels": 2000, "body": 20000, "queue": 40, "seconds": 20}
    assert asked.post(SAMPLES, {"count": 3}).status == 200
    assert asked.post(SAMPLES, {"count": 4}).status == 422


def test_threads_are_those_that_draw(exported: Path, tmp_path: Path) -> None:
    """Linux tells a process's threads: onnxruntime's are there from the start."""
    if not Path("/proc/self/task").is_dir():
        pytest.skip("this system does not list the threads of a process")
    counts = []
    for threads in ("1", "3"):
        with process(tmp_path / "log", str(exported), "--threads", threads) as (own, _):
            seen = []
            for _ in range(20):  # a thread of the start may not have gone yet
                seen.append(len(list(Path(f"/proc/{own.pid}/task").iterdir())))
                time.sleep(0.05)
            counts.append(min(seen))
    assert counts[1] - counts[0] == 2


def test_an_engine_can_be_chosen(exported: Path, tmp_path: Path) -> None:
    with process(tmp_path / "log", str(exported.parent / "run"), "--engine", "torch") as (_, port):
        (one,) = Running(None, port).get("/v1/models").json["models"]  # type: ignore[arg-type]
        assert (one["name"], one["engine"]) == ("run", "torch")
    with process(tmp_path / "log", str(exported), "--engine", "onnx") as (_, port):
        (one,) = Running(None, port).get("/v1/models").json["models"]  # type: ignore[arg-type]
        assert one["engine"] == "onnx"
    for path, engine in ((exported.parent / "run", "onnx"), (exported, "torch")):
        done = subprocess.run(
            [sys.executable, "-m", "ganzfeld", "serve", str(path), "--engine", engine],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 2 and len(done.stderr.splitlines()) < 5, done.stderr
        assert f"--engine {engine} needs" in done.stderr


def test_another_host_is_listened_on(exported: Path, tmp_path: Path) -> None:
    words = (str(exported), "--host", "0.0.0.0", "--token", TOKEN)
    with process(tmp_path / "log", *words) as (_, port):
        asked = Asked(port, tmp_path / "log")
        assert (
            asked.get(SAMPLE).status == 200 and asked.get(SAMPLE, authorization="-").status == 401
        )
        with socket.create_connection(("127.0.0.2", port), 20) as own:  # others' way in
            own.sendall(asked.request("GET", SAMPLE, {}, b""))
            assert own.recv(20).startswith(b"HTTP/1.1 200")
    if not (socket.has_ipv6 and Path("/proc/net/if_inet6").exists()):
        return
    with process(tmp_path / "log", str(exported), "--host", "::1") as (_, port):
        six = f"GET {SAMPLE} HTTP/1.1\r\nhost: [::1]:{port}\r\n\r\n".encode()
        with socket.create_connection(("::1", port), 20) as own:
            own.sendall(six)
            assert own.recv(20).startswith(b"HTTP/1.1 200")


# The rules


def rules(port: int) -> list[tuple[str, str, int, dict[str, Any]]]:
    """Rule, what is asked, the status that it must have, and the request."""
    own, small = f"127.0.0.1:{port}", {"count": 1}
    found: list[tuple[str, str, int, dict[str, Any]]] = []

    def add(rule: str, what: str, status: int, **request: Any) -> None:
        found.append((rule, what, status, request))

    for host, status in {
        own: 200, f"localhost:{port}": 200, f"[::1]:{port}": 200, "proxy.example": 200,
        "evil.example": 421, f"evil.example:{port}": 421, "127.0.0.1": 421, "127.0.0.1:1": 421,
        f"localhost.:{port}": 421, f"{own}@evil.example": 421, f"{own}.evil.example": 421, "": 421,
    }.items():  # fmt: skip
        add("host", host, status, host=host)
    for origin, status in {
        f"http://{own}": 200, ALLOWED: 200, "null": 403, "https://evil.example": 403,
        "file://": 403, f"{ALLOWED}.evil": 403, "http://trusted.example": 403,
        f"http://{own}.evil.example": 403,
    }.items():  # fmt: skip
        add("origin", origin, status, origin=origin)
        add("origin, POST", origin, status, origin=origin, post=small)
    for given, status in {
        "-": 401, "Bearer": 401, "Bearer wrong": 401, f"Basic {TOKEN}": 401, TOKEN: 401,
        f"Bearer {TOKEN}x": 401, f"Bearer {TOKEN}": 200,
    }.items():  # fmt: skip
        for path in (SAMPLE, "/v1/models", "/metrics", "/openapi.json"):
            add("token", f"{given} {path}", status, authorization=given, path=path)
    add("token", "in the address", 401, authorization="-", path=f"{SAMPLE}&token={TOKEN}")
    for path in ("/", "/docs", "/health", "/ready"):
        add("open without a token", path, 200, authorization="-", path=path)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        add("type of a body", kind, 415, post=small, content_type=kind)
    add("type of a body", "compressed", 415, post=small, content_encoding="gzip")
    for site, status in {"cross-site": 403, "same-origin": 200}.items():
        add("another site's POST", site, status, post=small, sec_fetch_site=site)
    image = {"path": SCORE, "content_type": "image/png"}
    add("body", "one byte more than --max-body", 413, post=bytes(20001), **image)
    add("body", "no image", 415, post=bytes(20000), **image)
    add("body", "JSON that nests", 400, post=b"[" * 9 + b"]" * 9)
    add("pixels", "44 x 44, of 2,000", 200, post=png(44), **image)
    add("pixels", "45 x 45", 413, post=png(45), **image)
    for body in (
        {"count": 4}, {"count": 0}, {"count": 10**9}, {"count": True}, {"seed": -1},
        {"seed": 2**64}, {"std": "1"}, {"std": 1e9}, {"other": 1}, {"labels": "x"}, {"of": 10**9},
    ):  # fmt: skip
        add("values", str(body), 422, post=body)
    add("values", "NaN", 400, post=b'{"std": NaN}')
    add("values", "a name twice", 400, post=b'{"seed": 1, "seed": 2}')
    for path in (
        "/v1/models/../sample", "/v1/models/small/../../etc/passwd", "/etc/passwd",
        "/v1/models/%2e%2e/sample", "/static/app.js", "/v1/models/other/sample",
    ):  # fmt: skip
        add("addresses", path, 404, path=path)
    for method in ("DELETE", "PUT", "PATCH", "POST", "TRACE"):
        add("methods", method, 405, method=method)
    add("code", "a model's revision that is not here", 404, path=f"{SAMPLE}&revision=0")
    return found


def ask(asked: Asked, path: str = "", method: str = "", post: Any = None, **headers: str) -> Reply:
    if post is not None:
        return asked.post(path or SAMPLES, post, **headers)
    if method == "POST":
        headers["content_type"] = "application/json"
    return asked.raw(asked.request(method or "GET", path or SAMPLE, headers, b""))


def test_the_table_of_security(asked: Asked) -> None:
    held, tried, wrong = Counter[str](), Counter[str](), []
    for rule, what, status, request in rules(asked.port):
        found = ask(asked, **request)
        told = found.headers
        sound = found.status == status and told.get("x-content-type-options") == "nosniff"
        sound &= told.get("access-control-allow-origin") == (
            ALLOWED if request.get("origin") == ALLOWED else None
        )
        sound &= "server" not in told and "content-security-policy" in told
        tried[rule] += 1
        held[rule] += sound
        if not sound:
            wrong.append((rule, what, status, found.status, found.body[:200]))
    for rule, count in tried.items():
        print(f"{rule:<22}{held[rule]:>3} of {count}")
    print(f"{'all':<22}{held.total():>3} of {tried.total()}")
    assert not wrong
    log = asked.log.read_text().partition("API: ")[2]  # before it are addresses with a seed
    assert "/v1/models/{model}/sample 200" in log and TOKEN not in log and "seed" not in log


def test_each_request_has_its_language_whatever_the_process_speaks(
    exported: Path, tmp_path: Path
) -> None:
    """In a process that speaks Chinese, and draws without PyTorch."""
    with process(tmp_path / "log", str(exported), GANZFELD_LANG="zh") as (_, port):
        server = Running(None, port)  # type: ignore[arg-type]
        for words, detail in (("en", "seed must be a whole number"), ("zh-CN", "seed 须为整数")):
            found = server.get("/v1/models/small/sample?seed=x", accept_language=words)
            assert found.json["detail"] == detail
            assert found.headers["content-language"] == words
            assert found.headers["vary"] == "Accept-Language"
        assert server.get("/v1/models/small/sample?seed=x").json["title"] == "Wrong value"
