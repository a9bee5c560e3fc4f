"""Signals of a player: its weights, the gradients that reach them, and what its optimiser does."""

from __future__ import annotations

import itertools
import math
import zlib
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from ganzfeld.config import LIGHT, WATCH
from ganzfeld.doctor.samples import Signals

TRACED, LAYERS = 64, 8  # weights of each tensor that say whether it moves; parts of the tensors
SOME = 256  # weights of each tensor that rules from LIGHT on look at
SIDES = 2 * 3 * 5 * 7  # no step through a tensor has a factor of these, as sides of kernels have
LEAST = 11  # the first such step

Trained = list[tuple[dict[str, Any], nn.Parameter]]  # parameters with their optimiser's groups
Numbers = NDArray[np.float32]


def of_player(
    player: str, optimiser: Optimizer, parameters: list[nn.Parameter], rules: int = WATCH
) -> Signals:
    """The size of the last update and of the weights; of Adam, whose update its state tells.

    "update/PLAYER" is |update| / |weights|: 0 where the rate is 0, and where no weight is trained.
    "pull/PLAYER" is |mean gradient| / |weights|: 0 where no gradient arrives. "trace/PLAYER" is a
    checksum of some weights of each tensor: it stays where none of them moves. "trace/PLAYER/N" is
    that of an eighth of the tensors, if a gradient that moves them reaches some of the chosen
    weights of each: corners of a kernel may lie outside of its input, and Adam's steps along
    gradients far below its epsilon are none.

    Sizes are those of all weights, by `rules` from LIGHT on estimates by SOME of each tensor.
    """
    trained = [
        (group, p)
        for group in optimiser.param_groups
        for p in group["params"]
        if "exp_avg_sq" in optimiser.state.get(p, {})
    ]
    with torch.no_grad():
        own = (Some if rules >= LIGHT else Every)(optimiser, parameters, trained)
        found: Signals = {f"weights/{player}": own.weights}
        if parameters:
            found[f"trace/{player}"] = float(zlib.crc32(own.traces.tobytes()))
        if not trained or not own.weights:
            return found if own.weights else found | {f"update/{player}": 0.0}
        found[f"update/{player}"] = own.last_step() / own.weights
        found[f"age/{player}"] = max(ages(optimiser, trained))
        found[f"pull/{player}"] = own.pull() / own.weights
        pulled, ends = own.pulled(), own.ends
        for n in range(LAYERS):
            low, high = n * len(parameters) // LAYERS, (n + 1) * len(parameters) // LAYERS
            if low < high and all(p in pulled for p in parameters[low:high]):
                part = own.traces[ends[low - 1] if low else 0 : ends[high - 1]]
                found[f"trace/{player}/{n}"] = float(zlib.crc32(part.tobytes()))
    return found


class Every:
    """All weights of a player, by rules before LIGHT. traces: some of each tensor in a row, which
    end at `ends`. weights: their size."""

    def __init__(
        self, optimiser: Optimizer, parameters: list[nn.Parameter], trained: Trained
    ) -> None:
        self.optimiser, self.trained = optimiser, trained
        every: list[Tensor] = [*parameters]
        self.weights = size_of(every) if every else 0.0
        self.traces, self.ends = some_of(every)

    def squares(self) -> list[Tensor]:
        return [self.optimiser.state[p]["exp_avg_sq"] for _, p in self.trained]

    def last_step(self) -> float:
        return last_step(self.optimiser, self.trained)

    def pull(self) -> float:
        """The size of the mean gradient."""
        return math.sqrt(sum(torch.stack(torch._foreach_norm(self.squares(), 1)).tolist()))

    def pulled(self) -> set[nn.Parameter]:
        """The parameters of which a gradient reaches some of the traced weights."""
        some, ends = some_of(self.squares())
        return {
            p
            for (group, p), first, last in zip(self.trained, [0, *ends], ends, strict=False)
            if (some[first:last] > group["eps"] ** 2).any()
        }


class Some:
    """The same of SOME weights of each tensor, which stand for the others of it."""

    def __init__(
        self, optimiser: Optimizer, parameters: list[nn.Parameter], trained: Trained
    ) -> None:
        self.optimiser, self.trained = optimiser, trained
        ways = {id(p): way_through(p) for p in {*parameters, *(p for _, p in trained)}}
        self.traces, counts = in_a_row([(p, *ways[id(p)]) for p in parameters])
        self.ends = [*itertools.accumulate(counts)]
        self.weights = total(self.traces**2, counts, [p.numel() for p in parameters])
        states = [(optimiser.state[p], *ways[id(p)]) for _, p in trained]
        self.first, _ = in_a_row([(state["exp_avg"], *way) for state, *way in states])
        self.second, self.counts = in_a_row([(state["exp_avg_sq"], *way) for state, *way in states])
        self.whole = [p.numel() for _, p in trained]

    def last_step(self) -> float:
        """As `last_step` has it."""
        known: dict[tuple[int, float], tuple[float, float]] = {}
        rates, below = [], []
        for (group, _), age in zip(self.trained, ages(self.optimiser, self.trained), strict=True):
            if (id(group), age) not in known:
                first, second = group["betas"]
                corrected = math.sqrt(1 - second**age)
                rate = group["lr"] * corrected / (1 - first**age)
                known[id(group), age] = rate, group["eps"] * corrected
            rate, epsilon = known[id(group), age]
            rates.append(rate)
            below.append(epsilon)
        moves = np.sqrt(self.second)
        moves += np.repeat(np.array(below, np.float32), self.counts)
        np.divide(self.first, moves, out=moves)
        moves *= np.repeat(np.array(rates, np.float32), self.counts)
        return total(moves**2, self.counts, self.whole)

    def pull(self) -> float:
        return total(self.second, self.counts, self.whole)

    def pulled(self) -> set[nn.Parameter]:
        ends = [*itertools.accumulate(self.counts)]
        return {
            p
            for (group, p), first, last in zip(self.trained, [0, *ends], ends, strict=False)
            if last > first and self.second[first:last].max() > group["eps"] ** 2
        }


def ages(optimiser: Optimizer, trained: Trained) -> list[float]:
    """How many steps of each parameter the optimiser counts."""
    counts = [optimiser.state[p]["step"] for _, p in trained]
    if all(isinstance(count, Tensor) for count in counts):
        return [float(count) for count in torch.stack(counts).tolist()]
    return [float(count) for count in counts]


def in_a_row(
    parts: list[tuple[Tensor, int, int, tuple[int, ...] | None]],
) -> tuple[Numbers, list[int]]:
    """Some numbers of each tensor, and how many. The others of a part are its `way_through`: what
    does not lie like that is brought in order first."""
    own = []
    for x, step, count, strides in parts:
        if strides is not None and x.stride() == strides:
            own.append(x.as_strided((count,), (step,)))
        else:
            own.append(x.flatten()[::step])
    if not own:
        return np.zeros(0, np.float32), []
    return torch.cat(own).float().cpu().numpy(), [count for _, _, count, _ in parts]


def way_through(p: Tensor) -> tuple[int, int, tuple[int, ...] | None]:
    """`step_of` a parameter, and its strides if it can be gone through as it lies in memory."""
    return (*step_of(p.numel()), p.stride() if lies_whole(p) else None)


def lies_whole(x: Tensor) -> bool:
    """Whether a tensor fills its memory, which then holds its numbers in some order."""
    if x.is_contiguous():
        return True
    if x.dim() not in (4, 5):
        return False
    order = torch.channels_last if x.dim() == 4 else torch.channels_last_3d
    return x.is_contiguous(memory_format=order)


@lru_cache(maxsize=1024)
def step_of(size: int) -> tuple[int, int]:
    """The step by which about SOME numbers of so many are chosen, and how many they are: a step
    that meets all places of a kernel in turn. All of few."""
    step = size // SOME
    if step < LEAST:
        return 1, size
    while math.gcd(step, SIDES) > 1:
        step += 1
    return step, -(-size // step)


def total(squares: Numbers, counts: list[int], whole: list[int]) -> float:
    """The norm of whole tensors of so many numbers, by the squares of some of each."""
    sizes = [(count, size) for count, size in zip(counts, whole, strict=True) if count]
    if not sizes:
        return 0.0
    starts = [0, *itertools.accumulate(count for count, _ in sizes)][:-1]
    sums = np.add.reduceat(squares, starts, dtype=np.float64).tolist()
    return math.sqrt(
        sum(own / count * size for own, (count, size) in zip(sums, sizes, strict=True))
    )


def size_of(parts: list[Tensor]) -> float:
    """The norm of all together."""
    return float(torch.stack(torch._foreach_norm(parts)).norm())


def chosen(p: Tensor) -> Tensor:
    """TRACED numbers of a tensor, evenly spread, or all where it has fewer."""
    return p.flatten()[:: max(p.numel() // TRACED, 1)][:TRACED]


def some_of(parts: list[Tensor]) -> tuple[Numbers, list[int]]:
    """`chosen` numbers of all tensors in a row, and where those of each end."""
    own = [chosen(p).float() for p in parts]
    ends = [*itertools.accumulate(len(some) for some in own)]
    return torch.cat(own).cpu().numpy() if own else np.zeros(0, np.float32), ends


def last_step(optimiser: Optimizer, trained: Trained) -> float:
    """The size of the update that Adam made last, from its moments (Kingma and Ba 2015, algorithm
    1, in the form of section 2.1, which takes fewer passes).

    trained: parameters with their groups; those of one group and one age were moved together.
    """
    alike: dict[tuple[int, float], Trained] = {}
    for (group, p), age in zip(trained, ages(optimiser, trained), strict=True):
        alike.setdefault((id(group), age), []).append((group, p))
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
