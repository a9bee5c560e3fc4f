"""Pages in a real browser: from a file, and from a server; their pixels are Python's."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from chromium import Browser, browser, needs_chromium
from PIL import Image
from shipping_runs import tiny

import ganzfeld
from ganzfeld.core import marks
from ganzfeld.shipping.page import page_of

pytestmark = [pytest.mark.browser, needs_chromium]

HOSTILE = ["</script><img src=x onerror=alert(1)>", '"><b>', "'; alert(1) //", "中文 é"]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model whose classes have names that would break a careless page."""
    model = ganzfeld.load(tiny("default", tmp_path_factory.mktemp("browser") / "run"))
    model.classes = HOSTILE + model.classes[len(HOSTILE) :]
    return model


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


def body(chrome: Browser) -> str:
    return str(chrome.run("document.documentElement.outerHTML")).split('id="data"')[0]


def pixels(found: Any, shape: tuple[int, ...]) -> Any:
    return np.frombuffer(base64.b64decode(found["pixels"]), np.uint8).reshape(shape)


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_a_page_from_a_file_draws_what_python_draws(
    chrome: Browser, faces: Any, tmp_path: Path, precision: Any
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of(faces, precision=precision, with_discriminator=True).text, "utf-8")
    seed = 2**64 - 1
    told = chrome.selftest(f"{file.as_uri()}#seed={seed}&std=0.7&count=8")
    text = body(chrome)
    assert told["check"]["equal"] and told["worker"] and told["engine"] == "WebAssembly"
    assert len(told["drawn"]) == 4 and '<img src="x' not in text
    expected = faces.store(faces.draw_exact([(seed, i, None) for i in range(4)], std=0.7))
    labels = faces.labels_of(range(4), seed, [])
    for found, wanted, label in zip(told["drawn"], expected, labels, strict=True):
        apart = np.abs(pixels(found, wanted.shape).astype(int) - wanted.astype(int))
        most, share = {"float32": (1, 1e-3), "float16": (2, 5e-2), "int8": (16, 0.9)}[precision]
        assert apart.max() <= most and found["label"] == label
        assert (apart > 0).mean() < share
    assert [name for name in chrome.requests if not name.startswith("blob:")] == [
        f"{file.as_uri()}"
    ]
    assert not chrome.errors
    image = tmp_path / "one.png"
    image.write_bytes(base64.b64decode(told["file"]))
    mark = marks.read(image)
    assert mark is not None and (mark["seed"], mark["index"], mark["std"]) == (seed, 0, 0.7)
    assert mark["label"] == faces.classes[labels[0]]
    with Image.open(image) as drawn:
        found = np.asarray(drawn).transpose(2, 0, 1)
    assert np.array_equal(found, pixels(told["drawn"][0], found.shape))


def test_the_class_and_the_language_come_from_the_address(
    chrome: Browser, faces: Any, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of(faces).text, "utf-8")
    told = chrome.selftest(f"{file.as_uri()}?lang=zh#class=%22%3E%3Cb%3E&count=4")
    text = body(chrome)
    assert {one["label"] for one in told["drawn"]} == {1}
    assert 'lang="zh-CN"' in text and "种子" in text and "多样性" in text
    chrome.selftest(f"{file.as_uri()}?lang=xx&theme=xx#count=1")
    chosen = "['language', 'theme'].map((id) => document.getElementById(id).value).join()"
    assert chrome.run(chosen) == "en,auto", "what is not there is not chosen"


def test_the_best_by_the_discriminator_are_those_of_python(
    chrome: Browser, faces: Any, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    page = page_of(faces, precision="float32", with_discriminator=True)
    file.write_text(page.text, "utf-8")
    told = chrome.selftest(f"{file.as_uri()}#best=1&count=4")
    text = body(chrome)
    from ganzfeld.models.rank import best

    wanted = faces.store(best(faces, 4, of=32).samples)
    found = [pixels(one, wanted[0].shape) for one in told["drawn"]]
    for one, other in zip(found, wanted, strict=True):
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 1
    assert "kept 4 of 32: 9 times the work" in text


@pytest.mark.parametrize("recipe", ["wavegan", "fields", "cyclegan"])
def test_other_kinds_are_drawn_too(chrome: Browser, recipe: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of(ganzfeld.load(tiny(recipe, tmp_path / "run"))).text, "utf-8")
    told = chrome.selftest(f"{file.as_uri()}?lang=en#count=4")
    text = body(chrome)
    assert not chrome.errors
    if recipe == "wavegan":
        assert text.count("<audio controls") == 4 and len(told["drawn"]) == 4
        stops = "[...document.querySelectorAll('#grid audio')].map((one) => one.tabIndex)"
        assert chrome.run(stops) == [-1] * 4  # Enter opens the large one, which takes the keys
    elif recipe == "fields":
        assert len(told["drawn"]) == 4
        with Image.open(io.BytesIO(base64.b64decode(told["file"]))) as image:
            assert image.mode == "RGB" and len(np.unique(np.asarray(image))) > 20
            shape = image.width / image.height
        box = chrome.run(
            '(() => { const box = document.querySelector("#grid .one").getBoundingClientRect();'
            " return box.width / box.height; })()"
        )
        assert box == pytest.approx(shape, rel=0.05), "no bars beside a map"
        model = ganzfeld.load(tmp_path / "run")
        value = model.store(model.sample(1))[0].reshape(-1, *model.shape[-2:])[0, 1, 2]
        chrome.run('document.querySelector("#grid .one").click()')
        chrome.run(
            '(() => { const i = document.querySelector("#large-view img"), b ='
            " i.getBoundingClientRect(), at = (n, all, side) => (n + 0.5) * side / all;"
            ' i.dispatchEvent(new PointerEvent("pointermove", {'
            " clientX: b.left + at(2, i.naturalWidth, b.width),"
            " clientY: b.top + at(1, i.naturalHeight, b.height) })); })()"
        )
        title = str(chrome.run('document.getElementById("large-title").textContent'))
        assert float(title.split(" · ")[-1]) == pytest.approx(float(value), rel=6e-3), title
    else:
        assert told["check"]["equal"]
        found = chrome.run(
            '(() => { let asked = 0; const file = document.getElementById("file");'
            ' file.click = () => { asked += 1; }; document.getElementById("drop").click();'
            ' document.getElementById("drop").dispatchEvent(new KeyboardEvent("keydown",'
            ' { key: "Enter", bubbles: true })); return [asked, file.checkVisibility()]; })()'
        )
        assert found == [2, False], "the whole box opens the choice, in the page's language"


def test_the_keyboard_is_enough(chrome: Browser, faces: Any, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of(faces).text, "utf-8")
    chrome.selftest(f"{file.as_uri()}#seed=5&count=8")

    def press(key: str) -> None:
        for kind in ("rawKeyDown", "char", "keyUp"):
            code = {"Enter": 13, "Escape": 27, "ArrowRight": 39}.get(key, ord(key[0].upper()))
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            if kind != "char" or text:
                chrome.call(
                    "Input.dispatchKeyEvent",
                    **{"type": kind, "key": key, "windowsVirtualKeyCode": code},
                    **({"text": text} if kind == "char" else {}),
                )

    room = chrome.run(
        '(() => { const [a, b] = ["#grid .one", "#grid"].map((one) =>'
        " document.querySelector(one).getBoundingClientRect());"
        " return [a.top - b.top, a.left - b.left]; })()"
    )
    assert min(room) >= 5, "the ring around what has the focus is not cut"
    chrome.run('document.querySelector("#grid .one").focus()')
    press("ArrowRight")
    press("f")
    press("Enter")
    chrome.wait('document.getElementById("large").open')
    assert "seed 5, number 1" in chrome.run('document.getElementById("large-title").textContent')
    assert (
        chrome.run('document.getElementById("large-keep").getAttribute("aria-pressed")') == "true"
    )
    press("Escape")
    chrome.wait('!document.getElementById("large").open')
    chrome.wait('document.querySelectorAll("#kept-strip img").length === 1')
    press("n")
    chrome.wait('document.getElementById("seed").value !== "5"')
    assert chrome.run("location.hash").startswith("#seed=")


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_is_wider_than_the_window(
    chrome: Browser, faces: Any, tmp_path: Path, width: int, theme: str, language: str
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of(faces).text, "utf-8")
    chrome.size(width, 1000)
    chrome.selftest(f"{file.as_uri()}?theme={theme}&lang={language}#count=8")
    assert chrome.run("document.documentElement.scrollWidth") <= width
    chrome.shot(tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as image:
        seen = np.asarray(image.convert("L")).astype(int)
    assert (seen[:8, :8].mean() < 128) == (theme == "dark") and seen[300:].std() > 5


def test_the_app_of_a_server_shows_what_the_server_draws(
    chrome: Browser, faces: Any, tmp_path: Path
) -> None:
    pytest.importorskip("uvicorn")
    from serving import served

    from ganzfeld.shipping.engine import TorchEngine
    from ganzfeld.shipping.server.served import Served

    with served([Served("faces", faces.about, TorchEngine(faces), faces)]) as server:
        told = chrome.selftest(f"http://127.0.0.1:{server.port}/#seed=3&count=8")
        assert told["engine"] == "the server" and not chrome.errors
        start = f"http://127.0.0.1:{server.port}/"
        asked = [name for name in chrome.requests if not name.startswith("blob:")]
        assert all(name.startswith(start) for name in asked)
        chrome.run('document.getElementById("best").click()')
        chrome.wait('!document.getElementById("price").hidden')
        chrome.open("about:blank")  # it asks the server for nothing more: that stops now
    image = tmp_path / "one.png"
    image.write_bytes(base64.b64decode(told["file"]))
    mark = marks.read(image)
    assert mark is not None and (mark["seed"], mark["index"]) == (3, 0)
    with Image.open(image) as drawn:
        found = np.asarray(drawn).transpose(2, 0, 1)
    assert np.array_equal(found, faces.store(faces.sample(1, seed=3))[0])


def test_the_app_asks_for_a_token_in_words_and_says_what_fails(chrome: Browser, faces: Any) -> None:
    """Before there is a model, one field is shown, in the page's language and theme."""
    pytest.importorskip("uvicorn")
    from serving import served

    from ganzfeld.shipping.engine import TorchEngine
    from ganzfeld.shipping.server.served import Served

    def give(name: str, value: str) -> None:
        chrome.run(
            f"(() => {{ const one = document.getElementById('{name}'); one.value = '{value}';"
            " one.dispatchEvent(new Event('change')); })()"
        )

    shown = (
        "[...document.querySelectorAll('input, button, select')].filter((one) =>"
        " one.checkVisibility()).map((one) => one.id).join()"
    )
    token = "a-token-of-this-test"
    with served([Served("faces", faces.about, TorchEngine(faces), faces)], token=token) as server:
        chrome.open(f"http://127.0.0.1:{server.port}/?lang=zh&theme=dark#count=4")
        chrome.wait("(document.getElementById('status') || {}).textContent")
        assert chrome.status() == "服务器需要令牌。"
        assert chrome.run(shown) == "language,theme,token"
        assert chrome.run("document.getElementById('of-token').textContent.trim()") == "令牌"
        assert chrome.run("document.documentElement.dataset.theme") == "dark"
        give("token", "another-token-than-it")
        chrome.wait("document.getElementById('status').textContent.includes('不认识')")
        give("token", token)
        chrome.wait("document.getElementById('status').textContent.includes('毫秒')")
        assert not chrome.run("document.getElementById('of-token').checkVisibility()")
    give("seed", "5")  # the server is gone
    chrome.wait("document.getElementById('status').textContent === '服务器没有应答。'")
    assert chrome.run("document.querySelectorAll('#grid img').length") == 0, "none of seed 5"


def test_directions_have_sliders_and_draw_what_python_draws(
    chrome: Browser, faces: Any, tmp_path: Path
) -> None:
    from ganzfeld.models.directions import directions_of

    file = tmp_path / "page.html"
    file.write_text(page_of(faces, precision="float32").text, "utf-8")
    told = chrome.selftest(f"{file.as_uri()}?lang=zh#seed=7&move=0:1.5,2:-1&count=4")
    shift = directions_of(faces).shift({0: 1.5, 2: -1.0})
    expected = faces.store(faces.sample(4, seed=7, shift=shift))
    plain = faces.store(faces.sample(4, seed=7))
    for found, wanted, without in zip(told["drawn"], expected, plain, strict=True):
        one = pixels(found, wanted.shape).astype(int)
        assert np.abs(one - wanted).max() <= 1 < np.abs(one - without).max()
    image = tmp_path / "one.png"
    image.write_bytes(base64.b64decode(told["file"]))
    mark = marks.read(image)
    assert mark is not None and mark["directions"] == {"0": 1.5, "2": -1}
    sliders = 'document.querySelectorAll("#moves input")'
    assert chrome.run(f"{sliders}.length") == 5 and "方向 4" in body(chrome)
    chrome.run(
        f'{sliders}[1].value = "2"; {sliders}[1].dispatchEvent(new Event("change")); undefined'
    )
    chrome.wait('decodeURIComponent(location.hash).includes("move=0:1.5,1:2,2:-1")')
    assert not chrome.errors


def test_the_model_of_the_package_shows_24_faces_at_once(chrome: Browser, tmp_path: Path) -> None:
    from ganzfeld.models import embedded
    from ganzfeld.shipping.page_prepared import prepared

    weights = ganzfeld.load(embedded.USUAL).about["weights"]["sha256"]
    page = prepared(embedded.HOME / embedded.USUAL, weights)
    assert page is not None
    file = tmp_path / "page.html"
    file.write_text(page, "utf-8")
    told = chrome.selftest(f"{file.as_uri()}")
    assert told["check"]["equal"] and not chrome.errors
    assert chrome.run('document.querySelectorAll("#grid img").length') == 24


def test_an_image_is_projected_and_edited_in_the_app(
    chrome: Browser, faces: Any, tmp_path: Path
) -> None:
    pytest.importorskip("uvicorn")
    from serving import served

    from ganzfeld.models.project import project
    from ganzfeld.shipping.engine import TorchEngine
    from ganzfeld.shipping.server import projecting
    from ganzfeld.shipping.server.served import Served

    image = np.mgrid[:16, :16].sum(0).astype(np.uint8)[..., None].repeat(3, 2) * 8
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    text = base64.b64encode(buffer.getvalue()).decode()
    pixel = (
        "(async (id) => { const b = await createImageBitmap(document.getElementById(id));"
        " const c = document.createElement('canvas'); c.width = c.height = 16;"
        " const x = c.getContext('2d'); x.drawImage(b, 0, 0);"
        " return Array.from(x.getImageData(0, 0, 16, 16).data); })"
    )

    def seen(name: str) -> Any:
        found = np.array(chrome.run(f'{pixel}("{name}")'), np.uint8)
        return found.reshape(16, 16, 4)[..., :3].transpose(2, 0, 1)

    with served([Served("faces", faces.about, TorchEngine(faces), faces)]) as server:
        chrome.selftest(f"http://127.0.0.1:{server.port}/#seed=3&count=4")
        chrome.run(
            "const data = new DataTransfer(); data.items.add(new File([Uint8Array.from("
            f"atob('{text}'), (c) => c.charCodeAt(0))], 'own.png', {{ type: 'image/png' }}));"
            "document.getElementById('drop').dispatchEvent("
            "new DragEvent('drop', { dataTransfer: data, bubbles: true })); undefined"
        )
        chrome.wait('document.querySelectorAll("#edit input").length === 6')
        chrome.wait('document.getElementById("after").complete')
        x = faces.modality.to_network(
            torch.from_numpy(image.transpose(2, 0, 1)[None].copy()), faces.spec
        )
        found = project(faces, x, steps=100, candidates=projecting.CANDIDATES)
        whole = seen("after")
        assert np.array_equal(seen("before"), image.transpose(2, 0, 1))
        assert np.array_equal(whole, faces.store(found.samples)[0])
        words = chrome.run('document.getElementById("found").textContent')
        assert f"Error {found.errors[0]:.3f}" in words and f"has {found.starts[0]:.3f}" in words
        before = chrome.run('document.getElementById("after").src')
        chrome.run(
            '{ const one = document.querySelector("#edit input"); one.value = "3";'
            ' one.dispatchEvent(new Event("change")); } undefined'
        )
        chrome.wait(f'document.getElementById("after").src !== "{before}"')
        chrome.wait('document.getElementById("after").complete')
        assert not np.array_equal(seen("after"), whole) and not chrome.errors
        chrome.open("about:blank")  # it asks the server for nothing more


def test_the_price_of_less_variety_is_the_one_of_python(
    chrome: Browser, faces: Any, tmp_path: Path
) -> None:
    """Page and server measure the same; it is little beside 1, and nothing is said at 1."""
    pytest.importorskip("uvicorn")
    from serving import served

    from ganzfeld.shipping.engine import TorchEngine
    from ganzfeld.shipping.server.served import Served
    from ganzfeld.shipping.server.varying import variety

    file = tmp_path / "page.html"
    file.write_text(page_of(faces, precision="float32").text, "utf-8")
    engine = TorchEngine(faces)
    wanted = variety(engine, 0.25)["variety"]
    assert 0 < wanted < 0.8
    say = 'document.getElementById("cost")'
    with served([Served("faces", faces.about, engine, faces)]) as server:
        for place in (file.as_uri(), f"http://127.0.0.1:{server.port}/"):
            chrome.open(f"{place}?lang=en#count=4&std=0.25")
            chrome.wait(f'{say} && {say}.textContent.includes("pairs")')
            assert f"differ {wanted:.2f} times as much as at variety 1" in chrome.run(
                f"{say}.textContent"
            )
            chrome.run(
                "speak = document.getElementById('language'); speak.value = 'zh';"
                " speak.dispatchEvent(new Event('change')); undefined"
            )
            assert "32 对" in chrome.run(f"{say}.textContent")
            chrome.run("location.hash = '#count=4&std=1'; undefined")
            chrome.wait(f"{say}.hidden")
            assert not chrome.errors
        chrome.open("about:blank")
