"""Each loss against a hand computation, and each penalty against a known slope."""

import math

import pytest
import torch
from torch import Tensor

from ganzfeld import Adversarial
from ganzfeld.games.losses import LOSSES, draw_of, draws_of
from ganzfeld.games.penalties import estimated_slope, gradient_penalty, slope
from ganzfeld.networks import NETWORKS

REAL, FAKE = 0.7, -0.4


def softplus(v: float) -> float:
    return math.log1p(math.exp(v))


def sigmoid(v: float) -> float:
    return 1 / (1 + math.exp(-v))


BY_HAND = {
    "saturating": (
        -math.log(sigmoid(REAL)) - math.log(1 - sigmoid(FAKE)),
        math.log(1 - sigmoid(FAKE)),
    ),
    "non-saturating": (
        -math.log(sigmoid(REAL)) - math.log(1 - sigmoid(FAKE)),
        -math.log(sigmoid(FAKE)),
    ),
    "least-squares": (0.5 * (REAL - 1) ** 2 + 0.5 * FAKE**2, 0.5 * (FAKE - 1) ** 2),
    "wasserstein": (FAKE - REAL, -FAKE),
    "hinge": (max(0, 1 - REAL) + max(0, 1 + FAKE), -FAKE),
    "relativistic": (softplus(FAKE - REAL), softplus(REAL - FAKE)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_loss_by_hand(name: str) -> None:
    real, fake = torch.tensor([REAL]), torch.tensor([FAKE])
    loss = LOSSES[name]
    assert loss.discriminator(real, fake).item() == pytest.approx(BY_HAND[name][0], abs=1e-6)
    assert loss.generator(fake, real).item() == pytest.approx(BY_HAND[name][1], abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_each_player_pulls_its_own_way(name: str) -> None:
    real = torch.tensor([0.3], requires_grad=True)
    fake = torch.tensor([0.2], requires_grad=True)
    loss = LOSSES[name]
    d_real, d_fake = torch.autograd.grad(loss.discriminator(real, fake).sum(), (real, fake))
    assert d_real < 0 < d_fake  # the discriminator raises real logits and lowers fake ones
    (g_fake,) = torch.autograd.grad(loss.generator(fake, real).sum(), fake)
    assert g_fake < 0  # the generator raises fake ones


def test_losses_are_finite_for_huge_logits() -> None:
    huge = torch.tensor([1e4, -1e4])
    for name in ("saturating", "non-saturating", "relativistic", "hinge"):
        loss = LOSSES[name]
        assert loss.discriminator(huge, -huge).isfinite().all()
        assert loss.generator(huge, -huge).isfinite().all()


def test_slope_of_a_linear_and_of_a_quadratic_net() -> None:
    weights = torch.tensor([3.0, 4.0])
    x = torch.tensor([[1.0, 2.0], [0.5, -1.0]])
    logits, squared = slope(lambda v: v @ weights, x)
    assert torch.equal(logits, x @ weights)
    assert torch.allclose(squared, torch.tensor([25.0, 25.0]))
    _, squared = slope(lambda v: v.square().sum(1), x)
    assert torch.allclose(squared, 4 * x.square().sum(1))


def test_slope_matches_double_backward_through_autograd() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3),
        torch.nn.LeakyReLU(0.2),
        torch.nn.Flatten(),
        torch.nn.Linear(64, 1),
    )
    x = torch.randn(3, 2, 6, 6)
    _, squared = slope(lambda v: net(v).squeeze(1), x)
    ours = torch.autograd.grad(squared.mean(), list(net.parameters()), allow_unused=True)
    leaf = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(net(leaf).sum(), leaf, create_graph=True)
    theirs = torch.autograd.grad(
        g.square().flatten(1).sum(1).mean(), list(net.parameters()), allow_unused=True
    )
    for a, b in zip(ours, theirs, strict=True):
        assert (a is None and b is None) or torch.allclose(a, b, atol=1e-6)


def test_gradient_penalty_is_zero_at_slope_one_and_finite_at_slope_zero() -> None:
    real, fake = torch.randn(4, 2), torch.randn(4, 2)
    unit = torch.tensor([0.6, 0.8])
    assert torch.allclose(
        gradient_penalty(lambda v: v @ unit, real, fake), torch.zeros(4), atol=1e-6
    )
    weight = torch.zeros(2, requires_grad=True)
    flat: Tensor = gradient_penalty(lambda v: v @ weight, real, fake).mean()
    (g,) = torch.autograd.grad(flat, weight)
    assert flat.item() == pytest.approx(1, abs=1e-5)
    assert g.isfinite().all()


@pytest.mark.parametrize("penalty", ["r1", "r2", "gradient_penalty"])
def test_penalties_need_a_discriminator_that_does_not_mix_samples(penalty: str) -> None:
    G = NETWORKS["dcgan-generator"]((1, 8, 8), width=4)
    D = NETWORKS["dcgan-discriminator"]((1, 16, 16), width=4, norm="batch")
    with pytest.raises(ValueError, match=r"networks\.D\.norm=none"):
        Adversarial(G, D, **{penalty: 1.0})


@pytest.mark.long
def test_whole_discriminator_loss_compiles_as_one_graph() -> None:
    torch.manual_seed(0)
    game = Adversarial(
        NETWORKS["dcgan-generator"]((1, 8, 8), width=4),
        NETWORKS["dcgan-discriminator"]((1, 8, 8), width=4),
        loss="relativistic",
        r1=1.0,
        r2=1.0,
    )
    explained = torch._dynamo.explain(game.loss)("discriminator", {"x": torch.randn(4, 1, 8, 8)})
    assert explained.graph_break_count == 0


def test_the_slope_by_differences() -> None:
    """For a plane the estimate is (u . w)^2: its mean is |w|^2, its deviation 2^(1/2) |w|^2."""
    torch.manual_seed(2)
    weight = torch.randn(12)
    x = torch.randn(40_000, 12)
    logits, squared = estimated_slope(lambda v: v @ weight, x, 0.05)
    true = weight.square().sum()
    assert torch.allclose(logits, x @ weight)
    assert (squared.mean() / true).item() == pytest.approx(1, abs=4 * 2**0.5 / 200)
    assert (squared.std() / true).item() == pytest.approx(2**0.5, rel=0.05)


def test_the_slope_by_differences_is_exact_under_autocast() -> None:
    """Logits of 30 in bfloat16 are an eighth apart, many times what the short way makes."""
    torch.manual_seed(2)
    linear = torch.nn.Linear(12, 1)
    torch.nn.init.constant_(linear.bias, 30.0)
    x = torch.randn(2_000, 12)
    with torch.autocast("cpu", torch.bfloat16):
        _, squared = estimated_slope(lambda v: linear(v)[:, 0], x, 0.01)
    true = linear.weight.square().sum()
    assert squared.dtype == torch.float32
    assert (squared.mean() / true).item() == pytest.approx(1, abs=0.15)


def test_the_slope_by_differences_needs_the_same_dropout_twice() -> None:
    shape = (1, 8, 8)
    generator = NETWORKS["dcgan-generator"](shape, width=4)
    judge = NETWORKS["dcgan-discriminator"](shape, width=4, dropout=0.3)
    with pytest.raises(ValueError, match="dropout"):
        Adversarial(generator, judge, r1=1.0, difference=0.01)


def test_the_slope_by_differences_teaches_as_the_exact_one_does() -> None:
    """Of a curved network: gradients in its weights point the same way, in the mean."""
    torch.manual_seed(3)
    net = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
    x = torch.randn(16, 6)

    def gradient(squared: Tensor) -> Tensor:
        found = torch.autograd.grad(squared.mean(), list(net.parameters()), allow_unused=True)
        return torch.cat([g.flatten() for g in found if g is not None])

    exact = gradient(slope(lambda v: net(v)[:, 0], x)[1])
    many = x.repeat(4_000, 1)
    estimate = gradient(estimated_slope(lambda v: net(v)[:, 0], many, 0.01)[1])
    assert torch.nn.functional.cosine_similarity(exact, estimate[: len(exact)], dim=0) > 0.99
    assert (estimate.norm() / exact.norm()).item() == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize(
    ("name", "discriminator", "generator"),
    [
        ("saturating", 2 * math.log(2), -math.log(2)),
        ("non-saturating", 2 * math.log(2), math.log(2)),
        ("least-squares", 0.25, 0.125),
        ("wasserstein", 0.0, 0.0),
        ("hinge", 2.0, 0.0),
        ("relativistic", math.log(2), math.log(2)),
    ],
)
def test_what_a_loss_is_at_a_draw(name: str, discriminator: float, generator: float) -> None:
    found = draw_of(name)
    assert found["discriminator"] == pytest.approx(discriminator, abs=1e-6)
    assert found["generator"] == pytest.approx(generator, abs=1e-6)
    # no constant logit does better for the discriminator: that is what makes it a draw
    for logit in torch.linspace(-3, 3, 25):
        same = torch.full((1,), float(logit))
        value = float(LOSSES[name].discriminator(same, same))
        assert value >= found["discriminator"] - 1e-6


def test_every_loss_has_a_draw_by_the_names_that_are_logged() -> None:
    for name in LOSSES:
        draws = draws_of("adversarial", {"loss": name})
        assert set(draws) == {"discriminator/adversarial", "generator/adversarial"}
    both = draws_of("adversarial", {"loss": "relativistic", "one_stage": True})
    assert set(both) == {"both/discriminator", "both/generator"}
    assert draws_of("table-gan", {}) == draws_of("adversarial", {"loss": "non-saturating"})
    told = dict.fromkeys(("discriminator/real", "discriminator/fake"), pytest.approx(math.log(2)))
    assert draws_of("text-gan", {}) == draws_of("text-pix2pix", {}) == told
    assert draws_of("text-gan", {"estimator": "gumbel"}) == {}, "its critic logs another loss"
    assert draws_of("vae", {}) == draws_of("adversarial", {"loss": "mine.py:loss"}) == {}
