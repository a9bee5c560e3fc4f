"""The bound against hand computations, and against a likelihood that is known exactly."""

import math

import pytest
import torch
from torch import Tensor, nn

from ganzfeld import Trainer
from ganzfeld.games.vae import VAE, divergence, log_variance
from ganzfeld.networks import NETWORKS


class Fixed(nn.Module):
    """Always the same answer."""

    latent = 1

    def __init__(self, answer: list[list[float]]) -> None:
        super().__init__()
        self.answer = torch.tensor(answer)

    def forward(self, v: Tensor, y: Tensor | None = None) -> Tensor:
        return self.answer


def two_samples(**options: object) -> tuple[float, float]:
    """Samples (1, 0), (0, -1) decoded as (1, 1), (1, -1): squared errors 0, 1, 1, 0."""
    # raw 0 is a log variance of nearly 0; see the test of log_variance
    game = VAE(Fixed([[1.0, 1.0], [1.0, -1.0]]), Fixed([[1.0, 0.0], [3.0, 0.0]]), **options)  # type: ignore[arg-type]
    losses = game.autoencoder_loss({"x": torch.tensor([[1.0, 0.0], [0.0, -1.0]])})
    return float(losses["reconstruction"]), float(losses["divergence"])


def test_losses_of_two_samples_by_hand() -> None:
    tau = math.log(2 * math.pi)
    # a sample: two numbers of deviation 0.5, one with error 0 and one with error 1
    by_hand = 2 * (0.5 * tau + math.log(0.5)) + 0.5 / 0.25
    assert two_samples(deviation=0.5)[0] == pytest.approx(by_hand, rel=1e-6)
    # the best variance is the mean squared error, 0.5
    assert two_samples()[0] == pytest.approx(2 * 0.5 * (tau + math.log(0.5)) + 1, rel=1e-6)
    assert two_samples(noise="laplace")[0] == pytest.approx(2 * math.log(2 * 0.5) + 2, rel=1e-6)
    laplace = two_samples(noise="laplace", deviation=2.0)[0]
    assert laplace == pytest.approx(2 * math.log(4) + 0.5, rel=1e-6)
    # KL of means 1 and 3 at variance 1: (1 / 2 + 9 / 2) / 2
    assert two_samples()[1] == pytest.approx(2.5, abs=0.01)
    assert two_samples(beta=4.0)[1] == pytest.approx(10, abs=0.04)


def test_bernoulli_by_hand() -> None:
    game = VAE(Fixed([[0.5]]), Fixed([[0.0, 0.0]]), noise="bernoulli")
    white, grey = (game.surprise(torch.tensor([[v]]), torch.tensor([[0.5]])) for v in (1.0, 0.0))
    assert float(white) == pytest.approx(-math.log(0.75))
    assert float(grey) == pytest.approx(-0.5 * math.log(0.75) - 0.5 * math.log(0.25))
    assert game.surprise(torch.tensor([[-1.0]]), torch.tensor([[1.0]])).isfinite()


def test_the_best_deviation_is_the_most_likely_one() -> None:
    torch.manual_seed(0)
    x, mean = torch.rand(5, 3), torch.rand(5, 3)
    for noise in ("gaussian", "laplace"):

        def surprise(deviation: float | None, noise: str = noise) -> float:
            game = VAE(Fixed([[0.0]]), Fixed([[0.0]]), noise=noise, deviation=deviation)  # type: ignore[arg-type]
            return float(game.surprise(x, mean).mean())

        grid = [surprise(d / 100) for d in range(5, 100)]
        assert surprise(None) <= min(grid) < surprise(None) + 1e-3


def test_divergence_against_torch() -> None:
    torch.manual_seed(0)
    mean, log = torch.randn(4, 3), torch.randn(4, 3)
    exact = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (log / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    )
    assert torch.allclose(divergence(mean, log), exact.sum(1), atol=1e-5)


def test_log_variances_stay_where_exp_is_safe() -> None:
    raw = torch.tensor([-1e6, -12.0, -3.0, 0.0, 4.0, 1e6])
    log = log_variance(raw)
    assert log.min() >= -12 and log.max() <= 4 + 1e-4 and (log.diff() >= 0).all()
    assert log[2:4] == pytest.approx(raw[2:4], abs=0.03)


@pytest.mark.long
def test_the_bound_reaches_the_likelihood_of_a_linear_model() -> None:
    """Probabilistic principal components: x = W z + b + noise is normal, with covariance
    W W' + v I (Tipping and Bishop 1999), whose likelihood at its maximum is known in closed form.
    A linear encoder has the exact posterior in its family, so the bound is tight there.
    """
    torch.manual_seed(0)
    d, k, n, v = 5, 2, 2000, 0.25
    x = torch.randn(n, k) @ torch.randn(k, d) + v**0.5 * torch.randn(n, d) + 1
    eigenvalues = torch.linalg.eigvalsh(torch.cov(x.T, correction=0).double())
    # the best W with this v explains the k largest eigenvalues; the rest is noise of variance v
    rest = eigenvalues[: d - k]
    exact = -0.5 * (
        d * math.log(2 * math.pi)
        + eigenvalues[d - k :].log().sum()
        + k
        + (d - k) * math.log(v)
        + rest.sum() / v
    )
    decoder = NETWORKS["mlp-generator"]((d,), latent=k, widths=(), output="linear")

    class Encoder(nn.Module):
        """Means linear in x; one variance for all, which is the exact posterior's form."""

        def __init__(self) -> None:
            super().__init__()
            self.mean = nn.Linear(d, k)
            self.raw = nn.Parameter(torch.zeros(k))

        def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
            return torch.cat([self.mean(x), self.raw.expand(len(x), k)], 1)

    game = VAE(decoder, Encoder(), deviation=v**0.5)
    optimiser = torch.optim.Adam(game.parameters(), 0.02)
    trainer = Trainer(game, {"autoencoder": optimiser}, x, batch_size=500)
    for report in trainer:
        optimiser.param_groups[0]["lr"] = 0.02 * (1 - report.step / 1500) + 1e-5
        if report.step == 1500:
            break
    with torch.no_grad():
        torch.manual_seed(1)
        drawn = [sum(game.autoencoder_loss({"x": x}).values()) for _ in range(200)]
    bound = -float(torch.stack(drawn).mean())  # type: ignore[arg-type]
    assert bound <= float(exact) + 0.01  # it is a bound, but for the error of 200 draws
    assert bound == pytest.approx(float(exact), abs=0.02)
    # and with W the covariance is the data's: sampling gives its two large variances
    torch.manual_seed(2)
    with torch.no_grad():
        sampled = game.sample(torch.randn(100_000, k)) + v**0.5 * torch.randn(100_000, d)
    found = torch.linalg.eigvalsh(torch.cov(sampled.T))
    assert found[d - k :] == pytest.approx(eigenvalues[d - k :].float(), rel=0.05)


@pytest.mark.parametrize(
    "options", [{"noise": "poisson"}, {"deviation": 0.0}, {"beta": -1.0}, {"deviation": -2.0}]
)
def test_what_cannot_be_meant_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        VAE(Fixed([[0.0]]), Fixed([[0.0]]), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 50, 37), (4, 9, 5), (3, 3, 2)])
@pytest.mark.parametrize("classes", [0, 3])
def test_the_encoder_takes_any_shape(shape: tuple[int, ...], classes: int) -> None:
    torch.manual_seed(0)
    net = NETWORKS["conv-encoder"](shape, outputs=6, classes=classes, width=8)
    y = torch.tensor([0, 2]) if classes else None
    assert net(torch.randn(2, *shape), y).shape == (2, 6)
    if classes:
        net.eval()
        x = torch.randn(1, *shape)
        assert not torch.equal(net(x, torch.tensor([0])), net(x, torch.tensor([1])))


def test_an_autoencoder_learns_where_labels_are_known() -> None:
    """Two classes at -1 and +1 with unit latents: samples follow their label."""
    torch.manual_seed(0)
    y = torch.arange(512) % 2
    x = (2.0 * y - 1)[:, None] + 0.2 * torch.randn(512, 1)
    decoder = NETWORKS["mlp-generator"](
        (1,), latent=1, classes=2, widths=(16,), norm="none", output="linear"
    )
    encoder = NETWORKS["mlp-generator"](
        (2,), latent=1, classes=2, widths=(16,), norm="none", output="linear"
    )
    game = VAE(decoder, encoder)
    trainer = Trainer(
        game,
        {"autoencoder": torch.optim.Adam(game.parameters(), 0.01)},
        {"x": x, "y": y},
        batch_size=64,
    )
    for report in trainer:
        if report.step == 150:
            break
    with torch.no_grad():
        for label in (0, 1):
            drawn = game.sample(torch.randn(200, 1), torch.full((200,), label))
            assert float(drawn.mean()) == pytest.approx(2 * label - 1, abs=0.15)
