"""Samples of a model against a plain loop in eval mode, with the same generator.

    python bench/sampling_speed.py
    python bench/sampling_speed.py --cases "64 px, width 64"

The plain loop is the usual one: `eval()`, `no_grad()`, batches of 64 from one random generator,
weights laid out as PyTorch makes them. `Model.sample` draws every latent from a generator of its
own, so that sample i of a seed is always the same, 32 at a time. "folded" is the trial of one
more step: the running statistics of batch normalisation multiplied into the weights before it.
"""

from __future__ import annotations

import argparse
import copy
from typing import Any

import torch
from timing import Side, Work, in_turns, machine, table
from torch import nn

from ganzfeld.config import Part
from ganzfeld.core import runtime
from ganzfeld.modalities.image.tensors import channels_last
from ganzfeld.models.model import Model
from ganzfeld.networks.build import build_network
from ganzfeld.networks.dcgan import DCGANGenerator

COUNT = 256
CASES = {  # channels, pixels, width of the generator
    "28 px, width 32": (1, 28, 32),
    "32 px, width 32": (3, 32, 32),
    "64 px, width 64": (3, 64, 64),
}


def generator(channels: int, pixels: int, width: int) -> nn.Module:
    """A generator with weights and running statistics that are not those of a fresh one."""
    torch.manual_seed(0)
    options = {"shape": [channels, pixels, pixels], "width": width, "most": 8 * width}
    network = build_network(Part(name="dcgan-generator", options=options)).train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(64, 100))
    return network.eval()


def plain(channels: int, pixels: int, width: int) -> Work:
    network = generator(channels, pixels, width)

    @torch.no_grad()
    def work() -> int:
        drawn = [network(torch.randn(64, 100)) for _ in range(COUNT // 64)]
        return len(torch.cat(drawn))

    return work


def shipped(channels: int, pixels: int, width: int, fold: bool) -> Work:
    runtime.tune()
    network = generator(channels, pixels, width)
    if fold:
        network = folded(network)
    channels_last(network)
    about = {"shape": [channels, pixels, pixels], "latent": 100, "classes": []}
    model = Model(about, network)
    return lambda: len(model.sample(COUNT))


@torch.no_grad()
def folded(network: nn.Module) -> nn.Module:
    """A copy without batch normalisation that draws the same, up to rounding."""
    network = copy.deepcopy(network)
    assert isinstance(network, DCGANGenerator)
    z = torch.randn(4, network.latent)
    expected = network(z)
    before: Any = network.linear
    for number, up in enumerate(network.ups):
        norm: Any = network.norms[number]
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        shift = norm.bias - norm.running_mean * scale
        if isinstance(before, nn.Linear):
            area = before.out_features // len(scale)
            scale, shift = scale.repeat_interleave(area), shift.repeat_interleave(area)
            before.weight.mul_(scale[:, None])
        else:
            before.weight.mul_(scale[None, :, None, None])
        before.bias.mul_(scale).add_(shift)
        network.norms[number] = nn.Identity()
        before = up
    torch.testing.assert_close(network(z), expected, atol=1e-5, rtol=0)
    return network


def compare(name: str, rounds: int) -> str:
    shape: tuple[int, ...] = CASES[name]
    sides: dict[str, Side] = {
        "plain loop": (plain, shape),
        "Model.sample": (shipped, (*shape, False)),
        "the same, folded": (shipped, (*shape, True)),
    }
    return table(name, in_turns(sides, rounds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Samples against a plain loop.")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    print(machine(), end="\n\n", flush=True)
    for case in options.cases:
        print(compare(case, options.rounds), flush=True)
