"""Networks for series: shapes, noise in every step, conditions, and the batch in a logit."""

from __future__ import annotations

import pytest
import torch

from ganzfeld.games.adversarial import Adversarial
from ganzfeld.networks import NETWORKS
from ganzfeld.networks.series import SeriesDiscriminator, SeriesGenerator
from ganzfeld.networks.series_inputs import Memory

torch.manual_seed(0)


@pytest.mark.parametrize("shape", [(1, 4), (2, 48), (9, 20)])
def test_series_of_all_shapes_go_through(shape: tuple[int, int]) -> None:
    G = SeriesGenerator(shape, static=4, noise=2, hidden=8, classes=3, conditions=2)
    D = SeriesDiscriminator(shape, width=8, hidden=8, classes=3, conditions=2)
    z, y, c = torch.randn(5, G.latent), torch.arange(5) % 3, torch.randn(5, 2)
    x = G(z, y, c)
    assert x.shape == (5, *shape) and G.latent == 4 + 2 * shape[1]
    assert D(x, y, c).shape == (5,)
    assert not torch.equal(G(z, (y + 1) % 3, c), x) and not torch.equal(G(z, y, c + 1), x)


def test_noise_of_a_step_reaches_it_and_what_follows_alone() -> None:
    G = SeriesGenerator((1, 12), static=4, noise=2, hidden=8)
    z = torch.randn(1, G.latent)
    other = z.clone()
    other[:, 4 + 2 * 6 : 4 + 2 * 7] += 1.0
    with torch.no_grad():
        apart = (G(other) - G(z)).abs()[0, 0]
    assert (apart[:6] == 0).all() and apart[6] > 0 and apart[7:].max() > 0


def test_a_collapsed_batch_has_other_logits_while_it_trains_only() -> None:
    D = SeriesDiscriminator((1, 16), width=8, hidden=8)
    x = torch.randn(8, 1, 16)
    with torch.no_grad():
        varied = D(x)[:1]
        same = D(x[:1].expand(8, -1, -1))[:1]
        assert not torch.allclose(varied, same)
        D.eval()
        assert torch.allclose(D(x)[:1], D(x[:1]), atol=1e-5), "each series by itself"


def test_memory_is_the_mean_product_at_each_lag() -> None:
    x = torch.randn(3, 2, 20)
    side = Memory((2, 20))
    found = side(x).sinh()
    assert found.shape == (3, side.width)
    assert torch.allclose(found[:, :2], x.mean(2), atol=1e-5)
    lag = side.lags[1]
    place = 2 + (2 * 2 + 2)
    exact = torch.einsum("nit,njt->nij", x[:, :, lag:], x[:, :, :-lag]).flatten(1) / (20 - lag)
    assert torch.allclose(found[:, place : place + 4], exact, atol=1e-4)


def test_penalties_by_differences_need_no_second_derivative() -> None:
    """As on a GPU, whose recurrent units have none."""
    G = NETWORKS["series-generator"]((1, 8), static=4, noise=2, hidden=8)
    D = NETWORKS["series-discriminator"]((1, 8), width=8, hidden=8)
    game = Adversarial(G, D, loss="relativistic", r1=1.0, r2=1.0, difference=0.01)
    taken = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: taken.append(1) or t):
        losses = game.loss("discriminator", {"x": torch.randn(4, 1, 8)})
        assert set(losses) == {"adversarial", "r1", "r2"} and losses["r1"] > 0
        assert not taken, "the loss itself goes through no backward pass"
        sum(losses.values()).backward()  # type: ignore[union-attr]
    assert taken
