"""The loop: who moves, what is counted, what stays untouched, and data that is no image."""

import math
import re
from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzfeld import Adversarial, Average, Game, Trainer
from ganzfeld.games import Batch, Losses
from ganzfeld.networks import NETWORKS
from ganzfeld.training.trainer import Rows, Tensors, restored


def points_game(latent: int = 2, width: int = 16, **options: object) -> Adversarial:
    torch.manual_seed(0)
    widths = (width,) * 3
    generator = NETWORKS["mlp-generator"](
        (2,), latent=latent, widths=widths, norm="none", output="linear"
    )
    discriminator = NETWORKS["mlp-discriminator"]((2,), widths=widths)
    return Adversarial(generator, discriminator, **options)  # type: ignore[arg-type]


def adam(game: Game, lr: float = 1e-3) -> dict[str, torch.optim.Optimizer]:
    return {
        player: torch.optim.Adam(
            [p for n in networks for p in game.get_submodule(n).parameters()],
            lr,
            betas=(0.0, 0.99),
            fused=True,
        )
        for player, networks in game.players.items()
    }


def test_counts_and_names() -> None:
    game = points_game(discriminator_moves=3, r1=1.0, penalty_every=2)
    trainer = Trainer(game, adam(game), torch.randn(100, 2), batch_size=10)
    first, second = trainer.take_step(), trainer.take_step()
    assert (second.step, second.images) == (2, 60)  # images of the player that saw most
    assert set(first.losses) == {
        "discriminator/adversarial",
        "discriminator/r1",
        "generator/adversarial",
    }
    assert "discriminator/r1" not in second.losses


def test_moves_and_rates() -> None:
    game = points_game(discriminator_moves=2, generator_every=3, generator_first=True)
    moves = [game.moves(step) for step in range(3)]
    assert moves[0] == moves[1] == ("discriminator",) * 2
    assert moves[2] == ("generator", "discriminator", "discriminator")


def test_only_the_mover_moves() -> None:
    game = points_game(generator_every=2)
    trainer = Trainer(game, adam(game), torch.randn(100, 2), batch_size=10)
    before = {k: v.clone() for k, v in game.state_dict().items()}
    trainer.take_step()
    after = game.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before if k.startswith("G."))
    assert not all(torch.equal(before[k], after[k]) for k in before if k.startswith("D."))


def test_lazy_penalties_have_the_same_mean_as_eager_ones() -> None:
    eager, lazy = points_game(r1=2.0), points_game(r1=2.0, penalty_every=4)
    batch = {"x": torch.randn(32, 2)}
    torch.manual_seed(1)
    each = eager.loss("discriminator", batch)["r1"]
    torch.manual_seed(1)
    assert torch.allclose(lazy.loss("discriminator", batch)["r1"], 4 * each)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"discriminator_every": 2},
        {"discriminator_every": 4, "generator_every": 3},
        {"discriminator_phase": 2, "generator_phase": 2},
        {"discriminator_phase": 4, "generator_phase": 4, "generator_first": True},
        {"discriminator_phase": 3, "generator_phase": 1},
    ],
)
def test_penalties_come_in_every_so_many_steps_of_the_discriminator(
    options: dict[str, object],
) -> None:
    game = points_game(r1=1.0, penalty_every=4, **options)
    trainer = Trainer(game, adam(game), torch.randn(64, 2), batch_size=8)
    due = []
    for _ in range(4 * game.period):
        losses = trainer.take_step().losses
        if "discriminator/adversarial" in losses:
            due.append("discriminator/r1" in losses)
    assert due == [number % 4 == 0 for number in range(len(due))]
    assert len(due) >= 16 and sum(due) % 4 == 0, "a period holds the same work each time"


def test_moves_that_share_a_batch_count_it_once() -> None:
    seen: list[int] = []

    class Watched(Tensors):
        def rows(self, indices: NDArray[np.int64]) -> Rows:
            seen.extend(indices.tolist())
            return super().rows(indices)

    game = points_game(generator_first=True, reuse_fakes=True, discriminator_moves=2)
    trainer = Trainer(game, adam(game), Watched({"x": torch.randn(64, 2)}), batch_size=8)
    for _ in range(8):
        trainer.take_step()
    assert trainer.images == 64 and set(seen) == set(range(64)), "an epoch misses samples"


def test_what_is_restored_lies_where_the_optimiser_wants_it() -> None:
    there = torch.nn.Parameter(torch.empty(3, 2, device="meta"))
    for fused, device in ((True, "meta"), (False, "cpu")):
        assert restored(torch.tensor(5.0), there, fused).device.type == device
        assert restored(torch.zeros(3, 2), there, fused).device.type == "meta"


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own compiler
def test_a_compiled_loss_is_not_compiled_in_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._dynamo.testing import CompileCounter  # a second or more, of this test alone

    graphs = CompileCounter()
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=graphs))
    game = points_game(r1=(1.0, 0.1), r2=1.0, penalty_every=4)
    trainer = Trainer(game, adam(game), torch.randn(64, 2), batch_size=8, compile=True)
    for _ in range(6):
        trainer.take_step()
    before = graphs.frame_count
    for _ in range(6):
        trainer.take_step()
    assert graphs.frame_count == before, "it compiles again and again"


def test_schedules_follow_the_clock() -> None:
    from ganzfeld.games import Clock

    game = points_game(r1=(1.0, 0.1), burn_in=0.5)
    values = []
    for images in (0, 250, 500, 900):
        game.clock = Clock(0, images, 1000)
        values.append(game.scheduled(game.penalties.r1))
    assert values == pytest.approx([1.0, 0.55, 0.1, 0.1])


def test_uint8_means_pixels_and_floats_stay() -> None:
    game = points_game()
    pixels = torch.tensor([[0, 255]], dtype=torch.uint8)
    trainer = Trainer(game, adam(game), pixels, batch_size=1)
    assert torch.equal(trainer.batch("generator", 0)["x"], torch.tensor([[-1.0, 1.0]]))
    trainer = Trainer(game, adam(game), torch.tensor([[7.0, 8.0]]), batch_size=1)
    assert torch.equal(trainer.batch("generator", 0)["x"], torch.tensor([[7.0, 8.0]]))


def test_players_see_different_batches_unless_they_share() -> None:
    game = points_game()
    trainer = Trainer(game, adam(game), torch.randn(1000, 2), batch_size=8)
    seen = [trainer.batch(player, 0)["x"] for player in game.players]
    assert not torch.equal(*seen)
    game.shares_batch = True
    seen = [trainer.batch(player, 0)["x"] for player in game.players]
    assert torch.equal(*seen)


def test_average_follows_its_half_life() -> None:
    game = points_game()
    average = Average(game, half_life_images=100, ramp=None)
    start = {k: v.clone() for k, v in average.G.state_dict().items()}
    with torch.no_grad():
        for p in game.G.parameters():
            p.add_(1)
    average.update(game, images=100, batch_size=100)
    for name, value in average.G.state_dict().items():
        assert torch.allclose(value, start[name] + 0.5, atol=1e-6)
    with average.applied(game) as averaged:
        assert averaged.G is average.G and not averaged.G.training
    assert game.G is not average.G and game.G.training


class Spread(Game):
    """A game of one player on numbers, without any network that ganzfeld knows."""

    players = {"walker": ("place",)}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.place = torch.nn.Linear(1, 1, bias=False)

    def walker_loss(self, batch: Batch) -> Losses:
        return {"distance": (self.place(torch.ones(1, 1)).sum() - batch["x"].mean()) ** 2}


def test_a_game_of_ones_own() -> None:
    game = Spread()
    optimiser = torch.optim.SGD(game.parameters(), 0.1)  # not fused: the other way to skip
    trainer = Trainer(game, {"walker": optimiser}, torch.full((10, 1), 3.0), batch_size=5)
    for report in trainer:
        if report.step == 60:
            break
    assert game.place.weight.item() == pytest.approx(3, abs=1e-3)


def test_missing_optimiser_is_said() -> None:
    game = points_game()
    with pytest.raises(ValueError, match="no optimiser for discriminator, generator"):
        Trainer(game, {}, torch.randn(4, 2))


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (
            torch.nn.Flatten(),
            "the network G (Flatten), which the generator moves, has no parameters",
        ),
        (
            torch.nn.LazyLinear(2),
            "the network G (LazyLinear), which the generator moves, has param",
        ),
    ],
)
def test_a_network_that_cannot_learn_is_said_before_anything(
    network: torch.nn.Module, said: str
) -> None:
    game = points_game()
    optimisers = adam(game)
    game.G = network
    with pytest.raises(ValueError, match=re.escape(said)):
        Trainer(game, optimisers, torch.randn(4, 2))


def ring() -> Tensor:
    angle = torch.arange(8) * 2 * math.pi / 8
    return 2 * torch.stack([angle.cos(), angle.sin()], 1)


def grid() -> Tensor:
    line = torch.arange(5.0) - 2
    return torch.cartesian_prod(line, line)


@pytest.mark.long
@pytest.mark.parametrize(
    ("centres", "steps", "share"),
    [(ring(), 1000, 0.5), pytest.param(grid(), 2500, 0.3, marks=pytest.mark.slow)],
)
def test_finds_all_modes_of_points_in_the_plane(centres: Tensor, steps: int, share: float) -> None:
    """A ring of 8 and a grid of 25 Gaussians of deviation 0.05 (Metz et al. 2017)."""
    torch.manual_seed(0)
    data = centres[torch.randint(len(centres), (20_000,))] + 0.05 * torch.randn(20_000, 2)
    game = points_game(width=64, r1=0.02, r2=0.02)
    optimisers = adam(game, 2e-3)
    for optimiser in optimisers.values():
        optimiser.param_groups[0]["betas"] = (0.5, 0.99)
    average = Average(game, 50 * 128, None)
    for report in Trainer(game, optimisers, data, batch_size=128, average=average):
        if report.step == steps:
            break
    with torch.no_grad(), average.applied(game):
        x = game.sample(torch.randn(2500, game.latent))
    distance, mode = torch.cdist(x, centres).min(1)
    good = distance < 4 * 0.05
    assert len(mode[good].unique()) == len(centres)
    assert good.float().mean() > share
