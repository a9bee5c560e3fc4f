"""Held-out images are never trained on, and the numbers at the end of a run can be compared."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch

import ganzfeld
from ganzfeld.cli import main
from ganzfeld.core import checkpoint, runfolder
from ganzfeld.data import held
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.errors import UsageError
from ganzfeld.metrics import evaluate, learning, reference
from ganzfeld.modalities import image_spec
from ganzfeld.models.task import learned_from
from ganzfeld.recipes.gan import Facts, default
from ganzfeld.training import final, run, validation
from ganzfeld.training.build import build_trainer
from ganzfeld.training.plan import held_out_words
from ganzfeld.training.trainer import Trainer

COUNT, BATCH = 200, 32
TINY = ["networks.*.width=4", "run.threads=1", "run.precision=float32", "run.products=false"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Image i has the value i everywhere, so that a batch says which images it holds."""
    path = tmp_path_factory.mktemp("data") / "numbered.npy"
    np.save(path, np.broadcast_to(np.arange(COUNT, dtype=np.uint8)[:, None, None, None],
                                  (COUNT, 8, 8, 1)))  # fmt: skip
    return path


@pytest.fixture(scope="module")
def pack(source: Path) -> Pack:
    return open_pack(source, PackOptions())


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The numbers of all images that any trainer has drawn."""
    found: set[int] = set()
    batch = Trainer.batch

    def watched(self: Trainer, player: str, turn: int) -> Any:
        made = batch(self, player, turn)
        found.update(((made["x"][:, 0, 0, 0] + 1) * 127.5).round().int().tolist())
        return made

    monkeypatch.setattr(Trainer, "batch", watched)
    return found


def train(source: Path, out: Path, images: int = 640, **options: Any) -> ganzfeld.Run:
    return ganzfeld.train(
        source, out=out, images=images, batch=BATCH, settings=TINY, quiet=True, **options
    )


def newest(path: Path) -> Any:
    found, _ = checkpoint.newest(path / "checkpoints")
    assert found is not None
    return found.state["game"]


@pytest.mark.long
def test_no_batch_of_a_run_holds_a_held_out_image(
    source: Path, pack: Pack, seen: set[int], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    train(source, out, held_out=50)
    assert runfolder.read_config(out).data.held_out == 50
    apart = set(held.held_rows(pack, 50).tolist())
    assert len(apart) == 50 and seen == set(range(COUNT)) - apart
    seen.clear()
    ganzfeld.resume(out, images=1280, quiet=True)
    assert seen == set(range(COUNT)) - apart, "also after it was continued"


def test_neither_do_trials_of_speed(
    source: Path, pack: Pack, seen: set[int], tmp_path: Path
) -> None:
    def nothing(self: Any) -> None:
        raise KeyboardInterrupt

    with patch("ganzfeld.training.session.Session.play", nothing), pytest.raises(KeyboardInterrupt):
        ganzfeld.train(source, out=tmp_path / "run", minutes=0.02, held_out=60, batch=8,
                       settings=["run.threads=1"], quiet=True)  # fmt: skip
    assert seen and not seen & set(held.held_rows(pack, 60).tolist())


@pytest.mark.parametrize("rank", [0, 1])
def test_nor_do_processes_of_torchrun(pack: Pack, rank: int, seen: set[int]) -> None:
    config = default(Facts(count=COUNT, channels=1, height=8, width=8, classes=0))
    config.data.held_out, config.run.images, config.run.batch_size = 50, 640, BATCH
    config.run.precision, config.run.products = "float32", False
    with (
        patch("ganzfeld.core.distributed.rank", return_value=rank),
        patch("ganzfeld.core.distributed.world", return_value=2),
    ):
        trainer = build_trainer(config, pack, torch.device("cpu"))
        for images in range(0, 20 * BATCH, BATCH):
            trainer.images = images
            trainer.batch("discriminator", 0)
    assert len(seen) > 100 and not seen & set(held.held_rows(pack, 50).tolist())


def test_the_same_images_for_every_run_on_one_data_set(pack: Pack) -> None:
    fewer, more = held.held_rows(pack, 10), held.held_rows(pack, 50)
    assert np.array_equal(fewer, more[:10]) and len(set(more.tolist())) == 50
    assert len(held.held_rows(pack, None)) == len(held.held_rows(pack, 0)) == 0
    assert not np.array_equal(held.order("another", COUNT)[:10], fewer)


@pytest.mark.parametrize(
    ("images", "expected"),
    [(0, 0), (99, 0), (100, 5), (3_000, 150), (5_120, 256), (60_000, 256)],
)
def test_how_many_are_held_out(images: int, expected: int) -> None:
    assert held.usual(images) == expected


@pytest.mark.parametrize(
    ("held_out", "expected"),
    [
        (75, "1,500 images, 75 of which were held out"),
        (1, "1,500 images, 1 of which was held out"),
        (0, "1,500 images"),
        (None, "1,500 images"),  # a run from before
    ],
)
def test_a_card_counts_what_a_model_never_saw(held_out: int | None, expected: str) -> None:
    """It said that a model had been trained on all 1,500."""
    assert learned_from({"samples": 1_500, "held_out": held_out}, "images") == expected


def test_the_default_and_what_the_plan_says(source: Path, tmp_path: Path) -> None:
    with patch("ganzfeld.training.session.Session.play"):
        train(source, tmp_path / "run")
        train(source, tmp_path / "none", held_out=0)
    data = runfolder.read_config(tmp_path / "run").data
    assert data.held_out == 10
    assert "10 images are never trained on" in held_out_words(data)
    data = runfolder.read_config(tmp_path / "none").data
    assert data.held_out == 0 and "it trains on all" in held_out_words(data)
    data.samples = 60
    assert "60 images are too few to spare any" in held_out_words(data)


@pytest.mark.parametrize("number", [COUNT, COUNT + 1, -1])
def test_numbers_that_cannot_be_held_out(source: Path, number: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="held-out"):
        train(source, tmp_path / "run", held_out=number)
    assert not (tmp_path / "run" / "config.json").exists()


@pytest.mark.long
def test_a_translation_refuses_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="held-out images of its own"):
        ganzfeld.train("avatars-lines:20", recipe="pix2pix", size=16, images=4, held_out=3,
                       out=tmp_path / "run", quiet=True)  # fmt: skip


@pytest.mark.long
def test_a_run_from_before_goes_on_on_all_images_and_bit_for_bit(
    source: Path, seen: set[int], tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for out in (old, new):
        train(source, out, held_out=0)
    path = old / "config.json"
    stored = json.loads(path.read_text())
    del stored["data"]["held_out"]
    path.write_text(json.dumps(stored))
    seen.clear()
    for out in (old, new):
        ganzfeld.resume(out, images=1280, quiet=True)
    assert seen == set(range(COUNT))
    ours, theirs = newest(old), newest(new)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    stored = json.loads(path.read_text())
    del stored["data"]["held_out"]
    path.write_text(json.dumps(stored))
    train(source, old, images=1280)  # the same command again: no other settings are found
    with pytest.raises(ganzfeld.GanzfeldError, match=r"data\.held_out"):
        train(source, old, images=1280, held_out=30)


@pytest.mark.long
def test_runs_of_any_length_and_seed_share_a_table(source: Path, tmp_path: Path) -> None:
    paths = []
    for name, options in (
        ("a", {"images": 320}),
        ("b", {"images": 960, "seed": 7}),
        ("c", {"images": 320, "held_out": 0}),
    ):
        train(source, tmp_path / name, **options)
        paths.append(tmp_path / name)
    found = [json.loads((path / "evaluation.json").read_text()) for path in paths]
    assert {result["count"] for result in found} == {190}, "all that are not held out by default"
    assert found[0]["protocol"]["id"] == found[1]["protocol"]["id"]
    assert [result["run"]["seed"] for result in found] == [0, 7, 0]
    assert [result["run"]["held_out"] for result in found] == [10, 10, 0]
    cards = [(path / "model" / "README.md").read_text() for path in paths]
    assert ["10 of which were held out" in card for card in cards] == [True, True, False]
    both = ganzfeld.compare(paths[:2])
    assert len(both.groups) == 1
    assert any("memorisation" in row for row, _ in both.groups[0].rows(both.metrics))
    all_of_them = ganzfeld.compare(paths)
    assert len(all_of_them.groups) == 1
    assert found[0]["frechet"] != found[1]["frechet"]


def test_memorisation_by_other_held_out_images_shares_no_row(tmp_path: Path) -> None:
    results = []
    for name, held_out in (("a", True), ("b", False)):
        protocol = {"id": name, "extractor": "random", "generated": 9, "reference": 9, "data": "d"}
        protocol |= {"held_out": "x"} if held_out else {}
        result = {"protocol": protocol, "memorisation": 0.9, "precision": 0.5}
        (tmp_path / f"{name}.json").write_text(json.dumps(result))
        results.append(tmp_path / f"{name}.json")
    found = ganzfeld.compare(results)
    assert [row for row, _ in found.groups[0].rows(found.metrics)] == ["precision"]


class Many:
    """A pack as far as the choice of rows goes."""

    fingerprint, spec = "many", image_spec(1, 8, 8)

    def __len__(self) -> int:
        return 3_000


def test_choice_and_final_numbers_use_other_images() -> None:
    many: Any = Many()
    assert final.final_count(many) == 2_000
    learned_from = set(learning.learning_rows(many))
    for held_out in (0, 150, 400):
        used = validation.usable(many, "learned")[: final.reference_count(many, held_out)]
        chosen = validation.selection_rows(many, held_out)
        for rows in (used, chosen):
            assert not set(rows) & learned_from
            assert not set(rows) & set(held.held_rows(many, min(held_out, 150)))
        assert not set(chosen) & set(held.held_rows(many, held_out))
        assert not set(chosen[:100]) & set(used[:1_000]), "from the other end"
    before = validation.selection_rows(many, None)
    assert np.array_equal(before, reference.shuffled(many)), "a run from before: as it was"


def test_held_out_images_come_last_in_a_reference(pack: Pack) -> None:
    rows = evaluate.reference_rows(pack, COUNT)
    assert sorted(rows) == list(range(COUNT))
    assert set(rows[-10:]) == set(held.held_rows(pack, 10))
    part = final.fresh(pack, 50)
    used = validation.usable(pack, "learned")[: final.reference_count(pack, 50)]
    assert part is not None and not set(part.chosen) & set(used)


def test_a_part_is_a_pack_of_its_own(pack: Pack) -> None:
    rows = np.array([5, 3, 190])
    part = held.Part(pack, rows)
    assert len(part) == part.count == 3 and part.images.shape == (3, 1, 8, 8)
    assert part.images[:, 0, 0, 0].tolist() == [5, 3, 190]
    assert part.rows(np.array([2, 0]))["x"][:, 0, 0, 0].tolist() == [190, 5]
    assert (part.channels, part.height, part.width) == (1, 8, 8)
    assert part.fingerprint not in (pack.fingerprint, held.Part(pack, rows[:2]).fingerprint)


def test_the_command_takes_it(source: Path) -> None:
    with patch.object(run, "train") as called:
        main.main(["train", str(source), "--held-out", "30"])
    assert called.call_args.kwargs["held_out"] == 30


def test_what_is_asked_of_inception_holds(
    source: Path, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(final, "installed", lambda: True)
    assert final.inception_count(pack, 0.0, 500) == 500 and final.inception_count(pack, 0.0) == 0
    assert final.inception_count(pack, 1e9, 0) == 0
    monkeypatch.setattr(final, "installed", lambda: False)
    with pytest.raises(UsageError, match="not installed") as caught:
        ganzfeld.train(source, out=tmp_path / "run", images=640, quiet=True,
                       settings=[*TINY, "run.inception_count=500"])  # fmt: skip
    assert "ganzfeld metrics install" in caught.value.fix
    assert not (tmp_path / "run" / "config.json").exists()


def test_more_than_there_are_is_refused_before_anything_is_decoded(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path / "cache"))
    for count in (COUNT, COUNT + 1):
        with pytest.raises(UsageError, match=f"{count} of {COUNT} images leaves nothing"):
            ganzfeld.train(source, out=tmp_path / "run", held_out=count, quiet=True)
    assert not list((tmp_path / "cache").rglob("*.safetensors")), "nothing was packed"
    names = [open_pack(source, PackOptions(spared=n)).path for n in (0, COUNT - 1)]
    assert names[0] == names[1], "what is held out changes no pack"
