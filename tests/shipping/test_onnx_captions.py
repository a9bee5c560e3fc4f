"""Models that are asked by text: exported, asked in words without torch, wrong graphs refused."""

from __future__ import annotations

import io
import json
import runpy
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from shipping_runs import tiny

import ganzfeld
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.modalities import captions
from ganzfeld.models.generation import captions_of
from ganzfeld.shipping.engine import OnnxEngine, read_export
from ganzfeld.shipping.onnx_check import check_graph
from ganzfeld.shipping.page import page_of

onnx = pytest.importorskip("onnx", reason='needs pip install "ganzfeld[onnx]"')
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

pytestmark = pytest.mark.long
GOAL = 1e-5  # of the error of float32: that of PyTorch itself was 2.9e-6 of 4.5e-6
WORDS = ("a high tone", "a low tone", "小的蓝色")


def spoken(kind: str, home: Path) -> Path:
    """Samples of a kind with a caption of each."""
    home.mkdir()
    lines = [f"{WORDS[number % 3]} of {number}" for number in range(48)]
    if kind == "field":
        x = np.random.default_rng(0).normal(size=(48, 1, 16, 16)).astype(np.float32)
        np.savez(home / "x.npz", x=x, text=np.array(lines))
        return home / "x.npz"
    if kind == "table":
        rows = [f"{n % 7},{'red' if n % 2 else 'blue'},{line}" for n, line in enumerate(lines)]
        (home / "rows.csv").write_text("\n".join(["size,color,text", *rows]), "utf-8")
        return home / "rows.csv"
    noise = np.random.default_rng(0).integers(-9000, 9000, (48, 4096)).astype("<i2")
    for number, one in enumerate(noise):
        with wave.open(str(home / f"{number}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(one.tobytes())
    rows = [f"{number}.wav,{line}" for number, line in enumerate(lines)]
    (home / "metadata.csv").write_text("\n".join(["file_name,text", *rows]) + "\n", "utf-8")
    return home


def trained(recipe: str, home: Path) -> Path:
    small: dict[str, Any] = {"images": 64, "batch": 16, "settings": ["networks.*.width=4"]}
    kind = recipe.removeprefix("text-to-")
    if kind.startswith("image"):
        return tiny(recipe, home / "run", source="avatars-captions:64", size=16, **small)
    if kind == "table":
        small["settings"] = []
    given = {"source": spoken(kind, home / "data"), "condition": ["text"]}
    return tiny(recipe, home / "run", **given, **small)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained("text-to-image-encoder", tmp_path_factory.mktemp("captions"))


@pytest.fixture(scope="module")
def folder(run: Path) -> Path:
    return ganzfeld.export(run, run.parent / "onnx").folder


def drawn_alike(run: Path, folder: Path, told: str, goal: float = GOAL) -> None:
    """run.py and the engine draw what the model draws, of a text and of the data's own."""
    model, engine = ganzfeld.load(run), OnnxEngine(folder)
    draw = runpy.run_path(str(folder / "run.py"))["draw"]
    assert {"z", "caption"} <= {one.name for one in engine.session.get_inputs()}
    found = []
    for text in (told, told.split()[0], None):
        for seed, index in ((7, 0), (2**64 - 1, 2**40 + 5)):
            wanted = model.sample(1, seed=seed, start=index, text=text)[0].numpy()
            most = goal * max(1, np.abs(wanted).max())
            np.testing.assert_allclose(draw(seed, index, text=text)[0], wanted, atol=most)
            own = engine.samples([(seed, index)], numbers=[text])[0]
            np.testing.assert_allclose(own, wanted, atol=most)
            found.append(own)
    assert not np.array_equal(found[0], found[2]), "the text is heeded"
    with pytest.raises(UsageError, match="xyzzy"):
        engine.samples([(0, 0)], numbers=["xyzzy"])


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["text-to-audio", "text-to-field", "text-to-table"])
def test_others_that_are_asked_by_text_are_exported(recipe: str, tmp_path: Path) -> None:
    run = trained(recipe, tmp_path)
    done = ganzfeld.export(run, tmp_path / "out")
    found = done.graphs["model"]
    print(f"{recipe}: {done.error:.2g}")
    assert done.error <= GOAL and found.alone and not found.jumped
    drawn_alike(run, done.folder, "A low tone, of 7.")


def test_a_text_draws_the_same_with_and_without_torch(run: Path, folder: Path) -> None:
    check = OnnxEngine(folder).about["export"]["graphs"]["model"]["check"]
    print(f"text-to-image-encoder: {check['error']:.2g}")
    assert check["error"] <= GOAL and check["alone"] and check["samples"] > 96
    drawn_alike(run, folder, captions_of(ganzfeld.load(run).about))
    assert "--text CAPTION" in (folder / "README.md").read_text("utf-8")


def test_a_model_that_reads_phrases_draws_the_same(tmp_path: Path) -> None:
    """As ONNX, and on a page: tables of phrases, and no encoder."""
    run = trained("text-to-image", tmp_path)
    model = ganzfeld.load(run)
    assert int(model.generator.text.known.sum()) > 100
    done = ganzfeld.export(run, tmp_path / "out")
    found = done.graphs["model"]
    print(f"phrases: {done.error:.2g}")
    assert done.error <= GOAL and found.alone and not found.jumped
    drawn_alike(run, done.folder, captions_of(model.about))
    assert page_of(model, precision="float32").error < 1e-4


def test_run_py_reads_words_as_ganzfeld_does(run: Path, folder: Path, tmp_path: Path) -> None:
    model = ganzfeld.load(run)
    told, column = captions_of(model.about), model.conditions["columns"][0]
    read = runpy.run_path(str(folder / "run.py"))["caption"]
    symbols, most = [*column["symbols"], "shirt's"], 9
    about = {"symbols": symbols, "length": most}
    texts = (
        told,
        "A Person, red!",
        "红_红  RED-SHIRT SHIRT\u2019S",
        "\uff21 red",
        "a\u0301 a",
        " - ",
        "a " * 10,
    )
    for text in texts:
        try:
            wanted = captions.asked(text, about)
        except UsageError:
            with pytest.raises(SystemExit):
                read(text, symbols, most)
        else:
            assert np.array_equal(read(text, symbols, most)[0], wanted), text
    command = [sys.executable, str(folder / "run.py"), "--seed", "7", "--text"]
    subprocess.run([*command, told.upper()], cwd=tmp_path, check=True)
    wanted = np.asarray(model.images(1, seed=7, text=told)[0], int)
    with Image.open(tmp_path / "7-0.png") as found:
        assert np.abs(np.asarray(found, int) - wanted).max() <= 1
    wrong = subprocess.run([*command, "a persn"], cwd=tmp_path, capture_output=True, text=True)
    assert wrong.returncode == 1 and wrong.stderr.count("\n") == 1
    assert "persn" in wrong.stderr and "person" in wrong.stderr


def test_an_export_without_its_words_is_refused(folder: Path, tmp_path: Path) -> None:
    about = json.loads((folder / "config.json").read_text("utf-8"))
    for name in ("symbols", "length", "kind"):
        column = {k: v for k, v in about["conditions"]["columns"][0].items() if k != name}
        damaged = about | {"conditions": about["conditions"] | {"columns": [column]}}
        (tmp_path / "config.json").write_text(json.dumps(damaged), "utf-8")
        with pytest.raises(CheckpointError, match=f"it has no .*{name}"):
            read_export(tmp_path)


def test_an_export_is_served_by_text(run: Path, folder: Path) -> None:
    pytest.importorskip("uvicorn")
    from serving import served

    from ganzfeld.shipping.server.served import load

    model = ganzfeld.load(run)
    told = captions_of(model.about)
    with served([load("told", str(folder), engine="onnx")]) as own:
        said = own.get("/v1/models").json["models"][0]
        assert said["engine"] == "onnx" and said["text"] is True
        found = own.get(f"/v1/models/told/sample?seed=3&text={quote(told)}")
        assert found.status == 200, found.body
        with Image.open(io.BytesIO(found.body)) as image:
            got = np.asarray(image, int).transpose(2, 0, 1)
        assert np.abs(got - model.store(model.sample(1, seed=3, text=told))[0]).max() <= 1
        wrong = own.get("/v1/models/told/sample?text=xyzzy")
        assert wrong.status == 422 and wrong.json["field"] == "text"


def words_in_another_order(proto: Any) -> None:
    tensor = next(t for t in proto.graph.initializer if t.name.endswith("embedding.weight"))
    values = onnx.numpy_helper.to_array(tensor)[::-1]
    tensor.CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))


def two_words_are_one(proto: Any) -> None:
    tensor = next(t for t in proto.graph.initializer if t.name.endswith("embedding.weight"))
    values = onnx.numpy_helper.to_array(tensor).copy()
    values[-1] = values[-2]
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))


def not_whitened(proto: Any) -> None:
    node = next(n for n in proto.graph.node if n.op_type == "MatMul" and "white" in n.input[1])
    node.op_type, node.input[1] = "Identity", ""
    del node.input[1:]


def fills_count(proto: Any) -> None:
    """Words that fill a row up behind its end are read like others."""
    node = next(n for n in proto.graph.node if n.op_type == "Not")
    node.op_type, node.input[0] = "Equal", "caption"
    node.input.append("caption")


def test_wrong_readers_are_refused(run: Path) -> None:
    from ganzfeld.shipping.onnx_graph import graph, operators
    from ganzfeld.shipping.onnx_precision import PRECISIONS, stored_as
    from ganzfeld.shipping.onnx_reference import generation

    model = ganzfeld.load(run)
    proto, cases = graph(model), generation(model, 64)

    def checked(given: Any, precision: str = "float32") -> None:
        data = stored_as(given, precision).SerializeToString()
        known = operators(given)
        check_graph(data, cases, name="model.onnx", precision=precision, operators=known)

    for precision in PRECISIONS:
        checked(proto, precision)
    for spoil in (words_in_another_order, two_words_are_one, not_whitened, fills_count):
        spoiled = onnx.ModelProto()
        spoiled.CopyFrom(proto)
        spoil(spoiled)
        with pytest.raises(CheckpointError, match="does not give what the model gives"):
            checked(spoiled)
