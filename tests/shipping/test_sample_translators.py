"""Translators of lines and of sounds over HTTP, in the app and as ONNX: as Python translates."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import browser, needs_chromium
from serving import Running, served
from shipping_runs import sounds, tiny

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core import marks
from ganzfeld.modalities.audio.wav import read_wav, wav_bytes
from ganzfeld.shipping import export as exporting
from ganzfeld.shipping.server.app import Limits
from ganzfeld.shipping.server.served import load

pytest.importorskip("uvicorn", reason='needs pip install "ganzfeld[serve]"')

pytestmark = pytest.mark.long
TYPES = {"text", "plain", "audio", "image", "jpeg", "webp"}  # words of media types
LINES = ("text-cyclegan", "text-pix2pix")
AT = "/v1/models/{}/translation?to=b"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("translators")
    for recipe in LINES:
        settings = ["networks.*.hidden=8"] if recipe == "text-pix2pix" else []
        tiny(recipe, place / recipe, source="cipher:64", size=None, settings=settings)
    voices = sounds(place / "high", 0.9), sounds(place / "low", 0.2)
    more: dict[str, Any] = {"images": 4, "batch": 2, "settings": ["networks.*.width=4"]}
    tiny("audio-cyclegan", place / "voices", source=voices[0], other=voices[1], size=None, **more)
    return place


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Running]:
    names = {"cipher": LINES[0], "pairs": LINES[1], "voices": "voices"}
    models = [load(name, str(home / run)) for name, run in names.items()]
    with served(models, Limits(count=3, body=200_000)) as own:
        yield own


def text_of(server: Running, name: str = "cipher") -> str:
    """Lines that the model can read."""
    symbols = server.app.models[name].spec.extra["symbols"]
    return "".join(symbols[2:6]) + "\n" + "".join(symbols[3:5]) + "\n"


def send(server: Running, name: str, body: bytes, kind: str, **headers: str) -> Any:
    return server.post(AT.format(name), body, content_type=kind, **headers)


@pytest.mark.parametrize("name", ["cipher", "pairs"])
def test_lines_are_translated_as_python_translates_them(server: Running, name: str) -> None:
    told = next(one for one in server.get("/v1/models").json["models"] if one["name"] == name)
    assert (told["task"], told["modality"], told["formats"]["sample"]) == (
        "translation",
        "text",
        [],
    )
    text, model = text_of(server, name), server.app.models[name].model
    found = send(server, name, text.encode(), "text/plain; charset=utf-8")
    assert found.status == 200, found.body
    assert found.body.decode().splitlines() == model.translate(text.splitlines(), to="b")
    mark = json.loads(found.headers["ganzfeld-mark"])
    assert (mark["to"], mark["digital_source_type"]) == ("b", marks.TRANSLATED)
    assert found.headers["content-type"].startswith("text/plain")


def test_a_sound_is_translated_as_the_command_translates_it(
    server: Running, home: Path, tmp_path: Path
) -> None:
    """Whatever its rate and its length."""
    model = server.app.models["voices"].model
    short = read_wav((home / "high" / "1.wav").read_bytes()).samples[0, :3000]
    faster = np.repeat(np.int16(32000 * short), 2)
    for number, (wave, rate) in enumerate([(np.int16(32000 * short), 8000), (faster, 16000)]):
        data = wav_bytes(wave, rate)
        found = send(server, "voices", data, "audio/wav")
        assert found.status == 200, found.body
        place = tmp_path / str(number)
        place.mkdir()
        (place / "one.wav").write_bytes(data)
        model.translate_files(place, tmp_path / "out", to="b")
        assert found.body == (tmp_path / "out" / "one.wav").read_bytes()
        assert b"compositeWithTrainedAlgorithmicMedia" in found.body


def test_what_cannot_be_translated_is_a_problem_in_words(server: Running, home: Path) -> None:
    text, wav = text_of(server).encode(), (home / "high" / "1.wav").read_bytes()
    minute = wav_bytes(np.full(61 * 100, 9, np.int16), 100)
    odd = wav_bytes(np.arange(9000, dtype=np.int16), 191_999)
    wrong: list[tuple[str, bytes, str, int, str]] = [
        ("cipher", wav, "audio/wav", 415, "the body must be text/plain"),
        ("voices", text, "text/plain", 415, "the body must be audio/wav"),
        ("voices", wav, "image/png", 415, "the body must be audio/wav"),
        ("cipher", b'{"lines": []}', "application/json", 415, "the body must be"),
        ("cipher", b"", "text/plain", 422, "1 to 3 lines are taken, and there are 0"),
        ("cipher", text * 2, "text/plain", 422, "1 to 3 lines are taken, and there are 4"),
        ("cipher", b"\xff\xfe\xfd", "text/plain", 422, "the text cannot be used"),
        ("cipher", b"a\0b", "text/plain", 422, "control character"),
        ("cipher", "龘\n".encode(), "text/plain", 422, "which is not in the vocabulary"),
        ("cipher", b"a" * 5000, "text/plain", 422, "longer than"),
        ("cipher", b"a" * 70_000, "text/plain", 413, "the body may have 65,536 bytes"),
        ("voices", wav[:90], "audio/wav", 422, "the sound cannot be used: cut short"),
        ("voices", b"no sound", "audio/wav", 422, "the sound cannot be used"),
        ("voices", wav_bytes(np.zeros(900, np.int16), 8000), "audio/wav", 422, "silence"),
        ("voices", minute, "audio/wav", 422, "too long: over 60 s"),
        ("voices", odd, "audio/wav", 422, "191,999 Hz are no usual rate"),
        ("voices", bytes(200_001), "audio/wav", 413, "the body may have 200,000 bytes"),
    ]
    for name, body, kind, status, words in wrong:
        found = send(server, name, body, kind)
        assert (found.status, found.headers["content-type"]) == (status, "application/problem+json")
        assert words in found.json["detail"], found.json
        told = send(server, name, body, kind, accept_language="zh").json["detail"]
        assert not set(re.findall("[a-z]{4,}", told)) - TYPES, told
    back = server.post(AT.format("cipher").replace("=b", "=c"), text, content_type="text/plain")
    assert back.status == 422 and back.json["field"] == "to"
    none = server.get("/v1/models/voices/sample").json
    assert none["detail"] == "this model translates sounds: it draws none"
    assert none["fix"] == "POST .../translation"
    assert server.get("/ready").status == 200
    listed = server.get("/openapi.json").json["paths"]["/v1/models/{model}/translation"]["post"]
    assert {"text/plain", "audio/wav", "image/png"} == set(listed["requestBody"]["content"]) - {
        "image/jpeg",
        "image/webp",
    }


def test_no_other_site_sends_lines(server: Running) -> None:
    """A browser sends text/plain for any page without asking first; but it says whose it is."""
    text = text_of(server).encode()
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
    ):
        assert send(server, "cipher", text, "text/plain", **headers).status == 403
    assert send(server, "cipher", text, "text/plain", sec_fetch_site="same-origin").status == 200
    assert server.post("/v1/models/cipher/samples", text, content_type="text/plain").status == 415


@needs_chromium
@pytest.mark.browser
def test_the_app_takes_lines_and_sounds(server: Running, home: Path, tmp_path: Path) -> None:
    text, wav = text_of(server), (home / "high" / "1.wav").read_bytes()
    wanted = server.app.models["cipher"].model.translate(text.splitlines(), to="b")
    with browser(tmp_path) as chrome:
        chrome.open(f"http://127.0.0.1:{server.port}/?lang=en#model=cipher")
        chrome.wait("typeof started !== 'undefined'")
        chrome.run("started.then(() => 0)")
        shown = "(id) => document.getElementById(id).checkVisibility()"
        assert chrome.run(f'["lines", "go"].map({shown})') == [True, True]
        chrome.run(f'$("lines").value = {json.dumps(text)}; $("go").click(); undefined')
        chrome.wait('$("found").textContent')
        assert chrome.run('$("found").innerText').splitlines() == wanted
        assert "2 lines" in chrome.run('$("status").textContent')
        chrome.run('$("lines").value = "龘"; $("go").click(); undefined')
        chrome.wait('$("status").textContent.includes("not in the vocabulary")')
        chrome.run('$("model").value = 2; $("model").dispatchEvent(new Event("change")); undefined')
        assert chrome.run(f'["lines", "drop"].map({shown})') == [False, True]
        assert chrome.run('$("found").textContent') == ""
        data = base64.b64encode(wav).decode()
        chrome.run(
            "const data = new DataTransfer();"
            f"data.items.add(new File([bytesOf('{data}')], 'a.wav'));"
            '$("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data })); undefined'
        )
        chrome.wait('document.querySelectorAll("#found audio").length === 2')
        seconds = chrome.run(
            "new Promise((give) => { const [, one] = document.querySelectorAll('#found audio');"
            " one.addEventListener('loadedmetadata', () => give(one.duration)); one.load(); })"
        )
        assert seconds == pytest.approx(4096 / 8000)
        heard = chrome.run(
            "started.then(({ made }) => made.file.arrayBuffer())"
            ".then((b) => btoa(String.fromCharCode(...new Uint8Array(b))))"
        )
        assert chrome.run("started.then(({ made }) => made.name)") == "translation.wav"
        assert [one for one in chrome.errors if "422" not in one] == []
        chrome.open("about:blank")
    assert base64.b64decode(heard) == send(server, "voices", wav, "audio/wav").body


# ONNX


@pytest.fixture(scope="module")
def folders(home: Path) -> dict[str, Path]:
    """Each as a folder of graphs, which the check has passed."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason='needs pip install "ganzfeld[onnx]"')
    found = {}
    for name in (*LINES, "voices"):
        done = ganzfeld.export(home / name, home / f"{name}-onnx")
        print(f"{name}: {done.error:.2g}")
        assert done.error <= 5e-6 and not any(one.jumped for one in done.graphs.values())
        assert all(one.alone and one.samples >= 64 for one in done.graphs.values())
        found[name] = done.folder
    return found


@pytest.mark.parametrize("name", LINES)
def test_run_py_translates_lines(home: Path, folders: dict[str, Path], name: str) -> None:
    model: Any = ganzfeld.load(home / name)
    symbols = model.spec.extra["symbols"]
    lines = ["".join(symbols[2:6]), "".join(symbols[3:5]), "".join(symbols[2:9])]
    (home / "in.txt").write_text("\r\n".join(lines) + "\n", "utf-8", newline="")
    command = [sys.executable, str(folders[name] / "run.py"), "in.txt", "--to", "b"]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == model.translate(lines, to="b")
    (home / "in.txt").write_text("龘\n", "utf-8")
    done = subprocess.run(command, cwd=home, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "vocabulary" in done.stderr


def test_run_py_translates_a_sound(
    home: Path, folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The phases of a spectrogram carry a rounding far: the sound is the same, not its bits."""
    (tmp_path / "in").mkdir()
    shutil.copy(home / "high" / "1.wav", tmp_path / "in" / "1.wav")
    ganzfeld.load(home / "voices").translate_files(tmp_path / "in", tmp_path / "out", to="b")
    command = [sys.executable, str(folders["voices"] / "run.py"), "in/1.wav", "--to", "b"]
    subprocess.run(command, cwd=tmp_path, check=True)
    files = tmp_path / "translated.wav", tmp_path / "out" / "1.wav"
    one, other = (read_wav(path.read_bytes()).samples[0] for path in files)
    assert one.shape == other.shape and np.corrcoef(one, other)[0, 1] > 0.999


def test_a_spectrogram_by_numpy_is_the_one_of_the_network(home: Path) -> None:
    import torch

    from ganzfeld.modalities.audio.modality import codec_of
    from ganzfeld.modalities.audio.portable import from_spectrogram, spectrogram

    codec = codec_of(ganzfeld.load(home / "voices").spec)
    wave = np.random.default_rng(0).uniform(-1, 1, 2048).astype(np.float32)
    wanted = codec.encode(torch.from_numpy(wave[None]))[0].numpy()
    found = spectrogram(wave, codec.to_json())
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert np.array_equal(from_spectrogram(wanted, codec.to_json()), codec.decode(wanted[None])[0])


def another_slope(proto: Any) -> None:
    next(n for n in proto.graph.node if n.op_type == "Tanh").op_type = "Sigmoid"


def ways_swapped(proto: Any) -> None:
    """As if the other direction's weights were in it."""
    import onnx

    for tensor in proto.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.ndim > 1:
            found = np.ascontiguousarray(values[..., ::-1])
            tensor.CopyFrom(onnx.numpy_helper.from_array(found, tensor.name))


@pytest.mark.parametrize("name", [*LINES, "voices"])
@pytest.mark.parametrize("spoil", [another_slope, ways_swapped])
def test_a_wrong_translator_leaves_nothing(
    home: Path,
    folders: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    spoil: Any,
) -> None:
    import onnx

    if name == LINES[0] and spoil is another_slope:
        pytest.skip("a table of odds has no slope")
    about = json.loads((folders[name] / "config.json").read_text("utf-8"))
    protos = {way: onnx.load(folders[name] / f"{way}.onnx") for way in about["export"]["graphs"]}
    spoil(next(iter(protos.values())))
    for proto in protos.values():
        del proto.metadata_props[:]
    monkeypatch.setattr(exporting, "graphs_of", lambda *_: protos)
    with pytest.raises(SystemExit) as ended:
        main(["export", str(home / name), "--out", str(tmp_path / "out")])
    assert ended.value.code == 4 and not list(tmp_path.iterdir())
    assert "does not give what the model gives" in capsys.readouterr().err
