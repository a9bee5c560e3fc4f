"""Groups of similar images as classes: `--labels clusters`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ganzfeld
from ganzfeld.core import checkpoint, latents, runfolder
from ganzfeld.data import clusters, held
from ganzfeld.data.clusters import Clustered, Tree, axes_of, cells, looks
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.data.request import DataRequest
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.metrics import default as extractors

COUNT, KINDS = 480, 4
TINY = ["networks.*.width=4", "run.threads=1", "run.precision=float32", "run.products=false"]


def images(count: int, seed: int = 0) -> Any:
    """Noise of four kinds in turn: dark or bright above, dark or bright below."""
    draws = np.random.default_rng(seed)
    found = draws.integers(0, 60, (count, 8, 8, 3), dtype=np.uint8)
    kind = np.arange(count) % KINDS
    found[kind % 2 == 1, :4] += 150
    found[kind >= 2, 4:] += 190
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "kinds.npy"
    np.save(path, images(COUNT))
    return path


def train(source: Path, out: Path, **options: Any) -> ganzfeld.Run:
    given: dict[str, Any] = {"images": 192, "batch": 32, "settings": TINY, "quiet": True}
    return ganzfeld.train(source, out=out, **{"labels": "clusters", **given, **options})


@pytest.fixture(scope="module")
def run(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(source, tmp_path_factory.mktemp("runs") / "run").path


def test_images_of_a_kind_share_a_group_and_no_group_is_small(source: Path) -> None:
    pack = Clustered(open_pack(source), None)
    assert pack.classes == tuple(f"cluster {number}" for number in range(KINDS))
    assert pack.labels is not None
    most = [np.bincount(pack.labels[kind::KINDS], minlength=KINDS) for kind in range(KINDS)]
    assert sorted(int(one.argmax()) for one in most) == list(range(KINDS))
    assert min(one.max() for one in most) > 0.95 * COUNT / KINDS  # a median may lie within a kind
    assert np.abs(np.bincount(pack.labels) - COUNT / KINDS).max() < 0.05 * COUNT / KINDS
    assert pack.rows(np.arange(8))["y"].tolist() == pack.labels[:8].tolist()


def test_a_group_has_its_share_where_the_images_have_no_kinds(tmp_path: Path) -> None:
    """Images drawn evenly from one cloud: classes that are drawn evenly come as in the data."""
    noise = np.random.default_rng(1).integers(0, 256, (3200, 4, 4, 1), dtype=np.uint8)
    np.save(tmp_path / "noise.npy", noise)
    pack = Clustered(open_pack(tmp_path / "noise.npy"), None)
    assert pack.labels is not None and len(pack.classes) == 16
    shares = np.bincount(pack.labels, minlength=16) / len(pack)
    assert shares.min() > 0.9 / 16 and shares.max() < 1.1 / 16


def test_axes_do_not_depend_on_the_order_of_the_sums() -> None:
    """As threads and processors add up in other orders."""
    few = np.random.default_rng(2).integers(0, 256, (3000, 48)).astype(np.float64)
    few[:, :6] *= np.arange(1, 7)
    few = np.floor(few)
    there = axes_of(few, 4)
    for seed in range(3):
        assert np.array_equal(axes_of(few[np.random.default_rng(seed).permutation(3000)], 4), there)
    assert (np.abs(there).max(0) == there.max(0)).all(), "axes have no sign"


def test_held_out_images_teach_no_cut_and_have_groups(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = open_pack(source)
    apart = held.held_rows(pack, 80)
    learned: list[Any] = []
    first = Tree.__init__

    def watched(self: Tree, few: Any, groups: int) -> None:
        learned.append(few)
        first(self, few, groups)

    monkeypatch.setattr(Tree, "__init__", watched)
    found = Clustered(pack, 80)
    training = held.training_rows(pack, 80)
    assert np.array_equal(learned[0], looks(pack, training)) and len(training) == COUNT - 80
    assert found.labels is not None
    usual = [np.bincount(found.labels[training[training % KINDS == k]]).argmax() for k in range(4)]
    right = [found.labels[row] == usual[row % KINDS] for row in apart]
    assert np.mean(right) > 0.9


def test_cells_are_means_of_equal_squares() -> None:
    x = (np.arange(2 * 2 * 33 * 34) % 251).astype(np.uint8).reshape(2, 2, 33, 34)
    found = cells(x, 16)
    assert found.shape == (2, 2 * 11 * 11)
    there = x.astype(int)
    assert found[0, 0] == there[0, 0, :3, :3].sum() // 9
    assert found[1, -1] == there[1, 1, 30:, 30:33].sum() // 9
    assert cells(x[:, :, :, :1], 4).shape == (2, 2 * 33) and cells(x[:, :, :0], 4).shape == (2, 0)


def test_rough_images_and_smooth_ones_of_one_brightness_are_told_apart(tmp_path: Path) -> None:
    draws = np.random.default_rng(3)
    x = draws.integers(118, 138, (400, 16, 16, 1), dtype=np.uint8)
    x[::2] = np.where(np.indices((16, 16)).sum(0) % 2, 96, 160)[None, :, :, None]
    x[::2] += draws.integers(0, 20, (200, 1, 1, 1), dtype=np.uint8)
    np.save(tmp_path / "rough.npy", x)
    labels = Clustered(open_pack(tmp_path / "rough.npy"), 0).labels
    assert labels is not None and set(labels) == {0, 1, 2, 3}
    assert not set(labels[::2]) & set(labels[1::2])


@pytest.mark.parametrize(
    ("count", "groups"), [(0, 1), (199, 1), (200, 2), (799, 4), (800, 8), (10**6, 32)]
)
def test_so_many_images_make_so_many_groups(count: int, groups: int) -> None:
    assert clusters.groups_of(count) == groups


def test_a_run_names_its_groups_and_draws_each_as_often(run: Path) -> None:
    config = runfolder.read_config(run)
    assert config.data.labels == "clusters" and config.data.clusters
    assert config.networks["G"].options["classes"] == KINDS == len(config.data.classes)
    model = ganzfeld.load(run)
    assert model.classes == [f"cluster {number}" for number in range(KINDS)]
    drawn = np.bincount(latents.labels(model.latents, KINDS, 0, range(4000)))
    assert drawn.min() > 900 and drawn.max() < 1100
    assert torch.equal(
        model.sample(4, labels=["cluster 2"]), model.sample(4, labels=[2])
    ) and not torch.equal(model.sample(4, labels=[1]), model.sample(4, labels=[2]))


def test_card_and_report_say_that_they_are_groups(run: Path) -> None:
    """Names like these would pass for labels that somebody gave."""
    told = f"{KINDS} groups of similar images in place of labels, cluster 0 to cluster {KINDS - 1}"
    assert f"| classes | {told} |" in (run / "model" / "README.md").read_text()
    assert told in (run / "report.html").read_text()


def test_what_measures_does_not_know_the_groups(run: Path, source: Path) -> None:
    """The features are those of a run without labels, and so are the protocols."""
    found = ganzfeld.evaluate(run, source, count=100)
    assert found["protocol"]["extractor"] != "domain" and "class_agreement" not in found
    own = json.loads((run / "evaluation.json").read_text())
    assert own["protocol"]["extractor"] == found["protocol"]["extractor"]
    assert own["protocol"]["data"] == open_pack(source).fingerprint
    bare = open_pack(source, PackOptions(labels="clusters"))
    assert bare.labels is None and extractors.default_extractor(bare).name != "domain"


def test_one_pack_serves_runs_with_groups_and_without(source: Path) -> None:
    plain, own = (open_pack(source, DataRequest(labels=n).options) for n in ("none", "clusters"))
    assert own.path == plain.path


def test_a_run_that_was_stopped_ends_as_one_that_was_not(run: Path, tmp_path: Path) -> None:
    """On groups that are found again, whatever the threads."""
    again = tmp_path / "run"
    shutil.copytree(run, again)
    whole, _ = checkpoint.newest(again / "checkpoints")
    assert whole is not None
    there = sorted((again / "checkpoints").glob("*"))
    last = [path for path in there if "192" in path.name]
    assert last and len(there) > len(last)
    for path in last:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(again / "model")
    ganzfeld.resume(again, quiet=True)
    ended, _ = checkpoint.newest(again / "checkpoints")
    assert ended is not None and ended.path.name == whole.path.name
    for name, value in whole.state["game"].items():
        assert torch.equal(value, ended.state["game"][name]), name


def test_other_groups_than_before_are_refused(run: Path, tmp_path: Path) -> None:
    again = tmp_path / "run"
    shutil.copytree(run, again)
    path = again / "config.json"
    stored = runfolder.read_config(again).data.clusters
    path.write_text(path.read_text().replace(str(stored), "0" * 16))
    with pytest.raises(CheckpointError, match="clusters of these images"):
        ganzfeld.resume(again, images=256, quiet=True)


def test_data_that_have_grown_have_other_groups(source: Path, tmp_path: Path) -> None:
    data = tmp_path / "grown.npy"
    np.save(data, images(COUNT))
    own = train(data, tmp_path / "run", images=64).path
    np.save(data, images(COUNT + 200))
    with pytest.raises(CheckpointError, match="clusters of these images") as caught:
        ganzfeld.resume(own, images=128, data_grown=True, quiet=True)
    assert "train anew" in caught.value.fix


def test_what_cannot_be_grouped_is_refused(source: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.npy"
    np.save(few, images(150))
    with pytest.raises(UsageError, match="150 images are too few for --labels clusters") as caught:
        train(few, tmp_path / "a")
    assert "--labels none" in caught.value.fix
    (tmp_path / "lines.txt").write_text("\n".join(f"line {n}" for n in range(300)))
    with pytest.raises(UsageError, match="--labels clusters is not for lines"):
        train(tmp_path / "lines.txt", tmp_path / "b", recipe="default", settings=[])
    with pytest.raises(UsageError, match="--labels clusters is not for pairs"):
        train(few, tmp_path / "d", other=few, recipe="cyclegan", settings=[])
    with pytest.raises(UsageError, match="both choose the labels"):
        train(Path("avatars:300"), tmp_path / "c", size=16, condition="caption", settings=[])
    with pytest.raises(UsageError, match="does not go with --condition") as caught:
        train(Path("avatars-captions:300"), tmp_path / "c", size=16, settings=[])
    assert "--condition none" in caught.value.fix
    assert not any((tmp_path / name).exists() for name in "abcd")


def test_a_command_takes_it_and_a_wrong_word_is_told_of_it(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="auto, none, clusters, folders"):
        train(source, tmp_path / "run", labels="cluster")


def test_images_of_several_kinds_are_seen(tmp_path: Path) -> None:
    """As the plan says where they have no labels and nothing was asked for."""
    draws = np.random.default_rng(0)
    for name, found in (
        ("kinds", images(1200)),
        ("one", draws.integers(0, 255, (1200, 8, 8, 3), dtype=np.uint8)),
        ("even", np.tile(np.uint8([[[[3]]], [[[9]]]]), (600, 8, 8, 3))),  # two, over and over
    ):
        np.save(tmp_path / f"{name}.npy", found)
        pack = open_pack(tmp_path / f"{name}.npy")
        assert clusters.several_kinds(pack) == (name == "kinds"), name
    few = open_pack(tmp_path / "kinds.npy", PackOptions(size=(2, 2)))
    assert not clusters.several_kinds(few) or few.count == 1200  # of few numbers, without an error
