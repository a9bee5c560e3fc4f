"""A run is looked at without being changed, and a run that goes on writes the same rows."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from ganzfeld import doctor
from ganzfeld.config import LIGHT, WATCH, Config, Part
from ganzfeld.doctor.measure import Subject, look
from ganzfeld.doctor.reference import Reference
from ganzfeld.doctor.story import steps_of
from ganzfeld.doctor.words import seldom
from ganzfeld.games import Adversarial
from ganzfeld.modalities import Spec
from ganzfeld.modalities.base import Modality
from ganzfeld.networks import NETWORKS
from ganzfeld.training import health, run
from ganzfeld.training.health import schedule
from ganzfeld.training.trainer import Tensors, Trainer

pytestmark = pytest.mark.long

SMALL = ["networks.*.width=4", "run.deterministic=true", "run.evaluate_every=100000"]
SMALL += ["run.evaluate_count=16", "run.evaluate_final=false"]


def train(out: Path, *settings: str, **more: Any) -> Path:
    wanted = {"size": (8, 8), "images": 2_048, "batch": 64, "quiet": True, **more}
    run.train("avatars:400", out=out, settings=[*SMALL, *settings], **wanted)
    return out


def looks(out: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if row["kind"] == "health"]


def digest(out: Path) -> str:
    return hashlib.sha256((out / "model" / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("health") / "watched")


@pytest.mark.long
def test_a_run_has_the_same_weights_with_and_without_the_doctor(
    watched: Path, tmp_path: Path
) -> None:
    alone = train(tmp_path / "alone", "run.doctor=off")
    assert len(looks(watched)) == 5 and not looks(alone)  # it has 32 steps
    assert digest(watched) == digest(alone)


@pytest.mark.long
def test_a_run_that_goes_on_writes_the_same_rows(
    watched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, calls = tmp_path / "cut", iter(range(100))
    whole = health.Health.__call__

    def killed(self: health.Health, report: Any = None) -> None:
        whole(self, report)
        if next(calls) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(health.Health, "__call__", killed)
        with pytest.raises(KeyboardInterrupt):
            train(out)
    assert len(looks(out)) == 3
    run.resume(out, quiet=True)
    assert looks(out) == looks(watched)


def test_signals_are_there_for_images_with_classes(watched: Path) -> None:
    signals = looks(watched)[-1]["signals"]
    assert signals["altered"] == signals["relabelled"] == 0 and signals["unseen"] == 0
    needed = {"gap", "overfit", "vendi", "nearest", "reacts", "told", "swing", "gradient"}
    assert needed <= set(signals) and signals["broken"] == 0


def test_looks_take_a_hundredth_of_the_images_at_most() -> None:
    assert schedule(500) == ([], 0)
    for total in (40_000, 50_000, 200_000, 10_000_000):
        marks, samples = schedule(total)
        assert len(marks) * samples <= total / 100 and len(marks) >= 12
    assert len(schedule(5_000)[0]) == 11
    # a run from before looks as it did
    assert schedule(5_000)[1] == 16 and schedule(5_000, rules=1) == (schedule(5_000)[0], 32)


def test_runs_of_few_steps_have_fewer_looks() -> None:
    """Eleven would take more than a hundredth of their time; five can still tell an illness."""
    assert schedule(10_000, steps=824)[0] != schedule(10_000)[0] == schedule(10_000, steps=825)[0]
    assert schedule(10_000, rules=LIGHT - 1, steps=46)[0] == schedule(10_000)[0]
    assert schedule(10_000, steps=625)[0][:3] == [1_000, 1_500, 2_000]
    for steps, looks in ((46, 5), (449, 5), (450, 6), (599, 7), (600, 8), (625, 8), (5_000, 11)):
        marks = schedule(10_000, steps=steps)[0]
        assert len(marks) == looks and marks[0] == 1_000 and marks[-1] == 10_000
        assert max(b - a for a, b in itertools.pairwise(marks)) <= 0.9 * 10_000 / (looks - 3 or 1)
    assert schedule(24_000, steps=46)[0] == [2_400, 7_800, 13_200, 18_600, 24_000]
    assert len(schedule(1_000_000, steps=1_000)[0]) == 13  # large batches


def test_a_run_that_is_treated_has_all_looks() -> None:
    config = Config(recipe="default", game=Part(name="adversarial"), networks={}, optimisers={})
    config.run.images, config.run.batch_size, config.run.looks = 2_048, 64, WATCH
    assert steps_of(config) == 32
    config.run.doctor = "treat"
    assert steps_of(config) is None
    config.run.doctor, config.run.looks = "watch", LIGHT - 1
    assert steps_of(config) is None  # a run from before looks as it did


def test_a_run_of_few_steps_says_what_that_means(watched: Path) -> None:
    found = doctor.read(watched)
    assert seldom(found).startswith(
        "The run has only 32 batches, so there are 5 looks in place of 11"
    )
    found.config.run.batch_size = 1  # type: ignore[union-attr]
    assert seldom(found) == ""


@pytest.mark.parametrize("total", [2_000, 2_001, 9_999, 24_000, 47_999, 48_000, 64_000, 1_000_003])
def test_three_looks_are_over_when_the_first_word_may_be_said(total: int) -> None:
    """By a fifth of the run, and the rest evenly, up to its end; none lies before five per cent."""
    parts = [mark / total for mark in schedule(total)[0]]
    assert sum(part <= 0.2 + 1 / total for part in parts) >= 3
    assert any(0.2 <= part <= 0.2 + 1 / total for part in parts) and parts[-1] == 1
    rest = [part for part in parts if part >= 0.2]
    gaps = [b - a for a, b in itertools.pairwise(rest)]
    assert max(gaps) - min(gaps) <= 2 / total and max(gaps) <= 0.1 + 2 / total


def plane() -> tuple[Trainer, Subject, Reference]:
    """Points in the plane with a generator and a discriminator that nobody trained."""
    torch.manual_seed(0)
    G = NETWORKS["mlp-generator"]((2,), latent=2, widths=(16,), output="linear")
    D = NETWORKS["mlp-discriminator"]((2,), widths=(16,))
    game = Adversarial(G, D)
    optimisers = {
        "discriminator": torch.optim.Adam(D.parameters(), 1e-3),
        "generator": torch.optim.Adam(G.parameters(), 0.0),
    }
    trainer = Trainer(game, optimisers, torch.randn(300, 2), batch_size=32)
    spec = Spec("image", (2,))
    subject = Subject(
        game, None, optimisers, trainer.parameters, trainer.ready, spec, trainer.device
    )
    return trainer, subject, Reference(Modality(), trainer.data, Tensors({"x": torch.randn(64, 2)}))


def test_a_player_whose_rate_is_zero_makes_no_updates() -> None:
    trainer, subject, reference = plane()
    for _ in range(3):
        trainer.take_step()
    before = [p.clone() for p in trainer.game.parameters()]
    modes = [module.training for module in trainer.game.modules()]
    found = look(subject, reference, trainer.data, None, 32, trainer.images)
    assert found["update/generator"] == 0 and found["pull/generator"]
    assert found["update/discriminator"] and "trace/generator/7" in found
    assert all(torch.equal(a, b) for a, b in zip(before, trainer.game.parameters(), strict=True))
    assert modes == [module.training for module in trainer.game.modules()]
    assert all(p.grad is None for p in trainer.game.parameters())


def test_an_optimiser_that_is_skipped_is_seen_by_its_weights() -> None:
    trainer, subject, reference = plane()

    def traces() -> tuple[float | None, float | None]:
        trainer.take_step()
        found = look(subject, reference, trainer.data, None, 32, trainer.images)
        assert found["update/discriminator"]
        return found["trace/generator"], found["trace/discriminator"]

    first, second = traces(), traces()
    assert first[0] == second[0] is not None and first[1] != second[1]  # the rate of G is 0
    trainer.optimisers["discriminator"].step = lambda *_: None  # type: ignore[method-assign]
    assert traces() == second
    weight = next(trainer.game.D.parameters())  # type: ignore[attr-defined]
    weight.data.flatten()[0] += 1e-6
    assert traces()[1] != second[1]


def test_real_samples_that_reach_the_networks_in_another_range_are_seen() -> None:
    """Of a generator that does as it is told, no other signal says what is wrong."""
    trainer, subject, reference = plane()

    def seen(ready: Any) -> float | None:
        own = dataclasses.replace(subject, ready=ready)
        return look(own, reference, trainer.data, None, 32, 0)["altered"]

    assert seen(lambda name, x: x.float()) == 0
    for wrong in ((lambda name, x: (x + 1) / 2), (lambda name, x: x / 127.5 - 1)):
        assert (seen(wrong) or 0) > 0.3


def test_a_batch_that_is_not_what_is_stored_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On its way from the data to the game: other labels, and the same samples again."""
    whole, kept = Trainer.batch, []  # type: Any, list[Any]

    def batch(self: Trainer, player: str, turn: int) -> Any:
        found = whole(self, player, turn)
        kept.append(found["x"]) if not kept else None
        return {**found, "x": kept[0], "y": (found["y"] + 1) % 10}

    monkeypatch.setattr(Trainer, "batch", batch)
    rows = [row["signals"] for row in looks(train(tmp_path / "run"))]
    assert {row["relabelled"] for row in rows} == {1.0}
    assert len({row["trace/data"] for row in rows}) == 1 and min(r["altered"] for r in rows) > 0.1


def test_the_first_samples_of_the_next_batch_are_those_of_all_of_it() -> None:
    trainer = plane()[0]
    trainer.images = 288  # the next batch reaches into the second pass through the data
    (whole, rows), (first, few) = trainer.due("discriminator"), trainer.due("discriminator", 24)
    assert len(whole["x"]) == trainer.batch_size > 24 == len(first["x"])
    assert torch.equal(first["x"], whole["x"][:24])
    assert torch.equal(torch.as_tensor(few["x"]), torch.as_tensor(rows["x"][:24]))


def test_a_discriminator_that_gets_half_of_a_sample_is_seen() -> None:
    trainer, subject, reference = plane()

    def unseen() -> float | None:
        return look(subject, reference, trainer.data, None, 32, 0)["unseen"]

    assert unseen() == 0
    D = trainer.game.get_submodule("D")
    D.register_forward_pre_hook(lambda module, args: (args[0] * torch.tensor([1.0, 0.0]),))
    assert unseen() == 0.5


def test_the_update_is_what_adam_does() -> None:
    trainer, subject, _ = plane()
    for _ in range(4):
        trainer.take_step()
    D = trainer.game.D  # type: ignore[attr-defined]
    before = torch.cat([p.detach().flatten().clone() for p in D.parameters()])
    trainer.take_step()
    after = torch.cat([p.detach().flatten() for p in D.parameters()])
    found = look(subject, None, trainer.data, None, 32, trainer.images)
    assert found["update/discriminator"] == pytest.approx(
        float((after - before).norm() / after.norm()), rel=1e-3
    )


def test_samples_that_are_not_finite_are_told() -> None:
    trainer, subject, reference = plane()
    with torch.no_grad():
        next(trainer.game.G.parameters()).fill_(float("nan"))  # type: ignore[attr-defined]
    found = look(subject, reference, trainer.data, None, 32, 0)
    assert found["broken"] == 1


@pytest.mark.long
def test_a_look_that_fails_is_written_down_and_stops_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise TypeError("my judge takes three arguments")

    monkeypatch.setattr(Adversarial, "opinion", broken)
    out = train(tmp_path / "own")
    (row,) = looks(out)
    assert row["signals"] == {} and "takes three arguments" in row["failed"]
    assert (out / "model" / "model.safetensors").exists()
