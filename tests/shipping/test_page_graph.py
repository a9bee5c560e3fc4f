"""A page's graph gives what the network gives, for every architecture that the page draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from page_networks import LARGE, SMALL, small

from ganzfeld.errors import UsageError
from ganzfeld.shipping.page_graph import graph_of
from ganzfeld.shipping.page_numpy import run


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.long] if n in LARGE else []) for n in SMALL]
)
def test_numpy_computes_from_the_graph_what_torch_computes_from_the_network(name: str) -> None:
    network, inputs = small(name)
    graph = graph_of(network, inputs)
    inputs = {k: v - 1 if k == "y" else -v for k, v in inputs.items()}  # not as traced
    with torch.no_grad():
        expected = network(**inputs).numpy()
    found = run(graph.to_json(), graph.state, {k: v.numpy() for k, v in inputs.items()})
    assert np.ptp(expected) > 1e-3 or name.endswith("judge")
    np.testing.assert_allclose(found, expected, atol=2e-5, rtol=1e-4)


def test_networks_that_the_page_cannot_draw_are_refused_with_a_sentence() -> None:
    class Fourier(torch.nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return torch.fft.rfft(z).real

    with pytest.raises(UsageError, match="fft_rfft"):
        graph_of(Fourier(), {"z": torch.zeros(1, 8)})

    class Asking(torch.nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return z if z.sum() > 0 else -z

    with pytest.raises(UsageError, match="depend on its input"):
        graph_of(Asking(), {"z": torch.zeros(1, 8)})
