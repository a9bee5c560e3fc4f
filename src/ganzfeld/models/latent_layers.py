"""Which layers of a generator take the latent: found by running it, whatever its class is.

Editing needs them: directions are read off the weights of these layers (Shen and Zhou 2021), and
samples are mixed by giving later layers another latent.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

PROBES = 4  # latents that are told apart
LINEAR = (
    nn.Linear,
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)

Model = Any  # a `ganzfeld.Model`, which itself imports this module


@dataclass(frozen=True)
class Entry:
    """A linear layer whose input holds entries of the latent as they are.

    places: (k,) of the layer's flattened input that hold them. entries: (k,) of the latent.
    alone: whether the rest of its input is the same for every latent: a class, numbers, nothing.
    shape: of one input.
    """

    name: str
    layer: nn.Module
    places: Tensor
    entries: Tensor
    alone: bool
    shape: tuple[int, ...]

    def response(self) -> Tensor:
        """What the layer's output gains by each of `entries`, (k, outputs), float64."""
        layer = copy.deepcopy(self.layer).cpu().double()
        rows = torch.zeros(len(self.places) + 1, *self.shape, dtype=torch.float64)
        rows.flatten(1)[torch.arange(len(self.places)), self.places] = 1.0
        with torch.no_grad():
            out: Tensor = layer(rows).flatten(1)
        return out[:-1] - out[-1]

    def swapped(self, given: Tensor, other: Tensor) -> Tensor:
        """An input (N, ...) of the layer with the entries of other latents (N, latent)."""
        found = given.clone()
        flat = found.reshape(len(found), -1)
        flat[:, self.places] = other[:, self.entries].to(flat)
        return flat.view(given.shape)


@torch.no_grad()
def entries_of(model: Model) -> list[Entry]:
    """The layers of a model's generator that take its latent, in the order in which they run.

    Empty where no layer sees entries of the latent unchanged, as after a normalisation.

    Example::

        import ganzfeld
        from ganzfeld.models.latent_layers import entries_of

        model = ganzfeld.load("runs/avatars-default")
        print([entry.name for entry in entries_of(model)])
    """
    z = torch.randn(PROBES, model.latent, generator=torch.Generator().manual_seed(0))
    order = z[0].argsort()
    known = z[0, order].contiguous()
    found: list[Entry] = []

    def look(name: str, layer: nn.Module, given: tuple[Any, ...]) -> None:
        x = given[0].detach().float().cpu()
        if len(x) != PROBES or any(entry.layer is layer for entry in found):
            return
        flat = x.flatten(1)
        at = torch.searchsorted(known, flat[0].contiguous()).clamp(max=len(known) - 1)
        same = (flat == z[:, order[at]]).all(0)
        if not same.any():
            return
        rest = flat[:, ~same]
        places = same.nonzero()[:, 0]
        alone = bool(torch.allclose(rest, rest[:1].expand_as(rest)))
        found.append(Entry(name, layer, places, order[at][same], alone, tuple(x.shape[1:])))

    hooks = [
        layer.register_forward_pre_hook(lambda own, given, name=name: look(name, own, given))
        for name, layer in model.generator.named_modules()
        if isinstance(layer, LINEAR)
    ]
    try:
        model.draw(z, *shared(model, PROBES))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def shared(model: Model, count: int) -> tuple[list[int] | None, Tensor | None]:
    """One class and one row of conditions for `count` latents, where the model has such."""
    classes = [0] * count if model.classes else None
    own = model.numbers_of([0], 0, None)
    return classes, None if own is None else own.expand(count, -1)


@contextmanager
def swapping(entries: Sequence[Entry], other: Tensor) -> Iterator[None]:
    """In it, these layers take the entries of other latents (N, latent)."""
    hooks = [
        entry.layer.register_forward_pre_hook(
            lambda layer, given, entry=entry: (entry.swapped(given[0], other), *given[1:])
        )
        for entry in entries
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
