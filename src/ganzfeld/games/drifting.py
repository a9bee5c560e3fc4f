"""Drifting: a generator without an opponent, whose samples follow a field (Deng et al. 2026)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, pixel_unshuffle

from ganzfeld.core.types import Batch, Losses
from ganzfeld.games.base import Game, given_of, numbers
from ganzfeld.games.drift import drifted
from ganzfeld.games.opening import Opening, pretext

PIXELS = 8  # a side, of images that are compared as a whole
PLACES = 4  # a side, of maps that are compared place by place
PATCH = 8  # pixels a side, of parts that are compared place by place


class Drifting(Game):
    """A generator whose samples move towards near real ones and away from each other.

    The way of each sample is known from the batch alone (`ganzfeld.games.drift`); the generator
    learns to make what lies there. Nearness is measured between the images, and in the maps of an
    encoder that the run itself teaches in its first part: place by place, and as a whole.

    G: maps (z, y) to samples, with the attribute `latent`.
    E: a `ganzfeld.networks.pretext.PretextEncoder`; None takes samples as they are, for points.
    temperatures: of the couplings, in times of the mean distance of two real samples, ascending.
    share: part of the run in which E learns, then it stands still.
    features: weight of all of E's maps, where the images themselves have 1: whole, as small copies
        and in patches. None: small copies of the images are one more map, and no image is compared
        pixel by pixel, so that nothing takes noise away that E does not see.

    With labels, samples are coupled with those of their own label.

    Example::

        import torch
        from ganzfeld.games.drifting import Drifting
        from ganzfeld.networks import NETWORKS

        G = NETWORKS["mlp-generator"]((2,), latent=2, widths=(16,), output="linear")
        losses = Drifting(G).loss("generator", {"x": torch.randn(16, 2)})
    """

    averaged = shipped = ("G",)
    whole_batch = "samples against each other"

    def __init__(
        self,
        G: nn.Module,
        E: nn.Module | None = None,
        *,
        temperatures: Sequence[float] = (0.02, 0.05, 0.2),
        share: float = 0.15,
        features: float | None = None,
    ) -> None:
        super().__init__()
        if not temperatures or min(temperatures) <= 0:
            raise ValueError("temperatures must be one or more numbers above 0")
        if features is not None and features < 0:
            raise ValueError(f"features is a weight of 0 or more, not {features}")
        self.G, self.E, self.features = G, E, features
        self.latent = cast(int, G.latent)
        self.temperatures = sorted(temperatures)
        self.players = {"generator": ("G",)}
        self.opening = None
        if E is not None:
            self.opening = Opening(share)
            self.players = {"features": ("E",), **self.players}
            self.stages = self.opening.stages

    def moves(self, step: int) -> tuple[str, ...]:
        if self.opening is not None and self.opening.now(self.clock):
            return ("features",)
        return ("generator",)

    def opening_words(self, images: int) -> str:
        return "" if self.opening is None else self.opening.words(images)

    def features_loss(self, batch: Batch) -> Losses:
        """What E learns from the data before G moves."""
        assert self.E is not None
        return pretext(self.E, batch["x"], batch.get("y"))

    def generator_loss(self, batch: Batch) -> Losses:
        """The drift at each scale; "distance" is for the record, no gradient comes from it."""
        x, y = batch["x"], batch.get("y")
        fake = cast(Tensor, self.G(self.latents_for(x), y, **given_of(batch)))
        with torch.no_grad():
            real = self.spaces(x)
        total, far = fake.new_zeros(()), list[Tensor]()
        for kind, (weight, ours) in self.spaces(fake).items():
            found = [
                drifted(one, other, self.temperatures, y, self.features is None)
                for one, other in zip(ours, real[kind][1], strict=True)
            ]
            losses, sizes = zip(*found, strict=True)
            total = total + weight * torch.stack(losses).mean()
            far += sizes
        return {"drift": total, "distance": torch.stack(far).mean()}

    def spaces(self, x: Tensor) -> dict[str, tuple[float, list[Tensor]]]:
        """Samples as points (L, N, d) of each space that they are compared in, at L places.

        By kind, each with its weight; the sum of weights is 1.
        """
        if self.E is None:
            return {"images": (1.0, [x.flatten(1)[None]])}
        small = places(x, PIXELS).permute(1, 0, 2).flatten(1)[None]
        maps = cast(list[Tensor], cast(Any, self.E).maps(x))
        placed = [places(m, side) for m in maps for side in (PLACES, 1)]
        if self.features is None:
            return {"images": (1.0, [small, *placed])}
        images = [small, x.flatten(1)[None]]
        if min(x.shape[2:]) >= PATCH:
            images.append(patches(x, PATCH))
        whole = 1 + self.features
        return {"images": (1 / whole, images), "maps": (self.features / whole, placed)}

    def sample(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        return cast(Tensor, self.G(z, y, **numbers(c)))


def places(maps: Tensor, side: int) -> Tensor:
    """Means of maps (N, C, h, w) over a grid of at most side x side places, (places, N, C)."""
    size: Any = [min(side, length) for length in maps.shape[2:]]
    return adaptive_avg_pool2d(maps, size).flatten(2).permute(2, 0, 1)


def patches(x: Tensor, side: int) -> Tensor:
    """The squares of so many pixels that images (N, C, H, W) are laid with, (squares, N, d)."""
    height, width = (length // side * side for length in x.shape[2:])
    return pixel_unshuffle(x[:, :, :height, :width], side).flatten(2).permute(2, 0, 1)
