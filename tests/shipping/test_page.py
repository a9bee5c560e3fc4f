"""Pages: whole and checked or not at all; nothing in them is fetched; names in them are inert."""

from __future__ import annotations

import html
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from shipping_runs import EVERY, tiny

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.errors import CheckpointError, ResourceError, UsageError
from ganzfeld.models import embedded
from ganzfeld.shipping import page, page_cache, page_graph, page_html, page_prepared
from ganzfeld.shipping.page_numpy import run

pytestmark = pytest.mark.long

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    '"><b>',
    "'; alert(1) //",
    "=1+1",
    "中文 é\u2028",
]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny("default", tmp_path_factory.mktemp("page") / "run")


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def data_of(text: str) -> Any:
    found = re.search(r'id="data">(.*?)</script>', text, re.S)
    assert found is not None
    return json.loads(found[1])["model"]


@pytest.mark.parametrize(
    "precision", [pytest.param("float16", marks=pytest.mark.slow), "float32", "int8"]
)
def test_a_page_is_written_whole_and_says_what_the_model_draws(
    faces: Path, tmp_path: Path, precision: Any
) -> None:
    out = tmp_path / "deep" / "page.html"
    made = page.export_page(faces, out, precision=precision, with_discriminator=True)
    text = out.read_text("utf-8")
    assert text == made.text and made.error < page.LIMITS[precision] and made.compared >= 16
    assert [one.name for one in out.parent.iterdir()] == ["page.html"]
    model, told = ganzfeld.load(faces), data_of(text)
    assert told["classes"] == model.classes and told["score"] and told["precision"] == precision
    first = told["check"][0]
    pixels = model.store(model.draw_exact([(int(first["seed"]), int(first["index"]), 0)]))
    assert first["pixels"] == page.coded(pixels[0])
    assert told["mark"]["model"] == model.about["weights"]["sha256"]
    assert str(faces) not in text and str(Path.home()) not in text


def test_nothing_in_a_page_is_fetched(faces: Path) -> None:
    made = page.page_of(ganzfeld.load(faces))
    for tag, attributes in Elements(made.text).found:
        assert tag not in {"link", "iframe", "object", "embed", "base", "video", "audio"}, tag
        assert not {"src", "href", "style", "onclick", "onload"} & attributes.keys(), (
            tag,
            attributes,
        )
    rules = page_html.policy([""], "", server=False)
    assert "default-src 'none'" in rules and "connect-src 'none'" in rules
    assert "unsafe-inline" not in rules and "'unsafe-eval'" not in rules
    assert "fetch" not in page_html.script(True) and "XMLHttp" not in page_html.script(True)


def test_hostile_names_are_data_alone(faces: Path) -> None:
    model = ganzfeld.load(faces)
    plain = len(Elements(page.page_of(model).text).found)
    model.classes = HOSTILE + model.classes[len(HOSTILE) :]
    model.about["training"]["data"]["source"] = HOSTILE[0]
    made = page.page_of(model)
    assert len(Elements(made.text).found) == plain
    assert data_of(made.text)["classes"][: len(HOSTILE)] == HOSTILE
    for name in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert name not in page_html.script(True) + page_html.script(False)


def swapped(graph: Any) -> None:
    names = list(graph.state)
    weight = max(names, key=lambda name: graph.state[name].size)
    graph.state[weight] = graph.state[weight][..., ::-1].copy()


def untanhed(graph: Any) -> None:
    graph.nodes = [n if n[0] != "tanh" else ("as", *n[1:4], {}) for n in graph.nodes]


def moved(graph: Any) -> None:
    for node in graph.nodes:
        if node[0] == "convt":
            node[4]["pad"] = [node[4]["pad"][0], node[4]["pad"][1] + 1, node[4]["pad"][2]]


def deaf(graph: Any) -> None:
    """Every class is the first."""
    for place, node in enumerate(graph.nodes):
        if node[0] == "row":
            number = max(one[1] for one in graph.nodes) + 1
            graph.constants.append((number, [1], [0.0]))
            graph.nodes[place] = (*node[:2], [node[2][0], number], *node[3:])


@pytest.mark.parametrize("spoil", [swapped, untanhed, moved, deaf], ids=lambda f: f.__name__)
def test_a_page_that_draws_something_else_is_never_written(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Any
) -> None:
    def graph_of(network: Any, inputs: Any) -> Any:
        graph = page_graph.graph_of(network, inputs)
        spoil(graph)
        return graph

    monkeypatch.setattr(page, "graph_of", graph_of)
    out = tmp_path / "page.html"
    with pytest.raises(CheckpointError, match="would draw other samples"):
        page.export_page(faces, out)
    assert not list(tmp_path.iterdir())


@pytest.mark.long
@pytest.mark.parametrize("recipe", EVERY)
def test_every_recipe_has_a_page_or_a_sentence(recipe: str, tmp_path: Path) -> None:
    where = tiny(recipe, tmp_path / "run")
    try:
        made = page.export_page(where, tmp_path / "page.html", precision="float32")
    except UsageError as error:
        assert "page" in error.what and "ganzfeld serve" in error.fix
        assert recipe == "audio", error.what  # spectrograms: the page has no Griffin-Lim
        assert not (tmp_path / "page.html").exists()
    else:
        assert made.error <= 2e-5 and data_of(made.text)["recipe"] == recipe


def test_what_a_page_cannot_be_is_said(faces: Path, tmp_path: Path, capsys: Any) -> None:
    for words, said in (
        (["--out", str(tmp_path / "page")], "one .html file"),
        ([], "--out page.html"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(["export", str(faces), "--to", "page", *words])
        assert stopped.value.code == 2 and said in capsys.readouterr().err
    model = ganzfeld.load(faces)
    model.latents = "torch-mt19937-32"
    with pytest.raises(UsageError, match="PyTorch's own generator's"):
        page.page_of(model)
    assert not list(tmp_path.iterdir())


def test_a_place_that_takes_no_file_is_said_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for make in (page.export_page, ganzfeld.export):
        with pytest.raises(ResourceError, match="file cannot be used: Not a directory"):
            make(tmp_path / "no model", tmp_path / "file" / "deep" / "x.html")


def test_numbers_beyond_float16_stay_float32() -> None:
    network = torch.nn.Linear(4, 4)
    with torch.no_grad():
        network.weight[0, 0] = 1e6
    graph = page_graph.graph_of(network, {"input": torch.zeros(1, 4)})
    tensors, data, rounded = page.packed({"G": graph}, "float16")
    assert [one[3] for one in tensors] == [4, 4] and len(data) == 80
    x = np.ones((1, 4), np.float32)
    found = run(graph.to_json(), rounded["G"], {"input": x})
    np.testing.assert_allclose(found, network(torch.ones(1, 4)).detach(), rtol=1e-6)


def test_the_command_tells_what_it_wrote(faces: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "page.html"
    main(["export", str(faces), "--to", "page", "--out", str(out)])
    assert f"{out.stat().st_size:,} bytes, float16" in capsys.readouterr().out


def test_the_app_makes_a_page_once(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path))
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    main(["app", str(faces)])
    monkeypatch.setattr("ganzfeld.models.model.load", None)  # a page that is there needs no model
    main(["app", str(faces), "--no-open"])
    alone = (
        "import sys; from ganzfeld.cli.main import main; main(); sys.exit('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", alone, "app", str(faces), "--no-open"]
    subprocess.run(command, check=True, capture_output=True)  # nor PyTorch
    assert len(opened) == 1 and opened[0].startswith("file:///")
    (made,) = (tmp_path / "pages").iterdir()
    assert str(made) in capsys.readouterr().out
    weights = faces / "model" / "model.safetensors"
    whole = weights.read_bytes()
    try:
        weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        monkeypatch.undo()
        monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path))
        with pytest.raises(CheckpointError, match="does not match"):
            page_cache.page_file(faces)
    finally:
        weights.write_bytes(whole)


def test_a_page_in_the_cache_is_of_this_very_model(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same weights, but other classes, a newer checkpoint or a damaged judge: another page."""
    monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path / "cache"))
    first = page_cache.page_file(faces)
    copy = shutil.copytree(faces, tmp_path / "run")
    assert page_cache.page_file(copy) == page_cache.page_file(copy / "model") == first
    config = copy / "model" / "config.json"
    about = json.loads(config.read_text())
    about["classes"][0] = "renamed"
    config.write_text(json.dumps(about))
    other = page_cache.page_file(copy)
    assert other != first and "renamed" in other.read_text("utf-8")
    config.write_text(json.dumps(about | {"format": 2}))
    with pytest.raises(CheckpointError, match="model format 2"):
        page_cache.page_file(copy)
    config.write_text(json.dumps(about | {"run_images": 1}))
    assert page_cache.described(copy / "model", copy / "model") is not None
    assert page_cache.described(copy / "model", copy) is None, "the run went on"
    config.write_text(json.dumps(about))
    judge = copy / "model" / "discriminator.safetensors"
    judge.write_bytes(judge.read_bytes()[:-1] + b"!")
    with pytest.raises(CheckpointError, match="does not match"):
        page_cache.page_file(copy)


def test_translators_of_other_kinds_are_refused(tmp_path: Path) -> None:
    where = ganzfeld.train(
        "cipher:200", recipe="text-cyclegan", images=64, out=tmp_path / "run", quiet=True
    ).path
    with pytest.raises(UsageError, match="this one translates lines"):
        page.export_page(where, tmp_path / "page.html")
    with pytest.raises(page_cache.Unsuited, match="this one translates lines"):
        page_cache.page_file(where)  # so that the app asks a server


def test_large_models_and_other_kinds_go_to_the_server(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path))
    served: list[Any] = []
    monkeypatch.setattr("ganzfeld.cli.serve.serve", lambda models, **more: served.append(models))
    monkeypatch.setattr(page_cache, "MOST_BYTES", 100)
    main(["app", str(faces)])
    assert served == [(str(faces),)] and "drawn by a server" in capsys.readouterr().out


def test_the_app_takes_the_model_of_the_package_or_the_newest_run(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (page_cache.BOX, page_cache.USUAL) == (embedded.HOME, embedded.USUAL)
    if embedded.names():
        assert page_cache.usual() == embedded.located(embedded.USUAL)
    monkeypatch.setattr(page_cache, "BOX", tmp_path)
    with pytest.raises(UsageError, match="no run"):
        page_cache.usual()
    (tmp_path / "runs" / "one" / "model").mkdir(parents=True)
    (tmp_path / "runs" / "one" / "model" / "config.json").write_text("{}")
    assert page_cache.usual() == Path("runs/one")


@pytest.mark.parametrize("kind", ["image", "audio", "field", "series", "text", "table"])
def test_the_app_of_a_server_is_small(kind: str) -> None:
    """It has the code for what is served; that of all kinds at once fits, too."""
    more = {"projection", "translation"} if kind == "image" else set()
    text = page_html.app(frozenset({kind, "generation", *more}))
    assert len(text.encode()) <= 50_000 and len(page_html.app().encode()) <= 60_000
    assert "connect-src 'self'" in html.unescape(text)
    others = {"audio", "field", "series", "text", "table"} - {kind}
    assert not any(f"KINDS.{one}=" in text or f"TEXTS.{one}=" in text for one in others)


def test_the_page_of_the_package_is_prepared_and_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is assembled without PyTorch is, byte for byte, what would be traced now."""
    place = embedded.HOME / embedded.USUAL
    made = page.page_of(ganzfeld.load(place), with_discriminator=True)
    text = page_prepared.prepared(place, made.about["mark"]["model"])
    assert text == made.text, "bench/box.py writes page.json: it is out of date"
    assert page_prepared.prepared(place, "0" * 64) is None, "of other weights"
    assert page_prepared.prepared(tmp_path, made.about["mark"]["model"]) is None
    copy = tmp_path / embedded.USUAL
    shutil.copytree(place, copy)
    (copy / "page.json").write_bytes((copy / "page.json").read_bytes()[:-20])
    assert page_prepared.prepared(copy, made.about["mark"]["model"]) is None, "damaged"


def test_the_app_of_the_package_starts_without_pytorch_at_the_first_call(tmp_path: Path) -> None:
    alone = (
        "import sys; from ganzfeld.cli.main import main; main(); sys.exit('torch' in sys.modules)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", alone, "app", "--no-open"],
        env=os.environ | {"GANZFELD_CACHE": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    (made,) = (tmp_path / "pages").iterdir()
    assert str(made) in done.stdout
    assert after.ru_utime - before.ru_utime < 1.5, "seconds of CPU; it took 7 with PyTorch"
