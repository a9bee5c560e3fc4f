"""Fit the weights of one network to another of other size or with labels, layer by layer.

A layer takes weights of the same name and shapes. Two differences are bridged:

- Numbered layers may be shifted: a generator for 64 px has one layer more at its start than one for
  32 px, so its layer 1 takes the weights of layer 0. For each list of layers, the shift that fits
  most weights is used.
- A first layer that also gets labels takes the weights of one that did not. The weights of the
  labels start at zero, so the network begins as the one without labels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

import torch
from torch import Tensor, nn

from ganzfeld.core.names import capped
from ganzfeld.networks.layers import JoinLabels

NUMBERED = re.compile(r"(.*?)\b(\d+)(\..*)")
WHOLE = 2  # dimensions from which a tensor decides whether its layer fits


class Transfer:
    """A network's state with what fits of other weights. Nothing is changed by it.

    state: all tensors by name. fresh: layers that nothing fitted. taken, size: numbers taken, and
    in all. layers_taken, count: the same of layers with matrices or kernels.
    """

    def __init__(self, network: nn.Module, weights: Mapping[str, Tensor]) -> None:
        self.network, self.weights = network, weights
        self.own: dict[str, Tensor] = network.state_dict()
        self.size = sum(t.numel() for t in self.own.values())
        self.shifts = self.best_shifts()
        self.state, self.fresh = dict(self.own), list[str]()
        self.widened, self.taken = list[str](), 0
        self.count = self.layers_taken = 0
        for layer, names in self.layers.items():
            found = {name: self.fitting(name, self.shift_of(name)) for name in names}
            whole = [n for n in names if self.own[n].dim() >= WHOLE]
            self.count += bool(whole)
            whole = whole or list(names)
            if any(found[n] is None for n in whole):
                self.fresh.append(layer)
                continue
            self.layers_taken += self.own[whole[0]].dim() >= WHOLE
            for name, value in found.items():
                if value is None:  # a buffer of another layer's shape
                    continue
                self.taken += value.numel()
                if value.shape != self.own[name].shape:
                    self.widened.append(name)
                    value = widen(value, self.own[name])
                self.state[name] = value

    @cached_property
    def layers(self) -> dict[str, list[str]]:
        """Names of tensors by the layer that they belong to; single parameters are their own."""
        found: dict[str, list[str]] = {}
        for name in self.own:
            layer = name.partition(".parametrizations.")[0]
            layer = layer if layer != name else name.rpartition(".")[0]
            found.setdefault(layer or name, []).append(name)
        return found

    @cached_property
    def labels(self) -> set[int]:
        """Inputs that labels may add to a layer."""
        found = set()
        for module in self.network.modules():
            joined = getattr(module, "joined", 0)  # of a fully connected discriminator
            width = module.width if isinstance(module, JoinLabels) else 0
            classes = getattr(module, "classes", 0)
            found |= {n for n in (joined, width, classes) if isinstance(n, int) and n > 0}
        return found

    def fitting(self, name: str, shift: int) -> Tensor | None:
        """The other weights' tensor for this one, as it lies there; None where none fits."""
        there, here = self.weights.get(shifted(name, -shift)), self.own[name]
        if there is None or there.dtype != here.dtype:
            return None
        if there.shape == here.shape:
            return there
        axis = self.inputs_of(name)
        if axis is None or there.dim() != here.dim():
            return None
        pairs = enumerate(zip(there.shape, here.shape, strict=True))
        alike = all(a == b for i, (a, b) in pairs if i != axis)
        added = here.shape[axis] - there.shape[axis]
        return there if alike and added in self.labels else None

    def inputs_of(self, name: str) -> int | None:
        """The dimension of a weight that counts inputs; None of other tensors."""
        layer, _, last = name.partition(".parametrizations.")
        if not last:
            layer, _, last = name.rpartition(".")
        if not last.endswith(("weight", "original")):
            return None
        module = self.network.get_submodule(layer)
        if isinstance(module, nn.ConvTranspose2d):
            return 0
        return 1 if isinstance(module, nn.Linear | nn.Conv2d) else None

    def shift_of(self, name: str) -> int:
        found = NUMBERED.fullmatch(name)
        return self.shifts.get(found[1], 0) if found else 0

    def best_shifts(self) -> dict[str, int]:
        """For each list of layers, by how many places they lie later here than there."""
        lists: dict[str, list[str]] = {}
        for name in self.own:
            if found := NUMBERED.fullmatch(name):
                lists.setdefault(found[1], []).append(name)
        best = {}
        for start, names in lists.items():
            most = 1 + max(
                (int(m[2]) for n in [*names, *self.weights] if (m := NUMBERED.fullmatch(n))),
                default=0,
            )

            def fits(shift: int, names: list[str] = names) -> int:
                found = (self.fitting(name, shift) for name in names)
                return sum(t.numel() for t in found if t is not None)

            best[start] = max(range(-most, most + 1), key=lambda s: (fits(s), -abs(s)))
        return best

    @property
    def words(self) -> str:
        """What was taken, for people."""
        if not self.fresh and not self.widened:
            return "whole"
        share = f"{100 * self.taken / max(self.size, 1):.0f} % of its weights"
        fresh = f", {', '.join(capped(self.fresh, 4))} afresh" if self.fresh else ""
        labels = ", labels added" if self.widened else ""
        return f"{share}{labels}{fresh}"


def shifted(name: str, by: int) -> str:
    """The name of a tensor with its first number moved."""
    found = NUMBERED.fullmatch(name)
    return f"{found[1]}{int(found[2]) + by}{found[3]}" if found and by else name


def widen(there: Tensor, here: Tensor) -> Tensor:
    """`there` with zeros behind it in the shape of `here`."""
    wide = torch.zeros_like(here)
    wide[tuple(slice(0, side) for side in there.shape)] = there
    return wide
