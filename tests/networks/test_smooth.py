"""The filter stops what changes with each pixel, passes the rest, and leaves no tensor behind."""

from __future__ import annotations

import pytest
import torch

from ganzfeld.networks import NETWORKS
from ganzfeld.networks.smooth import Smooth


def test_what_passes() -> None:
    smooth = Smooth(3, 12, 10)
    flat = torch.full((2, 3, 12, 10), 0.7)
    assert torch.allclose(smooth(flat), flat, atol=1e-6), "flat areas stay, borders included"
    along = torch.arange(12.0)[:, None] + torch.arange(10.0)
    board = (-1.0) ** along
    inner = smooth(board.expand(1, 3, 12, 10))[:, :, 2:-2, 2:-2]
    assert inner.abs().max() < 1e-6, "a checkerboard of single pixels goes"
    wave = torch.cos(torch.arange(10.0) * torch.pi / 2).expand(1, 3, 12, 10)
    part = smooth(wave)[0, 0, 5, 4] / wave[0, 0, 5, 4]
    assert part.item() == pytest.approx(0.75, abs=1e-6), "three quarters pass at four pixels"


def test_a_generator_with_it_has_no_more_tensors() -> None:
    shape = (3, 16, 16)
    torch.manual_seed(0)
    plain = NETWORKS["dcgan-generator"](shape, width=4, refine=4)
    torch.manual_seed(0)
    smooth = NETWORKS["dcgan-generator"](shape, width=4, refine=4, smooth=True)
    assert plain.state_dict().keys() == smooth.state_dict().keys()
    z = torch.randn(4, 100)
    a, b = plain.eval()(z), smooth.eval()(z)
    assert a.shape == b.shape and not torch.allclose(a, b)

    def board(x: torch.Tensor) -> float:
        return torch.fft.fft2(x.detach())[:, :, 8, 8].abs().mean().item()

    assert board(b) < 0.2 * board(a)
    with pytest.raises(ValueError, match="smooth"):
        NETWORKS["dcgan-generator"]((1, 16), smooth=True)
