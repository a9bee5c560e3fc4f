"""Signals of a player: its weights, the gradients that reach them, and what its optimiser does."""

from __future__ import annotations

import math
import zlib
from typing import Any

import torch
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
        traces = [some_of(p) for p in every]
        if every:
            found[f"trace/{player}"] = float(zlib.crc32(b"".join(traces)))
        trained = [
            (group, p)
            for group in optimiser.param_groups
            for p in group["params"]
            if "exp_avg_sq" in optimiser.state.get(p, {})
        ]
        if not trained or not weights:
            return found if weights else found | {f"update/{player}": 0.0}
        found[f"update/{player}"] = size_of(steps_of(optimiser, trained)) / weights
        found[f"age/{player}"] = max(float(optimiser.state[p]["step"]) for _, p in trained)
        squares = torch._foreach_norm([optimiser.state[p]["exp_avg_sq"] for _, p in trained], 1)
        sizes = torch.stack(squares).tolist()
        found[f"pull/{player}"] = math.sqrt(sum(sizes)) / weights
        pulled = {
            p
            for group, p in trained
            if bool((chosen(optimiser.state[p]["exp_avg_sq"]) > group["eps"] ** 2).any())
        }
        for n in range(LAYERS):
            own = range(n * len(every) // LAYERS, (n + 1) * len(every) // LAYERS)
            if own and all(every[i] in pulled for i in own):
                part = zlib.crc32(b"".join(traces[i] for i in own))
                found[f"trace/{player}/{n}"] = float(part)
    return found


def size_of(parts: list[Tensor]) -> float:
    """The norm of all together: in one vector, as each alone costs more than its numbers."""
    return float(torch.cat([part.flatten() for part in parts]).norm())


def chosen(p: Tensor) -> Tensor:
    """TRACED numbers of a tensor, evenly spread, or all where it has fewer."""
    return p.flatten()[:: max(p.numel() // TRACED, 1)][:TRACED]


def some_of(p: Tensor) -> bytes:
    return chosen(p).float().cpu().numpy().tobytes()


def steps_of(
    optimiser: Optimizer, trained: list[tuple[dict[str, Any], nn.Parameter]]
) -> list[Tensor]:
    """The updates that Adam made last, from its moments (Kingma and Ba 2015, algorithm 1).

    trained: parameters with their groups; those of one group and one age are made together.
    """
    alike: dict[tuple[int, float], list[tuple[dict[str, Any], nn.Parameter]]] = {}
    for group, p in trained:
        alike.setdefault((id(group), float(optimiser.state[p]["step"])), []).append((group, p))
    moves: list[Tensor] = []
    for (_, count), own in alike.items():
        group = own[0][0]
        first, second = group["betas"]
        made, sizes = (
            torch.cat([optimiser.state[p][name].flatten() for _, p in own])
            for name in ("exp_avg", "exp_avg_sq")
        )
        sizes.sqrt_().div_(math.sqrt(1 - second**count)).add_(group["eps"])
        moves.append(made.div_(sizes).mul_(group["lr"] / (1 - first**count)))
    return moves
