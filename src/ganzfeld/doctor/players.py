"""Signals of a player: its weights, the gradients that reach them, and what its optimiser does."""

from __future__ import annotations

import itertools
import math
import zlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from ganzfeld.doctor.samples import Signals

TRACED, LAYERS = 64, 8  # weights of each tensor that say whether it moves; parts of the tensors


def of_player(player: str, optimiser: Optimizer, parameters: list[nn.Parameter]) -> Signals:
    """The size of the last update and of the weights; of Adam, whose update its state tells.

    "update/PLAYER" is |update| / |weights|: 0 where the rate is 0, and where no weight is trained.
    "pull/PLAYER" is |mean gradient| / |weights|: 0 where no gradient arrives. "trace/PLAYER" is a
    checksum of some weights of each tensor: it stays where none of them moves. "trace/PLAYER/N" is
    that of an eighth of the tensors, if a gradient that moves them reaches some of the chosen
    weights of each: corners of a kernel may lie outside of its input, and Adam's steps along
    gradients far below its epsilon are none.
    """
    with torch.no_grad():
        every: list[Tensor] = [*parameters]
        weights = size_of(every) if every else 0.0
        found: Signals = {f"weights/{player}": weights}
        traces, ends = some_of(every)
        if every:
            found[f"trace/{player}"] = float(zlib.crc32(traces.tobytes()))
        trained = [
            (group, p)
            for group in optimiser.param_groups
            for p in group["params"]
            if "exp_avg_sq" in optimiser.state.get(p, {})
        ]
        if not trained or not weights:
            return found if weights else found | {f"update/{player}": 0.0}
        found[f"update/{player}"] = last_step(optimiser, trained) / weights
        found[f"age/{player}"] = max(float(optimiser.state[p]["step"]) for _, p in trained)
        squares = [optimiser.state[p]["exp_avg_sq"] for _, p in trained]
        sizes = torch.stack(torch._foreach_norm(squares, 1)).tolist()
        found[f"pull/{player}"] = math.sqrt(sum(sizes)) / weights
        some, own_ends = some_of(squares)
        pulled = {
            p
            for (group, p), first, last in zip(trained, [0, *own_ends], own_ends, strict=False)
            if (some[first:last] > group["eps"] ** 2).any()
        }
        for n in range(LAYERS):
            low, high = n * len(every) // LAYERS, (n + 1) * len(every) // LAYERS
            if low < high and all(p in pulled for p in every[low:high]):
                part = traces[ends[low - 1] if low else 0 : ends[high - 1]]
                found[f"trace/{player}/{n}"] = float(zlib.crc32(part.tobytes()))
    return found


def size_of(parts: list[Tensor]) -> float:
    """The norm of all together."""
    return float(torch.stack(torch._foreach_norm(parts)).norm())


def chosen(p: Tensor) -> Tensor:
    """TRACED numbers of a tensor, evenly spread, or all where it has fewer."""
    return p.flatten()[:: max(p.numel() // TRACED, 1)][:TRACED]


def some_of(parts: list[Tensor]) -> tuple[NDArray[np.float32], list[int]]:
    """`chosen` numbers of all tensors in a row, and where those of each end."""
    own = [chosen(p).float() for p in parts]
    ends = [*itertools.accumulate(len(some) for some in own)]
    return torch.cat(own).cpu().numpy() if own else np.zeros(0, np.float32), ends


def last_step(optimiser: Optimizer, trained: list[tuple[dict[str, Any], nn.Parameter]]) -> float:
    """The size of the update that Adam made last, from its moments (Kingma and Ba 2015, algorithm
    1, in the form of section 2.1, which takes fewer passes).

    trained: parameters with their groups; those of one group and one age were moved together.
    """
    alike: dict[tuple[int, float], list[tuple[dict[str, Any], nn.Parameter]]] = {}
    for group, p in trained:
        alike.setdefault((id(group), float(optimiser.state[p]["step"])), []).append((group, p))
    sizes: list[float] = []
    for (_, count), own in alike.items():
        group = own[0][0]
        first, second = group["betas"]
        corrected = math.sqrt(1 - second**count)
        below = torch._foreach_sqrt([optimiser.state[p]["exp_avg_sq"] for _, p in own])
        torch._foreach_add_(below, group["eps"] * corrected)
        moves = torch._foreach_div([optimiser.state[p]["exp_avg"] for _, p in own], below)
        sizes.append(group["lr"] * corrected / (1 - first**count) * size_of(list(moves)))
    return math.hypot(*sizes)
