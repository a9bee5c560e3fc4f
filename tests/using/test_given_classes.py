"""A class is asked for by the name of its column too, of every kind: `--given kind=a`."""

from __future__ import annotations

import json
import math
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganzfeld
from ganzfeld.cli import main
from ganzfeld.data.label_names import class_of, label_names
from ganzfeld.errors import UsageError

COUNT = 96
KIND = ["a", "b"]


def images(home: Path) -> Path:
    rows = ["file_name,kind"]
    for k in range(COUNT):
        Image.new("L", (16, 16), 40 + 150 * (k % 2) + k // 4).save(home / f"{k}.png")
        rows.append(f"{k}.png,{KIND[k % 2]}")
    (home / "metadata.csv").write_text("\n".join(rows))
    return home


def sounds(home: Path) -> Path:
    rows = ["file_name,kind"]
    for k in range(COUNT):
        with wave.open(str(home / f"{k}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            tone = 8000 * np.sin(np.arange(2000) * (0.2 + 0.3 * (k % 2) + k / 1000))
            file.writeframes(tone.astype("<i2").tobytes())
        rows.append(f"{k}.wav,{KIND[k % 2]}")
    (home / "metadata.csv").write_text("\n".join(rows))
    return home


def lines(home: Path) -> Path:
    words = [{"text": "ab" * (1 + k % 3) + str(k), "kind": KIND[k % 2]} for k in range(COUNT)]
    (home / "lines.jsonl").write_text("\n".join(map(json.dumps, words)))
    return home / "lines.jsonl"


def rows(home: Path) -> Path:
    cells = [f"{KIND[k % 2]},{k % 7},{math.sin(k):.3f}" for k in range(4 * COUNT)]
    (home / "rows.csv").write_text("\n".join(["kind,whole,part", *cells]))
    return home / "rows.csv"


def fields(home: Path) -> Path:
    draw = np.random.default_rng(0)
    x = draw.standard_normal((COUNT, 1, 16, 16)).astype(np.float32) * 30
    np.savez(home / "fields.npz", x=x, kind=np.array([KIND[k % 2] for k in range(COUNT)]))
    return home / "fields.npz"


def series(home: Path) -> Path:
    draw = np.random.default_rng(0)
    x = draw.standard_normal((COUNT, 2, 24)).astype(np.float32) * 30
    named = {"time": np.arange(24.0), "kind": np.array([KIND[k % 2] for k in range(COUNT)])}
    np.savez(home / "series.npz", x=x, **named)
    return home / "series.npz"


NARROW = ["networks.*.width=4"]
CASES: dict[str, tuple[Callable[[Path], Path], dict[str, Any]]] = {
    "default": (images, {"settings": NARROW, "size": 16}),
    "audio": (sounds, {"settings": NARROW}),
    "wavegan": (sounds, {"settings": NARROW}),
    "text-gan": (lines, {"settings": ["networks.*.hidden=8"]}),
    "text-gumbel": (lines, {"settings": ["networks.G.hidden=8", "networks.D.width=8"]}),
    "text-mle": (lines, {"settings": ["networks.*.hidden=8"]}),
    "table-gan": (rows, {}),
    "table-vae": (rows, {}),
    "fields": (fields, {"settings": NARROW}),
    "series-gan": (series, {"settings": ["networks.*.hidden=8"]}),
}


@pytest.mark.long
@pytest.mark.parametrize("recipe", CASES)
def test_a_class_is_asked_for_by_its_column(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, more = CASES[recipe]
    source = tmp_path / "data"
    source.mkdir()
    more["settings"] = [*more.get("settings", ()), "run.evaluate_final=false"]
    run = ganzfeld.train(
        make(source), condition="kind", recipe=recipe, images=32, batch=16,
        out=tmp_path / "run", quiet=True, **more,
    )  # fmt: skip
    model = run.model
    assert model.classes == KIND and label_names(model.about)[0] == "kind"
    suffix = model.modality.sheet_suffix if model.modality.one_file else ""
    found = {}
    for word in ("--label=a", "--given=kind=a", "--given=kind=b"):
        out = tmp_path / (word.replace("=", "") + suffix)
        words = ["sample", str(run.path), word, "--count", "4", "--out", str(out), "--no-mark"]
        main.main(words)
        paths = sorted(out.iterdir()) if out.is_dir() else [out]
        found[word] = [path.read_bytes() for path in paths]
        if out.is_dir():
            assert {path.stem[-1] for path in paths} == {word[-1]}
        if recipe == "table-vae":
            assert [line[0] for line in out.read_text().splitlines()] == ["k", *4 * word[-1]]
    assert found["--label=a"] == found["--given=kind=a"] != found["--given=kind=b"]
    with pytest.raises(SystemExit):
        main.main(["sample", str(run.path), "--given", "kind=c", "--out", str(tmp_path / "none")])
    assert "no class 'c'" in capsys.readouterr().err
    asked = model.sample(4, numbers={"kind": "a"})
    assert np.array_equal(asked.numpy(), model.sample(4, labels="a").numpy())


def test_a_class_and_numbers_go_apart() -> None:
    about: dict[str, Any] = {"classes": KIND, "training": {"data": {"labels": "column:kind"}}}
    assert class_of(about, {"kind": "a", "age": "30"}) == ("a", {"age": "30"})
    assert class_of(about, {"label": "a"}) == ("a", {})
    assert class_of(about, {"age": "30"}) == (None, {"age": "30"})
    with pytest.raises(UsageError, match="kind and label both name the class"):
        class_of(about, {"label": "a", "kind": "b"})
    named = about | {"conditions": {"columns": [{"name": "label", "kind": "number"}]}}
    assert class_of(named, {"label": "3", "kind": "a"}) == ("a", {"label": "3"})
    table = {"classes": KIND, "training": {"data": {"labels": "C:\\data\\rows.csv:mood"}}}
    assert label_names(table)[0] == "mood"
    assert class_of({"classes": []}, {"kind": "a"}) == (None, {"kind": "a"})
