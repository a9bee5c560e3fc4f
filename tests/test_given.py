"""Data of a program: trained on, kept with the run, gone on with and measured against."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ganzfeld
from ganzfeld.errors import DataError, GanzfeldError, UsageError

SMALL = ["networks.G.width=4", "networks.D.width=4", "networks.G.latent=16"]
DRAW = np.random.default_rng(0)
IMAGES = DRAW.integers(0, 256, (64, 3, 16, 16), dtype=np.uint8)
LABELS = np.arange(64) % 2


def train(data: Any, out: Path, images: int = 64, **options: Any) -> ganzfeld.Run:
    options = {"batch": 16, "settings": SMALL, "quiet": True, "seed": 0} | options
    return ganzfeld.train(data, out=out, images=images, **options)


def config_of(run: Path) -> Any:
    return json.loads((run / "config.json").read_text(encoding="utf-8"))


@pytest.mark.long
def test_arrays_are_trained_on_gone_on_with_and_measured(tmp_path: Path) -> None:
    run = train((IMAGES, LABELS), tmp_path / "run")
    assert run.model.classes == ["0", "1"]
    assert config_of(run.path)["data"]["source"] == "data/dataset.npz"

    moved = tmp_path / "elsewhere" / "run"
    moved.parent.mkdir()
    shutil.move(run.path, moved)
    ganzfeld.resume(moved, images=96, quiet=True)
    assert config_of(moved)["data"]["source"] == "data/dataset.npz"
    assert ganzfeld.load(moved).about["training"]["run"]["images"] == 96
    kernel = {"extractor": "random", "metrics": ["kernel"], "count": 32, "reference": 32}
    by_data = ganzfeld.evaluate(ganzfeld.Run(moved), (IMAGES, LABELS), **kernel)
    by_file = ganzfeld.evaluate(moved, moved / "data" / "dataset.npz", **kernel)
    assert by_data["kernel"] == by_file["kernel"]


@pytest.mark.long
def test_the_same_call_goes_on_and_other_data_are_refused(tmp_path: Path) -> None:
    run = train(dataset_items(), tmp_path / "run")
    file = run.path / "data" / "dataset.zip"
    before = file.stat().st_mtime_ns
    train(dataset_items(), run.path)
    assert file.stat().st_mtime_ns == before
    with pytest.raises(UsageError, match="other data"):
        train(IMAGES, run.path)
    assert [p.name for p in (run.path / "data").iterdir()] == ["dataset.zip"]


class Items(torch.utils.data.Dataset[Any]):
    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int) -> Any:
        return {"photo": Image.fromarray(IMAGES[index].transpose(1, 2, 0)), "kind": "ab"[index % 2]}


def dataset_items() -> Any:
    return [
        (Image.fromarray(i.transpose(1, 2, 0)), int(y)) for i, y in zip(IMAGES, LABELS, strict=True)
    ]


@pytest.mark.long
def test_columns_go_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="image_column"):
        train("avatars", tmp_path / "no", dataset=Items())
    run = train(
        "avatars", tmp_path / "run", dataset=Items(), image_column="photo", label_column="kind"
    )
    assert run.model.classes == ["a", "b"]
    with pytest.raises(UsageError, match="twice"):
        train("photos", tmp_path / "no", dataset=Items())
    with pytest.raises(UsageError, match="data of this program"):
        train("avatars", tmp_path / "no", label_column="kind")


@pytest.mark.parametrize("data", [3, b"photos", None, {"a": 1}, object()])
def test_what_is_no_data_is_one_clear_error(data: Any, tmp_path: Path) -> None:
    with pytest.raises(GanzfeldError) as raised:
        train(data, tmp_path / "run")
    assert raised.value.code in (2, 3)
    assert not (tmp_path / "run" / "config.json").exists()


# Data that moved


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, and beside it the data: files, and a table of their labels."""
    home = tmp_path_factory.mktemp("moving") / "before"
    (home / "photos").mkdir(parents=True)
    rows = ["file,kind"]
    for index, pixels in enumerate(IMAGES[:32]):
        Image.fromarray(pixels.transpose(1, 2, 0)).save(home / "photos" / f"{index}.png")
        rows.append(f"{index}.png,{'ab'[index % 2]}")
    (home / "photos" / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    train(home / "photos", home / "run", labels=str(home / "photos" / "labels.csv"))
    return home


@pytest.fixture
def copied(trained: Path, tmp_path: Path) -> Path:
    home = tmp_path / "after"
    shutil.copytree(trained, home)
    trained.rename(trained.with_name("gone"))
    yield home
    trained.with_name("gone").rename(trained)


def test_run_and_data_that_moved_together_find_each_other(copied: Path) -> None:
    ganzfeld.resume(copied / "run", images=96, quiet=True)
    stored = config_of(copied / "run")["data"]
    assert stored["source"] == str(copied / "photos")
    assert stored["labels"] == str(copied / "photos" / "labels.csv")
    assert stored["home"] == str(copied / "run")


@pytest.mark.long
def test_data_that_moved_alone_are_asked_for_and_remembered(copied: Path, tmp_path: Path) -> None:
    (copied / "photos").rename(tmp_path / "shots")
    before = (copied / "run" / "config.json").read_bytes()
    with pytest.raises(DataError) as raised:
        ganzfeld.resume(copied / "run", images=96, quiet=True)
    assert "--data PATH" in raised.value.fix
    other = tmp_path / "other"
    other.mkdir()
    for index in range(3):
        shutil.copy(tmp_path / "shots" / f"{index}.png", other)
    with pytest.raises(GanzfeldError):
        ganzfeld.resume(copied / "run", images=96, data=other, quiet=True)
    assert (copied / "run" / "config.json").read_bytes() == before
    ganzfeld.resume(copied / "run", images=96, data=tmp_path / "shots", device="cpu", quiet=True)
    assert config_of(copied / "run")["data"]["source"] == str(tmp_path / "shots")
    ganzfeld.resume(copied / "run", images=128, quiet=True)  # from now on without it


def test_train_with_the_new_place_keeps_it(copied: Path, tmp_path: Path) -> None:
    (copied / "photos").rename(tmp_path / "shots")
    table = str(tmp_path / "shots" / "labels.csv")
    train(tmp_path / "shots", copied / "run", labels=table)  # which is complete
    ganzfeld.resume(copied / "run", images=96, quiet=True)


def test_where_data_lie_is_not_shipped(trained: Path) -> None:
    for path in ("config.json", "README.md"):
        assert str(trained.parent) not in (trained / "run" / "model" / path).read_text("utf-8")


@pytest.mark.long
def test_a_deterministic_run_stays_on_its_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = [*SMALL, "run.deterministic=true"]
    run = train(IMAGES, tmp_path / "run", settings=settings)
    monkeypatch.setattr("ganzfeld.training.run.choose_device", lambda kind: kind)
    with pytest.raises(UsageError, match="deterministic on cpu"):
        ganzfeld.resume(run.path, images=96, device="cuda", quiet=True)


def test_a_model_moves_to_a_device(trained: Path) -> None:
    model = ganzfeld.load(trained / "run", device="cpu")
    assert model.device == torch.device("cpu")
    before = model.sample(3, seed=5)
    assert model.to("cpu") is model
    assert torch.equal(model.to(torch.device("cpu")).sample(3, seed=5), before)
    moved = model.to(torch.device("meta"))  # where nothing is computed: all of it must be there
    assert {p.device.type for p in moved.generator.parameters()} == {"meta"}
    assert {p.device.type for p in moved.discriminator.parameters()} == {"meta"}
    for wrong in ("gpu", "cuda:x", 3):
        with pytest.raises(UsageError):
            ganzfeld.load(trained / "run", device=wrong)


BLACK = np.zeros((16, 3, 16, 16), np.uint8)


def test_messages_about_arrays_name_no_file_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path / "cache"))
    measure = {"extractor": "random", "count": 16}
    with pytest.raises(DataError, match="the array holds nothing but zeros"):
        train(BLACK, tmp_path / "run")
    with pytest.raises(DataError, match="the array holds nothing but zeros"):
        ganzfeld.evaluate(IMAGES, BLACK, **measure)
    np.save(tmp_path / "black.npy", BLACK)
    with pytest.raises(DataError, match=r"black\.npy holds nothing but zeros"):
        ganzfeld.evaluate(IMAGES, np.load(tmp_path / "black.npy", mmap_mode="r"), **measure)
    fields = DRAW.standard_normal((64, 16, 16)).astype(np.float32) * 37
    with pytest.raises(DataError, match="the array holds fields") as found:
        ganzfeld.evaluate(fields, IMAGES, **measure)
    assert str(tmp_path) not in str(found.value)
    train(IMAGES, tmp_path / "plan", dry_run=True, quiet=False)
    told = capsys.readouterr().out
    assert "the array: 64 images" in told and "cache" not in told


def test_messages_about_files_keep_their_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "dataset.npz", x=BLACK)
    with pytest.raises(DataError, match=r"dataset\.npz holds nothing but zeros"):
        ganzfeld.evaluate(IMAGES, tmp_path / "dataset.npz", extractor="random", count=16)
