"""Asked in words in a real browser: a page of one file, and the app of a server without PyTorch."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from chromium import Browser, browser, needs_chromium
from shipping_runs import tiny

import ganzfeld
from ganzfeld.core import marks
from ganzfeld.models.generation import captions_of
from ganzfeld.shipping.page import page_of

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    more: dict[str, Any] = {"images": 64, "batch": 16, "settings": ["networks.*.width=4"]}
    place = tmp_path_factory.mktemp("told") / "run"
    return tiny("text-to-image", place, source="avatars-captions:64", size=16, **more)


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


def ask(chrome: Browser, text: str) -> None:
    chrome.run(f"$('text').value = '{text}'; $('text').dispatchEvent(new Event('change')); null")


@pytest.mark.parametrize(
    "precision", ["float32", pytest.param("float16", marks=pytest.mark.slow), "int8"]
)
def test_a_page_draws_what_python_draws_of_a_text(
    chrome: Browser, told: Path, tmp_path: Path, precision: Any
) -> None:
    model, file = ganzfeld.load(told), tmp_path / "page.html"
    page = page_of(model, precision=precision)
    print(f"text-to-image, {precision}: {page.error:.2g}")
    file.write_text(page.text, "utf-8")
    text = captions_of(model.about)
    found = chrome.selftest(f"{file.as_uri()}#seed=7&count=4&text={quote(text.upper())}")
    assert found["check"]["equal"] and not chrome.errors
    wanted = model.store(model.sample(4, seed=7, text=text)).astype(int)
    most, share = {"float32": (1, 1e-3), "float16": (2, 0.1), "int8": (16, 0.95)}[precision]
    for one, other in zip(found["drawn"], wanted, strict=True):
        got = np.frombuffer(base64.b64decode(one["pixels"]), np.uint8).reshape(other.shape)
        apart = np.abs(got.astype(int) - other)
        assert apart.max() <= most and (apart > 0).mean() < share
    assert [name for name in chrome.requests if not name.startswith("blob:")] == [file.as_uri()]
    (tmp_path / "one.png").write_bytes(base64.b64decode(found["file"]))
    mark = marks.read(tmp_path / "one.png")
    assert mark is not None and mark["caption"] == text and len(mark["numbers"]) > 4
    if precision != "float32":
        return
    own = chrome.selftest(f"{file.as_uri()}#seed=7&count=4")["drawn"]  # captions of the data
    free = model.store(model.sample(4, seed=7)).astype(int)
    assert np.abs(free - wanted).max() > 1
    for one, other in zip(own, free, strict=True):
        got = np.frombuffer(base64.b64decode(one["pixels"]), np.uint8).reshape(other.shape)
        assert np.abs(got.astype(int) - other).max() <= 1
    for language, near in (("en", "Near: person"), ("zh", "相近的词：person")):
        chrome.selftest(f"{file.as_uri()}?lang={language}#count=4&text=a")
        ask(chrome, "a persn")
        chrome.wait(f"$('status').textContent.includes('{near}')")
        ask(chrome, "a person")
        chrome.wait("document.querySelectorAll('#grid img').length === 4")
    chrome.run("$('std').value = .5; $('std').dispatchEvent(new Event('change')); null")
    chrome.wait("$('cost').textContent.includes('32 对')")
    assert not chrome.errors


def test_the_app_asks_an_exported_model_in_words(
    chrome: Browser, told: Path, tmp_path: Path
) -> None:
    """Served by onnxruntime: a drawn caption is told, a text is heeded, a strange word named."""
    for package in ("onnx", "onnxscript", "onnxruntime", "uvicorn"):
        pytest.importorskip(package)
    from serving import served

    from ganzfeld.shipping.server.served import load

    model = ganzfeld.load(told)
    text = captions_of(model.about)
    folder = ganzfeld.export(told, tmp_path / "onnx").folder
    with served([load("told", str(folder), engine="onnx")]) as server:
        at = f"http://127.0.0.1:{server.port}/"
        found = chrome.selftest(f"{at}?lang=en#seed=7&count=4&text={quote(text)}")
        assert not chrome.errors and found["engine"] == "the server"
        (tmp_path / "one.png").write_bytes(base64.b64decode(found["file"]))
        mark = marks.read(tmp_path / "one.png")
        assert mark is not None and mark["caption"] == text
        assert chrome.run("$('of-text').checkVisibility() && $('of-class').hidden")
        chrome.run("document.querySelector('#grid .one').click()")
        assert text in chrome.run("$('large-title').textContent")
        chrome.run("$('large').close()")
        ask(chrome, "xyzzy")
        chrome.wait("$('status').textContent.includes('xyzzy')")
        ask(chrome, "")
        chrome.wait("document.querySelectorAll('#grid img').length === 4")
        chrome.open("about:blank")


def test_the_app_shows_a_run_with_groups(chrome: Browser, tmp_path: Path) -> None:
    """Groups that `--labels clusters` found stand where classes do."""
    pytest.importorskip("uvicorn")
    from serving import served

    from ganzfeld.shipping.server.served import load

    run = tiny("default", tmp_path / "run", source="avatars:300", labels="clusters")
    model = ganzfeld.load(run)
    assert len(model.classes) > 1
    with served([load("groups", str(run))]) as server:
        at = f"http://127.0.0.1:{server.port}/?lang=en#seed=3&count=4"
        found = chrome.selftest(f"{at}&class={quote(model.classes[1])}")
        assert not chrome.errors and [one["label"] for one in found["drawn"]] == [1] * 4
        options = "[...$('class').options].map((one) => one.textContent)"
        assert chrome.run(options)[1:] == model.classes
        (tmp_path / "one.png").write_bytes(base64.b64decode(found["file"]))
        mark = marks.read(tmp_path / "one.png")
        assert mark is not None and mark["label"] == model.classes[1]
        chrome.open("about:blank")
    file = tmp_path / "page.html"
    file.write_text(page_of(model).text, "utf-8")
    found = chrome.selftest(f"{file.as_uri()}#seed=3&count=4&class={quote(model.classes[1])}")
    assert found["check"]["equal"] and [one["label"] for one in found["drawn"]] == [1] * 4
