"""Noise of training: keys that are not cut, and runs of before that go on as they were."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import ganzfeld
from ganzfeld.config import Config, to_json, with_settings
from ganzfeld.core import randomness, runfolder
from ganzfeld.core.latents import OF_TORCH, PORTABLE
from ganzfeld.core.randomness import (
    NARROW,
    WIDE,
    key,
    seed_globally,
    state,
    torch_generator,
    wide_key,
)
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.training.build import build_game, build_trainer, complete
from ganzfeld.training.plan import check, settle
from ganzfeld.training.resume import adopt
from ganzfeld.training.trainer import Trainer, as_data

ALIKE = 3144, 43690  # numbers whose keys have the same lower 32 bits
KEY = 7229812211106716992  # of (5, "a", 3)


def config_of(*settings: str) -> Config:
    facts = Facts(count=20, channels=1, height=16, width=16, classes=0)
    config = with_settings(RECIPES["default"](facts), ["networks.*.width=4", *settings])
    config.run.images, config.run.batch_size = 64, 4
    settle(complete(config))
    return config


def trainer_of(*settings: str) -> Trainer:
    pixels = torch.arange(20 * 256).view(20, 1, 16, 16) % 251
    return build_trainer(config_of(*settings), as_data(pixels.byte()), torch.device("cpu"))


def test_keys_that_pytorch_takes_for_one_are_two() -> None:
    keys = [key(0, "sample", number) for number in ALIKE]
    assert keys[0] != keys[1] and keys[0] % 2**32 == keys[1] % 2**32

    def draws(noise: str) -> list[torch.Tensor]:
        own = [torch_generator(0, "sample", number, noise=noise) for number in ALIKE]
        return [torch.randn(100, generator=generator) for generator in own]

    assert torch.equal(*draws(NARROW)), "the fault that this is about"
    assert not torch.equal(*draws(WIDE))


def test_every_word_of_the_state_follows_from_the_parts() -> None:
    """It is a Mersenne twister from these words: NumPy's draws the same."""
    own = state(7, "x").numpy().view(np.uint64)[3:627]
    assert own.max() < 2**32 and len(set(own.tolist())) == 624
    assert not (own == state(7, "y").numpy().view(np.uint64)[3:627]).any()
    twister = np.random.MT19937()
    twister.state = {
        "bit_generator": "MT19937",
        "state": {"key": own.astype(np.uint32), "pos": 624},
    }
    found = torch.randint(2**8, (1000,), generator=torch_generator(7, "x"), dtype=torch.uint8)
    raw = twister.random_raw(2000) % 2**8
    assert found.tolist() in (raw[:1000].tolist(), raw[1::2].tolist(), raw[::2].tolist())


def test_the_words_are_the_same_in_every_release() -> None:
    drawn = torch.randint(1000, (6,), generator=torch_generator(7, "x"))
    assert drawn.tolist() == [571, 284, 632, 669, 658, 440]


def test_no_draw_is_left_over_from_before() -> None:
    """A normal number that was kept for the next call must not pass from one move to another."""
    found = []
    for before in (0, 1, 2):
        torch.randn(before)
        torch.randn(())
        seed_globally(3, "move", device="cpu")
        found.append(torch.randn(5))
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


def test_the_global_generator_and_one_of_its_own_draw_alike() -> None:
    for noise in (WIDE, NARROW):
        for device in ("cpu", None):
            seed_globally(3, "move", noise=noise, device=device)
            own = torch_generator(3, "move", noise=noise)
            assert torch.equal(torch.randn(40), torch.randn(40, generator=own))


def test_narrow_is_what_it_was() -> None:
    seed_globally(5, "a", noise=NARROW, device="cpu")
    assert torch.equal(
        torch.rand(9), torch.rand(9, generator=torch.Generator().manual_seed(key(5, "a")))
    )
    assert key(5, "a", 3) == KEY and 0 <= key(5, "a", 3) < 2**63
    assert wide_key(1) >> 64 and wide_key(1) != wide_key("1")


def test_another_layout_of_the_state_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(randomness, "FIRST", 4)
    randomness.layout.cache_clear()
    try:
        with pytest.raises(UsageError, match="keeps its random state in another way"):
            state(1)
    finally:
        randomness.layout.cache_clear()


# Runs


def test_noise_reaches_initial_weights_moves_and_mirrored_images() -> None:
    wide, narrow = (config_of(f"run.noise={noise}") for noise in (WIDE, NARROW))
    assert not torch.equal(*(next(build_game(c).parameters()) for c in (wide, narrow)))
    for noise in (WIDE, NARROW):
        trainer = trainer_of(f"run.noise={noise}", "data.mirror=true")
        assert trainer.noise == noise
        trainer.reseed(0, 0, 128, "generator", 0, 0)
        own = torch_generator(0, 0, 128, "generator", 0, 0, noise=noise)
        assert torch.equal(torch.rand(9), torch.rand(9, generator=own))
    seeds = []
    trainer = trainer_of("data.mirror=true")
    trainer.vary = lambda batch, seed: seeds.append(seed) or batch
    trainer.batch("generator", 0)
    trainer.noise = NARROW
    trainer.batch("generator", 0)
    stream = "all" if trainer.game.shares_batch else "generator"
    assert seeds == [f(0, "vary", stream, 0, 0) for f in (wide_key, key)]


@pytest.mark.long
def test_a_run_of_before_goes_on_as_it_was(tmp_path: Path) -> None:
    options = {"out": tmp_path / "run", "size": 16, "batch": 16, "quiet": True}
    small = ["networks.*.width=4", "run.save_every=32"]
    before = [*small, f"run.noise={NARROW}", f"run.latents={OF_TORCH}"]
    ganzfeld.train("avatars:64", images=64, settings=before, **options)
    path = tmp_path / "run" / "config.json"
    stored = json.loads(path.read_text())
    for name in ("noise", "latents", "deterministic"):
        del stored["run"][name]
    path.write_text(json.dumps(stored))
    assert runfolder.read_config(tmp_path / "run").run.noise == NARROW
    # the same command continues it
    ganzfeld.train("avatars:64", images=64, settings=small, **options)
    ganzfeld.resume(tmp_path / "run", images=128, quiet=True)
    run = json.loads(path.read_text())["run"]
    assert (run["noise"], run["latents"]) == (NARROW, OF_TORCH)
    about = json.loads((tmp_path / "run" / "model" / "config.json").read_text())
    assert about["latents"] == OF_TORCH and about["run_images"] == 128


def test_adopting_leaves_noise_and_latents_as_they_were(tmp_path: Path) -> None:
    stored = config_of(f"run.noise={NARROW}", f"run.latents={OF_TORCH}")
    found = adopt(config_of(), stored, tmp_path)
    assert (found.run.noise, found.run.latents) == (NARROW, OF_TORCH)
    with pytest.raises(CheckpointError, match=r"run\.noise"):
        adopt(config_of(f"run.noise={WIDE}"), config_of(f"run.noise={NARROW}"), tmp_path)


def test_wrong_names_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"run.noise is one of {WIDE}"):
        check(config_of("run.noise=white"))
    with pytest.raises(UsageError, match=f"run.latents is one of {PORTABLE}"):
        check(config_of("run.latents=white"))
    config = config_of("run.noise=shake128-mt19937-9")
    (tmp_path / "config.json").write_text(to_json(config))
    with pytest.raises(CheckpointError, match="knows no run"):
        runfolder.read_config(tmp_path)
