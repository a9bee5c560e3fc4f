"""Odd requests and odd moments: every number of every query, conditions at once, a folder that is
replaced, methods and ranges, names and addresses that are no plain ASCII."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

pytest.importorskip("uvicorn")

from serving import Running, served
from shipping_runs import tiny

import ganzfeld
from ganzfeld.cli.serve import named
from ganzfeld.errors import UsageError
from ganzfeld.models import embedded
from ganzfeld.shipping.server.run import address, listen
from ganzfeld.shipping.server.served import load
from ganzfeld.shipping.server.table import table

FACES, WAVES = "/v1/models/faces", "/v1/models/waves"
SAMPLE = f"{FACES}/sample?seed=3"
NUMBERS = [
    (endpoint, field)
    for endpoint in table(64)
    for field in endpoint.query
    if field.kind in ("integer", "number")
]
WRONG = (
    *("nan", "NaN", "-nan", "inf", "-inf", "Infinity", "1e999", "-1e999", "1e-999x", "0x1p3"),
    *(
        "9" * 30,
        "-" + "9" * 30,
        "1" + "0" * 400,
        "--1",
        "+-1",
        "1,5",
        "１２",
        "٣",
        "1_000",
        "1e5e5",
    ),
    *("true", "null", "[]", "{}", "", " ", "%00", "1%0d%0aX: y", "'", '"', "NaN;1"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(
        shutil.copytree(embedded.HOME / embedded.USUAL, tmp_path_factory.mktemp("model") / "faces")
    )


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Running]:
    with served([load("faces", str(folder))]) as own:
        yield own


@pytest.mark.parametrize(
    ("endpoint", "field"), NUMBERS, ids=[f"{e.name}-{f.name}" for e, f in NUMBERS]
)
def test_what_is_no_number_is_refused_in_every_query(
    server: Running, endpoint: Any, field: Any
) -> None:
    """The field is named; nothing is drawn, and nothing is a fault of the server."""
    path = endpoint.path.replace("{model}", "faces")
    for text in WRONG:
        where = f"{path}?{field.name}={quote(text, safe='%')}"
        if endpoint.takes:
            found = server.post(where, b"", content_type="image/png")
        else:
            found = server.get(where)
        assert found.status == 422, (text, found.body)
        assert found.json["field"] == field.name, text


@pytest.mark.parametrize("name", ["seed", "index", "std", "mean"])
def test_the_ends_of_a_number_are_drawn_and_what_is_beyond_is_not(
    server: Running, name: str
) -> None:
    (field,) = (f for e, f in NUMBERS if e.name == "sample" and f.name == name)
    assert field.least is not None and field.most is not None
    for value, status in (
        (field.least, 200), (field.most, 200), (field.least - 1, 422), (field.most + 1, 422),
    ):  # fmt: skip
        text = str(value) if isinstance(value, int) else repr(float(value))
        assert server.get(f"{FACES}/sample?{name}={text}").status == status, text
    if field.kind == "number":
        assert server.get(f"{FACES}/sample?{name}=-0").status == 200
        assert server.get(f"{FACES}/sample?{name}=1e-300").status == 200


@pytest.mark.parametrize("depth", [5, 1_000, 10_000, 30_000])
@pytest.mark.parametrize("pair", [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"])
def test_json_that_nests_is_refused_at_once(
    server: Running, depth: int, pair: tuple[bytes, bytes]
) -> None:
    body = pair[0] * depth + b"1" + pair[1] * depth
    found = server.post(f"{FACES}/samples", body)
    assert found.status == (400 if len(body) <= 64 << 10 else 413)
    assert server.get(SAMPLE).status == 200


@pytest.mark.parametrize("kind", [
    "application/json; charset=latin-1", "APPLICATION/JSON", "application/json;", 
])  # fmt: skip
def test_parameters_of_a_content_type_do_not_matter(server: Running, kind: str) -> None:
    assert server.post(f"{FACES}/samples", {"count": 1}, content_type=kind).status == 200


@pytest.mark.parametrize("kind", [
    "", "json", "application/jsonx", "text/json", "application/json, text/plain", "*/*",
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/png",
])  # fmt: skip
def test_other_content_types_are_refused(server: Running, kind: str) -> None:
    assert server.post(f"{FACES}/samples", {"count": 1}, content_type=kind).status == 415


def test_head_has_the_headers_of_get_and_no_body(server: Running) -> None:
    for path in (
        SAMPLE,
        "/",
        "/docs",
        "/health",
        "/v1/models",
        f"{FACES}/sample?seed=x",
        "/no",
        f"{FACES}/samples",
    ):
        with server.connect() as own:
            closing = {"connection": "close"}
            own.sendall(server.request("HEAD", path, closing, b""))
            data = b""
            while more := own.recv(65536):
                data += more
        head, _, body = data.partition(b"\r\n\r\n")
        whole = server.get(path)
        assert not body and int(head.split()[1]) == whole.status, path
        told = {line.split(b":")[0].lower().decode() for line in head.split(b"\r\n")[1:]}
        assert whole.headers.keys() - {"connection"} <= told


def test_options_and_ranges(server: Running) -> None:
    """Preflight without a trusted page allows nothing; a range is answered with the whole."""
    for path in (SAMPLE, f"{FACES}/samples", "/v1/models"):
        found = server.raw(server.request("OPTIONS", path, {}, b""))
        assert found.status == 204 and "access-control-allow-origin" not in found.headers
    assert server.raw(server.request("OPTIONS", "/no", {}, b"")).status == 404
    whole = server.get(SAMPLE)
    for words in (
        "bytes=0-9",
        "bytes=-5",
        "bytes=9-0",
        "bytes=0-,1-,2-",
        "pages=1",
        "bytes=" + "9" * 99,
    ):
        found = server.get(SAMPLE, range=words)
        assert (found.status, found.body) == (200, whole.body), words
        assert "content-range" not in found.headers


@pytest.mark.parametrize("name", ["人脸", "faces\u202e", "FACES", "faces ", "é", "💥"])
def test_unicode_names_of_models_are_not_found(server: Running, name: str) -> None:
    for accepted in ("en", "zh"):
        path = f"/v1/models/{quote(name, safe='%')}/sample"
        found = server.get(path, accept_language=accepted)
        assert found.status == 404 and "faces" in found.json["fix"]
        assert name not in found.body.decode()


def test_folders_with_names_of_all_letters_get_one_that_addresses_can_have(tmp_path: Path) -> None:
    for folder, name in (
        ("人脸", "model"),
        ("Gesichter größer", "Gesichter-gr-er"),
        ("a\nb", "a-b"),
    ):
        assert list(named((str(tmp_path / folder),))) == [name]
    assert list(named(("faces=人脸",))) == ["faces"]
    for words in (("人脸=x",), ("人脸", "脸"), ("../x=y",), ("a/b=c",), ("=c",)):
        with pytest.raises(UsageError) as error:
            named(words)
        assert error.value.fix


@pytest.mark.parametrize("way", ["deleted", "cut short", "another model"])
def test_a_folder_that_is_replaced_changes_nothing_that_is_served(way: str, tmp_path: Path) -> None:
    """The weights are in memory: not even a file that is cut short under it is noticed."""
    place = tmp_path / "faces"
    shutil.copytree(embedded.HOME / embedded.USUAL, place)
    with served([load("faces", str(place))]) as server:
        before = server.get(SAMPLE)
        if way == "deleted":
            shutil.rmtree(place)
        for file in sorted(place.iterdir()) if place.exists() else ():
            with file.open("r+b") as own:
                if way == "cut short":
                    own.truncate(10)
                else:
                    own.write(bytes(4096))
        after = server.get(SAMPLE)
        assert (after.status, after.body) == (200, before.body)
        assert after.headers["etag"] == before.headers["etag"]
        other = server.get(f"{FACES}/sample?seed=4")
        assert other.status == 200 and other.body != before.body
        assert server.get("/ready").status == 200
        assert server.get("/v1/models").json["models"][0]["name"] == "faces"


@pytest.mark.long
def test_conditions_of_requests_at_once_are_not_mixed_up(tmp_path: Path) -> None:
    run = tiny("fields", tmp_path / "run")
    model: Any = ganzfeld.load(run)
    with served([load("waves", str(run))]) as server:

        def ask(number: int) -> Any:
            asked = {"slope": str(1 + number / 16)}
            body = {"seed": number, "count": 3, "format": "json", "numbers": asked}
            return server.post(f"{WAVES}/samples", body).json["samples"]

        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(ask, range(48)))
    for number, samples in enumerate(found):
        rows = model.given({"slope": str(1 + number / 16)}, 3, seed=number)
        wanted = model.store(model.sample(3, seed=number, numbers=rows))
        values = np.array([one["value"] for one in samples], np.float32)
        np.testing.assert_array_equal(values, wanted.reshape(values.shape))


# Addresses


def test_a_port_in_use_is_one_sentence() -> None:
    with listen("127.0.0.1", 0) as own:
        port = own.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port} cannot be used") as error:
            listen("127.0.0.1", port)
        assert error.value.fix == f"--port {port + 1}, or 0 for any free one"


@pytest.mark.parametrize(
    "host", ["no.such.host.invalid", "256.1.1.1", "fe80::zz", "é" * 100, "\u2603"]
)
def test_a_host_that_is_none_is_one_sentence(host: str) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        listen(host, 0)


def test_addresses_of_ipv6_are_in_brackets() -> None:
    assert address("::1", 80) == "[::1]:80" and address("localhost", 80) == "localhost:80"
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        return
    with listen("::1", 0) as own:
        port = own.getsockname()[1]
        with pytest.raises(UsageError, match=rf"\[::1\]:{port} cannot be used"):
            listen("::1", port)


@pytest.mark.long
def test_ipv6_in_brackets_is_taken_as_without(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "ganzfeld", "serve", str(tmp_path / "none"), "--port", "0"]
    done = subprocess.run([*words, "--host", "[::1]"], capture_output=True, text=True)
    assert done.returncode != 0 and "token" not in done.stderr and "none" in done.stderr


def test_the_depth_that_is_told_is_the_one_that_holds(server: Running) -> None:
    for body in (b"[" * 10_000 + b"]" * 10_000, b"[[[[[[1]]]]]]"):
        found = server.post(f"{FACES}/samples", body)
        assert found.json["detail"] == "the body nests deeper than 4"
        found = server.post(f"{FACES}/samples", body, accept_language="zh")
        assert found.json["detail"] == "请求体的嵌套深于 4 层"
