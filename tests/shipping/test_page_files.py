"""Files that the page makes are read by Python, marks and all."""

from __future__ import annotations

import base64
import csv
import io
import json
import wave
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from page_node import needs_node, node
from PIL import Image

from ganzfeld.core import marks
from ganzfeld.shipping import page_html
from ganzfeld.shipping.page_packed import as_text, deflated, sorted_

pytestmark = needs_node

ABOUT = marks.new(model="0" * 64, recipe="default", latents="threefry4x32-20/box-muller-1")
SAYS = """
const says = { mean: 0, std: 0.7, seed: BigInt(given.seed), index: 5n, label: given.label };
const mark = markOf(given.about, says);
"""
OUT = 'console.log(JSON.stringify(Buffer.from(file).toString("base64")));'
LABEL = 'a "b" <c> \u00e9 \u4e2d \u2028'
SEED = 2**64 - 1
GIVEN = {"about": ABOUT, "seed": str(SEED), "label": LABEL}


def expected() -> marks.Mark:
    return ABOUT | {"mean": 0, "std": 0.7, "seed": SEED, "index": 5, "label": LABEL}


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("packed", [True, False])
def test_a_png_has_its_pixels_and_its_mark(channels: int, packed: bool, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (150, 170, channels), np.uint8)
    script = SAYS + ("" if packed else "globalThis.CompressionStream = undefined;")
    script += f"""
    png(Uint8Array.from(given.pixels), 150, 170, {channels}, given.about, mark).then((file) => {{
      {OUT} }});"""
    given = GIVEN | {"pixels": pixels.ravel().tolist()}
    path = tmp_path / "one.png"
    path.write_bytes(base64.b64decode(node(script, "files.js", "png.js", given=given)))
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image).reshape(pixels.shape), pixels)
    assert marks.read(path) == expected()
    whole = marks.stamp(path.read_bytes(), ABOUT)  # as Python would have written it
    assert whole is not None
    packet = whole[whole.index(b"<?xpacket") : whole.index(b'end="w"?>')]
    assert packet in path.read_bytes()


def test_a_wav_has_its_sound_and_its_mark(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).integers(-32767, 32768, 801).astype(np.int16)
    script = (
        SAYS
        + f"""
    const file = wav(Int16Array.from(given.sound), 8000, given.about, mark);
    {OUT}"""
    )
    data = base64.b64decode(
        node(script, "files.js", "wav.js", given=GIVEN | {"sound": sound.tolist()})
    )
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        assert np.array_equal(np.frombuffer(file.readframes(900), "<i2"), sound)
    (tmp_path / "one.wav").write_bytes(data)
    assert marks.read(tmp_path / "one.wav") == expected()


def test_a_zip_is_whole_and_its_table_is_no_formula() -> None:
    script = (
        """
    const rows = [["file", "label"], ["a.png", given.names[0]], ["b.png", given.names[1]]];
    const file = zip([["labels.csv", utf8(csv(rows))], ["é.png", Uint8Array.of(1, 2, 3)]]);
    """
        + OUT
    )
    names = ['=HYPERLINK("x")', 'a,"b"\n']
    data = base64.b64decode(node(script, "files.js", given={"names": names}))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None and archive.namelist() == ["labels.csv", "é.png"]
        assert archive.read("é.png") == b"\1\2\3"
        rows = list(csv.reader(io.StringIO(archive.read("labels.csv").decode())))
    assert rows == [["file", "label"], ["a.png", "'" + names[0]], ["b.png", names[1]]]


KINDS = ("image", "audio", "field", "series", "text", "table")
PAGES = [(True, frozenset({kind})) for kind in (*KINDS, "translation")]
PAGES += [(False, frozenset({kind})) for kind in KINDS]
PAGES += [(False, frozenset({"image", "translation"})), (False, frozenset({"image", "projection"}))]
HIDDEN = {
    "Model",
    "Text",
    "Token",
    "The server wants a token.",
}  # what only the app of a server shows


@pytest.mark.parametrize(("engine", "needs"), PAGES)
def test_the_words_of_the_page_are_all_translated(engine: bool, needs: frozenset[str]) -> None:
    """Each sentence that the page says has Chinese, with the same fields."""
    import re

    from ganzfeld.shipping.page_html import file_names, markup, static

    names = file_names(engine, needs, frozenset())[:-1]
    words = node("console.log(JSON.stringify(CHINESE));", *names)
    code = "".join(map(static, [*names, "start.js"]))
    said = set(re.findall(r'data-(?:t|label)="([^"]+)"', markup(engine, needs)))
    said |= set(re.findall(r'\.t\(\s*"([^"]+)"', code))
    said |= set(re.findall(r'\$\("[\w-]+"\),\s*(?:[^"?]+\? )?"([A-Z{][^"]+)"', code))
    said |= set(re.findall(r'\b(?:float16|float32|int8): "([^"]+)"', code))
    said |= set(re.findall(r'note: \["([^"]+)"', code))
    said |= set(re.findall(r'\bsay\("([^"]+)"', code))
    said |= set(re.findall(r'\.say\(\w+, "([^"]+)"', code))
    said -= HIDDEN if engine else set()
    assert len(said) > 30
    assert not said - set(words), sorted(said - set(words))
    for english, chinese in words.items():
        fields = set(re.findall(r"\{\w+\}", english))
        assert fields >= set(re.findall(r"\{\w+\}", chinese)), json.dumps(chinese)


def test_code_and_weights_come_out_of_their_text_as_they_went_in() -> None:
    rng = np.random.default_rng(0)
    script = """
    const all = given.map(([text, tensors]) => unpacked(text, tensors));
    Promise.all(all).then((found) => console.log(JSON.stringify(
      found.map((one) => Buffer.from(one).toString("base64")))));
    """
    for counts in ([0, 0, 0], [1, 0, 0], [3, 5, 0], [2, 1, 7], [0, 0, 5000]):
        tensors = [["G", "x", n, width] for n, width in zip(counts, (4, 2, 1), strict=True)]
        data = rng.bytes(sum(n * width for n, width in zip(counts, (4, 2, 1), strict=True)))
        text = as_text(data, tensors)
        assert not set(text) & set("<>&\"'`\\\n ") and text.isascii()
        (found,) = node(script, "packed.js", given=[[text, tensors]])
        assert base64.b64decode(found) == data


def test_numbers_and_code_are_each_deflated_the_shorter_way() -> None:
    numbers = np.random.default_rng(0).normal(scale=0.02, size=50_000).astype("<f2").tobytes()
    halves = sorted_(numbers, 2)
    code = page_html.static("app.js").encode()
    assert len(deflated(halves)) < 0.99 * len(zlib.compress(halves, 9))
    assert len(deflated(code)) == len(zlib.compress(code, 9))
    assert zlib.decompress(deflated(halves)) == halves and zlib.decompress(deflated(code)) == code


def test_an_old_browser_says_so_in_a_sentence() -> None:
    script = """
    const said = {};
    globalThis.document = { getElementById: () => said };
    Object.defineProperty(globalThis, "navigator", { value: given, configurable: true });
    delete globalThis.DecompressionStream;
    unpack().then(() => console.log(JSON.stringify(said.textContent)));
    """
    assert "too old" in node(script, "packed.js", given={"language": "en"})
    assert "浏览器太旧" in node(script, "packed.js", given={"language": "zh-CN"})
