"""Errors of the server in the language that each request asks for, whatever the server's own is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("uvicorn")

from serving import Reply, Running, served

from ganzfeld.core.language import in_chinese
from ganzfeld.models import embedded
from ganzfeld.shipping.server import problem
from ganzfeld.shipping.server.fields import Field
from ganzfeld.shipping.server.problem import LANGUAGES, TITLES, Problem, spoken
from ganzfeld.shipping.server.served import load
from ganzfeld.shipping.server.table import table

FACES = "/v1/models/faces"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[A-Za-z]+ [a-z]+ [a-z]+")  # three words in a row


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with served([load("faces", str(embedded.HOME / embedded.USUAL))]) as own:
        yield own


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"), ("*", "en"), ("fr, de;q=0.5", "en"), ("en-US,en;q=0.9", "en"), ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("ZH-Hant-TW", "zh"), ("en;q=0.8, zh-CN", "zh"),
        ("en, zh", "en"), ("zh;q=0, en;q=0.1", "en"), ("zh;q=0", "en"), ("fr, zh;q=0.2", "zh"),
        ("zhang", "en"), ("zh;q=9", "en"), ("zh;q=nan, en", "en"), (",;q=1,, ,zh", "zh"),
        ("en," * 40 + "zh", "en"), ("\xff\xfe, zh", "zh"),
    ],
)  # fmt: skip
def test_the_language_is_the_one_that_the_header_prefers(accepted: str, language: str) -> None:
    assert spoken(accepted.encode("latin-1")) == language


def fields() -> Iterator[Field]:
    for endpoint in table(64):
        for field in (*endpoint.query, *endpoint.body):
            yield field
            if field.items is not None:
                yield field.items


def test_all_that_errors_are_made_of_has_a_chinese_form() -> None:
    """Titles, and what fields are, which is the `fix` of a wrong value."""
    told = [title for status, title in TITLES.items() if status >= 400]
    told += [field.about for field in fields()]
    assert len(told) > 40
    assert not [text for text in told if not CHINESE.search(in_chinese(text))]


def asked(server: Running, language: str) -> list[Reply]:
    words = {"accept_language": language}
    return [
        server.get(f"{FACES}/sample?seed=x", **words),
        server.get(f"{FACES}/sample?seed=-1", **words),
        server.get(f"{FACES}/sample?std=1e9", **words),
        server.get(f"{FACES}/sample?nobody=1", **words),
        server.get(f"{FACES}/sample?label=nobody", **words),
        server.get(f"{FACES}/sample?format=wav", **words),
        server.get("/v1/models/other/sample", **words),
        server.get("/nowhere", **words),
        server.raw(server.request("DELETE", f"{FACES}/sample", words, b"")),
        server.get(f"{FACES}/sample", host="evil.example", **words),
        server.get(f"{FACES}/sample", origin="https://evil.example", **words),
        server.post(f"{FACES}/samples", b"[" * 9 + b"]" * 9, **words),
        server.post(f"{FACES}/samples", b"{", **words),
        server.post(f"{FACES}/samples", b'{"std": NaN}', **words),
        server.post(f"{FACES}/samples", b'{"seed": 1, "seed": 2}', **words),
        server.post(f"{FACES}/samples", {"count": 65}, **words),
        server.post(f"{FACES}/samples", [1], **words),
        server.post(f"{FACES}/samples", {}, **words | {"content_type": "text/plain"}),
        server.post(f"{FACES}/score?label=0", b"no", content_type="image/png", **words),
        server.post(f"{FACES}/translation?to=a", b"no", content_type="image/png", **words),
    ]


def test_errors_are_told_in_the_language_of_the_request(server: Running) -> None:
    """Title, detail and what to do; type, status and field are for programs, and stay."""
    for english, chinese in zip(asked(server, "en"), asked(server, "zh-CN,en;q=0.5"), strict=True):
        one, other = english.json, chinese.json
        assert english.status == chinese.status >= 400
        assert {one[k] == other[k] for k in ("type", "status")} == {True}
        assert one.get("field") == other.get("field")
        for name in ("title", "detail"):
            assert CHINESE.search(other[name]), other
            ours = other[name].partition("JSON：")[0]  # behind it are Python's own words
            assert not CHINESE.search(one[name]) and not ENGLISH.search(ours), other
        assert "fix" not in one or one["fix"] != other["fix"] or not ENGLISH.search(one["fix"])
        for found, language in ((english, "en"), (chinese, "zh")):
            assert found.headers["content-language"] == LANGUAGES[language]
            assert "Accept-Language" in found.headers["vary"]


def test_answers_and_their_etags_are_the_same_in_every_language(server: Running) -> None:
    one, other = (
        server.get(f"{FACES}/sample?seed=3", accept_language=words) for words in ("en", "zh-CN")
    )
    assert one.status == 200 and one.body == other.body
    assert one.headers["etag"] == other.headers["etag"]
    for found in (one, other):
        assert "content-language" not in found.headers and "vary" not in found.headers
    again = server.get(
        f"{FACES}/sample?seed=3", accept_language="zh", if_none_match=one.headers["etag"]
    )
    assert again.status == 304


def test_many_at_once_get_each_their_own_language(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's own language is another one, and plays no part."""
    monkeypatch.setenv("GANZFELD_LANG", "zh")

    def ask(number: int) -> bool:
        words = "zh-CN" if number % 3 == 0 else "en"
        found = server.get(f"{FACES}/sample?label=no-{number}", accept_language=words)
        return bool(CHINESE.search(found.json["detail"])) == (words == "zh-CN")

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(90)))
    assert not CHINESE.search(server.get("/nowhere").body.decode())


def test_a_sentence_that_a_client_filled_with_joins_is_not_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(problem, "in_chinese", lambda text: asked.append(text) or text)
    Problem(422, "no class " + "; " * 90).body("1", "zh")
    assert asked == [TITLES[422]]
