"""The training loop. There is only this one.

A `Trainer` is an iterator: each turn is one step of a game, and what is yielded says what
happened. Saving, drawing and stopping are the business of whoever loops over it::

    for report in Trainer(game, optimisers, data, batch_size=64, seed=0):
        if report.images >= 100_000:
            break

It knows games only through their base class, and nothing of images, files or screens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer

from ganzfeld.core import border, distributed, runtime
from ganzfeld.core.randomness import NARROW, WIDE, key, seed_globally, wide_key
from ganzfeld.data.sampler import drawn
from ganzfeld.games import Batch, Clock, Game, Losses
from ganzfeld.games.ema import Average, Averages
from ganzfeld.modalities.image import tensors
from ganzfeld.modalities.image.transforms import Vary
from ganzfeld.training import parts, trainer_checks
from ganzfeld.training.undo import Undo

Rows = Mapping[str, Tensor | NDArray[Any]]
Schedule = Callable[[int], Mapping[str, Any]]  # images seen -> settings of the parameter groups


class Data(Protocol):
    """Anything that has samples by number: "x" (N, ...), and "y" (N,) int64 where labelled."""

    def __len__(self) -> int: ...
    def rows(self, indices: NDArray[np.int64]) -> Rows: ...


@dataclass(frozen=True)
class Report:
    """What one step did. Tensors stay on the device; reading one waits for all queued work.

    Example::

        import torch
        from ganzfeld import Report

        report = Report(1, 64, {"generator/adversarial": torch.tensor(0.7)}, torch.tensor(0))
        losses = {name: float(value) for name, value in report.losses.items()}
    """

    step: int  # steps done, this one included
    images: int  # images seen, this step's included
    losses: dict[str, Tensor]  # "player/term" -> scalar
    skipped: Tensor  # scalar: steps in a row, up to this one, whose updates were not finite


class Trainer:
    """Train a game on data, one step per iteration.

    game: its networks may be on any device already; they are moved to `device`.
    optimisers: one for each player, over the parameters of that player's networks. Those that
        were frozen (`requires_grad_(False)`) may be left out, and stand still.
    data: a `Data`, or a tensor (N, ...), or tensors by name, all with samples first.
    to_network: by column, what turns stored samples into a network's, on the device; other columns
        stay as they are. By default uint8 means pixels, which become floats in [-1, 1].
    batch_size: samples in a batch, over all processes together.
    seed: random seed, for the order of the data and every random draw.
    total: images to see, for games and schedules that depend on the part done; not a limit.
    schedules: for each player, the settings of its optimiser by images seen.
    average: averaged networks to keep up to date.
    vary: changes a batch by chance, by a seed (`ganzfeld.variation`).
    precision: "float32", or "bfloat16" for losses under autocast.
    compile: compile each player's loss (`torch.compile`).
    leave_out: columns of the data that the game is not given.
    noise: how draws are keyed, a name in `ganzfeld.randomness.NOISES`.
    accumulate: compute each process's share of a batch in so many parts, one after another, and
        add their gradients: less memory for the same step (`ganzfeld.training.parts`).

    The global random generator is seeded again before every move: all randomness in a game
    depends on (seed, salt, images seen, move, rank) and on nothing else.

    Raises UsageError, which is a ValueError here, if the parts do not belong together.

    Example::

        import torch
        from ganzfeld import Adversarial, Trainer
        from ganzfeld.networks import NETWORKS

        G = NETWORKS["mlp-generator"]((2,), latent=2, widths=(16,), output="linear")
        D = NETWORKS["mlp-discriminator"]((2,), widths=(16,))
        optimisers = {
            "discriminator": torch.optim.Adam(D.parameters(), 1e-3),
            "generator": torch.optim.Adam(G.parameters(), 1e-3),
        }
        data = torch.randn(256, 2)
        for report in Trainer(Adversarial(G, D), optimisers, data, batch_size=32):
            if report.images >= 128:
                break
    """

    def __init__(
        self,
        game: Game,
        optimisers: Mapping[str, Optimizer],
        data: Data | Tensor | Mapping[str, Tensor],
        *,
        batch_size: int = 64,
        seed: int = 0,
        total: int | None = None,
        schedules: Mapping[str, Schedule] | None = None,
        average: Average | Averages | None = None,
        vary: Vary | None = None,
        device: torch.device | str = "cpu",
        precision: str = "float32",
        compile: bool = False,
        noise: str = WIDE,
        to_network: Mapping[str, Callable[[Tensor], Tensor]] | None = None,
        leave_out: Sequence[str] = (),
        accumulate: int = 1,
    ) -> None:
        trainer_checks.check_game(game)
        trainer_checks.check_turns(game)
        trainer_checks.check_optimisers(game, optimisers)
        trainer_checks.check_average(game, average)
        border.whole(batch_size, "batch_size", 1, border.MOST_BATCH)
        border.whole(seed, "seed", 0, border.MOST_SEED)
        if total is not None:
            border.whole(total, "total", 1, border.MOST_IMAGES)
        border.one_of(precision, "precision", trainer_checks.PRECISIONS)
        trainer_checks.check_shares(batch_size, accumulate)
        if unknown := set(schedules or {}) - set(game.players):
            raise border.ArgumentError(f"schedules for {', '.join(sorted(unknown))}: no players")
        runtime.warm_up()
        self.device = torch.device(device)
        self.game = game.to(self.device).train()
        self.average = average.to(self.device) if average else None
        self.optimisers, self.schedules = optimisers, schedules or {}
        self.data, self.vary = as_data(data), vary
        self.to_network, self.leave_out = to_network, frozenset(leave_out)
        self.accumulate, self.compiled = accumulate, compile
        self.batch_size, self.seed, self.total, self.noise = batch_size, seed, total, noise
        self.loss = compiled(game.loss) if compile else game.loss
        self.autocast = torch.autocast(
            self.device.type, torch.bfloat16, enabled=precision == "bfloat16"
        )
        self.parameters = {
            player: trainer_checks.moved(game, player, optimisers[player])
            for player in game.players
        }
        self.step = self.images = self.salt = 0
        self.skipped = torch.zeros((), device=self.device)
        self.undo = Undo()

    def __iter__(self) -> Iterator[Report]:
        while True:
            yield self.take_step()

    def take_step(self) -> Report:
        """Let every player make its moves."""
        self.game.clock = Clock(self.step, self.images, self.total)
        moves = self.game.moves(self.step)
        trainer_checks.check_moves(self.game, moves)
        made: Counter[str] = Counter()
        losses: Losses = {}
        finite = torch.ones((), device=self.device)
        self.keep(moves)

        for player in moves:
            batch = self.batch(player, made[player])
            terms = self.move(player, made[player], batch)
            movers = self.game.movers(player)
            finite = finite * self.finite(movers, terms)
            for mover in movers:
                self.update(mover, finite)
            made[player] += 1
            losses |= {f"{player}/{name}": value for name, value in terms.items()}

        distributed.average_buffers(self.game)
        self.undo.unless(finite)
        self.skipped = (self.skipped + 1) * (1 - finite)
        seen = self.batch_size * (1 if self.game.shares_batch else max(made.values(), default=1))
        self.step, self.images = self.step + 1, self.images + seen
        if self.average:
            self.average.update(self.game, self.images, seen, finite)
        return Report(self.step, self.images, losses, self.skipped)

    def keep(self, moves: Sequence[str]) -> None:
        """Remember what this step may have to undo: one decision for all its moves."""
        early = {mover for move in moves[:-1] for mover in self.game.movers(move)}
        movers = {name: (self.optimisers[name], self.parameters[name]) for name in self.parameters}
        self.undo.keep(
            [*self.game.buffers()],
            [mover for name, mover in movers.items() if name in early],
            [mover for name, mover in movers.items() if name not in early],
        )

    def move(self, player: str, turn: int, batch: Batch) -> Losses:
        """Differentiate the sum of a player's losses with respect to its parameters alone."""
        movers = self.game.movers(player)
        for other, parameters in self.parameters.items():
            for p in parameters:
                p.requires_grad_(other in movers)
        buffers, found = parts.Buffers(self.game, self.accumulate), []
        for part, share in enumerate(parts.split(batch, self.accumulate)):
            found.append(self.differentiate(player, turn, share, part))
            buffers.after_part()
        buffers.after_all()
        return parts.mean(found)

    def differentiate(self, player: str, turn: int, batch: Batch, part: int) -> Losses:
        """Add the gradients of one part of a move's batch to those of the parts before."""
        count = self.accumulate
        self.game.clock = replace(self.game.clock, part=part, parts=count)
        # a compiled loss has draws of its own, which nothing makes for the whole batch
        alone = [part] if self.compiled and count > 1 else []
        self.reseed(self.seed, self.salt, self.images, player, turn, distributed.rank(), *alone)
        with self.autocast, parts.drawn(batch, part, 1 if alone else count):
            losses = self.loss(player, batch)
        trainer_checks.check_losses(player, losses)
        torch.autograd.backward(torch.stack(list(losses.values())).sum() / count)
        return {name: value.detach() for name, value in losses.items()}

    def reseed(self, *parts: int | str) -> None:
        """Seed the global generators of the CPU and of the device."""
        seed_globally(*parts, noise=self.noise, device=self.device.type)

    def finite(self, movers: Sequence[str], losses: Losses) -> Tensor:
        """1.0 where all losses and gradients of a move are finite, or 0.0; alike on all ranks."""
        parameters = [p for mover in movers for p in self.parameters[mover]]
        gradients = [p.grad for p in parameters if p.grad is not None]
        distributed.average([*gradients, *losses.values()])
        sizes = [*torch._foreach_norm(gradients), *losses.values()]
        return torch.stack(sizes).sum().isfinite().float()

    def update(self, player: str, finite: Tensor) -> None:
        """Step the player's optimiser where `finite` is 1."""
        optimiser = self.optimisers[player]
        if player in self.schedules:
            for group in optimiser.param_groups:
                group.update(self.schedules[player](self.images))
                group["lr"] *= 0.5 ** max(self.salt - 1, 0)  # calmer after a second rollback
        if getattr(optimiser, "_step_supports_amp_scaling", False):
            # fused optimisers skip the step on the device, so the host need not wait
            optimiser.grad_scale, optimiser.found_inf = None, 1 - finite  # type: ignore[attr-defined]
            optimiser.step()
        elif finite:
            optimiser.step()
        optimiser.zero_grad()

    def batch(self, player: str, turn: int) -> Batch:
        """The samples of a player's next move, on the device: this process's share of them."""
        stream, turn = ("all", 0) if self.game.shares_batch else (player, turn)
        start = self.images + turn * self.batch_size
        rows = drawn(self.data, self.seed, stream, start, self.batch_size)
        trainer_checks.check_rows(rows, self.batch_size // distributed.world())
        batch = {
            name: self.ready(name, torch.as_tensor(value))
            for name, value in rows.items()
            if name not in self.leave_out
        }
        if not self.vary:
            return batch
        key_of = key if self.noise == NARROW else wide_key
        return self.vary(batch, key_of(self.seed, "vary", stream, start, distributed.rank()))

    def due(self, player: str, most: int | None = None) -> tuple[Batch, Rows]:
        """A player's next batch as its game will have it, if nothing varies it, and its rows as
        they are stored. most: the first samples of it that are wanted; None: all."""
        stream = "all" if self.game.shares_batch else player
        whole, vary = self.batch_size, self.vary
        if most is not None and distributed.world() == 1:
            self.batch_size = min(whole, most)
        self.vary = None
        try:
            rows: Rows = drawn(self.data, self.seed, stream, self.images, self.batch_size)
            return self.batch(player, 0), rows
        finally:
            self.vary, self.batch_size = vary, whole

    def ready(self, name: str, x: Tensor) -> Tensor:
        """A column of a batch on the device, samples as networks take them."""
        x = x.to(self.device, non_blocking=True)
        if self.to_network is None:
            return tensors.ready(x)
        return self.to_network[name](x) if name in self.to_network else x

    def state_dict(self) -> dict[str, Any]:
        """All there is to a run: networks, averages, optimisers, and three counts.

        The optimisers' settings are not in it: they follow from the clock.
        """
        names: dict[Tensor, str] = {p: name for name, p in self.game.named_parameters()}
        return {
            "counts": {"step": self.step, "images": self.images, "salt": self.salt},
            "game": self.game.state_dict(),
            "average": self.average.state_dict() if self.average else {},
            "optimisers": {
                player: {names[p]: state for p, state in optimiser.state.items()}
                for player, optimiser in self.optimisers.items()
            },
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.step, self.images, self.salt = (
            state["counts"][name] for name in ("step", "images", "salt")
        )
        self.game.load_state_dict(state["game"])
        if self.average:
            self.average.load_state_dict(state["average"])
        for player, optimiser in self.optimisers.items():
            optimiser.state.clear()
            for name, moments in state["optimisers"][player].items():
                parameter = self.game.get_parameter(name)
                fused = bool(optimiser.defaults.get("fused"))
                optimiser.state[parameter] = {
                    k: restored(v, parameter, fused) for k, v in moments.items()
                }
        self.skipped = torch.zeros_like(self.skipped)  # a report may still hold the old one


def restored(moment: Any, parameter: Tensor, fused: bool) -> Any:
    """An optimiser's moment where a parameter's own would be.

    Fused kernels rely on the parameter's strides, and count their steps on its device.
    """
    if not isinstance(moment, Tensor):
        return moment
    if moment.shape == parameter.shape:
        return torch.empty_like(parameter, requires_grad=False).copy_(moment)
    return moment.clone().to(parameter.device if fused else "cpu")


def compiled(loss: Callable[[str, Batch], Losses]) -> Callable[[str, Batch], Losses]:
    """A game's loss through `torch.compile`, which takes the clock's counts for numbers that move.

    It would else compile again for every step, and give up after eight.
    """
    import torch._dynamo

    torch._dynamo.config.allow_unspec_int_on_nn_module = True
    return torch.compile(loss)


class Tensors:
    """Tensors by name as data, all of them with samples first."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def rows(self, indices: NDArray[np.int64]) -> Rows:
        chosen = torch.from_numpy(indices)
        return {name: tensor[chosen] for name, tensor in self.tensors.items()}


def as_data(data: Data | Tensor | Mapping[str, Tensor]) -> Data:
    """Data as the trainer takes them; UsageError where they cannot be."""
    if isinstance(data, Tensor):
        data = {"x": data}
    if isinstance(data, Mapping):
        trainer_checks.check_columns(data)
        data = Tensors(data)
    trainer_checks.check_data(data)
    return data
