"""What a generator's next steps will give it, found out without making them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from ganzfeld.core import distributed
from ganzfeld.games import Batch
from ganzfeld.training.trainer import Trainer


class Reached(Exception):
    """A network is about to run: nothing after that is needed."""


def repeated(trainer: Trainer, batch: Batch) -> float | None:
    """The share of a step's latents that are those of the step before; 0 where they are new.

    batch: what both steps get. None where a game's loss does not say what its generator is given.
    """
    before, after = (latents_ahead(trainer, batch, step) for step in (0, 1))
    if before is None or after is None or not len(after):
        return None
    known = {row.tobytes() for row in before}
    return sum(row.tobytes() in known for row in after) / len(after)


def latents_ahead(trainer: Trainer, batch: Batch, step: int) -> Any:
    """The latents (N, latent) float32 that the generator would get in the step after so many, or
    None.

    The loss of its player runs until the first network would: nothing is computed or changed.
    """
    game, found = trainer.game, list[Tensor]()
    players = [name for name, parts in game.players.items() if {*game.shipped[:1]} & {*parts}]
    if not players or not game.latent:
        return None
    own, draw, inside = game.get_submodule(game.shipped[0]), game.latents_for, {*game.modules()}

    def reached(module: nn.Module, *_: Any) -> None:
        if module in inside and module is not own:
            raise Reached

    def given(module: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        found.extend(x for x in (*args, *named.values()) if is_latent(x, game.latent))
        raise Reached

    def noted(x: Tensor) -> Tensor:
        z = draw(x)
        kept.append(z)
        return z

    kept, buffers = list[Tensor](), [(b, b.clone()) for b in game.buffers()]
    hooks = [  # that of a module comes after those that change what it gets
        register_module_forward_pre_hook(reached),
        own.register_forward_pre_hook(given, with_kwargs=True),
    ]
    object.__setattr__(game, "latents_for", noted)
    device = trainer.device
    try:
        with torch.no_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
            images = trainer.images + step * trainer.batch_size
            trainer.reseed(trainer.seed, trainer.salt, images, players[0], 0, distributed.rank())
            loss = game.loss if trainer.compiled else trainer.loss
            loss(players[0], dict(batch))
    except Reached:
        pass
    except Exception:  # a game of a user's own may want what only a whole step has
        return None
    finally:
        object.__delattr__(game, "latents_for")
        for hook in hooks:
            hook.remove()
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)
    z = next(iter([*found, *reversed(kept)]), None)
    return None if z is None else z.detach().float().cpu().numpy()


def is_latent(x: Any, numbers: int) -> bool:
    return isinstance(x, Tensor) and x.is_floating_point() and x.shape[1:] == (numbers,)
