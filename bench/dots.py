"""Where dots in flat areas come from: which layer of a trained generator makes them.

    python bench/dots.py OUT/faces-default-60s-0.safetensors faces.zip@64

Takes what `bench/default_look.py` kept. Each line changes one thing in the trained generator and
says what its images' spectrum is then, in times of the data's: the top octave, what changes with
each pixel along one axis at least, and along both (a checkerboard). *same* is the part of the
checkerboard that is the same in all images. Nothing is trained.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from default_look import opened, spectral
from quality import parse_data
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn.functional import pad

from ganzfeld.modalities.image import draw
from ganzfeld.networks import NETWORKS
from ganzfeld.networks.smooth import Blur

COUNT = 256
Change = Callable[[Tensor], Tensor]


def network(path: Path, kind: str, name: str) -> nn.Module:
    """G or D; kind: "mean" for averaged weights, "raw" for those of the last step."""
    with safe_open(path, "pt") as file:
        options = json.loads(file.metadata()["networks"])[name]
        first = f"{kind}.{name}."
        state = {
            key.removeprefix(first): file.get_tensor(key)
            for key in file.keys()  # noqa: SIM118 - no mapping
            if key.startswith(first)
        }
    made = {"G": "dcgan-generator", "D": "dcgan-discriminator"}[name]
    found: nn.Module = NETWORKS[made](**options)
    found.load_state_dict(state)
    return found.eval()


def images(generator: Any, z: Tensor) -> Tensor:
    y = labels(len(z), generator.labels.classes)
    with torch.no_grad():
        parts = [slice(first, first + 16) for first in range(0, len(z), 16)]
        return torch.cat([generator(z[at], None if y is None else y[at]) for at in parts])


def labels(count: int, classes: int) -> Tensor | None:
    return torch.arange(count) % classes if classes else None


def changed(generator: Any, level: int, change: Change, z: Tensor) -> Tensor:
    """Images, where the map that a transposed convolution makes is changed."""
    handle = generator.blurs[level].register_forward_hook(lambda module, taken, x: change(x))
    try:
        return images(generator, z)
    finally:
        handle.remove()


def blurred(x: Tensor) -> Tensor:
    return torch.as_tensor(Blur(x.shape[1])(pad(x, (1, 1, 1, 1), mode="replicate")))


def level_places(x: Tensor) -> Tensor:
    """The means of each channel at the four places of a 2x2 step made equal."""
    x = x.clone()
    whole = x.mean((0, 2, 3), keepdim=True)
    for i in range(2):
        for j in range(2):
            part = x[:, :, i::2, j::2]
            part += whole - part.mean((0, 2, 3), keepdim=True)
    return x


def same(x: Tensor) -> float:
    """The part of the checkerboard's power that all images share."""
    signs = (-1.0) ** (torch.arange(x.shape[2])[:, None] + torch.arange(x.shape[3]))
    board = (x * signs).mean((2, 3))
    return float((board.mean(0) ** 2).sum() / (board**2).mean(0).sum())


def slope(discriminator: nn.Module, x: Tensor, classes: int) -> float:
    """Power of D's gradient at the checkerboard, in times of the mean of all frequencies."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(x, labels(len(x), classes)).sum(), x)
    power = (torch.fft.fft2(gradient).abs() ** 2).mean((0, 1))
    return float(power[x.shape[2] // 2, x.shape[3] // 2] / power.mean())


def main() -> None:
    torch.set_num_threads(1)
    path, data = Path(sys.argv[1]), parse_data(f"data={sys.argv[2]}")
    pack = opened(data)
    real = np.asarray(pack.rows(np.arange(min(2000, len(pack))))["x"])
    generator: Any = network(path, "mean", "G")
    last: Any = network(path, "raw", "G")
    z = torch.randn(COUNT, generator.latent, generator=torch.Generator().manual_seed(1))
    found = {"as it is": images(generator, z), "weights of the last step": images(last, z)}
    generator.train()
    found["normalised by each batch of 16"] = images(generator.requires_grad_(False), z)
    generator = network(path, "mean", "G")
    levels = range(len(generator.blurs))
    for level, size in zip(levels, generator.sizes[1:], strict=True):
        name = f"filtered behind the convolution to {size[0]} px"
        found[name] = changed(generator, level, blurred, z)
    name = "last map: means of the four places made equal"
    found[name] = changed(generator, levels[-1], level_places, z)
    print(
        "| images | top octave | one axis | checkerboard | same |",
        "|---|---|---|---|---|",
        sep="\n",
    )
    for name, x in found.items():
        row = spectral(draw.to_pixels(x), real)
        cells = [f"{row[part]:.3g}" for part in ("octave", "nyquist", "board")]
        print(f"| {name} | {' | '.join(cells)} | {same(x):.2f} |")
    judge = network(path, "raw", "D")
    power = slope(judge, found["as it is"], generator.labels.classes)
    print(f"\nD's gradient at the checkerboard: {power:.2f} of its mean power")


if __name__ == "__main__":
    main()
