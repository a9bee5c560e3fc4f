"""The statistic against brute force and against a known value, and what it makes of samples."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganzfeld import Trainer
from ganzfeld.games.gmmn import GMMN, mmd2
from ganzfeld.metrics.kernel import gaussian, two_sample
from ganzfeld.networks import NETWORKS

BANDS = (0.5, 1.0, 2.0)


def brute_force(
    real: Tensor, fake: Tensor, bands: tuple[float, ...], y: Tensor | None, unbiased: bool
) -> float:
    """The definition, pair by pair."""
    a, b = real.double().flatten(1).tolist(), fake.double().flatten(1).tolist()
    n = len(a)
    distances = sorted(math.dist(a[i], a[j]) for i in range(n) for j in range(i))
    # torch takes the lower of the two middle values
    median = distances[(len(distances) - 1) // 2]

    def kernel(u: list[float], v: list[float], i: int, j: int) -> float:
        if y is not None and y[i] != y[j]:
            return 0.0
        parts = [math.exp(-(math.dist(u, v) ** 2) / (2 * (m * median) ** 2)) for m in bands]
        return sum(parts) / len(parts)

    pairs = [(i, j) for i in range(n) for j in range(n) if not (unbiased and i == j)]
    inner = sum(kernel(a[i], a[j], i, j) + kernel(b[i], b[j], i, j) for i, j in pairs)
    crossed = pairs if y is not None else [(i, j) for i in range(n) for j in range(n)]
    across = sum(kernel(a[i], b[j], i, j) for i, j in crossed)
    return inner / len(pairs) - 2 * across / len(crossed)


@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("labelled", [True, False])
def test_against_brute_force(unbiased: bool, labelled: bool) -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(7, 2, 2), 0.5 * torch.randn(7, 2, 2) + 1
    y = torch.tensor([0, 1, 0, 2, 1, 0, 0]) if labelled else None
    value = mmd2(real, fake, BANDS, y, unbiased=unbiased)
    expected = brute_force(real, fake, BANDS, y, unbiased)
    assert float(value) == pytest.approx(expected, abs=1e-6)


def test_two_samples_by_hand() -> None:
    """Real 0 and 2, fake 0 and 1: the median distance is 2, so k = exp(-d^2 / 8) at b = 1."""
    real, fake = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [1.0]])
    k1, k2 = math.exp(-1 / 8), math.exp(-4 / 8)
    across = (1 + k1 + k2 + k1) / 4
    assert float(mmd2(real, fake, (1.0,))) == pytest.approx(k2 + k1 - 2 * across, abs=1e-6)
    biased = (2 + 2 * k2) / 4 + (2 + 2 * k1) / 4 - 2 * across
    assert float(mmd2(real, fake, (1.0,), unbiased=False)) == pytest.approx(biased, abs=1e-6)


def test_it_is_the_measured_distance() -> None:
    """One bandwidth: what training lowers is what `ganzfeld evaluate` would call MMD^2."""
    torch.manual_seed(0)
    real, fake = torch.randn(40, 3), torch.randn(40, 3) + 0.5
    median = float(torch.pdist(real).median())
    kernel = gaussian(0.7 * median)
    measured = two_sample(real.double().numpy(), fake.double().numpy(), kernel, 0)[0]
    assert float(mmd2(real, fake, (0.7,))) == pytest.approx(measured, abs=1e-5)


def test_unbiased_means_zero_on_average() -> None:
    torch.manual_seed(0)
    draws = [[torch.randn(8, 2), torch.randn(8, 2)] for _ in range(400)]
    for unbiased in (True, False):
        values = np.array([float(mmd2(a, b, BANDS, unbiased=unbiased)) for a, b in draws])
        error = values.std() / math.sqrt(len(values))
        assert bool(abs(values.mean()) < 4 * error) is unbiased
        assert bool(values.min() >= -1e-6) is not unbiased


def test_with_labels_the_least_is_at_the_truth() -> None:
    """Samples within a class that vary less, or more, than the data are further from them."""
    torch.manual_seed(0)
    sums = dict.fromkeys((1.0, 0.8, 1.25), 0.0)
    squares = 0.0
    for _ in range(200):
        y = torch.randint(0, 10, (32,))
        real, noise = torch.randn(32, 2) + y[:, None], torch.randn(32, 2)
        for spread in sums:
            value = float(mmd2(real, spread * noise + y[:, None], BANDS, y))
            sums[spread] += value / 200
            squares += value**2 / 200 if spread == 1 else 0.0
    assert abs(sums[1.0]) < 4 * math.sqrt(squares / 200)
    assert min(sums, key=sums.__getitem__) == 1.0


def test_equal_batches_and_gradients_are_finite() -> None:
    x = torch.randn(6, 3)
    fake = x.clone().requires_grad_()
    value = mmd2(x, fake, BANDS, unbiased=False)
    assert float(value.detach()) == pytest.approx(0, abs=1e-6)
    value.backward()
    assert fake.grad is not None and fake.grad.isfinite().all()
    still = torch.zeros(4, 3)
    assert mmd2(still, still, BANDS).isfinite(), "a median of 0 divides by nothing"


def adam(game: GMMN, lr: float) -> dict[str, torch.optim.Optimizer]:
    return {
        player: torch.optim.Adam(
            [p for n in networks for p in game.get_submodule(n).parameters()], lr
        )
        for player, networks in game.players.items()
    }


def linear(latent: int, out: int, classes: int = 0) -> nn.Module:
    return NETWORKS["mlp-generator"](
        (out,), latent=latent, classes=classes, widths=(), norm="none", output="linear"
    )


@pytest.mark.long
def test_a_generator_fits_a_shifted_gaussian() -> None:
    torch.manual_seed(0)
    mixing = torch.tensor([[1.5, 0.0], [1.0, 0.5]])
    data = torch.randn(4000, 2) @ mixing.T + torch.tensor([3.0, -2.0])
    game = GMMN(linear(2, 2), space="pixels")
    for report in Trainer(game, adam(game, 0.02), data, batch_size=256):
        if report.step == 500:
            break
    with torch.no_grad():
        x = game.sample(torch.randn(20_000, 2))
    assert torch.allclose(x.mean(0), torch.tensor([3.0, -2.0]), atol=0.15)
    assert torch.allclose(torch.cov(x.T), mixing @ mixing.T, atol=0.25)


@pytest.mark.long
def test_each_class_is_matched_with_its_own() -> None:
    """Two classes that trade places would match without labels, and must not with them."""
    torch.manual_seed(0)
    y = torch.arange(2000) % 2
    data = (4.0 * y - 2)[:, None] + 0.5 * torch.randn(2000, 1)
    game = GMMN(linear(1, 1, classes=2), space="pixels")
    with torch.no_grad():  # start with the classes exchanged
        game.G.labels.embedding.weight.zero_()[:, 0] = torch.tensor([1.0, -1.0])
        game.G.layers[0].weight[:, 1] = 2.0
    start = game.sample(torch.zeros(2, 1), torch.arange(2))
    assert start[0] > 1 > -1 > start[1]
    data_by_name = {"x": data, "y": y}
    for report in Trainer(game, adam(game, 0.05), data_by_name, batch_size=256):
        if report.step == 300:
            break
    with torch.no_grad():
        for label, centre in ((0, -2.0), (1, 2.0)):
            x = game.sample(torch.randn(2000, 1), torch.full((2000,), label))
            assert float(x.mean()) == pytest.approx(centre, abs=0.2)
            assert 0.3 < float(x.std()) < 0.8


class Parts(nn.Module):
    """A generator in two parts, on plain numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.latent = 2
        self.codes, self.decoder = linear(2, 2), linear(2, 4)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        x: Tensor = self.decoder(self.codes(z, y), y)
        return x


@pytest.mark.slow
def test_in_codes_each_player_moves_its_own_part_and_the_whole_samples() -> None:
    torch.manual_seed(0)
    plane = torch.randn(2, 4)
    data = torch.randn(4000, 2) @ plane + 1.0  # a plane in four dimensions
    game = GMMN(Parts(), linear(4, 2), space="codes", generator_moves=2, noise=0.05)
    assert game.moves(0) == ("autoencoder", "generator", "generator")
    trainer = Trainer(game, adam(game, 0.02), data, batch_size=256)

    def moved(player: str) -> set[str]:
        before = {k: v.clone() for k, v in game.state_dict().items()}
        trainer.update(player, trainer.move(player, 0, trainer.batch(player, 0)))
        after = game.state_dict()
        return {k.rpartition("layers")[0] for k, v in before.items() if not v.equal(after[k])}

    assert moved("autoencoder") == {"E.", "G.decoder."}
    assert moved("generator") == {"G.codes."}
    for report in trainer:
        if report.step == 400:
            break
    with torch.no_grad():
        x = game.sample(torch.randn(20_000, 2))
    assert torch.allclose(x.mean(0), data.mean(0), atol=0.3)
    wrong = (torch.cov(x.T) - torch.cov(data.T)).norm() / torch.cov(data.T).norm()
    assert float(wrong) < 0.15


def test_codes_are_standardised() -> None:
    torch.manual_seed(0)
    game = GMMN(Parts(), linear(4, 2), space="codes")
    code = game.encode(100 * torch.randn(64, 4) + 7, None)
    assert torch.allclose(code.mean(0), torch.zeros(2), atol=1e-5)
    assert torch.allclose(code.std(0, correction=0), torch.ones(2), atol=1e-3)


def test_what_cannot_be_meant_is_refused() -> None:
    for options in ({"space": "codes"}, {"space": "features"}, {"bandwidths": ()}):
        with pytest.raises(ValueError):
            GMMN(linear(2, 2), **{"space": "pixels", **options})  # type: ignore[arg-type]


def test_the_networks_of_the_recipe_have_the_stated_sizes() -> None:
    net = NETWORKS["code-generator"]((1, 28, 28), latent=8, code=4, widths=(16,), width=8, most=16)
    inner = (8 * 16 + 16) + (16 * 4 + 4)
    # a dense layer to 16 maps of 7x7, batch normalisation, 4x4 to 8 maps and to the image
    decoder = (4 + 1) * 16 * 49 + 2 * (16 + 8) + (16 * 16 * 8 + 8) + (16 * 8 * 1 + 1)
    assert sum(p.numel() for p in net.codes.parameters()) == inner
    assert sum(p.numel() for p in net.decoder.parameters()) == decoder
    assert net(torch.randn(3, 8)).shape == (3, 1, 28, 28)
