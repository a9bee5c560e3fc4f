"""One pass of the fakes through D and back serves both players as two passes would."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ganzfeld import Adversarial, Trainer
from ganzfeld.games.losses import LOSSES
from ganzfeld.networks import NETWORKS

POSSIBLE = [name for name, loss in LOSSES.items() if loss.ratio is not None]


def game_of(classes: int = 0, **options: Any) -> Adversarial:
    torch.manual_seed(0)
    shape = (2, 12, 16)
    return Adversarial(
        NETWORKS["dcgan-generator"](shape, width=4, latent=6, classes=classes),
        NETWORKS["dcgan-discriminator"](shape, width=4, classes=classes),
        **options,
    )


def gradients(loss: Tensor, network: torch.nn.Module) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(network.parameters()), retain_graph=True))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("name", POSSIBLE)
def test_both_gradients_equal_those_of_two_passes(
    name: str, classes: int, dtype: torch.dtype
) -> None:
    game = game_of(classes, loss=name, r1=0.7, r2=0.3, one_stage=True).to(dtype)
    batch = {"x": torch.rand(8, 2, 12, 16, dtype=dtype) * 2 - 1}
    if classes:
        batch["y"] = torch.randint(classes, (8,))
    z = torch.randn(8, game.latent, dtype=dtype)
    game.fake = lambda batch, _=None: game.G(z, batch.get("y"))  # type: ignore[method-assign]
    d_loss, g_loss = (
        sum(game.loss(player, batch).values()) for player in ("discriminator", "generator")
    )
    right = [*gradients(d_loss, game.D), *gradients(g_loss, game.G)]  # type: ignore[arg-type]
    losses = game.loss("both", batch)
    torch.stack(list(losses.values())).sum().backward()
    made = [p.grad for p in (*game.D.parameters(), *game.G.parameters())]
    bound = 1e-10 if dtype == torch.float64 else 1e-5
    assert torch.allclose(losses["generator"], g_loss.detach(), rtol=1e-5)  # type: ignore[union-attr]
    # where only differences of logits count, the last bias has no slope
    assert sum(bool(theirs.any()) for theirs in right) >= len(right) - 1
    for ours, theirs in zip(made, right, strict=True):
        assert ours is not None
        assert (ours - theirs).abs().max() <= bound * theirs.abs().max().clamp(min=1)


@pytest.mark.parametrize("name", POSSIBLE)
def test_the_ratio_is_that_of_the_slopes(name: str) -> None:
    fake = torch.linspace(-30, 30, 61, dtype=torch.float64, requires_grad=True)
    real = torch.linspace(3, -3, 61, dtype=torch.float64)
    loss = LOSSES[name]
    assert loss.ratio is not None
    (d,) = torch.autograd.grad(loss.discriminator(real, fake).sum(), fake)
    (g,) = torch.autograd.grad(loss.generator(fake, real).sum(), fake)
    assert torch.allclose(loss.ratio(fake.detach(), real) * d, g, rtol=1e-9, atol=1e-14)


def test_a_discriminator_that_is_very_sure_leaves_finite_gradients() -> None:
    game = game_of(one_stage=True)
    with torch.no_grad():
        game.D.verdict.linear.bias.fill_(-200.0)  # type: ignore[union-attr, operator]
    torch.stack(list(game.loss("both", {"x": torch.zeros(4, 2, 12, 16)}).values())).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in game.G.parameters())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "hinge"}, "needs a loss out of"),
        ({"loss": "least-squares"}, "needs a loss out of"),
        ({"generator_every": 2}, "one move of both"),
        ({"discriminator_moves": 2}, "one move of both"),
    ],
)
def test_what_cannot_be_served_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        game_of(one_stage=True, **options)


def test_batch_statistics_in_the_discriminator_are_refused() -> None:
    generator, discriminator = (
        NETWORKS[f"dcgan-{name}"]((1, 16, 16), width=4, norm="batch")
        for name in ("generator", "discriminator")
    )
    with pytest.raises(ValueError, match="without batch normalisation"):
        Adversarial(generator, discriminator, one_stage=True)


def test_the_trainer_moves_both_players_at_once() -> None:
    game = game_of(one_stage=True, r1=0.1, r2=0.1, penalty_every=2, augment="adaptive")
    optimisers = {
        player: torch.optim.SGD(game.get_submodule(networks[0]).parameters(), 0.1)
        for player, networks in game.players.items()
    }
    before = {name: p.clone() for name, p in game.named_parameters()}
    trainer = Trainer(game, optimisers, torch.randn(64, 2, 12, 16), batch_size=8)
    first, second = trainer.take_step(), trainer.take_step()
    assert (second.step, second.images) == (2, 16)
    named = {"both/discriminator", "both/generator"}
    assert set(second.losses) == named and set(first.losses) == named | {"both/r1", "both/r2"}
    still = [name for name, p in game.named_parameters() if torch.equal(p, before[name])]
    assert still == []
