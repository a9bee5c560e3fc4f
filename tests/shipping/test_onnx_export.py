"""`ganzfeld export`: the graphs give what the model gives, or there is no folder."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from shipping_runs import EVERY, tiny
from torch import nn

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core import files
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.models.model import Model
from ganzfeld.shipping import export as exporting
from ganzfeld.shipping.engine import OnnxEngine, TorchEngine, read_export
from ganzfeld.shipping.onnx_folder import check_folder, sums_of
from ganzfeld.shipping.page import export_page

pytest.importorskip("onnx", reason='needs pip install "ganzfeld[onnx]"')
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

FILES = {"SHA256SUMS", "README.md", "check.npz", "config.json", "model.onnx", "run.py"}
GOAL = 5e-6  # of the error of float32


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny("hinge", tmp_path_factory.mktemp("runs") / "hinge")


@pytest.fixture(scope="module")
def made(run: Path, tmp_path_factory: pytest.TempPathFactory) -> exporting.Export:
    out = tmp_path_factory.mktemp("exports") / "hinge"
    return ganzfeld.export(run, out, with_discriminator=True)


def drawn_by_script(folder: Path, *asked: Any) -> Any:
    return runpy.run_path(str(folder / "run.py"))["draw"](*asked)[0]


def test_an_export_is_a_folder_that_was_compared_with_pytorch(made: exporting.Export) -> None:
    assert {path.name for path in made.folder.iterdir()} == FILES | {"discriminator.onnx"}
    assert made.error <= GOAL and made.graphs["model"].samples == 96
    export = read_export(made.folder)["export"]
    check = export["graphs"]["model"]["check"]
    assert check["of_float64"] <= GOAL and check["alone"] and export["opset"] == 20
    assert not list(made.folder.parent.glob(".tmp-*"))
    found = check_folder(made.folder)
    assert found["model"].samples == 24 and found["discriminator"].samples == 16


def test_fixed_filters_of_a_generator_are_in_its_export(tmp_path: Path) -> None:
    settings = ["networks.*.width=4", "networks.G.blur=2", "networks.G.smooth=true"]
    small: dict[str, Any] = {"size": 16, "images": 64, "batch": 32, "quiet": True}
    run = ganzfeld.train("avatars:64", out=tmp_path / "run", settings=settings, **small)
    made = ganzfeld.export(run.path, tmp_path / "export")
    assert made.error <= GOAL
    wanted = ganzfeld.load(run.path).sample(1, seed=3, start=5, labels=1)[0].numpy()
    np.testing.assert_allclose(drawn_by_script(made.folder, 3, 5, 1), wanted, atol=GOAL)
    export_page(run.path, tmp_path / "model.html")  # its graph is computed by NumPy and compared
    assert (tmp_path / "model.html").is_file()


def test_no_place_of_this_machine_is_in_it(made: exporting.Export, run: Path) -> None:
    for path in made.folder.iterdir():
        data = path.read_bytes()
        for place in (str(run.parent), str(Path(ganzfeld.__file__).parent)):
            assert place.encode() not in data, path.name


def test_run_py_draws_the_sample_of_the_command(made: exporting.Export, run: Path) -> None:
    model = ganzfeld.load(run)
    for seed, index, label in ((0, 5, None), (2**64 - 1, 2**40 + 5, None), (3, 1, 1)):
        wanted = model.sample(1, seed=seed, start=index, labels=label)[0].numpy()
        np.testing.assert_allclose(
            drawn_by_script(made.folder, seed, index, label), wanted, atol=GOAL
        )
    spread = model.sample(1, seed=4, start=2, std=0.5)[0].numpy()
    np.testing.assert_allclose(drawn_by_script(made.folder, 4, 2, None, 0.5), spread, atol=GOAL)


def test_run_py_runs_alone_and_writes_an_image(
    made: exporting.Export, run: Path, tmp_path: Path
) -> None:
    from PIL import Image

    name = read_export(made.folder)["classes"][1]
    command = [sys.executable, "-I", made.folder / "run.py", "--seed", "7", "--label", name]
    subprocess.run(command, cwd=tmp_path, check=True)
    wanted = ganzfeld.load(run).images(1, seed=7, labels=name)[0]
    with Image.open(tmp_path / "7-0.png") as found:
        gap = np.abs(np.asarray(found, int) - np.asarray(wanted, int))
    assert gap.max() <= 1 and (gap > 0).mean() < 0.01


def test_an_engine_of_the_folder_draws_what_the_model_draws(
    made: exporting.Export, run: Path
) -> None:
    pairs = [(seed, 3 * seed) for seed in range(40)]
    onnx, own = OnnxEngine(made.folder), TorchEngine(ganzfeld.load(run))
    far = np.abs(onnx.samples(pairs, std=0.9) - own.samples(pairs, std=0.9)).max()
    assert far <= GOAL
    alone = [onnx.samples([pair], std=0.9)[0] for pair in pairs[:3]]
    assert not onnx.pad and np.array_equal(alone, onnx.samples(pairs, std=0.9)[:3])
    onnx.pad = True  # as on a processor where batches differ
    assert np.array_equal(alone, onnx.samples(pairs[:3], std=0.9))
    assert np.array_equal(onnx.draw(pairs[:1]), onnx.draw(pairs[:2])[:1])


def test_the_check_needs_no_torch(made: exporting.Export) -> None:
    code = (
        "import sys\nfrom ganzfeld.cli.main import main\n"
        f"main(['export', '--check', {str(made.folder)!r}])\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "gives what the model gave" in done.stdout


def test_the_discriminator_scores_as_the_model_does(made: exporting.Export, run: Path) -> None:
    from ganzfeld.shipping.engine import graph_bytes, session
    from ganzfeld.shipping.engine import run as call

    model = ganzfeld.load(run)
    x = model.sample(20, labels=1)
    wanted = model.score(x, labels=1).numpy()
    ready = session(graph_bytes(made.folder, read_export(made.folder), "discriminator"))
    got = call(ready, {"x": x.numpy(), "y": np.ones(20, np.int64)})
    np.testing.assert_allclose(got, wanted, atol=GOAL)
    assert np.array_equal(got.argsort(), wanted.argsort())


@pytest.mark.parametrize(("precision", "share"), [("float16", 0.6), ("int8", 0.4)])
def test_weights_are_stored_smaller(
    run: Path, made: exporting.Export, tmp_path: Path, precision: str, share: float
) -> None:
    done = ganzfeld.export(run, tmp_path / "small", precision=precision)
    size = (done.folder / "model.onnx").stat().st_size
    assert size < share * (made.folder / "model.onnx").stat().st_size
    assert GOAL < done.error <= 16 / 127.5
    assert done.graphs["model"].alone  # a sample's bits do not depend on the batch
    check_folder(done.folder)


# Damage


def copied(made: exporting.Export, tmp_path: Path) -> Path:
    return shutil.copytree(made.folder, tmp_path / "copy")


def reseal(folder: Path) -> None:
    """SHA256SUMS and config.json as if the files had been so from the beginning."""
    path = folder / "config.json"
    about = json.loads(path.read_text("utf-8"))
    for graph in about["export"]["graphs"].values():
        data = (folder / graph["file"]).read_bytes()
        (folder / "t").unlink(missing_ok=True)
        graph |= files.write(folder / "t", data)
    path.write_bytes(files.as_json(about))
    sums = {}
    for one in folder.iterdir():
        if one.name not in ("t", "SHA256SUMS"):
            (folder / "t").unlink(missing_ok=True)
            sums[one.name] = files.write(folder / "t", one.read_bytes())
    (folder / "t").unlink()
    (folder / "SHA256SUMS").write_bytes(sums_of(sums))


@pytest.mark.parametrize("name", sorted(FILES - {"SHA256SUMS"}))
def test_a_damaged_file_is_found(made: exporting.Export, tmp_path: Path, name: str) -> None:
    folder = copied(made, tmp_path)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(bytes(data))
    with pytest.raises(SystemExit) as ended:
        main(["export", "--check", str(folder)])
    assert ended.value.code == 4


def test_another_graph_under_right_sums_is_found(made: exporting.Export, tmp_path: Path) -> None:
    import onnx

    folder = copied(made, tmp_path)
    reseal(folder)
    check_folder(folder)  # what is resealed unchanged is sound
    proto = onnx.load(folder / "model.onnx")
    proto.graph.node[-1].op_type = "Sigmoid"
    (folder / "model.onnx").write_bytes(proto.SerializeToString())
    reseal(folder)
    with pytest.raises(CheckpointError, match="does not give what the model gives"):
        check_folder(folder)


def test_what_is_no_export_or_only_one_is_called_so(made: exporting.Export, tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(CheckpointError, match="is no exported folder"):
            check_folder(place)
    with pytest.raises(CheckpointError, match="is an export to ONNX") as error:
        ganzfeld.load(made.folder)
    assert "ganzfeld serve" in error.value.fix


@pytest.mark.parametrize("key", ["seed", "class"])
def test_other_latents_or_labels_are_found(
    made: exporting.Export, tmp_path: Path, key: str
) -> None:
    folder = copied(made, tmp_path)
    about = json.loads((folder / "config.json").read_text("utf-8"))
    pairs, labels, _ = about["export"]["drawn"]["samples of spread 1"]
    if key == "seed":
        pairs[1][0] = "77"
    else:
        labels[1] = (labels[1] + 1) % len(about["classes"])
    (folder / "config.json").write_bytes(files.as_json(about))
    reseal(folder)
    with pytest.raises(CheckpointError, match="this machine draws"):
        check_folder(folder)


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": 1}', "", "\x00"])
def test_a_foreign_config_is_one_screen(made: exporting.Export, tmp_path: Path, text: str) -> None:
    folder = copied(made, tmp_path)
    (folder / "config.json").write_text(text)
    reseal_sums = {p.name: files.write(tmp_path / p.name, p.read_bytes()) for p in folder.iterdir()}
    del reseal_sums["SHA256SUMS"]
    (folder / "SHA256SUMS").write_bytes(sums_of(reseal_sums))
    with pytest.raises(CheckpointError):
        check_folder(folder)


# Nothing is left


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills by fork")
def test_killed_at_every_write_it_leaves_no_folder(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ganzfeld.load(run)
    protos = exporting.graphs_of(model, False)
    cases = exporting.cases_of(model, ["model"], 8)
    monkeypatch.setattr(exporting, "graphs_of", lambda *_: protos)
    monkeypatch.setattr(exporting, "cases_of", lambda *_: cases)
    killed = 0
    for number in range(20):
        out = tmp_path / f"{number}"
        child = os.fork()
        if not child:
            left = [number]
            write = files.write

            def stop(path: Path, data: bytes, left: Any = left, write: Any = write) -> Any:
                if not left[0]:
                    path.write_bytes(data[: len(data) // 2])
                    os._exit(9)
                left[0] -= 1
                return write(path, data)

            files.write = stop
            try:
                exporting.export(model, out)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.waitstatus_to_exitcode(status):
            break
        killed += 1
        assert not out.exists()
        assert all(path.name.startswith(".tmp-") for path in tmp_path.glob(f"*{number}*"))
    assert killed == len(FILES)
    check_folder(out)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_stopped_or_without_room_it_leaves_nothing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    def stop(*_: Any) -> None:
        raise error

    monkeypatch.setattr(exporting, "graphs_of", lambda *_: {})
    monkeypatch.setattr(exporting, "cases_of", lambda *_: ({}, {}))
    monkeypatch.setattr(files, "write", stop)
    with pytest.raises((KeyboardInterrupt, ganzfeld.GanzfeldError)):
        ganzfeld.export(run, tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("precision", "wrong"),
    [pytest.param("float32", "Sigmoid", marks=pytest.mark.slow), ("int8", "")],
)
def test_a_failed_check_leaves_the_reason_alone(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    precision: str,
    wrong: str,
) -> None:
    """In int8 a fault that is smaller than its error is found, too."""
    whole = exporting.graphs_of

    def spoiled(*given: Any) -> Any:
        found = whole(*given)
        nodes = found["model"].graph.node
        if wrong:
            nodes[-1].op_type = wrong
        else:
            next(one for one in nodes if one.op_type == "LeakyRelu").attribute[0].f = 0.199
        return found

    monkeypatch.setattr(exporting, "graphs_of", spoiled)
    with pytest.raises(SystemExit) as ended:
        main(["export", str(run), "--out", str(tmp_path / "out"), "--precision", precision])
    assert ended.value.code == 4 and not list(tmp_path.iterdir())
    assert "model.onnx does not give what the model gives" in capsys.readouterr().err


def test_a_folder_that_is_there_is_left_as_it_is(run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="is there already"):
        ganzfeld.export(run, tmp_path / "out")


# What cannot be exported


class Fourier(nn.Module):
    latent = 16

    def forward(self, z: Any, y: Any = None) -> Any:
        return torch.linalg.eigvalsh(z.view(-1, 1, 4, 4))[..., None]


class Random(nn.Module):
    latent = 16

    def forward(self, z: Any, y: Any = None) -> Any:
        return z.view(-1, 1, 4, 4) + torch.randn_like(z).view(-1, 1, 4, 4)


@pytest.mark.parametrize(
    ("network", "says"), [(Fourier, "the operator aten.*eigh"), (Random, "random numbers")]
)
def test_what_has_no_onnx_form_is_one_sentence(network: Any, says: str) -> None:
    from ganzfeld.shipping.onnx_graph import graph

    model = Model({"shape": [1, 4, 4], "latent": 16, "classes": []}, network())
    with pytest.raises(UsageError, match=says):
        graph(model)


def test_without_the_extra_it_says_what_to_install(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UsageError, match="not installed") as caught:
        ganzfeld.export(run, tmp_path / "out")
    assert caught.value.fix == 'pip install "ganzfeld[onnx]"'


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "which model"),
        (["RUN"], "where should"),
        (["RUN", "--out", "x", "--check", "y"], "alone"),
        (["RUN", "--out", "x", "--seeds", "0"], "seeds"),
        (["RUN", "--out", "x", "--with-discriminator", "--precision", "int4"], "int4"),
    ],
)
def test_the_command_says_what_it_needs(
    run: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["export", *(str(run) if word == "RUN" else word for word in words)])
    assert ended.value.code == 2 and says in capsys.readouterr().err


def test_a_model_of_before_portable_latents_draws_with_torch(run: Path, tmp_path: Path) -> None:
    model = ganzfeld.load(run)
    old = Model({k: v for k, v in model.about.items() if k != "latents"}, model.generator)
    done = ganzfeld.export(old, tmp_path / "old")
    wanted = old.sample(1, seed=3, start=9)[0].numpy()
    np.testing.assert_allclose(drawn_by_script(done.folder, 3, 9), wanted, atol=GOAL)


# Every recipe


def short(recipe: str, home: Path) -> dict[str, Any]:
    """Few steps for networks that are traced step by step, each of which takes a second."""
    if recipe == "text-gan":
        (home / "lines.txt").write_text("\n".join("abc"[: 1 + i % 3] for i in range(200)))
        return {"source": str(home / "lines.txt")}
    if recipe == "series-gan":
        x = np.random.default_rng(0).normal(size=(200, 1, 4)).astype(np.float32)
        np.savez(home / "series.npz", x=x, modality="series")
        return {"source": str(home / "series.npz")}
    return {}


# with conditions they are exported in test_several_conditions.py, table-gan's network in table-vae;
# that of hinge, which is exported above, is default's
ELSEWHERE = ("default", "fields", "mlp", "table-gan")


@pytest.mark.long
@pytest.mark.parametrize(
    "recipe",
    [pytest.param(one, marks=pytest.mark.slow) if one in ELSEWHERE else one for one in EVERY],
)
def test_every_recipe_is_exported_as_it_draws(recipe: str, tmp_path: Path) -> None:
    run = tiny(recipe, tmp_path / "run", **short(recipe, tmp_path))
    done = ganzfeld.export(run, tmp_path / "out")
    print(f"{recipe}: {done.error:.2g}")
    assert done.error <= GOAL and all(not found.jumped for found in done.graphs.values())
    model = ganzfeld.load(run)
    if "model" not in done.graphs:
        x = torch.randint(0, 256, (model.channels["a"], 19, 33), dtype=torch.uint8)
        np.save(tmp_path / "in.npy", x.numpy())
        command = [sys.executable, done.folder / "run.py", "in.npy", "--to", "b"]
        subprocess.run(command, cwd=tmp_path, check=True)
        wanted = ((model.translate(x, to="b") + 1) * 127.5).round().numpy()
        with Image.open(tmp_path / "translated.png") as found:
            got = np.asarray(found, int).transpose(2, 0, 1)
        assert np.abs(got - wanted).max() <= 1
        return
    wanted = model.sample(1, seed=7, start=2**40 + 5)[0].numpy()
    got = drawn_by_script(done.folder, 7, 2**40 + 5)
    np.testing.assert_allclose(got, wanted, atol=GOAL * max(1, np.abs(wanted).max()))


OWN = """
from torch import nn

from ganzfeld.networks.dcgan import DCGANGenerator
from ganzfeld.recipes import RECIPES


class Own(DCGANGenerator):
    def forward(self, z, y=None):
        return super().forward(z, y).sin()


def sines(facts):
    config = RECIPES["hinge"].make(facts)
    config.networks["G"].name = f"{__file__}:Own"
    config.networks["G"].options["width"] = 4
    return config
"""


@pytest.mark.long
def test_code_of_its_own_is_exported_where_it_is_trusted(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    run = tmp_path / "run"
    ganzfeld.train(
        "avatars:64",
        recipe=f"{tmp_path / 'mine.py'}:sines",
        size=16,
        images=64,
        batch=32,
        out=run,
        quiet=True,
        settings=["run.evaluate_every=null", "run.threads=1"],
    )
    shutil.move(run / "model", tmp_path / "model")
    with pytest.raises(ganzfeld.GanzfeldError, match="trust-code"):
        ganzfeld.export(tmp_path / "model", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    done = ganzfeld.export(tmp_path / "model", tmp_path / "out", trust_code=True)
    assert "Sin" in done.graphs["model"].operators and done.error <= GOAL
    config = (done.folder / "config.json").read_text("utf-8")
    assert str(tmp_path) not in config and "Own" in config
    wanted = ganzfeld.load(tmp_path / "model", trust_code=True).sample(1, seed=3)[0].numpy()
    np.testing.assert_allclose(drawn_by_script(done.folder, 3, 0), wanted, atol=GOAL)
