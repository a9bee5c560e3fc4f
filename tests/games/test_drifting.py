"""The drift has the symmetries of theory, and a generator that follows it finds all of a ring."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from ganzfeld import Trainer
from ganzfeld.games import Drifting
from ganzfeld.games.base import Clock
from ganzfeld.games.drift import coupling, drift, drifted
from ganzfeld.networks import NETWORKS


def test_swapped_sets_turn_the_drift_round() -> None:
    torch.manual_seed(0)
    x, p, q = torch.randn(9, 3), torch.randn(7, 3) + 1, torch.randn(8, 3) - 1
    there, back = drift(x, p, q, 0.5), drift(x, q, p, 0.5)
    assert there.abs().mean() > 0.1
    assert torch.allclose(there, -back, atol=1e-6)


def test_equal_sets_have_no_drift_and_others_have() -> None:
    torch.manual_seed(0)
    x, p = torch.randn(9, 3), torch.randn(7, 3)
    assert torch.equal(drift(x, p, p, 0.1), torch.zeros_like(x))
    shuffled = p[torch.randperm(7)]
    assert drift(x, p, shuffled, 0.1).abs().max() < 1e-5
    assert drift(x, p, p + 0.5, 0.1).abs().mean() > 0.05


def test_couplings_have_even_sums_and_keep_to_their_label() -> None:
    torch.manual_seed(0)
    x, other = torch.randn(6, 2), torch.randn(6, 2)
    y = torch.tensor([0, 0, 1, 1, 1, 2])
    for same in (None, y[:, None] == y):
        weights = coupling(x, other, 1.0, same)
        assert torch.allclose(weights.sum(1), torch.ones(6), atol=1e-5)
        assert torch.allclose(weights.sum(0), torch.ones(6), atol=0.02)
        if same is not None:
            assert weights[~same].max() == 0


def test_two_points_by_hand() -> None:
    """Two fakes before two real points, cold: each goes straight to its own partner."""
    fake, real = torch.tensor([[0.0, 0.0], [0.0, 1.0]]), torch.tensor([[3.0, 1.0], [3.0, 0.0]])
    assert torch.allclose(drift(fake, real, fake, 0.01), torch.tensor([[3.0, 0.0]] * 2), atol=1e-3)


def test_the_loss_pushes_along_the_drift() -> None:
    torch.manual_seed(0)
    fake = torch.randn(2, 6, 3, requires_grad=True)
    real = torch.randn(2, 6, 3) + 2
    loss, size = drifted(fake, real, (0.2,))
    loss.backward()
    assert fake.grad is not None and not size.requires_grad
    moved = fake.detach() - 40 * fake.grad
    after = drifted(moved, real, (0.2,))[1]
    assert after < 0.7 * size


def test_scales_do_not_matter() -> None:
    torch.manual_seed(0)
    fake, real = torch.randn(1, 6, 3), torch.randn(1, 6, 3) + 1
    one, other = drifted(fake, real, (0.1,))[1], drifted(50 * fake, 50 * real, (0.1,))[1]
    assert float(one) == pytest.approx(float(other), rel=1e-4)


def ring(count: int) -> Tensor:
    """Eight narrow modes on a circle of radius 1."""
    draw = torch.Generator().manual_seed(0)
    angle = torch.randint(8, (count,), generator=draw) * (math.pi / 4)
    centres = torch.stack([angle.cos(), angle.sin()], 1)
    return centres + 0.03 * torch.randn(count, 2, generator=draw)


def found(G: nn.Module) -> tuple[float, float, float]:
    """The part of samples within five deviations of a mode; the least and most of one mode."""
    with torch.no_grad():
        x = G.eval()(torch.randn(2_000, 2, generator=torch.Generator().manual_seed(1)))
    angle = torch.arange(8) * (math.pi / 4)
    distance = torch.cdist(x, torch.stack([angle.cos(), angle.sin()], 1))
    near = distance.min(1).values < 0.15
    shares = torch.bincount(distance.argmin(1)[near], minlength=8) / len(x)
    return float(near.float().mean()), float(shares.min()), float(shares.max())


@pytest.mark.slow
def test_the_ring_of_eight_is_covered() -> None:
    """All modes, evenly; a smooth map of a plane also crosses what lies between them."""
    torch.manual_seed(0)
    data = ring(4_096)
    G = NETWORKS["mlp-generator"](
        (2,), latent=2, widths=(64, 64), norm="batch-all", output="linear"
    )
    near, least, _ = found(G)
    assert near < 0.2 and least < 0.03, "no ring before"
    game = Drifting(G)
    total, size = 600 * 64, 64
    adam = {"generator": torch.optim.Adam(G.parameters(), betas=(0.5, 0.99))}

    def rate(images: int) -> dict[str, float]:
        return {"lr": 1e-2 * (1 - images / total) + 1e-5}

    schedules = {"generator": rate}
    trainer = Trainer(game, adam, data, batch_size=size, total=total, schedules=schedules)
    for report in trainer:
        if report.images >= total:
            break
    near, least, most = found(G)
    assert near > 0.45
    assert least > 0.035 and most < 0.12


@pytest.mark.parametrize("far", [0.0, 300.0])
def test_both_ways_of_normalising_agree(far: float) -> None:
    torch.manual_seed(0)
    x, real = torch.randn(2, 16, 3), torch.randn(2, 16, 3)
    same = torch.arange(16)[:, None] % 2 == torch.arange(16) % 2
    for temperature in (0.05, 0.2):
        for others, pairs in ((real, None), (x, None), (real, same)):
            by_logs, by_factors = (
                coupling(x + far, others + far * (others is x), temperature, pairs, logs)
                for logs in (True, False)
            )
            torch.testing.assert_close(by_logs, by_factors, atol=1e-3, rtol=1e-3)


def test_an_encoder_learns_first_then_stands_still() -> None:
    torch.manual_seed(0)
    shape = (3, 16, 16)
    G = NETWORKS["dcgan-generator"](shape, width=4, most=8, latent=8)
    E = NETWORKS["pretext-encoder"](shape, width=4, most=8)
    game = Drifting(G, E, share=0.25)
    adam = {
        player: torch.optim.Adam(network.parameters(), 1e-3)
        for player, network in (("features", E), ("generator", G))
    }
    x = torch.randn(32, *shape).tanh()
    reports = iter(Trainer(game, adam, x, batch_size=8, total=64))
    seen = [{name.split("/")[0] for name in next(reports).losses} for _ in range(2)]
    before = {name: value.clone() for name, value in E.state_dict().items()}
    seen += [{name.split("/")[0] for name in next(reports).losses} for _ in range(3)]
    assert seen == [{"features"}] * 2 + [{"generator"}] * 3
    assert all(torch.equal(before[name], value) for name, value in E.state_dict().items())
    game.clock = Clock(0, 0, None)
    assert game.moves(0) == ("generator",), "without a total there is no part of it"


@pytest.mark.parametrize(("features", "seen"), [(None, False), (0.3, True)])
def test_images_are_compared_pixel_by_pixel(features: float | None, seen: bool) -> None:
    """Else nothing takes away noise that small copies and the encoder do not see."""
    torch.manual_seed(0)
    shape = (3, 16, 16)
    G = NETWORKS["dcgan-generator"](shape, width=4, most=8, latent=8)
    E = NETWORKS["pretext-encoder"](shape, width=4, most=8)
    game = Drifting(G, E, features=features)
    x = torch.randn(8, 3, 8, 8).repeat_interleave(2, 2).repeat_interleave(2, 3)
    board = (torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1
    found, noisy = game.spaces(x), game.spaces(x + board)
    images = found["images"][1], noisy["images"][1]
    apart = [bool((one - other).abs().max() > 0.5) for one, other in zip(*images, strict=True)]
    assert not apart[0], "small copies do not see it"
    assert (len(apart) == 3 and all(apart[1:])) == seen
    assert sum(weight for weight, _ in found.values()) == pytest.approx(1)


def test_wrong_values_are_refused() -> None:
    G = NETWORKS["mlp-generator"]((2,), latent=2, widths=(4,))
    with pytest.raises(ValueError, match="temperatures"):
        Drifting(G, temperatures=(0.0,))
    with pytest.raises(ValueError, match="share"):
        Drifting(G, G, share=1.0)
    with pytest.raises(ValueError, match="weight"):
        Drifting(G, features=-1.0)
