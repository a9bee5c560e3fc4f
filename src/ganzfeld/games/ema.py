"""Exponential moving averages of networks, by half-lives in images."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from typing import Any, cast

import torch
from torch import Tensor, nn

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)
from ganzfeld.games import Game


class Average(nn.Module):
    """Averaged copies of the networks that a game names in `averaged`.

    half_life_images: images after which a past weight counts half.
    ramp: the half-life is at most this part of the images seen so far, so that the average
        forgets the start of a young run (Karras et al. 2020); None: no ramp.

    Example::

        import torch
        from ganzfeld import Adversarial, Average
        from ganzfeld.networks import NETWORKS

        G = NETWORKS["mlp-generator"]((2,), latent=2, widths=(16,), output="linear")
        D = NETWORKS["mlp-discriminator"]((2,), widths=(16,))
        game = Adversarial(G, D)
        average = Average(game, half_life_images=1_000)
        average.update(game, images=64, batch_size=32)
        with torch.no_grad(), average.applied(game):
            x = game.sample(torch.randn(4, game.latent))  # (4, 2)
    """

    def __init__(self, game: Game, half_life_images: float, ramp: float | None = 0.05) -> None:
        super().__init__()
        self.half_life_images, self.ramp = half_life_images, ramp
        for name in game.averaged:
            network = copy.deepcopy(game.get_submodule(name)).requires_grad_(False).eval()
            self.add_module(name, network)
        self.origin = weakref.ref(game)

    def of(self, game: Game) -> bool | None:
        """Whether it was made of this very game; None where that is not known any more."""
        origin = self.__dict__.get("origin")  # not in a copy
        return None if origin is None else bool(origin() is game)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "origin"}

    @torch.no_grad()
    def update(
        self, game: Game, images: int, batch_size: int, finite: Tensor | None = None
    ) -> None:
        """Move towards the game's networks.

        images: seen in all, this step's included. batch_size: images seen in this step.
        finite: scalar, 0.0 where the step was not finite and the average must stand still.
        """
        if finite is not None and finite.device.type != "cpu":
            self.update_where(game, images, batch_size, finite)
            return
        if finite is not None and not finite:
            return
        keep = self.kept(images, batch_size)
        for name, average in self.named_children():
            network = game.get_submodule(name)
            torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - keep)
            # running statistics belong to the weights they were measured with: average them too
            for mean, value in zip(average.buffers(), network.buffers(), strict=True):
                if mean.is_floating_point():
                    mean.lerp_(value, 1 - keep)
                else:
                    mean.copy_(value)
            self.take_exact(game, name, average)

    def kept(self, images: int, batch_size: int) -> float:
        """The weight of what was there before."""
        half_life = self.half_life_images
        if self.ramp is not None:
            half_life = min(half_life, self.ramp * images)
        return float(0.5 ** (batch_size / max(half_life, 1e-8)))

    def update_where(self, game: Game, images: int, batch_size: int, finite: Tensor) -> None:
        """`update` on a device that must not be waited for, to know whether the step counts."""
        weight = finite * (1 - self.kept(images, batch_size))
        for name, average in self.named_children():
            network = game.get_submodule(name)
            own = [*average.parameters(), *average.buffers()]
            new = [*network.parameters(), *network.buffers()]
            pairs = [(a, b) for a, b in zip(own, new, strict=True) if a.is_floating_point()]
            apart = torch._foreach_sub([b for _, b in pairs], [a for a, _ in pairs])
            torch._foreach_mul_(apart, weight)
            torch._foreach_add_([a for a, _ in pairs], apart)
            for a, b in zip(own, new, strict=True):
                if not a.is_floating_point():
                    a.copy_(b)
            self.take_exact(game, name, average)

    def take_exact(self, game: Game, name: str, average: nn.Module) -> None:
        """Parts of a network that are no average: what the other players knew them to be."""
        for path in game.exact:
            network, _, part = path.partition(".")
            if network == name:
                own, kept = game.get_submodule(path), average.get_submodule(part)
                for mine, theirs in zip(
                    chain(kept.parameters(), kept.buffers()),
                    chain(own.parameters(), own.buffers()),
                    strict=True,
                ):
                    mine.copy_(theirs)

    @contextmanager
    def applied(self, game: Game) -> Iterator[Game]:
        """The game with its averaged networks in place, ready to sample."""
        own = {name: game.get_submodule(name) for name, _ in self.named_children()}
        was_training = game.training
        try:
            for name, average in self.named_children():
                setattr(game, name, average)
            yield game.eval() if was_training else game
        finally:
            for name, network in own.items():
                setattr(game, name, network)
            if was_training:
                game.train()
                self.eval()


class Averages(nn.Module):
    """Several averages of one game, by name; which of them is best is seen at the end.

    spans: name -> factor of `half_life_images` and of `ramp`. The first is what is looked at
        during training.
    """

    def __init__(
        self,
        game: Game,
        half_life_images: float,
        ramp: float | None = 0.05,
        spans: Mapping[str, float] = {"medium": 1.0},
    ) -> None:
        super().__init__()
        self.spans = tuple(spans) if half_life_images else tuple(spans)[:1]
        self.factors = {span: spans[span] for span in self.spans}
        for span, factor in self.factors.items():
            average = Average(game, factor * half_life_images, ramp and factor * ramp)
            self.add_module(span, average)

    def last(self, half_life_images: float) -> None:
        """Take another half-life from here on; the number of averages stays."""
        for span, factor in self.factors.items():
            self[span].half_life_images = factor * half_life_images

    def __getitem__(self, span: str) -> Average:
        return cast(Average, self.get_submodule(span))

    def update(
        self, game: Game, images: int, batch_size: int, finite: Tensor | None = None
    ) -> None:
        """See `Average.update`."""
        for span in self.spans:
            self[span].update(game, images, batch_size, finite)

    def applied(self, game: Game) -> AbstractContextManager[Game]:
        """The game with the networks of the first average; see `Average.applied`."""
        return self[self.spans[0]].applied(game)
