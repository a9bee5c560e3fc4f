"""A run builds one game and one trainer: what tries the speed is what trains."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import ganzfeld
from ganzfeld.core import checkpoint
from ganzfeld.core.runfolder import read_config
from ganzfeld.data.pack import open_pack
from ganzfeld.data.request import DataRequest
from ganzfeld.games import Adversarial
from ganzfeld.models.tasks import task_of_run
from ganzfeld.networks import NETWORKS
from ganzfeld.training import trial
from ganzfeld.training.build import build_trainer
from ganzfeld.training.opening import open_data
from ganzfeld.training.process import make_screen
from ganzfeld.training.trainer import Trainer
from ganzfeld.training.trial import Trial, tensors_of

SMALL: dict[str, Any] = {"size": 8, "batch": 8, "quiet": True}


class Built:
    """Trainers that were built, and the most that were held at once."""

    def __init__(self) -> None:
        self.alive: list[weakref.ref[Trainer]] = []
        self.games: set[int] = set()
        self.most = 0

    def note(self, trainer: Trainer) -> None:
        gc.collect()
        self.alive.append(weakref.ref(trainer))
        self.most = max(self.most, sum(one() is not None for one in self.alive))


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Iterator[Built]:
    found, init = Built(), Trainer.__init__

    def counted(self: Trainer, *args: Any, **options: Any) -> None:
        init(self, *args, **options)
        found.note(self)

    monkeypatch.setattr(Trainer, "__init__", counted)
    yield found


@pytest.mark.long
def test_one_where_the_images_are_given_and_one_more_where_it_goes_on(
    tmp_path: Path, built: Built
) -> None:
    few: dict[str, Any] = SMALL | {"settings": ["networks.*.widths=[16,16]"]}
    ganzfeld.train("avatars:40", recipe="mlp", images=32, out=tmp_path / "run", **few)
    assert len(built.alive) == 1
    ganzfeld.train("avatars:40", recipe="mlp", images=32, out=tmp_path / "run", **few)
    ganzfeld.resume(tmp_path / "run", images=48, quiet=True)
    assert len(built.alive) <= 3 and built.most == 1


@pytest.mark.parametrize(("afforded", "trainers"), [(10**9, 1), (1, 2)])
@pytest.mark.long
def test_minutes_take_a_second_only_for_smaller_networks(
    tmp_path: Path,
    built: Built,
    monkeypatch: pytest.MonkeyPatch,
    afforded: int,
    trainers: int,
) -> None:
    """The full networks are tried first; they train unless the recipe takes smaller ones."""
    monkeypatch.setattr(trial, "afforded", lambda *args: afforded)
    ganzfeld.train("avatars:40", minutes=0.003, out=tmp_path / "run", dry_run=True, **SMALL)
    assert (len(built.alive), built.most) == (trainers, 1)


class Counting(Adversarial):
    """A user's game with a plain number, a list, and a buffer that no checkpoint keeps."""

    def __init__(self, G: torch.nn.Module, D: torch.nn.Module) -> None:
        super().__init__(G, D, loss="hinge")
        self.calls, self.log = 0, [0]
        self.register_buffer("hidden", torch.zeros(2), persistent=False)

    def generator_loss(self, batch: ganzfeld.Batch) -> ganzfeld.Losses:
        self.calls += 1
        self.log.append(self.calls)
        self.hidden = self.hidden + 1
        return super().generator_loss(batch)


def config_of(folder: Path, **options: Any) -> Any:
    return read_config(ganzfeld.train("avatars:40", out=folder, **SMALL | options).path)


@pytest.mark.long
@pytest.mark.parametrize("recipe", ["r3gan", "cyclegan"])
def test_after_the_trial_all_is_as_if_there_had_been_none(tmp_path: Path, recipe: str) -> None:
    source = "avatars-styles:24" if recipe == "cyclegan" else "avatars:40"
    narrow = ["networks.*.width=4", "run.evaluate_every=null"]
    run = ganzfeld.train(
        source, recipe=recipe, images=8, out=tmp_path / "run", settings=narrow, **SMALL
    )
    first = checkpoint.load(checkpoint.listing(run.path / "checkpoints")[-1])
    assert first.manifest["images"] == 0
    config = read_config(run.path)
    data = DataRequest.of_config(config.data)
    pack = open_data(data, make_screen(True), task_of_run(config).name, config.data.kind)
    fresh = build_trainer(config, pack, torch.device("cpu")).state_dict()
    tried = Trial(config, pack, torch.device("cpu"))
    tried.trainer.take_step()
    assert any(
        not torch.equal(a, b)
        for a, b in zip(fresh["game"].values(), tried.trainer.game.state_dict().values(),
                        strict=True)
    )  # fmt: skip
    again = tried.over().state_dict()
    for part in ("game", "average"):
        for name, value in fresh[part].items():
            assert torch.equal(value, again[part][name]), name
            assert torch.equal(value, first.state[part][name]), name
    assert again["counts"] == fresh["counts"] and not any(again["optimisers"].values())


def test_a_game_of_ones_own_starts_from_zero_too() -> None:
    G = NETWORKS["mlp-generator"]((2,), latent=2, widths=(4,), output="linear")
    D = NETWORKS["mlp-discriminator"]((2,), widths=(4,))
    trainer = Trainer(
        Counting(G, D),
        {
            "discriminator": torch.optim.Adam(D.parameters(), 1e-3),
            "generator": torch.optim.Adam(G.parameters(), 1e-3),
        },
        torch.randn(16, 2),
        batch_size=4,
    )
    before = {name: value.clone() for name, value in tensors_of(trainer).items()}
    beginning = trial.Beginning(trainer)
    for _ in range(3):
        trainer.take_step()
    game = trainer.game
    assert isinstance(game, Counting) and game.calls == 3 and float(game.hidden[0]) == 3
    beginning.restore(trainer)
    assert game.calls == 0 and game.log == [0] and trainer.images == trainer.step == 0
    assert all(torch.equal(before[name], now) for name, now in tensors_of(trainer).items())
    assert not any(optimiser.state for optimiser in trainer.optimisers.values())


@pytest.mark.long
def test_schedules_and_averages_follow_the_length_that_the_speed_gave(tmp_path: Path) -> None:
    config = config_of(tmp_path / "run", recipe="mlp", images=32)
    config.ema.half_life_images = None
    tried = Trial(config, open_pack("avatars:40"), torch.device("cpu"))
    config.run.images = 32_000
    trainer = tried.over()
    assert trainer.total == 32_000
    average: Any = trainer.average
    assert average[average.spans[0]].half_life_images == 1_600 * average.factors[average.spans[0]]
