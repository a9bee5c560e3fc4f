"""Transformations that leave alone what they should, are differentiable twice, and a p that moves.

What is drawn at random is judged by its mean over many draws.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from ganzfeld import Adversarial
from ganzfeld.core import checkpoint
from ganzfeld.errors import UsageError
from ganzfeld.games import Clock
from ganzfeld.games.augment import ADAPTIVE, KINDS, Augmentation, augment
from ganzfeld.games.penalties import slope
from ganzfeld.networks import NETWORKS
from test_resume import config_of, run_on, trainer_of, unequal

SHAPES = [(1, 8, 8), (2, 9, 7), (3, 16, 12), (4, 7, 7), (5, 6, 10)]


def pictures(n: int, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return (torch.rand(n, *shape, generator=generator) * 2 - 1).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_p_of_zero_changes_no_bit_and_p_of_one_changes_all(
    shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    x = pictures(16, *shape, dtype=dtype)
    assert torch.equal(augment(x, 0.0, KINDS), x)
    assert torch.equal(augment(x, torch.zeros(()), KINDS), x)
    changed = augment(x, 1.0, KINDS)
    assert changed.shape == x.shape and changed.dtype == dtype and changed.isfinite().all()
    assert (changed != x).flatten(1).any(1).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [pytest.param((1, 4, 3), marks=pytest.mark.long), (3, 3, 3)])
def test_each_kind_is_differentiable_twice(kind: str, shape: tuple[int, ...]) -> None:
    x = pictures(2, *shape, dtype=torch.float64).requires_grad_()

    def same_draws(v: Tensor) -> Tensor:
        torch.manual_seed(4)
        return augment(v, 0.9, (kind,)).tanh()  # tanh: a second derivative that is not zero

    assert gradcheck(same_draws, (x,), fast_mode=True)
    assert gradgradcheck(same_draws, (x,), fast_mode=True)


def test_the_slope_through_it_is_that_of_a_double_backward() -> None:
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.LeakyReLU(0.2),
        torch.nn.Flatten(),
        torch.nn.Linear(64, 1),
    )
    x = pictures(3, 3, 6, 6)

    def judge(v: Tensor) -> Tensor:
        return net(augment(v, 0.7, KINDS)).squeeze(1)

    torch.manual_seed(0)
    _, squared = slope(judge, x)
    ours = torch.autograd.grad(squared.mean(), net[0].weight)[0]
    leaf = x.clone().requires_grad_()
    torch.manual_seed(0)
    (g,) = torch.autograd.grad(judge(leaf).sum(), leaf, create_graph=True)
    theirs = torch.autograd.grad(g.square().flatten(1).sum(1).mean(), net[0].weight)[0]
    assert theirs.abs().max() > 0 and torch.allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_half_of_the_chosen_are_flipped_and_exactly(p: float) -> None:
    torch.manual_seed(0)
    x = pictures(1, 3, 6, 10).expand(4000, -1, -1, -1)
    out = augment(x, p, ("flip",))
    same = (out - x).abs().amax((1, 2, 3)) < 1e-5
    flipped = (out - x.flip(3)).abs().amax((1, 2, 3)) < 1e-5
    assert (same ^ flipped).all()
    assert flipped.float().mean().item() == pytest.approx(p / 2, abs=0.03)


def test_turns_are_equally_frequent_and_exact_and_half_turns_only_where_not_square() -> None:
    torch.manual_seed(0)
    x = pictures(1, 1, 5, 5)
    out = augment(x.expand(4000, -1, -1, -1), 1.0, ("turn",))
    shares = [
        ((out - x.rot90(k, (2, 3))).abs().amax((1, 2, 3)) < 1e-5).float().mean().item()
        for k in range(4)
    ]
    assert sum(shares) == pytest.approx(1) and shares == pytest.approx([0.25] * 4, abs=0.03)
    x = pictures(1, 1, 4, 6)
    out = augment(x.expand(1000, -1, -1, -1), 1.0, ("turn",))
    half = (out - x.rot90(2, (2, 3))).abs().amax((1, 2, 3)) < 1e-5
    same = (out - x).abs().amax((1, 2, 3)) < 1e-5
    assert (half ^ same).all() and 0.4 < half.float().mean() < 0.6


def test_shifts_are_whole_pixels_up_to_an_eighth_on_both_sides_alike() -> None:
    torch.manual_seed(0)
    x = torch.zeros(4000, 1, 16, 24)
    x[:, :, 8, 12] = 1.0
    out = augment(x, 1.0, ("shift",))
    assert out.flatten(1).amax(1).sub(1).abs().max() < 1e-4
    place = out.flatten(1).argmax(1)
    down, right = place // 24 - 8, place % 24 - 12
    assert (down.min(), down.max(), right.min(), right.max()) == (-2, 2, -3, 3)
    assert abs(down.float().mean()) < 0.1 and abs(right.float().mean()) < 0.12


def test_geometry_keeps_the_centre_on_average_and_a_flat_picture_flat() -> None:
    torch.manual_seed(0)
    flat = torch.full((64, 3, 9, 12), 0.3)
    assert torch.allclose(augment(flat, 1.0, ("geometry",)), flat, atol=1e-5)
    x = torch.zeros(2000, 1, 33, 33)
    x[:, :, 14:19, 14:19] = 1.0
    mean = augment(x, 1.0, ("geometry",)).mean((0, 1))
    places = torch.arange(33.0) - 16
    assert abs((mean.sum(0) * places).sum() / mean.sum()) < 0.5
    assert abs((mean.sum(1) * places).sum() / mean.sum()) < 0.5
    assert (mean - mean.rot90()).abs().max() < 0.15 * mean.max()  # any direction is as likely


def test_colours_keep_greys_grey_and_leave_transparency_alone() -> None:
    torch.manual_seed(0)
    grey = pictures(64, 1, 4, 4).expand(-1, 3, -1, -1)
    out = augment(grey, 1.0, ("colour", "hue"))
    assert torch.allclose(out, out.mean(1, keepdim=True).expand_as(out), atol=1e-5)
    for channels in (2, 4):
        x = pictures(32, channels, 6, 6)
        out = augment(x, 1.0, ("colour", "hue"))
        assert torch.equal(out[:, -1], x[:, -1]) and not torch.equal(out[:, :-1], x[:, :-1])
    x = pictures(256, 3, 4, 4)
    hue = augment(x, 1.0, ("hue",))
    assert torch.allclose(hue.mean(1), x.mean(1), atol=1e-5)  # lightness stays
    assert torch.allclose(hue.square().sum(1), x.square().sum(1), atol=1e-4)  # a turn
    brighter = augment(torch.zeros(8000, 1, 2, 2), 1.0, ("colour",))
    assert abs(brighter.mean()) < 0.02 and 0.15 < brighter.std() < 0.3


def test_cutout_covers_half_of_either_side_where_it_lies_inside() -> None:
    torch.manual_seed(0)
    out = augment(torch.ones(4000, 1, 16, 24), 0.5, ("cutout",))
    area = (out == 0).flatten(1).sum(1)
    assert area.max() == 8 * 12 and set(out.unique().tolist()) == {0.0, 1.0}
    assert (area > 0).float().mean().item() == pytest.approx(0.5, abs=0.03)


def test_bad_input_is_refused() -> None:
    with pytest.raises(UsageError, match="only images"):
        augment(torch.zeros(3, 2), 0.5, KINDS)
    for wrong in (
        {"mode": "adaptative"},
        {"mode": "fixed", "kinds": ("colors",)},
        {"mode": "adaptive", "target": 2.0},
        {"mode": "adaptive", "images": 0},
    ):
        with pytest.raises(ValueError):
            Augmentation(**wrong)  # type: ignore[arg-type]


# The controller


def test_p_rises_while_d_is_sure_falls_otherwise_and_keeps_its_limits() -> None:
    augmentation = Augmentation("adaptive", images=1000)
    sure, unsure = torch.ones(50), torch.tensor([1.0, -1.0]).repeat(25)
    for _ in range(20):
        augmentation.observe(sure, 0.8, None)
    assert 0.4 < augmentation.p.item() < 0.9  # 20 x 50 of 1,000 images, less the first few
    for _ in range(20):
        augmentation.observe(sure, 0.8, None)
    assert augmentation.p.item() == pytest.approx(0.8)
    for _ in range(60):
        augmentation.observe(unsure, 0.8, None)
    assert augmentation.p.item() == 0.0


def test_the_speed_follows_the_length_of_the_run() -> None:
    for total, images in ((None, 500_000), (10_000_000, 500_000), (20_000, 2_000)):
        augmentation = Augmentation("adaptive")
        augmentation.sign.fill_(1.0)
        augmentation.observe(torch.ones(20), 0.8, total)
        assert augmentation.p.item() == pytest.approx(20 / images)


def test_the_speed_is_that_of_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of four processes sees a quarter, and their p are averaged."""
    alone, one_of_four = (
        Augmentation("adaptive", images=1000),
        Augmentation("adaptive", images=1000),
    )
    alone.observe(torch.ones(320), 0.8, None)
    monkeypatch.setattr("ganzfeld.core.distributed.world", lambda: 4)
    one_of_four.observe(torch.ones(80), 0.8, None)
    assert one_of_four.p.item() == pytest.approx(alone.p.item()) and alone.p.item() > 0


def game_of(**options: Any) -> Adversarial:
    torch.manual_seed(0)
    shape = (3, 8, 8)
    generator = NETWORKS["dcgan-generator"](shape, width=4, latent=4)
    return Adversarial(generator, NETWORKS["dcgan-discriminator"](shape, width=4), **options)


@pytest.mark.parametrize("loss", ["non-saturating", "hinge", "least-squares", "wasserstein"])
@pytest.mark.parametrize(("right", "moves"), [(1.0, True), (0.0, False)])
def test_d_s_certainty_moves_p_whatever_the_loss(loss: str, right: float, moves: bool) -> None:
    game = game_of(loss=loss, augment="adaptive", augment_speed=100.0)
    assert game.augmentation is not None
    boundary = game.adversarial.boundary or 0.0
    margin = torch.linspace(0.1, 1.0, 64) * (1 if right else torch.tensor([1.0, -1.0]).repeat(32))
    for _ in range(8):
        game.watch(boundary + margin, boundary - margin)
    assert (game.augmentation.p.item() > 0) is moves


def test_a_constant_in_relativistic_logits_means_nothing() -> None:
    states = []
    for constant in (0.0, -100.0):
        game = game_of(loss="relativistic", augment="adaptive")
        torch.manual_seed(1)
        for _ in range(12):
            game.watch(torch.randn(32) + 1 + constant, torch.randn(32) - 1 + constant)
        assert game.augmentation is not None
        states.append(game.augmentation.sign.item())
    assert states[0] == pytest.approx(states[1], abs=0.03) and states[0] > 0.3


def test_without_augmentation_or_at_p_of_zero_losses_are_the_same() -> None:
    batch = {"x": pictures(8, 3, 8, 8)}
    values = []
    for options in ({}, {"augment": "adaptive"}, {"augment": "fixed", "augment_p": 0.0}):
        game = game_of(r1=1.0, r2=1.0, **options)
        torch.manual_seed(1)
        losses = [game.loss(player, batch) for player in game.players]
        values.append([float(v.detach()) for terms in losses for v in terms.values()])
    assert values[0] == values[1] == values[2]
    assert not any("augmentation" in name for name in game_of().state_dict())


def test_a_fixed_p_may_follow_the_clock_and_samples_are_never_augmented() -> None:
    game = game_of(augment="fixed", augment_p=(0.0, 1.0), augment_kinds=("colour",)).eval()
    x, z = pictures(8, 3, 8, 8), torch.randn(4, 4)
    plain = game.D(x)
    assert torch.equal(game.verdict(x, None), plain)
    game.clock = Clock(9, 900, 1000)
    assert not torch.allclose(game.verdict(x, None), plain)
    assert torch.equal(game.sample(z), game.G(z))


def test_both_players_see_augmented_pictures() -> None:
    for player in ("discriminator", "generator"):
        values = []
        for p in (0.0, 1.0):
            game = game_of(augment="fixed", augment_p=p, loss="relativistic")
            torch.manual_seed(1)
            loss = game.loss(player, {"x": pictures(8, 3, 8, 8)})["adversarial"]
            values.append(loss.item())
        assert values[0] != values[1]


SETTINGS = ("game.augment=adaptive", "game.augment_speed=64", "game.augment_target=-0.5")


@pytest.mark.parametrize("more", [(), ("game.one_stage=true",)])
@pytest.mark.parametrize(
    "stop", [pytest.param(n, marks=[] if n == 5 else [pytest.mark.long]) for n in (3, 5, 8)]
)
def test_p_is_in_the_checkpoint_and_a_resumed_run_equals_a_straight_one(
    stop: int, more: tuple[str, ...], tmp_path: Path
) -> None:
    config = config_of("default", 0, *SETTINGS, *more)
    straight = run_on(trainer_of(config), 11).state_dict()
    half = run_on(trainer_of(config), stop)
    state = half.state_dict()
    assert state["game"]["augmentation.p"] > 0
    path = checkpoint.save(tmp_path, half.images, state, {})
    trainer = trainer_of(config)
    trainer.load_state_dict(checkpoint.load(path).state)
    assert unequal(run_on(trainer, 11).state_dict(), straight) == []
    for name in ("augmentation.p", "augmentation.sign"):  # and both are needed
        forgetful = trainer_of(config)
        forgetful.load_state_dict(checkpoint.load(path).state)
        forgetful.game.get_buffer(name).fill_(-1.0 if name.endswith("sign") else 0.0)
        assert unequal(run_on(forgetful, 11).state_dict(), straight)


def test_the_default_kinds_of_an_adaptive_p_mirror_nothing() -> None:
    assert not {"flip", "turn"} & set(ADAPTIVE)
