"""Learning rates that follow the width of networks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ganzfeld.config import Config, Optimiser
from ganzfeld.errors import UsageError


def for_width(config: Config, player: str, networks: Iterable[str]) -> Optimiser:
    """The optimiser of a player, its rates scaled to the width of the widest network it moves.

    networks: their names, as `Game.players` has them. With `at_width`, both rates are times
    at_width / width: Adam's step in a sum over so many inputs then stays as it was (Yang et al.
    2021, "Tensor programs V"). Raises UsageError where no such network has a width.

    Example::

        from ganzfeld import Facts, recipes
        from ganzfeld.training.width_rates import for_width

        config = recipes.default(Facts(count=1000, channels=3, height=32, width=32))
        config.optimisers["generator"].at_width = 16  # its networks have 32
        assert for_width(config, "generator", ["G"]).lr == config.optimisers["generator"].lr / 2
    """
    own = config.optimisers[player]
    if own.at_width is None:
        return own
    parts = (config.networks.get(name.partition(".")[0]) for name in networks)
    widths = [part.options.get("width") for part in parts if part is not None]
    known = [width for width in widths if isinstance(width, int)]
    if not known:
        raise UsageError(
            f"at_width scales the rates of the {player} by a network's width, and none has one",
            fix=f"--set optimisers.{player}.at_width=null",
        )
    factor = own.at_width / max(known)
    final = None if own.final_lr is None else factor * own.final_lr
    return replace(own, lr=factor * own.lr, final_lr=final)
