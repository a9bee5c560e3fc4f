"""Ranked sampling: the right ones are kept, and the discriminator is the one that was trained."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core import checkpoint, runfolder
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.metrics.price import describe_price, price
from ganzfeld.models.model import Model
from ganzfeld.models.rank import best
from ganzfeld.training.verify import verify_run

pytestmark = pytest.mark.long


def test_scores_use_running_statistics_not_the_batch(make_model: Callable[..., Model]) -> None:
    model = make_model()
    x = model.sample(40, seed=1)
    scores = model.score(x)
    assert scores.shape == (40,) and scores.dtype == torch.float32
    alone = torch.cat([model.score(x[i : i + 1]) for i in range(40)])
    assert torch.equal(scores, alone), "a score depends on its sample alone"
    assert torch.equal(scores[33:], model.score(x[33:])), "whatever the chunking"
    assert model.discriminator is not None
    state = {k: v.clone() for k, v in model.discriminator.state_dict().items()}
    with torch.no_grad():
        torch.testing.assert_close(scores, model.discriminator(x))
        by_batch = model.discriminator.train()(x)
    model.discriminator.load_state_dict(state)
    model.discriminator.eval()
    assert not torch.allclose(scores, by_batch, atol=1e-2), "statistics of the batch would differ"


def test_scoring_changes_nothing_in_the_discriminator(make_model: Callable[..., Model]) -> None:
    """In training mode spectral and batch normalisation move their state with every pass."""
    model = make_model()
    assert model.discriminator is not None
    before = {k: v.clone() for k, v in model.discriminator.state_dict().items()}
    assert any("_u" in k for k in before) and any("running_mean" in k for k in before)
    model.sample(4, of=64, rank="discriminator")
    after = model.discriminator.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_the_best_are_kept_best_first(make_model: Callable[..., Model]) -> None:
    model = make_model()
    candidates = model.sample(70, seed=5, start=3)
    scores = model.score(candidates)
    order = torch.argsort(scores, descending=True, stable=True)[:9]
    found = best(model, 9, of=70, seed=5, start=3)
    assert found.numbers == [3 + int(i) for i in order]
    assert torch.equal(found.samples, candidates[order]) and torch.equal(
        found.scores, scores[order]
    )
    assert best(model, 4, of=70, seed=5, start=3).numbers == found.numbers[:4]
    assert torch.equal(model.sample(9, of=70, rank="discriminator", seed=5, start=3), found.samples)
    everything = best(model, 70, of=70, seed=5, start=3)
    assert sorted(everything.numbers) == list(range(3, 73))


@pytest.mark.parametrize("labels", [None, ["b"], ["c", "a", "a"]])
def test_selection_leaves_the_classes_alone(
    make_model: Callable[..., Model], labels: list[str] | None
) -> None:
    model = make_model(("a", "b", "c"))
    found = best(model, 12, of=60, labels=labels)
    wanted = model.label_numbers(labels)
    unselected = model.labels_of(range(12), 0, wanted)
    own = model.labels_of(found.numbers, 0, wanted)
    assert own == unselected and own is not None
    of_all = model.labels_of(range(60), 0, wanted)
    assert of_all is not None
    names = [model.classes[i] for i in of_all]
    scores = model.score(model.sample(60, labels=labels), names)
    for label, kept in Counter(own).items():
        rows = [i for i in range(60) if of_all[i] == label]
        top = sorted(rows, key=lambda i: -float(scores[i]))[:kept]
        assert [n for n, y in zip(found.numbers, own, strict=True) if y == label] == top


def test_the_label_matters_to_a_score(make_model: Callable[..., Model]) -> None:
    model = make_model(("a", "b"))
    x = model.sample(3, labels="a")
    assert not torch.allclose(model.score(x, "a"), model.score(x, "b"))
    torch.testing.assert_close(model.score(x, ["a", "b", "a"])[1], model.score(x, "b")[1])
    with pytest.raises(UsageError, match="labels for 3 samples"):
        model.score(x, ["a", "b"])
    with pytest.raises(UsageError, match="must be"):
        model.score(torch.zeros(3, 1, 4, 4), "a")


def test_latents_by_mean_and_deviation(make_model: Callable[..., Model]) -> None:
    model = make_model()
    same = model.sample(4, std=0.0)
    assert torch.equal(same[0], same[3]), "without deviation there is one image"
    assert not torch.equal(same, model.sample(4, std=0.0, mean=0.5))
    assert torch.equal(model.sample(4), model.sample(4, mean=0.0, std=1.0))
    with pytest.raises(UsageError, match="0 or more"):
        model.sample(1, std=-1)


def test_what_cannot_be_ranked(make_model: Callable[..., Model]) -> None:
    model = make_model()
    with pytest.raises(UsageError, match="cannot keep 5 of 4"):
        model.sample(5, of=4)
    with pytest.raises(UsageError, match="'discriminator'"):
        model.sample(5, of=40, rank="discrimnator")
    model.discriminator = None
    with pytest.raises(CheckpointError, match="no discriminator"):
        model.sample(1, of=2)


# What a run ships


def test_a_run_ships_the_discriminator_of_the_same_moment(run: ganzfeld.Run) -> None:
    model = ganzfeld.load(run.path / "model")
    judge = model.discriminator
    place = run.path / "checkpoints" / checkpoint.name_of(model.about["images_seen"])
    state = checkpoint.load(place).state["game"]
    trained = {k.removeprefix("D."): v for k, v in state.items() if k.startswith("D.")}
    assert judge is not None and not any(m.training for m in judge.modules())
    assert any("_u" in k for k in trained), "the state of the spectral normalisation"
    assert all(torch.equal(judge.state_dict()[k], v) for k, v in trained.items())


def test_so_does_a_run_that_was_best_before_its_end(run: ganzfeld.Run, tmp_path: Path) -> None:
    """The chosen checkpoint's discriminator, not that of the last step."""
    from ganzfeld.training import selection
    from ganzfeld.training.build import build_trainer
    from ganzfeld.training.session import Session

    folder = tmp_path / "run"
    shutil.copytree(run.path, folder)
    config = runfolder.read_config(folder)
    pack = open_pack("avatars:64", PackOptions(size=(16, 16)), workers=0)
    session = Session.__new__(Session)
    session.folder, session.config = folder, config
    session.trainer = build_trainer(config, pack, torch.device("cpu"))
    session.trainer.images = 640
    early = min(
        int(p.name.removeprefix("images-")) for p in checkpoint.listing(session.checkpoints)
    )
    assert early < 640
    assert session.trainer.average is not None
    chosen = selection.newest(session.trainer.average, early)  # type: ignore[arg-type]
    session.ship(chosen)
    judge = ganzfeld.load(folder / "model").discriminator
    state = checkpoint.load(session.checkpoints / checkpoint.name_of(early)).state["game"]
    assert judge is not None
    for name, value in judge.state_dict().items():
        assert torch.equal(value, state[f"D.{name}"])


def test_an_unfinished_run_is_ranked_from_its_checkpoint(run: ganzfeld.Run, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "model")
    model = ganzfeld.load(tmp_path / "run")
    place = tmp_path / "run" / "checkpoints" / checkpoint.name_of(model.about["images_seen"])
    state = checkpoint.load(place).state["game"]
    assert model.discriminator is not None
    for name, value in model.discriminator.state_dict().items():
        assert torch.equal(value, state[f"D.{name}"])
    assert len(model.sample(3, of=9, rank="discriminator")) == 3


@pytest.mark.long
def test_without_or_with_a_damaged_discriminator(run: ganzfeld.Run, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "run")
    folder = tmp_path / "run" / "model"
    assert all(problem is None for _, problem in verify_run(tmp_path / "run"))
    data = bytearray((folder / "discriminator.safetensors").read_bytes())
    data[-3] ^= 1
    (folder / "discriminator.safetensors").write_bytes(data)
    assert "SHA-256" in str(dict(verify_run(tmp_path / "run"))["model"])
    with pytest.raises(CheckpointError, match=r"discriminator.safetensors does not match"):
        ganzfeld.load(folder)
    (folder / "discriminator.safetensors").unlink()
    assert "missing" in str(dict(verify_run(tmp_path / "run"))["model"])
    assert torch.equal(ganzfeld.load(folder).sample(2), run.model.sample(2))
    about = json.loads((folder / "config.json").read_text())
    del about["discriminator"]  # as models were before they came with one
    (folder / "config.json").write_text(json.dumps(about))
    assert all(problem is None for _, problem in verify_run(tmp_path / "run"))
    with pytest.raises(CheckpointError, match="no discriminator"):
        ganzfeld.load(folder).sample(1, of=2)


def test_the_price(run: ganzfeld.Run) -> None:
    pack = open_pack("avatars:64", PackOptions(size=(16, 16)), workers=0)
    found = price(run.model, pack, 48, 96, extractor="random")
    assert set(found) == {"kept", "unkept", "real", "count", "of", "std", "extractor"}
    assert (found["count"], found["of"], found["extractor"]) == (48, 96, "random")
    for side in ("kept", "unkept", "real"):
        assert set(found[side]) == {"precision", "recall", "density", "coverage"}
        assert all(0 <= v <= 1 for k, v in found[side].items() if k != "density")
    larger = price(run.model, pack, 640, 1280, extractor="random")
    assert (larger["count"], larger["of"]) == (64, 128), "no more than there are data"
    same = price(run.model, pack, 48, 48, extractor="random")
    assert same["kept"] == same["unkept"], "keeping all of them costs nothing"
    assert describe_price(found)[1].split() == ["unkept", "kept", "real", "data"]
    learned = price(run.model, pack, 64, 128, extractor="learned")
    assert learned["count"] == 32, "the other half is what the extractor learned from"


def test_the_price_of_truncation() -> None:
    model = ganzfeld.load("avatars-model")
    assert isinstance(model, Model)
    pack = open_pack("avatars:128", PackOptions(size=(32, 32)), workers=0)
    found = price(model, pack, 128, None, std=0.5, extractor="random")
    assert (found["of"], found["std"]) == (None, 0.5)
    assert found["kept"]["recall"] < 0.8 * found["unkept"]["recall"], "less variety"
    assert found["kept"]["precision"] >= found["unkept"]["precision"], "and cleaner"
    assert "latents of deviation 0.5 cost" in describe_price(found)[0]
    same = price(model, pack, 48, None, extractor="random")
    assert same["kept"] == same["unkept"], "deviation 1 costs nothing"


def test_a_price_needs_something_that_costs(run: ganzfeld.Run, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["sample", str(run.path), "--out", str(tmp_path / "o"), "--show-price"])
    assert stopped.value.code == 2 and not (tmp_path / "o").exists()


def test_the_command(run: ganzfeld.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["sample", str(run.path), "--count", "6", "--of", "30", "--out", str(tmp_path)]
    main([*arguments, "--label", run.model.classes[0], "--show-price"])
    wanted = best(run.model, 6, of=30, labels=run.model.classes[0]).numbers
    names = [f"0-{n:06d}-{run.model.classes[0]}.png" for n in sorted(wanted)]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    said = capsys.readouterr().out
    assert "recall" in said and "kept" in said and "unkept" in said
