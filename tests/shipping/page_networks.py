"""One small network for each architecture, with one row of what it takes."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from ganzfeld.networks import NETWORKS
from ganzfeld.shipping.page_graph import Graph, graph_of

SMALL: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "dcgan": ("dcgan-generator", (3, 50, 34), {"latent": 8, "width": 4, "classes": 3, "refine": 4}),
    "dcgan-plain": ("dcgan-generator", (3, 32, 32), {"latent": 8, "width": 4, "norm": "none"}),
    "dcgan-blurred": (
        "dcgan-generator",
        (3, 50, 34),
        {"latent": 8, "width": 4, "refine": 4, "blur": 2, "smooth": True},
    ),
    "line": (
        "dcgan-generator",
        (1, 64),
        {
            **{"latent": 8, "width": 4, "padding": "circular", "noise": 1},
            **{"conditions": 2, "output": "identity", "gains": True},
        },
    ),
    "torus": ("dcgan-generator", (2, 16, 16), {"latent": 8, "width": 4, "padding": "circular"}),
    "volume": ("dcgan-generator", (1, 8, 8, 16), {"latent": 8, "width": 4, "output": "relu"}),
    "deposits": (
        "deposit-generator",
        (2, 16, 16),
        {"latent": 8, "width": 4, "conditions": 1, "expected": [5.0, 0.5]},
    ),
    "residual": ("residual-generator", (3, 40, 28), {"latent": 8, "width": 8, "classes": 3}),
    "patches": ("residual-generator", (3, 28, 28), {"latent": 8, "width": 8, "patch": 2}),
    "codes": ("code-generator", (3, 32, 32), {"latent": 8, "width": 4, "widths": (16,)}),
    "mlp": ("mlp-generator", (3, 8, 8), {"latent": 8, "classes": 2, "widths": (16, 32)}),
    "mnist": ("mnist-generator", (1, 28, 28), {"classes": 3, "width": 4}),
    "celeba": ("celeba-generator", (3, 64, 64), {"width": 4}),
    "anime": ("anime-generator", (3, 96, 96), {"width": 4}),
    "wave": ("wave-generator", (1, 1024), {"width": 4, "classes": 2}),
    "series": ("series-generator", (2, 20), {"static": 4, "noise": 2, "hidden": 12, "classes": 2}),
    "lines": (
        "text-generator",
        (9,),
        {"symbols": 7, "noise": 3, "hidden": 10, "embedding": 6, "classes": 2},
    ),
    "rows": (
        "table-generator",
        ([1, 4], [0, 3], [1, 0], [0, 4]),
        {
            **{"shares": [0.4, 0.2, 0.3, 0.1, 0.5, 0.2, 0.3, *[0.25] * 4]},
            **{"noise": 6, "embedding": 5, "widths": [8], "spread": True},
            "modes": [[1, 3], [0, 0]],
        },
    ),
    "judge": ("dcgan-discriminator", (3, 32, 32), {"width": 4, "classes": 3}),
    "residual-judge": ("residual-discriminator", (3, 32, 28), {"width": 8, "classes": 3}),
    "cyclegan": ("residual-translator", (3, 33, 40), {"width": 4, "blocks": 1}),
    "pix2pix": ("unet-translator", (3, 33, 40), {"width": 4, "depth": 4}),
}

LARGE = {"line", "residual", "mnist", "celeba", "anime"}  # no operator that others lack


def small(name: str) -> tuple[nn.Module, dict[str, Tensor]]:
    """The network, its weights and statistics away from their start, and its inputs."""
    kind, shape, options = SMALL[name]
    torch.manual_seed(sum(map(ord, name)))
    if kind.endswith("translator"):
        network: nn.Module = NETWORKS[kind](3, 3, **options)
    else:
        network = NETWORKS[kind](shape, **options)
    for key, value in network.state_dict().items():
        if value.is_floating_point() and value.dim() < 2:
            value.add_(torch.rand_like(value).mul_(0.2 if "var" in key or "mean" in key else 0.1))
    network = network.eval().requires_grad_(False)
    inputs: dict[str, Tensor] = {}
    if "generator" in kind:
        inputs["z"] = torch.randn(1, int(network.latent))  # type: ignore[call-overload]
    else:
        inputs["x"] = torch.rand(1, *shape) * 2 - 1
    if options.get("classes"):
        inputs["y"] = torch.tensor([1])
    if options.get("conditions"):
        inputs["c"] = torch.randn(1, options["conditions"])
    return network, inputs


@cache
def traced(name: str) -> tuple[nn.Module, dict[str, Tensor], Graph]:
    """The same with its graph, made once for all that compute with it. Nothing changes them."""
    network, inputs = small(name)
    return network, inputs, graph_of(network, inputs)
