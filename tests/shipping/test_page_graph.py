"""A page's graph gives what the network gives, for every architecture that the page draws."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import torch
from page_networks import LARGE, SMALL, traced
from page_node import needs_node, node

from ganzfeld.errors import UsageError
from ganzfeld.shipping.page_graph import graph_of
from ganzfeld.shipping.page_html import document, engine_files
from ganzfeld.shipping.page_numpy import run
from ganzfeld.shipping.page_wasm import product

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.long] if n in LARGE else []) for n in SMALL]
)
def test_numpy_computes_from_the_graph_what_torch_computes_from_the_network(name: str) -> None:
    network, inputs, graph = traced(name)
    inputs = {k: v - 1 if k == "y" else -v for k, v in inputs.items()}  # not as traced
    with torch.no_grad():
        expected = network(**inputs).numpy()
    found = run(graph.to_json(), graph.state, {k: v.numpy() for k, v in inputs.items()})
    assert np.ptp(expected) > 1e-3 or name.endswith("judge")
    np.testing.assert_allclose(found, expected, atol=2e-5, rtol=1e-4)


DRAW = """
const state = {};
for (const [name, text] of Object.entries(given.state)) {
  const b = Buffer.from(text, "base64");
  state[name] = new Float32Array(b.buffer.slice(b.byteOffset, b.byteOffset + b.length));
}
const found = [Buffer.from(given.wasm, "base64"), null].map((wasm) => {
  const net = new Network(given.graph, state, wasm);
  const rows = given.inputs.map((one) => Array.from(net.draw(one)));
  return { rows, wasm: net.run.toString().includes("exports") };
});
console.log(JSON.stringify(found));
"""


def drawn(graph: Any, inputs: list[dict[str, torch.Tensor]]) -> Any:
    """What the page draws with products in WebAssembly, and without."""
    given = {
        "graph": graph.to_json(),
        "state": {k: base64.b64encode(v.tobytes()).decode() for k, v in graph.state.items()},
        "inputs": [{k: v.flatten().tolist() for k, v in one.items()} for one in inputs],
        "wasm": base64.b64encode(product()).decode(),
    }
    operators = {node[0] for node in graph.nodes}  # and the page has the files of no others
    return node(DRAW, *engine_files(operators), given=given)


KINDS = {  # of networks for other samples than images
    **dict.fromkeys(("line", "torus", "volume", "deposits"), "field"),
    **{"wave": "audio", "series": "series", "lines": "text", "rows": "table"},
    **dict.fromkeys(("cyclegan", "pix2pix"), "translation"),
}

MOST = 37  # KB of a page without graph and weights


def bare(graph: Any, kind: str) -> str:
    """The page of such a network without its weights and its graph."""
    nodes = [[operator] for operator in {node[0] for node in graph.nodes}]
    task = "translation" if kind == "translation" else "generation"
    model = {"modality": kind, "task": task, "graphs": {"G": {"nodes": nodes}}, "tensors": []}
    return document({"model": model}, b"", kind)


LONG = LARGE | {"dcgan-plain", "judge", "mlp"}  # whose parts others have, too


@needs_node
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.long] if n in LONG else []) for n in SMALL]
)
def test_javascript_computes_what_torch_computes(name: str) -> None:
    network, inputs, graph = traced(name)
    other = {k: v - 1 if k == "y" else v.flip(1) for k, v in inputs.items()}
    with torch.no_grad():  # the first again at the end: memory that is used again forgets nothing
        expected = [network(**one).numpy().ravel() for one in (inputs, other, inputs)]
    for wasm, found in zip((True, False), drawn(graph, [inputs, other, inputs]), strict=True):
        assert found["wasm"] == wasm
        assert found["rows"][0] == found["rows"][2]
        for row, wanted in zip(found["rows"], expected, strict=True):
            np.testing.assert_allclose(np.array(row), wanted, atol=2e-5, rtol=1e-4)
    kind = KINDS.get(name, "image")
    assert len(bare(graph, kind).encode()) <= 1000 * MOST


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
