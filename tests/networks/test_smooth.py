"""The filters stop what changes with each entry, pass the rest, and leave no tensor behind."""

from __future__ import annotations

import pytest
import torch

from ganzfeld.networks import NETWORKS
from ganzfeld.networks.smooth import Blur, Smooth


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


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_a_blur_stops_the_finest_and_passes_half_of_the_next(dimensions: int) -> None:
    sides = [8] * dimensions
    flat = torch.full((2, 3, *sides), 0.7)
    wave = torch.cos(torch.arange(8.0) * torch.pi / 2).expand(1, 3, *sides)
    board = ((-1.0) ** torch.arange(8.0)).expand(1, 3, *sides)
    for padding, left in (("zeros", 6), ("circular", 8)):
        blur = Blur(3, dimensions, padding)  # type: ignore[arg-type]
        assert blur(flat).shape == (2, 3, *[left] * dimensions)
        assert torch.allclose(blur(flat), torch.tensor(0.7), atol=1e-6), "flat areas stay"
        assert blur(board).abs().max() < 1e-6, "what changes with each entry goes"
        assert blur(wave).abs().max().item() == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(
    "shape", [(3, 50, 37), (1, 28, 28), (2, 6, 90), (2, 64), (1, 8, 8, 16), (3, 3, 2)]
)
@pytest.mark.parametrize("padding", ["zeros", "circular"])
def test_a_blurred_generator_has_the_shape_and_the_tensors_of_another(
    shape: tuple[int, ...], padding: str
) -> None:
    options = {"width": 4, "refine": 4, "padding": padding, "uneven": shape == (2, 6, 90)}
    torch.manual_seed(0)
    plain = NETWORKS["dcgan-generator"](shape, **options)
    torch.manual_seed(0)
    blurred = NETWORKS["dcgan-generator"](shape, **options, blur=1)
    sizes = {name: value.shape for name, value in plain.state_dict().items()}
    assert sizes == {name: value.shape for name, value in blurred.state_dict().items()}
    z = torch.randn(2, 100)
    a, b = plain.eval()(z), blurred.eval()(z)
    assert a.shape == b.shape == (2, *shape)
    assert torch.equal(a, b) == (shape == (3, 3, 2)), "nothing is enlarged there, so not filtered"
    with pytest.raises(ValueError, match="blur counts layers"):
        NETWORKS["dcgan-generator"](shape, **options, blur=-1)


def test_as_many_maps_as_asked_for_lose_their_checkerboard() -> None:
    def boards(blur: int) -> list[float]:
        """Of each enlarged map: what changes with each entry along both axes, in its size."""
        torch.manual_seed(0)
        network = NETWORKS["dcgan-generator"]((1, 32, 32), width=8, refine=8, blur=blur)
        found: list[float] = []

        def look(module: torch.nn.Module, taken: object, x: torch.Tensor) -> None:
            sides = x.shape[2:]
            signs = (-1.0) ** (torch.arange(sides[0])[:, None] + torch.arange(sides[1]))
            found.append(((x * signs).mean((2, 3)).std() / x.std()).item())

        for layer in network.blurs:
            layer.register_forward_hook(look)
        with torch.no_grad():
            network(torch.randn(64, 100))
        return found

    none, last, both = boards(0), boards(1), boards(2)
    assert last[2] < 0.1 * none[2], (none, last)
    assert last[:2] == none[:2], "earlier maps are as they were"
    assert both[1] < 0.1 * none[1] and both[0] == none[0], (none, both)
