"""A batch in parts that are computed one after another: less memory, the same step."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from ganzfeld.config import Config, Run
from ganzfeld.core import distributed
from ganzfeld.core.shares import DrawnWhole
from ganzfeld.core.types import Batch, Losses
from ganzfeld.errors import UsageError


def split(batch: Batch, parts: int) -> Iterator[Batch]:
    """The parts of a batch, all of the same size, in order."""
    if parts == 1:
        yield batch
        return
    pieces = {name: column.chunk(parts) for name, column in batch.items()}
    for part in range(parts):
        yield {name: column[part] for name, column in pieces.items()}


def drawn(batch: Batch, part: int, parts: int) -> AbstractContextManager[object]:
    """Around the loss of a part: its random draws are those of its rows in the whole batch."""
    if parts == 1:
        return contextlib.nullcontext()
    return DrawnWhole(len(next(iter(batch.values()))), part, parts)


def mean(losses: list[Losses]) -> Losses:
    """Each term's mean over the parts, which is the mean over all samples."""
    if len(losses) == 1:
        return losses[0]
    return {name: torch.stack([one[name] for one in losses]).mean() for name in losses[0]}


class Buffers:
    """What a network measures in passing, such as running means, over the parts of one move.

    Every part begins with what there was before, and the mean of their changes remains: a whole
    batch changes them once, and so do its parts. Whole numbers count on from part to part.
    """

    def __init__(self, game: nn.Module, parts: int) -> None:
        self.tensors: list[Tensor] = []
        if parts > 1:
            self.tensors = [b for b in game.buffers() if b.is_floating_point()]
        self.before = [b.clone() for b in self.tensors]
        self.changes = [torch.zeros_like(b) for b in self.tensors]
        self.parts = parts

    @torch.no_grad()
    def after_part(self) -> None:
        for buffer, before, change in zip(self.tensors, self.before, self.changes, strict=True):
            change += buffer - before
            buffer.copy_(before)

    @torch.no_grad()
    def after_all(self) -> None:
        for buffer, change in zip(self.tensors, self.changes, strict=True):
            buffer += change / self.parts


def together(game: nn.Module) -> list[str]:
    """What of a game looks at the samples of a batch together, in words.

    Where there is nothing, a batch in parts gives the step of the whole batch but for rounding.
    Else each part is a batch of its own for that.
    """
    found = {}
    for name, module in game.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            found[f"batch normalisation in {name.partition('.')[0]}"] = True
        elif words := getattr(module, "whole_batch", ""):
            found[words] = True
    return list(found)


def check(run: Run) -> None:
    """A batch that every process's parts can share; else UsageError."""
    world = distributed.world()
    if run.batch_size % (world * run.accumulate):
        raise UsageError(
            f"{run.batch_size // world} samples cannot be computed in {run.accumulate} equal "
            "parts (run.accumulate)",
            fix=f"--batch with a multiple of {world * run.accumulate}",
        )


def words(config: Config, game: nn.Module) -> str:
    """The batch, and where it is computed in parts, whether that is the same step."""
    run = config.run
    if run.accumulate == 1:
        return f"{run.batch_size}"
    rows = run.batch_size // (distributed.world() * run.accumulate)
    text = f"{run.batch_size}, computed {rows} at a time (run.accumulate)"
    found = [*(["random draws"] if run.compile else []), *together(game)]
    if not found:
        return f"{text}; the same step as the whole batch but for rounding"
    return f"{text}; each part stands alone for {', '.join(found)}"
