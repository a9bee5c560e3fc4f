"""Coarse images of a generator with several scales follow its last image."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import avg_pool2d

from ganzfeld import Adversarial
from ganzfeld.games.consistency import consistency
from ganzfeld.networks import NETWORKS


def test_by_hand_and_no_gradient_reaches_the_last_image() -> None:
    fine = torch.arange(16.0).view(1, 1, 4, 4).requires_grad_()
    coarse = (avg_pool2d(fine.detach(), 2) + 3).requires_grad_()
    term = consistency(0.5, [coarse, fine])["consistency"]
    assert term.item() == pytest.approx(0.5 * 9)
    term.backward()
    assert fine.grad is None and coarse.grad is not None
    assert consistency(0.0, [coarse, fine]) == consistency(1.0, [fine]) == {}


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 28, 28), (3, 25, 18)])
def test_a_generator_of_scales(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    G = NETWORKS["scales-generator"](shape, width=4, most=8, latent=8, classes=2)
    z, y = torch.randn(4, 8), torch.tensor([0, 1, 0, 1])
    found = G.scales(z, y)
    assert found[-1].shape == (4, *shape)
    sides = [x.shape[2] for x in found]
    assert sides == sorted(sides) and len(found) == len(G.body.sizes) - 1
    assert torch.equal(G.eval()(z, y), G.scales(z, y)[-1])


def test_the_term_brings_scales_together() -> None:
    """With it, coarse images are much nearer to the last one than without."""
    left = {}
    for weight in (0.0, 1.0):
        torch.manual_seed(0)
        G = NETWORKS["scales-generator"]((1, 16, 16), width=4, most=8, latent=8)
        D = NETWORKS["dcgan-discriminator"]((1, 16, 16), width=4, most=8)
        game = Adversarial(G, D, consistency=weight)
        adam = torch.optim.Adam(G.parameters(), 3e-3)
        x = torch.randn(16, 1, 16, 16).tanh()
        for _ in range(40):
            terms = game.loss("generator", {"x": x})
            torch.stack(list(terms.values())).sum().backward()
            adam.step()
            adam.zero_grad()
        with torch.no_grad():
            left[weight] = float(consistency(1.0, G.scales(torch.randn(16, 8)))["consistency"])
    assert left[1.0] < 0.5 * left[0.0]


def test_it_needs_scales() -> None:
    G = NETWORKS["dcgan-generator"]((1, 16, 16), width=4)
    with pytest.raises(ValueError, match="scales"):
        Adversarial(G, NETWORKS["dcgan-discriminator"]((1, 16, 16)), consistency=1.0)
