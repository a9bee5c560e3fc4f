"""What the next steps will give a generator is known without making them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch

from ganzfeld.games import Adversarial
from ganzfeld.networks import NETWORKS
from ganzfeld.training import ahead
from ganzfeld.training.ahead import latents_ahead, repeated
from ganzfeld.training.trainer import Trainer


def trainer_of(game_of: Any = Adversarial, **given: Any) -> Trainer:
    torch.manual_seed(0)
    G = NETWORKS["mlp-generator"]((2,), latent=3, widths=(16,), output="linear", norm="batch")
    D = NETWORKS["mlp-discriminator"]((2,), widths=(16,))
    optimisers = {
        "discriminator": torch.optim.Adam(D.parameters(), 1e-3),
        "generator": torch.optim.Adam(G.parameters(), 1e-3),
    }
    return Trainer(game_of(G, D, **given), optimisers, torch.randn(300, 2), batch_size=32)


def share(trainer: Trainer) -> float | None:
    return repeated(trainer, trainer.due("discriminator", 16)[0])


def test_the_latents_of_the_next_step_are_those_that_it_gets() -> None:
    trainer, seen = trainer_of(), []  # type: Trainer, list[torch.Tensor]
    trainer.take_step()
    expected = latents_ahead(trainer, trainer.due("generator")[0], 0)
    after = latents_ahead(trainer, trainer.due("generator")[0], 1)
    G = trainer.game.get_submodule("G")
    hook = G.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    trainer.take_step()
    trainer.take_step()
    hook.remove()
    # in each step the discriminator's fakes come first
    assert expected.shape == (32, 3) and (seen[1].numpy() == expected).all()
    assert (seen[3].numpy() == after).all()


def test_nothing_changes_and_no_network_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = trainer_of()
    trainer.take_step()
    before = {k: v.clone() for k, v in trainer.game.state_dict().items()}
    state, ran = torch.get_rng_state(), []  # type: torch.Tensor, list[Any]
    layers = [m for m in trainer.game.modules() if not [*m.children()]]
    for layer in layers:
        layer.register_forward_hook(lambda *_: ran.append(1))
    assert share(trainer) == 0 and not ran
    after = trainer.game.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    assert torch.equal(state, torch.get_rng_state())
    assert "latents_for" not in vars(trainer.game)
    assert not any(m._forward_pre_hooks for m in trainer.game.modules())


def test_latents_that_come_again_are_seen_wherever_they_are_made() -> None:
    class Own(Adversarial):
        def latents_for(self, x: torch.Tensor) -> torch.Tensor:
            return torch.arange(3 * len(x)).view(-1, 3).float()

    class Seeded(Adversarial):
        def loss(self, player: str, batch: Any) -> Any:
            torch.manual_seed(7)
            return super().loss(player, batch)

    class Pool(Adversarial):
        def latents_for(self, x: torch.Tensor) -> torch.Tensor:
            return torch.eye(3)[torch.randint(3, (len(x),))]

    assert share(trainer_of()) == 0
    assert share(trainer_of(Own)) == share(trainer_of(Seeded)) == share(trainer_of(Pool)) == 1
    hooked = trainer_of()
    fixed = torch.randn(64, 3)
    hooked.game.get_submodule("G").register_forward_pre_hook(
        lambda module, args: (fixed[: len(args[0])],) if module.training else None
    )
    assert share(hooked) == 1


def test_a_loss_that_says_nothing_of_it_leaves_it_unknown() -> None:
    class Fails(Adversarial):
        def loss(self, player: str, batch: Any) -> Any:
            raise KeyError("only in a whole step")

    class Real(Adversarial):
        def loss(self, player: str, batch: Any) -> Any:
            self.D(batch["x"])
            return super().loss(player, batch)

    class Counts(Adversarial):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.register_buffer("calls", torch.zeros(()))

        def loss(self, player: str, batch: Any) -> Any:
            self.calls += 1
            return super().loss(player, batch)

    class Unnamed(Adversarial):
        shipped = ()

    class Other(Adversarial):
        shipped = ("M",)

    assert share(trainer_of(Unnamed)) is share(trainer_of(Other)) is None
    assert share(trainer_of(Fails)) is share(trainer_of(Real)) is None
    counting = trainer_of(Counts)
    assert share(counting) == 0 and counting.game.calls == 0
    assert ahead.is_latent(torch.zeros(2, 3), 3) and not ahead.is_latent(torch.zeros(2), 3)


def test_what_a_loss_changes_by_itself_is_undone() -> None:
    class Own(Adversarial):
        """A game that draws and counts in its own ways."""

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.register_buffer("mean", torch.ones(()))
            self.draws, self.counts = torch.Generator().manual_seed(5), np.random.default_rng(5)
            self.calls = 0
            self.latents_for = self.drawn  # an attribute, which must stay

        def drawn(self, x: torch.Tensor) -> torch.Tensor:
            self.calls, self.last = self.calls + 1, len(x)
            self.mean = 0.5 * self.mean  # another tensor
            own = self.counts.random() + np.random.rand() + random.random()
            return own + torch.randn(len(x), 3, generator=self.draws)

    trainer = trainer_of(Own)
    game = trainer.game
    own = dict(vars(game))
    states = [game.draws.get_state(), torch.tensor(np.random.get_state()[1].astype(np.int64))]
    more = game.counts.bit_generator.state, np.random.get_state()[2], random.getstate()
    assert share(trainer) == 0  # own generators go on from step to step
    assert vars(game) == own and game.mean == 1 and game.calls == 0
    again = [game.draws.get_state(), torch.tensor(np.random.get_state()[1].astype(np.int64))]
    assert all(torch.equal(a, b) for a, b in zip(states, again, strict=True))
    assert more == (game.counts.bit_generator.state, np.random.get_state()[2], random.getstate())


def test_latents_by_the_clock_or_beside_equal_conditions_are_new() -> None:
    class Clocked(Adversarial):
        def latents_for(self, x: torch.Tensor) -> torch.Tensor:
            draws = torch.Generator().manual_seed(self.clock.step)
            return torch.randn(len(x), 3, generator=draws)

    class Beside(Adversarial):
        def generator_loss(self, batch: Any) -> Any:
            return self.G(batch["wide"], self.latents_for(batch["x"]))

    class Pair(Adversarial):
        def latents_for(self, x: torch.Tensor) -> Any:
            return super().latents_for(x), None

    trainer = trainer_of(Clocked)
    trainer.take_step()
    clock = trainer.game.clock
    assert share(trainer) == 0 and trainer.game.clock is clock
    trainer = trainer_of(Beside)
    batch = {"x": torch.zeros(16, 2), "wide": torch.zeros(16, 3)}
    assert repeated(trainer, batch) == 0
    assert share(trainer_of(Pair)) is None  # and no error, after which there would be no look
