"""Linear layers by oneDNN: the same numbers as PyTorch's own, derivatives included."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzfeld.networks import onednn_linear
from ganzfeld.networks.mlp import MLPDiscriminator

pytestmark = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="this PyTorch has no oneDNN"
)


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[torch.Size]:
    """Shapes of what goes by oneDNN, on any processor."""
    seen: list[torch.Size] = []
    real = onednn_linear.product

    def watched(a: Tensor, b: Tensor) -> Tensor:
        seen.append(a.shape)
        return real(a, b)

    monkeypatch.setattr(onednn_linear, "mkl_is_slow", lambda: True)
    monkeypatch.setattr(onednn_linear, "product", watched)
    return seen


def pair(bias: bool = True) -> tuple[nn.Linear, nn.Linear]:
    torch.manual_seed(0)
    ours, plain = onednn_linear.Linear(300, 256, bias=bias), nn.Linear(300, 256, bias=bias)
    plain.load_state_dict(ours.state_dict())
    return ours, plain


@pytest.mark.parametrize("bias", [True, False])
def test_values_and_two_derivatives_are_those_of_pytorch(
    bias: bool, products: list[torch.Size]
) -> None:
    def found(layer: nn.Linear) -> list[Tensor]:
        x = torch.randn(8, 300, generator=torch.Generator().manual_seed(1), requires_grad=True)
        y = layer(x)
        slopes = torch.func.grad(lambda v: layer(v).sigmoid().sum())(x)  # as penalties take it
        loss = y.square().mean() + slopes.square().sum()
        return [y, slopes, *torch.autograd.grad(loss, [x, *layer.parameters()])]

    ours, plain = pair(bias)
    for mine, theirs in zip(found(ours), found(plain), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
    assert len(products) >= 6  # forward twice, and all of the derivatives


@pytest.mark.parametrize(
    "x",
    [torch.zeros(0, 300), torch.randn(2, 3, 300), torch.randn(300)],
    ids=["empty", "three dimensions", "one"],
)
def test_what_does_not_suit_goes_pytorchs_way(x: Tensor, products: list[torch.Size]) -> None:
    ours, plain = pair()
    assert torch.equal(ours(x), plain(x)) and not products


def test_other_precisions_and_small_layers_go_pytorchs_way(products: list[torch.Size]) -> None:
    ours, _ = pair()
    with torch.autocast("cpu", torch.bfloat16):
        assert ours(torch.randn(4, 300)).dtype == torch.bfloat16
    assert ours.double()(torch.randn(4, 300).double()).dtype == torch.float64
    onednn_linear.Linear(10, 10)(torch.randn(4, 10))
    assert not products


@pytest.mark.parametrize(
    ("has", "slow"),
    [
        ({"cpu_name": "AMD EPYC", "avx512_f": True}, True),
        ({"cpu_name": "AMD Ryzen 5 3600", "avx512_f": False}, False),
        ({"cpu_name": "Intel(R) Xeon(R)", "avx512_f": True}, False),
        ({}, False),
    ],
)
def test_only_amd_with_avx512_goes_around_mkl(
    has: dict[str, Any], slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    assert onednn_linear.mkl_is_slow.__wrapped__() is (slow and torch._C.has_mkl)


def test_spectral_normalisation_goes_with_it(products: list[torch.Size]) -> None:
    net = MLPDiscriminator((1, 28, 28), spectral=True)
    logits = net(torch.randn(4, 1, 28, 28))
    assert len(products) == 2  # the two large layers
    logits.sum().backward()
    assert all(p.grad is not None for p in net.parameters())
