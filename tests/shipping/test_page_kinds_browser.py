"""Series, lines and rows in a real browser: charts, lists and tables hold what Python draws."""

from __future__ import annotations

import base64
import csv
import io
import json
import zipfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import Browser, browser, needs_chromium
from PIL import Image
from shipping_runs import tiny

import ganzfeld
from ganzfeld.core import marks
from ganzfeld.shipping.page import page_of

pytestmark = [pytest.mark.browser, needs_chromium]

RECIPES = {"series": "series-gan", "text": "text-mle", "table": "table-vae"}
SHOWN = "document.getElementById"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    place = tmp_path_factory.mktemp("kinds")
    more = {"series": {"source": "var:200"}}  # two channels
    return {
        kind: ganzfeld.load(tiny(recipe, place / kind, **more.get(kind, {})))
        for kind, recipe in RECIPES.items()
    }


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


def expected(model: Any, count: int, **more: Any) -> list[str]:
    """The files of a model's samples, as `ganzfeld sample` writes them."""
    stored = model.store(model.sample(count, **more))
    return [model.modality.encoded(one, model.spec).decode() for one in stored]


def alike(found: str, wanted: str) -> None:
    """The same words; numbers may differ in their last digits."""
    one, other = (list(csv.reader(io.StringIO(text))) for text in (found, wanted))
    assert [len(row) for row in one] == [len(row) for row in other] and one[0] == other[0]
    cells = [chain.from_iterable(rows) for rows in (one, other)]
    for a, b in zip(*cells, strict=True):
        if a != b:
            assert float(a) == pytest.approx(float(b), rel=1e-3, abs=2e-3)


def caught(chrome: Browser, click: str) -> tuple[str, bytes]:
    """The name and the bytes of the file that a button gives."""
    chrome.run(
        "window.given = null; URL.createObjectURL = ((before) => (blob) => {"
        " if (blob.type === 'application/zip') window.given = blob; return before(blob); })"
        "(URL.createObjectURL.bind(URL)); HTMLAnchorElement.prototype.click = function () {"
        " window.named = this.download; }; undefined"
    )
    chrome.run(f"{click}.click()")
    chrome.wait("window.given")
    data = chrome.run(
        "window.given.arrayBuffer().then((b) => btoa(String.fromCharCode(...new Uint8Array(b))))"
    )
    return str(chrome.run("window.named")), base64.b64decode(data)


def shown(chrome: Browser, kind: str, count: int, told: Any) -> None:
    """What people see is what the files hold."""
    first = told["drawn"][0]["text"]
    if kind == "series":
        assert chrome.run('document.querySelectorAll("#grid svg .curve").length') == 2 * count
        return
    tag = "li" if kind == "text" else "tr"
    rows = chrome.run(
        f'[...document.querySelectorAll("#grid {tag}")].map((one) => one.textContent)'
    )
    assert len([row for row in rows if row]) == count + (kind == "table")
    if kind == "text":
        assert chrome.run('document.querySelector("#grid bdi").textContent') == first.rstrip("\n")


@pytest.mark.parametrize("kind", RECIPES)
def test_a_page_draws_them(chrome: Browser, models: Any, kind: str, tmp_path: Path) -> None:
    model, file = models[kind], tmp_path / "page.html"
    file.write_text(page_of(model).text, "utf-8")
    told = chrome.selftest(f"{file.as_uri()}#seed=7&std=0.8&count=4")
    assert told["check"]["equal"] and not chrome.errors
    wanted = expected(model, 4, seed=7, std=0.8)
    for number, (one, other) in enumerate(zip(told["drawn"], wanted, strict=True)):
        alike(one["text"], other)
        mark = json.loads(one["mark"])
        assert (mark["seed"], mark["index"], mark["std"]) == (7, number, 0.8)
        assert mark["model"] == model.about["weights"]["sha256"]
    shown(chrome, kind, 4, told)


@pytest.mark.parametrize("kind", RECIPES)
def test_the_app_of_a_server_shows_the_files_of_python(
    chrome: Browser, models: Any, kind: str, tmp_path: Path
) -> None:
    pytest.importorskip("uvicorn")
    from serving import served

    from ganzfeld.shipping.engine import TorchEngine
    from ganzfeld.shipping.server.served import Served

    model = models[kind]
    with served([Served("it", model.about, TorchEngine(model), model)]) as server:
        told = chrome.selftest(f"http://127.0.0.1:{server.port}/#seed=3&count=4")
        assert not chrome.errors
        chrome.wait('document.querySelectorAll("#past-strip button").length === 1')
        chrome.open("about:blank")  # it asks the server for nothing more
    assert [one["text"] for one in told["drawn"]] == expected(model, 4, seed=3)
    assert json.loads(told["drawn"][2]["mark"])["index"] == 2
    chrome.size(1400, 1000)


@pytest.mark.parametrize("kind", RECIPES)
def test_a_download_has_its_mark_beside_it(
    chrome: Browser, models: Any, kind: str, tmp_path: Path
) -> None:
    model, file = models[kind], tmp_path / "page.html"
    file.write_text(page_of(model).text, "utf-8")
    seed = 2**64 - 1  # beyond what JavaScript's numbers hold
    told = chrome.selftest(f"{file.as_uri()}#seed={seed}&count=4")
    chrome.run('document.querySelectorAll("#grid .one")[1].click()')
    name, data = caught(chrome, f'{SHOWN}("large-save")')
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(tmp_path / "one")
    ending = model.modality.suffix
    place = tmp_path / "one" / f"{seed}-000001{ending}"
    assert name == f"{place.name}.zip" and place.read_text("utf-8") == told["drawn"][1]["text"]
    mark = marks.read(place)
    assert mark is not None and (mark["seed"], mark["index"]) == (seed, 1)
    if kind == "series":
        return
    chrome.run(f'{SHOWN}("large").close()')
    name, data = caught(chrome, f'{SHOWN}("whole-save")')
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(tmp_path / "all")
    place = tmp_path / "all" / f"{seed}{ending}"
    stored = model.store(model.sample(4, seed=seed))
    alike(place.read_text("utf-8"), "".join(model.modality.pieces([stored], model.spec)))
    mark = marks.read(place)
    assert mark is not None and mark["indices"] == [[0, 3]] and "index" not in mark


def test_a_chart_tells_the_values_under_the_pointer(
    chrome: Browser, models: Any, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of(models["series"], precision="float32").text, "utf-8")
    chrome.size(1400, 1000)
    told = chrome.selftest(f"{file.as_uri()}#seed=1&count=4")
    chrome.run('document.querySelector("#grid .one").click()')
    chrome.wait('document.querySelector("#large svg .curve")')
    box = chrome.run(
        "(({ left, top, width, height }) => [left, top, width, height])"
        '(document.querySelector("#large svg").getBoundingClientRect())'
    )
    values = np.loadtxt(io.StringIO(told["drawn"][0]["text"]), delimiter=",", skiprows=1)
    steps = len(values)
    for step in (0, 11, steps - 1):
        x = box[0] + box[2] * (56 + (640 - 68) * step / (steps - 1)) / 640
        chrome.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=box[1] + box[3] / 2)
        words = chrome.run('document.querySelector("#large figcaption").textContent')
        assert words.startswith(f"step {step} ")
        told_here = [float(part.rsplit(": ", 1)[1]) for part in words.split(" · ")[1:]]
        assert told_here == pytest.approx(values[step, 1:], rel=1e-4)
    curves = chrome.run(
        '[...document.querySelectorAll("#large .curve")].map((one) => one.getAttribute("d"))'
    )
    assert len(curves) == 2
    for channel, curve in enumerate(curves, 1):
        heights = [float(point.split(" ")[1]) for point in curve[1:].split("L")]
        assert len(heights) == steps  # the chart is the series: it goes up where the series does
        assert np.corrcoef(heights, values[:, channel])[0, 1] < -0.999


@pytest.mark.parametrize(
    ("kind", "width"),
    [
        *((kind, 400) for kind in RECIPES),
        *(pytest.param(kind, 1400, marks=pytest.mark.slow) for kind in ("text", "table")),
        ("series", 1400),
    ],
)
def test_nothing_is_wider_than_the_window(
    chrome: Browser, models: Any, kind: str, width: int, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of(models[kind]).text, "utf-8")
    chrome.size(width, 1000)
    theme, language = ("dark", "zh") if width == 400 else ("light", "en")
    chrome.selftest(f"{file.as_uri()}?theme={theme}&lang={language}#count=16")
    assert chrome.run("document.documentElement.scrollWidth") <= width
    if language == "zh":
        assert "复制" in chrome.run("document.body.textContent")
    chrome.shot(tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as image:
        seen = np.asarray(image.convert("L")).astype(int)
    assert (seen[:8, :8].mean() < 128) == (theme == "dark") and seen[300:].std() > 5
