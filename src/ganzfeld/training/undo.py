"""Undo a step that is not finite, so that it changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

Mover = tuple[Optimizer, Sequence[Tensor]]  # a player's optimiser and its parameters


class Undo:
    """Tensors as they were before a step, in memory that is taken once.

    The movers of the last move need none: their updates are masked once all is known. Those that
    moved earlier in the step do, with their optimisers' moments, and so do all buffers.
    """

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.kept: list[Tensor] = []
        self.fresh: list[tuple[Optimizer, Tensor]] = []

    @torch.no_grad()
    def keep(
        self, tensors: Sequence[Tensor], early: Sequence[Mover], late: Sequence[Mover]
    ) -> None:
        """Remember these tensors, and the parameters and moments of those that move early."""
        self.tensors = list(tensors)
        for optimiser, parameters in early:
            for p in parameters:
                moments = optimiser.state[p].values() if p in optimiser.state else ()
                self.tensors += [p, *(m for m in moments if isinstance(m, Tensor))]
        self.fresh = [
            (optimiser, p)
            for optimiser, parameters in (*early, *late)
            for p in parameters
            if p not in optimiser.state
        ]
        if len(self.kept) != len(self.tensors) or any(
            a.shape != b.shape for a, b in zip(self.kept, self.tensors, strict=True)
        ):
            self.kept = [torch.empty_like(t, requires_grad=False) for t in self.tensors]
        if self.tensors:
            torch._foreach_copy_(self.kept, self.tensors)

    @torch.no_grad()
    def unless(self, finite: Tensor) -> None:
        """Put all back where `finite` is 0; on a GPU without waiting to know, but for moments
        that this step has made."""
        if finite.device.type == "cpu" or self.fresh:
            if finite:
                return
            for optimiser, p in self.fresh:
                optimiser.state.pop(p, None)
            if self.tensors:
                torch._foreach_copy_(self.tensors, self.kept)
            return
        for tensor, old in zip(self.tensors, self.kept, strict=True):
            tensor.copy_(torch.where(finite.to(tensor.device).bool(), tensor, old))
