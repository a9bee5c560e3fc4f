"""Samples of a model against a plain loop in eval mode, with the same generator.

    python bench/sampling_speed.py
    python bench/sampling_speed.py --cases "64 px, width 64" --counts 1 4 64 \\
        --forms Model.sample products "products, any batch"

The plain loop is the usual one: `eval()`, `no_grad()`, batches of 64 from one random generator,
weights laid out as PyTorch makes them. `Model.sample` draws every latent from a generator of its
own, so that sample i of a seed is always the same, 32 at a time. The other rows are trials of more:
"folded" multiplies the running statistics of batch normalisation into the weights before it;
"products" lets deep layers go by products of matrices, by the rule of training, or ("any batch")
whatever the number of samples. Times are those of the first of --forms. Below stands how far their
samples are from `Model.sample`'s, and the size of the batch that `sample(1)` is computed in.
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
from ganzfeld.networks import gemm_conv
from ganzfeld.networks.build import build_network
from ganzfeld.networks.dcgan import DCGANGenerator

COUNT, CALLS, ROWS = 256, 16, gemm_conv.ROWS
PLAIN, OURS = "plain loop", "Model.sample"
FORMS = (PLAIN, OURS, "folded", "products", "products, any batch")
CASES = {  # channels, pixels, width of the generator
    "28 px, width 32": (1, 28, 32),
    "32 px, width 32": (3, 32, 32),
    "64 px, width 32": (3, 64, 32),
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


def plain(channels: int, pixels: int, width: int, count: int) -> Work:
    network, turns = generator(channels, pixels, width), max(1, CALLS // count)
    parts = [min(64, count - start) for start in range(0, count, 64)]

    @torch.no_grad()
    def work() -> int:
        for _ in range(turns):
            torch.cat([network(torch.randn(part, 100)) for part in parts])
        return turns * count

    return work


def shipped(channels: int, pixels: int, width: int, count: int, form: str) -> Work:
    runtime.tune()
    model, turns = model_of(channels, pixels, width, form), max(1, CALLS // count)

    def work() -> int:
        for _ in range(turns):
            model.sample(count)
        return turns * count

    return work


def model_of(channels: int, pixels: int, width: int, form: str) -> Model:
    network = generator(channels, pixels, width)
    if form == "folded":
        network = folded(network)
    if form.startswith("products"):
        gemm_conv.as_products(network)
        gemm_conv.ROWS = 1 << 30 if "any" in form else ROWS
    channels_last(network)
    about = {"shape": [channels, pixels, pixels], "latent": 100, "classes": []}
    return Model(about, network)


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


def compare(name: str, count: int, rounds: int, forms: list[str]) -> str:
    shape: tuple[int, ...] = CASES[name]
    sides: dict[str, Side] = {
        form: (plain, (*shape, count)) if form == PLAIN else (shipped, (*shape, count, form))
        for form in forms
    }
    lines = [table(f"{name}, {count} in a call", in_turns(sides, rounds))]
    known = model_of(*CASES[name], OURS).sample(count)
    for form in forms:
        if form != PLAIN:
            model = model_of(*CASES[name], form)
            for _ in range(2):  # sizes are tried at the second call
                model.sample(1)
            together = [size for (_, size), same in model.batches.same.items() if same]
            apart = float((model.sample(count) - known).abs().max())
            said = f"`sample(1)` as one of {min(together, default=32)}"
            lines.append(f"- {form}: at most {apart:.1e} apart; {said}\n")
    return "".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Samples against a plain loop.")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--counts", nargs="+", type=int, default=[COUNT], help="samples in a call")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    print(machine(), end="\n\n", flush=True)
    torch.set_num_threads(1)
    for case in options.cases:
        for count in options.counts:
            print(compare(case, count, options.rounds, options.forms), flush=True)
