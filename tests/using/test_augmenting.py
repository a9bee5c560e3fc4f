"""Labelled sets: files, table, and that training reads them back."""

import csv
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.data.pack import open_pack
from ganzfeld.errors import UsageError
from ganzfeld.modalities.image.draw import to_pixels
from ganzfeld.models.export_dataset import augment, folders_of, sequence
from ganzfeld.models.model import Model


def table(folder: Path) -> list[dict[str, str]]:
    with open(folder / "labels.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_files_and_table_agree(run: ganzfeld.Run, tmp_path: Path) -> None:
    main(["augment", str(run.path), "--count", "45", "--seed", "7", "--out", str(tmp_path / "set")])
    rows = table(tmp_path / "set")
    assert list(rows[0]) == ["file", "label", "seed", "number", "model", "weights"]
    files = {p.relative_to(tmp_path / "set").as_posix() for p in tmp_path.glob("set/*/*.png")}
    assert {row["file"] for row in rows} == files and len(rows) == 45
    assert set(Counter(row["label"] for row in rows).values()) == {4, 5}, "balanced"
    assert {row["weights"] for row in rows} == {run.model.about["weights"]["sha256"]}
    for row in rows[::11]:
        with Image.open(tmp_path / "set" / row["file"]) as image:
            pixels = np.asarray(image).transpose(2, 0, 1)
        again = run.model.sample(
            1, seed=int(row["seed"]), start=int(row["number"]), labels=[row["label"]]
        )
        assert np.array_equal(pixels, to_pixels(again)[0])


@pytest.mark.long
def test_training_reads_it_back(run: ganzfeld.Run, tmp_path: Path) -> None:
    folder = augment(run.path, tmp_path / "set", count=40)
    pack = open_pack(folder, workers=0)
    assert len(pack) == 40 and list(pack.classes) == sorted(run.model.classes)
    by_name = Counter(pack.classes[label] for label in pack.labels)  # type: ignore[union-attr]
    assert by_name == Counter(row["label"] for row in table(folder))
    settings = ["networks.G.width=4", "networks.D.width=4"]
    again = ganzfeld.train(
        folder, out=tmp_path / "run", images=64, batch=16, settings=settings, quiet=True
    )
    assert sorted(again.model.classes) == sorted(run.model.classes)


def test_it_goes_on_where_it_was_stopped(run: ganzfeld.Run, tmp_path: Path) -> None:
    whole = augment(run.path, tmp_path / "whole", count=70)
    part = tmp_path / "part"
    shutil.copytree(whole, part)
    (part / "labels.csv").unlink()
    names = sorted(p.relative_to(part) for p in part.glob("*/*.png"))
    for name in names:
        if int(name.stem.partition("-")[2]) >= 40:
            (part / name).unlink()
    before = {n: (part / n).stat().st_mtime_ns for n in names if (part / n).exists()}
    augment(run.path, part, count=70)
    assert (part / "labels.csv").read_bytes() == (whole / "labels.csv").read_bytes()
    assert all((part / n).read_bytes() == (whole / n).read_bytes() for n in names)
    early = [n for n in before if int(n.stem.partition("-")[2]) < 32]
    assert early and all((part / n).stat().st_mtime_ns == before[n] for n in early)
    with pytest.raises(UsageError, match="another set"):
        augment(run.path, part, count=71)


@pytest.mark.long
def test_proportions_of_the_data(run: ganzfeld.Run, tmp_path: Path) -> None:
    pack = open_pack("avatars:64", workers=0)
    assert pack.labels is not None
    rows = table(augment(run.path, tmp_path / "set", count=128, like="data"))
    own = Counter(row["label"] for row in rows)
    for label, name in enumerate(pack.classes):
        assert abs(own[name] - 2 * int((pack.labels == label).sum())) <= 1
    with pytest.raises(UsageError, match="--like PATH"):
        augment(run.path / "model", tmp_path / "other", count=8, like="data")


def test_every_beginning_has_the_proportions() -> None:
    shares = np.array([0.5, 0.3, 0.2])
    chosen = np.array(list(sequence(shares, 1000)))
    for n in (10, 100, 777, 1000):
        assert np.abs(np.bincount(chosen[:n], minlength=3) - n * shares).max() <= 1


def test_names_that_no_disk_takes() -> None:
    names = ["a/b", "a:b", "..", "Cat", "cat", ".hidden", "", "ok é"]
    found = folders_of(names)
    assert len({name.casefold() for name in found.values()}) == len(names)
    for name in found.values():
        assert name and "/" not in name and not name.startswith(".") and name != ".."
    assert found["ok é"] == "ok é" and found["Cat"] == "Cat"


def test_what_is_refused(
    run: ganzfeld.Run, make_model: Callable[..., Model], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="without labels") as caught:
        augment(make_model(), tmp_path / "set", count=3)
    assert "one model for each class" in caught.value.fix
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.png").write_bytes(b"x")
    with pytest.raises(UsageError, match="not empty"):
        augment(run.path, tmp_path / "full", count=3)
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["mine.png"]
