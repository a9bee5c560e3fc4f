"""A discriminator that looks through features of the run: they learn first, then stand still."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganzfeld import Adversarial, Trainer
from ganzfeld.games.opening import Opening, pretext, shown
from ganzfeld.networks import NETWORKS
from ganzfeld.networks.pretext import PretextEncoder, ProjectedDiscriminator

SHAPE = (3, 16, 16)


def stripes(count: int) -> tuple[Tensor, Tensor]:
    """Images of class 0 with stripes across and of class 1 with stripes along."""
    draw = torch.Generator().manual_seed(0)
    y = torch.arange(count) % 2
    wave = (torch.arange(16) * 1.2 + 6 * torch.rand(count, 1, generator=draw)).sin()
    across = wave[:, None, :, None].expand(count, 3, 16, 16)
    along = wave[:, None, None, :].expand(count, 3, 16, 16)
    return torch.where(y[:, None, None, None] == 0, across, along).contiguous(), y


@pytest.mark.parametrize("classes", [0, 2])
def test_the_pretext_is_learned(classes: int) -> None:
    torch.manual_seed(0)
    x, y = stripes(64)
    E = PretextEncoder(SHAPE, classes=classes, width=8, most=16)
    adam = torch.optim.Adam(E.parameters(), 3e-3)
    values = []
    for _ in range(60):
        loss = torch.stack(list(pretext(E, x, y if classes else None).values())).sum()
        loss.backward()
        adam.step()
        adam.zero_grad()
        values.append(loss.item())
    assert values[-1] < 0.8 * values[0]
    sizes = [m.detach().square().mean().item() for m in E.maps(x)]
    assert all(0.3 < size < 3 for size in sizes), "maps are brought to one size"


def test_half_of_an_image_is_hidden_by_cells() -> None:
    torch.manual_seed(0)
    seen = shown(torch.zeros(200, 3, 16, 16))
    assert seen.shape == (200, 1, 16, 16)
    assert float(seen.mean()) == pytest.approx(0.5, abs=0.02)
    cells = seen.view(200, 8, 2, 8, 2)
    assert torch.equal(cells.amax((2, 4)), cells.amin((2, 4)))


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 50, 40), (3, 8, 8)])
@pytest.mark.parametrize("mixing", [True, False])
def test_each_logit_comes_from_its_own_image(shape: tuple[int, ...], mixing: bool) -> None:
    torch.manual_seed(0)
    D = ProjectedDiscriminator(shape, classes=3, width=4, most=16, mixing=mixing, head=8)
    x, y = torch.randn(4, *shape), torch.tensor([0, 1, 2, 0])
    together = D(x, y)
    alone = torch.cat([D(x[i : i + 1], y[i : i + 1]) for i in range(4)])
    assert together.shape == (4,)
    assert torch.allclose(together, alone, atol=1e-4)
    assert not torch.allclose(D(x, y.roll(1)), together)


def game_of(opening: float) -> tuple[Adversarial, dict[str, torch.optim.Optimizer]]:
    torch.manual_seed(0)
    G = NETWORKS["dcgan-generator"](SHAPE, width=4, most=8, latent=8)
    D = NETWORKS["projected-discriminator"](SHAPE, width=4, most=8, head=8)
    game = Adversarial(G, D, r1=1.0, r2=1.0, opening=opening)
    return game, {
        player: torch.optim.Adam(
            [p for name in names for p in game.get_submodule(name).parameters()], 1e-3
        )
        for player, names in game.players.items()
    }


def test_features_learn_first_then_only_heads_and_generator_move() -> None:
    game, adam = game_of(0.25)
    assert game.stages == (0.0, 0.25)
    trainer = Trainer(game, adam, stripes(32)[0], batch_size=8, total=64)

    def state() -> dict[str, Tensor]:
        return {name: value.clone() for name, value in game.state_dict().items()}

    def moved(before: dict[str, Tensor]) -> set[str]:
        names = {name for name, value in state().items() if not torch.equal(before[name], value)}
        return {".".join(name.split(".")[:2]) if name[0] == "D" else "G" for name in names}

    before = state()
    trainer.take_step(), trainer.take_step()
    assert moved(before) == {"D.features"}
    before = state()
    trainer.take_step(), trainer.take_step()
    assert moved(before) == {"D.heads", "G"}


def test_the_gradient_reaches_the_generator_through_frozen_features() -> None:
    game, adam = game_of(0.25)
    trainer = Trainer(game, adam, stripes(32)[0], batch_size=8, total=8)
    trainer.images = 8
    first = game.get_parameter("G.linear.weight").clone()
    trainer.take_step()
    assert not torch.equal(first, game.get_parameter("G.linear.weight"))


def test_what_cannot_be_is_refused() -> None:
    G, D = NETWORKS["dcgan-generator"](SHAPE, width=4), NETWORKS["dcgan-discriminator"](SHAPE)
    with pytest.raises(ValueError, match="features"):
        Adversarial(G, D, opening=0.1)
    with pytest.raises(ValueError, match="one_stage"):
        Adversarial(G, NETWORKS["projected-discriminator"](SHAPE), opening=0.1, one_stage=True)
    with pytest.raises(ValueError, match="share"):
        Opening(0.0)
    with pytest.raises(ValueError, match="too small"):
        PretextEncoder((3, 4, 4))
    with pytest.raises(ValueError, match="labels"):
        pretext(PretextEncoder(SHAPE, classes=2, width=4), torch.zeros(2, *SHAPE), None)
