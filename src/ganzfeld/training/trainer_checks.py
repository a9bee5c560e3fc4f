"""Check that a trainer's parts fit together: game, optimizers, averages, data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from ganzfeld.core import distributed
from ganzfeld.core.border import MOST_BATCH, ArgumentError, told, whole
from ganzfeld.games import Game
from ganzfeld.games.ema import Average, Averages

LONGEST_REST = 1000  # steps
PRECISIONS = ("float32", "bfloat16")


def check_shares(batch_size: int, accumulate: int) -> None:
    """A batch that all processes can share, each of them in so many equal parts."""
    whole(accumulate, "accumulate", 1, MOST_BATCH)
    world = distributed.world()
    if batch_size % world:
        raise ArgumentError(f"{world} processes cannot share {batch_size} samples")
    if batch_size % (world * accumulate):
        raise ArgumentError(
            f"{batch_size // world} samples cannot be computed in {accumulate} equal parts",
            fix=f"a batch that {world * accumulate} divides",
        )


def check_game(game: Any) -> None:
    """Players that have networks, which have parameters."""
    if not isinstance(game, Game):
        raise ArgumentError(f"the game is a ganzfeld.Game, not {told(game)}")
    players = getattr(game, "players", None)
    if not isinstance(players, Mapping) or not players:
        raise ArgumentError(
            f"the game {type(game).__name__} has no players",
            fix='players = {"generator": ("G",)}: each with the names of its networks',
        )
    for player, networks in players.items():
        for name in networks:
            try:
                network = game.get_submodule(name)
            except AttributeError:
                raise ArgumentError(
                    f"the {player} of {type(game).__name__} moves {name!r}, which is no network "
                    "of the game",
                    fix=f"self.{name} = ... in its __init__",
                ) from None
            check_network(network, name, player)


def check_network(network: nn.Module, name: str, player: str) -> None:
    """Parameters, whose sizes are known."""
    whose = f"the network {name} ({type(network).__name__}), which the {player} moves, has"
    parameters = list(network.parameters())
    if not parameters:
        raise ArgumentError(
            f"{whose} no parameters: there is nothing to learn",
            safe="nothing was trained",
            fix=f"a layer with weights in {name}, such as torch.nn.Linear",
        )
    if any(map(is_lazy, parameters)):
        raise ArgumentError(
            f"{whose} parameters without a size: lazy layers take theirs from the first batch",
            safe="nothing was trained",
            fix="the layer with its number of inputs: torch.nn.Linear(768, 1), not LazyLinear(1)",
        )


def check_shipping(game: Game) -> None:
    """What becomes of a game: networks that it has, by name."""
    kind = type(game).__name__
    if not (game.judge is None or isinstance(game.judge, str)):
        raise ArgumentError(
            f"judge of {kind} should be the name of a network, not {told(game.judge)}",
            fix='judge = "D"; what Adversarial computes as `judge` before is called `judged` now',
        )
    names = dict(game.named_children())
    said = game.shipped != Game.shipped or game.task == Game.task
    shipped = game.shipped if said else ()  # a translation's model has those of its directions
    for name in [*shipped, *([game.judge] if game.judge else [])]:
        if name not in names:
            raise ArgumentError(
                f"{kind} names the network {name!r} among those that a model gets, and has only "
                f"{', '.join(names) or 'none'}",
                fix='shipped = ("G",) and judge = "D" (or None), with names of its networks',
            )
    for name in shipped:
        if name not in game.averaged:
            raise ArgumentError(
                f"{kind} ships {name!r}, of which it keeps no average",
                fix=f"averaged = ({name!r},)",
            )


def check_turns(game: Game) -> None:
    """Somebody moves, now and then."""
    if not any(game.moves(step) for step in range(LONGEST_REST)):
        raise ArgumentError(
            f"in the game {type(game).__name__} nobody moves in the first {LONGEST_REST:,} steps",
            fix="moves(step) gives the names of the players that move",
        )


def check_optimisers(game: Game, optimisers: Any) -> None:
    """One for each player, over the parameters of its networks and of no other."""
    if not isinstance(optimisers, Mapping):
        raise ArgumentError(f"optimisers are a dictionary by player, not {told(optimisers)}")
    if missing := set(game.players) - set(optimisers):
        raise ArgumentError(f"no optimiser for {', '.join(sorted(missing))}")
    if unknown := set(optimisers) - set(game.players):
        raise ArgumentError(
            f"an optimiser for {', '.join(sorted(map(str, unknown)))}, whom the game does not have"
        )
    names = {p: name for name, p in game.named_parameters()}
    for player, optimiser in optimisers.items():
        if not isinstance(optimiser, Optimizer):
            raise ArgumentError(
                f"the optimiser of the {player} is a torch.optim.Optimizer, not {told(optimiser)}"
            )
        own = parameters_of(game, player)
        held = {p for group in optimiser.param_groups for p in group["params"]}
        if foreign := [p for p in held if p not in own]:
            whose = names.get(foreign[0], "a parameter that is not the game's")
            raise ArgumentError(
                f"the optimiser of the {player} moves {whose}, which is not the {player}'s",
                fix=f"torch.optim.Adam over the parameters of {', '.join(game.players[player])}",
            )
        if left := [p for p in own if p not in held and p.requires_grad]:
            raise ArgumentError(
                f"the optimiser of the {player} leaves out {names[left[0]]} and "
                f"{len(left) - 1} more of its parameters",
                fix="give it all of them; requires_grad_(False) before for what should stand still",
            )


def parameters_of(game: Game, player: str) -> dict[nn.Parameter, None]:
    """A player's parameters in order, each once."""
    networks = [game.get_submodule(name) for name in game.players[player]]
    return dict.fromkeys(p for network in networks for p in network.parameters())


def moved(game: Game, player: str, optimiser: Optimizer) -> list[nn.Parameter]:
    """Those of a player's parameters that its optimiser holds; the others stand still."""
    held = {p for group in optimiser.param_groups for p in group["params"]}
    return [p for p in parameters_of(game, player) if p in held]


def check_average(game: Game, average: Any) -> None:
    """Made of this game, or at least of one with the same networks."""
    if average is None:
        return
    if not isinstance(average, Average | Averages):
        raise ArgumentError(f"average is a ganzfeld.Average or None, not {told(average)}")
    parts = [average] if isinstance(average, Average) else [average[s] for s in average.spans]
    fix = "ganzfeld.Average(game, half_life_images) of the game that is trained"
    for part in parts:
        if part.of(game) is False:
            raise ArgumentError("the average is of another game", fix=fix)
        for name, network in part.named_children():
            try:
                own = game.get_submodule(name).state_dict()
            except AttributeError:
                raise ArgumentError(
                    f"the average is of another game: this one has no {name}", fix=fix
                ) from None
            there = network.state_dict()
            if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in there.items()}:
                raise ArgumentError(
                    f"the average is of another game: its {name} has other tensors", fix=fix
                )


def check_columns(columns: Mapping[Any, Any]) -> None:
    """Tensors by name, as many samples in each, and at least one."""
    if not columns:
        raise ArgumentError("the data have no columns", fix='{"x": tensor}')
    for name, column in columns.items():
        if not isinstance(column, Tensor):
            raise ArgumentError(
                f"column {name!r} of the data is a tensor, not {told(column)}",
                fix="torch.as_tensor(array)",
            )
        if column.dim() == 0:
            raise ArgumentError(f"column {name!r} of the data is a single number")
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told_lengths = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise ArgumentError(f"the columns of the data are not equally long: {told_lengths}")


def check_data(data: Any) -> None:
    if not (hasattr(data, "rows") and hasattr(data, "__len__")):
        raise ArgumentError(
            f"data are a tensor, tensors by name, or an object with rows() and a length, "
            f"not {told(data)}",
            fix="torch.as_tensor(array) of an array",
        )
    if len(data) < 1:
        raise ArgumentError("the data have no samples")


def check_rows(rows: Any, wanted: int) -> None:
    """What `Data.rows` gave: a column or more, each with a row for every index."""
    if not isinstance(rows, Mapping) or not rows:
        raise ArgumentError(f"rows() of the data gives columns by name, not {told(rows)}")
    for name, column in rows.items():
        if len(column) != wanted:
            raise ArgumentError(
                f"rows() of the data gave {len(column):,} of {name!r} for {wanted:,} indices"
            )


def check_moves(game: Game, moves: Sequence[str]) -> None:
    """Only players move; a step may be without moves."""
    for move in moves:
        for mover in game.movers(move):
            if mover not in game.players:
                raise ArgumentError(f"the game moves {mover!r}, who is none of its players")


def check_losses(player: str, losses: Any) -> None:
    """Named scalars."""
    if not isinstance(losses, Mapping) or not losses:
        raise ArgumentError(f"the loss of the {player} gives terms by name, not {told(losses)}")
    for name, value in losses.items():
        if not isinstance(value, torch.Tensor) or value.dim():
            raise ArgumentError(f"the term {name!r} of the {player} is no scalar: {told(value)}")
