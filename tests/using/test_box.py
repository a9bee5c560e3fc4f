"""The model that the package brings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core import marks
from ganzfeld.core.tensors import read_layouts
from ganzfeld.models import embedded
from ganzfeld.models.folder import read_about


def test_it_is_small_and_says_how_good_it_is() -> None:
    assert embedded.names() == ["avatars-model"]
    place = embedded.HOME / "avatars-model"
    files = {file.name: file.stat().st_size for file in place.iterdir()}
    assert sum(files.values()) <= 1 << 20
    about = read_about(place)
    assert about["precision"] == "float16" and about["license"] == "apache-2.0"
    kinds = {one.dtype for one in read_layouts(place / "model.safetensors").values()}
    assert "float16" in kinds and "float32" not in kinds
    evaluation = json.loads((place / "evaluation.json").read_text("utf-8"))
    assert evaluation["protocol"]["generated"] == 2_000
    assert evaluation["frechet"] < 100 and evaluation["recall"] > 0.1


def test_it_draws_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["sample", "avatars-model", "--count", "2", "--seed", "1", "--out", "drawn"])
    files = sorted((tmp_path / "drawn").iterdir())
    with Image.open(files[0]) as image:
        assert image.size == (32, 32)
    said = marks.read(files[0])
    assert said is not None
    assert said["model"] == ganzfeld.load("avatars-model").about["weights"]["sha256"]
    capsys.readouterr()
    main(["sample", "--from", str(files[0])])
    assert "equal to the bit" in capsys.readouterr().out
    model = ganzfeld.load("avatars-model")
    assert all(p.dtype == torch.float32 for p in model.generator.parameters())
    assert model.score(model.sample(2, labels=0), 0).shape == (2,)


def test_a_folder_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "avatars-model").mkdir()
    with pytest.raises(ganzfeld.GanzfeldError, match="holds no model"):
        ganzfeld.load("avatars-model")
    assert embedded.located("./avatars-model") == Path("avatars-model")
    assert embedded.located("..") == Path("..")


def test_half_precision_is_refused_where_it_is_not_declared(tmp_path: Path) -> None:
    """The description says how weights lie; a file alone cannot change it."""
    place = tmp_path / "copy"
    place.mkdir()
    for file in (embedded.HOME / "avatars-model").iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    about = json.loads((place / "config.json").read_text("utf-8"))
    del about["precision"]
    (place / "config.json").write_text(json.dumps(about), "utf-8")
    with pytest.raises(ganzfeld.GanzfeldError, match="do not fit"):
        ganzfeld.load(place)
