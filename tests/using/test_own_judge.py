"""A game of the user's own ships the network that ranks samples, as it says itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.errors import UsageError

pytestmark = pytest.mark.long

GAMES = '''
from ganzfeld.games import Adversarial, Game, losses
from ganzfeld.recipes import Facts, default


class Sub(Adversarial):
    """Nothing changed, and its own all the same."""


class Plain(Game):
    """No subclass of Adversarial, other names for the networks."""

    players = {"critic": ("Critic",), "painter": ("Painter",)}
    averaged = shipped = ("Painter",)
    judge = "Critic"

    def __init__(self, Painter, Critic):
        super().__init__()
        self.Painter, self.Critic, self.latent = Painter, Critic, Painter.latent

    def fake(self, batch):
        import torch

        return self.Painter(torch.randn(len(batch["x"]), self.latent), batch.get("y"))

    def critic_loss(self, batch):
        fake = self.Critic(self.fake(batch).detach(), batch.get("y"))
        return {"gap": (fake - self.Critic(batch["x"], batch.get("y"))).tanh().mean()}

    def painter_loss(self, batch):
        return {"gap": -self.Critic(self.fake(batch), batch.get("y")).tanh().mean()}

    def sample(self, z, y=None):
        return self.Painter(z, y)


class Wrong(Plain):
    judge = "D"


def sub(facts: Facts):
    config = default(facts)
    config.game.name = f"{__file__}:Sub"
    return config


def plain(facts: Facts, name="Plain"):
    config = default(facts)
    config.game.name, config.game.options = f"{__file__}:{name}", {}
    config.networks = {"Painter": config.networks["G"], "Critic": config.networks["D"]}
    optimisers = config.optimisers
    config.optimisers = {"painter": optimisers["generator"], "critic": optimisers["discriminator"]}
    return config


def wrong(facts: Facts):
    return plain(facts, "Wrong")
'''
TINY = {"size": 16, "images": 64, "batch": 16, "quiet": True, "settings": ["networks.*.width=4"]}


@pytest.fixture
def code(tmp_path: Path) -> Path:
    path = tmp_path / "games.py"
    path.write_text(GAMES)
    return path


@pytest.mark.parametrize("recipe", ["sub", "plain"])
def test_a_game_of_ones_own_ships_its_judge_and_ranks_by_it(
    code: Path, recipe: str, tmp_path: Path
) -> None:
    run = ganzfeld.train("avatars:24", recipe=f"{code}:{recipe}", out=tmp_path / "run", **TINY)  # type: ignore[arg-type]
    assert (run.path / "model" / "discriminator.safetensors").is_file()
    args = ["--of", "8", "--rank", "discriminator", "--count", "2", "--trust-code"]
    main(["sample", str(run.path), "--out", str(tmp_path / "out"), *args])
    assert len(os.listdir(tmp_path / "out")) == 2
    last = ganzfeld.load(run.path, which="last", trust_code=True)
    shipped = ganzfeld.load(run.path / "model", trust_code=True)
    assert last.discriminator is not None and shipped.discriminator is not None
    x = shipped.sample(3, labels=[0])
    assert shipped.score(x, [0]).shape == (3,)
    more = ganzfeld.resume(run.path, images=96, quiet=True, trust_code=True)
    assert more.path == run.path


def test_a_judge_that_the_game_has_not_is_named_before_the_first_step(
    code: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"'D'.*Painter, Critic"):
        ganzfeld.train("avatars:24", recipe=f"{code}:wrong", out=tmp_path / "run", **TINY)  # type: ignore[arg-type]
