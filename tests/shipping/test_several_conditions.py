"""Models of a number, a class and a list of classes at once: exported, and drawn as Python does."""

from __future__ import annotations

import json
import runpy
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from shipping_runs import tiny

import ganzfeld
from ganzfeld.errors import UsageError
from ganzfeld.shipping.engine import OnnxEngine
from ganzfeld.shipping.page import export_page

pytest.importorskip("onnx", reason='needs pip install "ganzfeld[onnx]"')
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

pytestmark = pytest.mark.long
GOAL = 5e-6  # of the error of float32
COUNT = 48


def conditioned(kind: str, home: Path) -> Path:
    """Samples of a kind with a number, a class and a list of classes beside each."""
    towns, tags = ["north", "south", "west"], ["x", "x|y"]
    rows: list[dict[str, Any]] = [
        {"age": 20 + i % 7, "town": towns[i % 3], "tags": tags[i % 2]} for i in range(COUNT)
    ]
    home.mkdir()
    draws = np.random.default_rng(0)
    if kind in SHAPES:
        x: Any = draws.normal(size=(COUNT, *SHAPES[kind]))
        if kind == "deposit":
            x = 0.25 * draws.poisson(10 ** draws.uniform(-1, 1, (COUNT, 1, 1, 1)), x.shape)
        columns: dict[str, Any] = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        what = "series" if kind == "series" else "field"
        np.savez(home / "x.npz", x=x.astype(np.float32), modality=what, **columns)
        return home / "x.npz"
    if kind == "text":
        for i, row in enumerate(rows):
            row |= {"text": "abc"[i % 3] * (2 + i % 4), "tags": row["tags"].split("|")}
        (home / "x.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", "utf-8")
        return home / "x.jsonl"
    if kind == "table":
        for row in rows:
            row["income"] = round(float(draws.normal(row["age"], 2)), 2)
        names = list(rows[0])
        text = "\n".join([",".join(names), *(",".join(str(r[n]) for n in names) for r in rows)])
        (home / "rows.csv").write_text(text + "\n", "utf-8")
        return home / "rows.csv"
    table = ["file_name,age,town,tags"]
    for number, row in enumerate(rows):
        name = f"{number}.{'wav' if kind == 'audio' else 'png'}"
        if kind == "audio":
            with wave.open(str(home / name), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes(draws.integers(-9000, 9000, 4096).astype("<i2").tobytes())
        else:
            Image.fromarray(draws.integers(0, 256, (16, 16, 3), np.uint8)).save(home / name)
        table.append(f"{name},{row['age']},{row['town']},{row['tags']}")
    (home / "metadata.csv").write_text("\n".join(table) + "\n", "utf-8")
    return home


SHAPES = {"series": (2, 24), "field": (1, 16, 16), "deposit": (2, 8, 12)}
RECIPES = {  # what each of them learns here
    **dict.fromkeys(("mlp", "dcgan", "wgan-gp", "hinge", "default", "r3gan"), "image"),
    **{"wavegan": "audio", "audio": "audio", "table-gan": "table", "table-vae": "table"},
    **{"series-gan": "series", "fields": "field", "showers": "deposit"},
    **dict.fromkeys(("text-gan", "text-gumbel", "text-mle"), "text"),
}


OFTEN = ("mlp", "table-vae", "fields")  # the others run by name


@pytest.mark.parametrize(
    "recipe",
    [pytest.param(name, marks=[] if name in OFTEN else [pytest.mark.slow]) for name in RECIPES],
)
def test_several_conditions_at_once_are_exported(recipe: str, tmp_path: Path) -> None:
    """The graph takes them, run.py draws them, and a page's graph gives the same."""
    source = conditioned(RECIPES[recipe], tmp_path / "data")
    more: dict[str, Any] = {"source": source, "condition": ["age", "town", "tags"]}
    run = tiny(recipe, tmp_path / "run", images=64, batch=16, **more)
    done = ganzfeld.export(run, tmp_path / "out")
    assert done.error <= GOAL
    model: Any = ganzfeld.load(run)
    wanted = model.sample(1, seed=7, start=5)[0].numpy()
    got = runpy.run_path(str(done.folder / "run.py"))["draw"](7, 5)[0]
    np.testing.assert_allclose(got, wanted, atol=GOAL * max(1, np.abs(wanted).max()))
    engine, given = OnnxEngine(done.folder), {"age": "22", "tags": "y"}
    assert "c" in {one.name for one in engine.session.get_inputs()}
    pairs = [(7, index) for index in range(24)]
    same: dict[str, Any] = {"labels": ["west"] * 24}
    asked = model.sample(24, seed=7, numbers=model.given(given, 24, seed=7), labels="west")
    found = engine.samples(pairs, numbers=[given] * 24, **same)
    np.testing.assert_allclose(found, asked.numpy(), atol=GOAL * max(1, float(asked.abs().max())))
    stored = engine.draw(pairs, numbers=[given] * 24, **same)
    if recipe == "audio":  # the search for a sound's phases enlarges rounding, now and then to all
        apart = np.abs(stored.astype(int) - model.store(asked).astype(int)) > 655
        assert apart.mean() < 0.05
    else:
        np.testing.assert_allclose(stored, model.store(asked), rtol=1e-4, atol=1)
    given["age"] = "26"
    assert not np.array_equal(found, engine.samples(pairs, numbers=[given] * 24, **same))
    told = f"{recipe}: onnx {done.error:.2g}"
    if recipe == "audio":
        with pytest.raises(UsageError, match="a page cannot make sounds"):
            export_page(run, tmp_path / "page.html")
    else:
        page = export_page(run, tmp_path / "page.html", precision="float32")
        assert page.error <= 2e-5 and {"z", "c"} <= page.about["graphs"]["G"]["inputs"].keys()
        assert len(page.about["rows"][0]) == len(model.conditions["names"])
        told += f", page {page.error:.2g}"
    print(f"{told}; conditions {', '.join(model.conditions['names'])}; classes {model.classes}")
