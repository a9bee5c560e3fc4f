"""What a generator's next steps will give it, found out without making them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from ganzfeld.core import distributed
from ganzfeld.games import Batch, Clock, Game
from ganzfeld.training.trainer import Trainer


class Reached(Exception):
    """A network is about to run: nothing after that is needed."""


def repeated(trainer: Trainer, batch: Batch) -> float | None:
    """The share of a step's latents that are those of the step before; 0 where they are new.

    batch: what both steps get. None where a game's loss does not say what its generator is given.
    """
    with undone(trainer.game):  # of both at once: a game may count its steps by itself
        before, after = (latents_ahead(trainer, batch, step) for step in (0, 1))
    if before is None or after is None or not len(after):
        return None
    known = {row.tobytes() for row in before}
    return sum(row.tobytes() in known for row in after) / len(after)


def latents_ahead(trainer: Trainer, batch: Batch, step: int) -> Any:
    """The latents (N, latent) float32 that the generator would get in the step after so many, or
    None.

    The loss of its player runs until the first network would. What it changes before is for
    `undone`.
    """
    game, found = trainer.game, list[Any]()
    players = [name for name, parts in game.players.items() if {*game.shipped[:1]} & {*parts}]
    if not players or not game.latent:
        return None
    own, draw, inside = game.get_submodule(game.shipped[0]), game.latents_for, {*game.modules()}
    usual = {name: x for name, x in vars(game).items() if name in ("latents_for", "clock")}

    def reached(module: nn.Module, *_: Any) -> None:
        if module in inside and module is not own:
            raise Reached

    def given(module: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        columns = {id(column) for column in batch.values()}  # conditions as wide as a latent
        found.extend(x for x in (*args, *named.values()) if id(x) not in columns)
        raise Reached

    def noted(*args: Any, **named: Any) -> Any:
        kept.append(draw(*args, **named))
        return kept[-1]

    kept = list[Any]()
    hooks = [  # that of a module comes after those that change what it gets
        register_module_forward_pre_hook(reached),
        own.register_forward_pre_hook(given, with_kwargs=True),
    ]
    device = trainer.device
    images = trainer.images + step * trainer.batch_size
    try:
        vars(game).update(
            latents_for=noted, clock=Clock(trainer.step + step, images, trainer.total)
        )
        with torch.no_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
            trainer.reseed(trainer.seed, trainer.salt, images, players[0], 0, distributed.rank())
            loss = game.loss if trainer.compiled else trainer.loss
            loss(players[0], dict(batch))
    except Reached:
        pass
    except Exception:  # a game of a user's own may want what only a whole step has
        return None
    finally:
        for hook in hooks:
            hook.remove()
        del vars(game)["latents_for"]
        vars(game).update(usual)
    z = next((z for z in (*found, *reversed(kept)) if is_latent(z, game.latent)), None)
    return None if z is None else z.detach().float().cpu().numpy()


@contextmanager
def undone(game: Game) -> Iterator[None]:
    """What a loss changes before a network runs is as it was: a game's attributes and buffers, and
    the random generators that it keeps, or that it shares with all."""
    kept = [vars(game), *(m._buffers for m in game.modules() if m._buffers)]
    before = [dict(one) for one in kept]
    values = [(b, b.clone()) for b in game.buffers()]
    numbers, plain = np.random.get_state(), random.getstate()
    own = before[0].values()
    of_torch = [(g, g.get_state()) for g in own if isinstance(g, torch.Generator)]
    of_numpy = [g.bit_generator for g in own if isinstance(g, np.random.Generator)]
    states = [bits.state for bits in of_numpy]
    try:
        yield
    finally:
        for one, there in zip(kept, before, strict=True):
            for name in one.keys() - there.keys():
                del one[name]
            one.update(there)
        with torch.no_grad():
            for buffer, value in values:
                buffer.copy_(value)
        np.random.set_state(numbers)
        random.setstate(plain)
        for generator, state in of_torch:
            generator.set_state(state)
        for bits, words in zip(of_numpy, states, strict=True):
            bits.state = words


def is_latent(x: Any, numbers: int) -> bool:
    return isinstance(x, Tensor) and x.is_floating_point() and x.shape[1:] == (numbers,)
