"""An encoder that learns from images alone, and a discriminator that looks through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from ganzfeld.networks.layers import SLOPE, Verdict, initialise, pyramid

KEPT = 0.99  # of the mean square of maps, in each move


class PretextEncoder(nn.Module):
    """Images (N, C, H, W) to maps of halving size, and from the coarsest to an answer.

    The answer is what it learns by (`ganzfeld.games.opening`): logits where there are classes, else
    an image. There is no normalisation, so each image counts for itself.

    shape: (C, H, W), 8 pixels or more a side.
    classes: number of labels; 0 for none.
    width: channels of the finest map; each after it has twice as many, at most `most`.
    """

    squares: Tensor

    def __init__(
        self, shape: Sequence[int], *, classes: int = 0, width: int = 24, most: int = 192
    ) -> None:
        super().__init__()
        channels, *sides = shape
        downs = len(pyramid(*sides)) - 1
        if downs < 1:
            raise ValueError(f"images of {sides} pixels are too small for maps of several sizes")
        self.widths = [min(width * 2**level, most) for level in range(downs)]
        before = [channels, *self.widths]
        self.layers = nn.ModuleList(
            initialise(nn.Conv2d(i, o, 4, 2, 1)) for i, o in zip(before, self.widths, strict=False)
        )
        self.register_buffer("squares", torch.ones(downs))
        last, self.classes = self.widths[-1], classes
        self.label = initialise(nn.Linear(last, classes), 1.0) if classes else None
        self.decoder = nn.Sequential()
        if not classes:
            behind = [max(width_ // 2, 8) for width_ in self.widths[-2::-1]] + [channels]
            for i, o in zip([last, *behind], behind, strict=False):
                self.decoder.append(initialise(nn.ConvTranspose2d(i, o, 4, 2, 1)))
                self.decoder.append(nn.LeakyReLU(SLOPE, inplace=True))
            del self.decoder[-1]

    def raw(self, x: Tensor) -> list[Tensor]:
        """Maps (N, C, h, w), fine to coarse, as they come."""
        found = []
        for layer in self.layers:
            x = leaky_relu(layer(x), SLOPE)
            found.append(x)
        return found

    def maps(self, x: Tensor) -> list[Tensor]:
        """Maps (N, C, h, w), fine to coarse, each with a mean square of about 1."""
        return [m / s.sqrt() for m, s in zip(self.raw(x), self.squares, strict=True)]

    def measure(self, raw: list[Tensor]) -> None:
        """Let the size of maps follow those that were seen now."""
        with torch.no_grad():
            now = torch.stack([m.float().square().mean() for m in raw])
            self.squares.lerp_(now, 1 - KEPT)

    def answer(self, coarsest: Tensor, size: Sequence[int]) -> Tensor:
        """From the coarsest raw map: logits (N, classes), or an image (N, C, *size)."""
        if self.label is not None:
            return cast(Tensor, self.label(coarsest.mean((2, 3)))).float()
        drawn = cast(Tensor, self.decoder(coarsest)).float()
        return drawn if drawn.shape[2:] == tuple(size) else interpolate(drawn, size)

    def forward(self, x: Tensor) -> Tensor:
        """The coarsest map."""
        return self.maps(x)[-1]


class ProjectedDiscriminator(nn.Module):
    """Images (N, C, H, W) to logits (N,), judged on maps that do not learn from the game.

    After Sauer et al. 2021 ("Projected GANs converge faster"), but the features are those that the
    run learned in its first part, from its own images: nothing is downloaded. Each scale has a
    head of its own; a logit is their sum over the root of their number.

    shape, classes, width, most: of the features, see `PretextEncoder`; classes also enter each
        head, by projection.
    mixing: maps pass a fixed random 1x1 convolution, and each has the coarser one added, enlarged,
        so that a head has to heed all channels and what lies around (section 3.2 there).
    head: channels of the heads.
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        classes: int = 0,
        width: int = 24,
        most: int = 192,
        mixing: bool = True,
        head: int = 64,
    ) -> None:
        super().__init__()
        self.features = PretextEncoder(shape, classes=classes, width=width, most=most)
        widths, self.mixed = self.features.widths, mixing
        if mixing:
            before = [*widths[1:], 0]
            for level, (own, coarser) in enumerate(zip(widths, before, strict=True)):
                self.register_buffer(f"mix{level}", torch.randn(own, own, 1, 1) / own**0.5)
                if coarser:
                    down = torch.randn(own, coarser, 1, 1) / coarser**0.5
                    self.register_buffer(f"down{level}", down)
        sizes = [[side >> level + 1 for side in shape[1:]] for level in range(len(widths))]
        self.heads = nn.ModuleList(
            Head(own, head, size, classes) for own, size in zip(widths, sizes, strict=True)
        )

    def seen(self, x: Tensor) -> list[Tensor]:
        """What the heads see, fine to coarse."""
        maps = self.features.maps(x)
        if not self.mixed:
            return maps
        found: list[Tensor] = []
        for level in reversed(range(len(maps))):
            m = nn.functional.conv2d(maps[level], self.get_buffer(f"mix{level}"))
            if found:
                above = nn.functional.conv2d(found[0], self.get_buffer(f"down{level}"))
                m = (m + interpolate(above, m.shape[2:])) / 2**0.5
            found.insert(0, m)
        return found

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        logits = [head(m, y) for head, m in zip(self.heads, self.seen(x), strict=True)]
        joined: Tensor = torch.stack(logits).sum(0) / len(logits) ** 0.5
        return joined


class Head(nn.Module):
    """Maps (N, C, h, w) to logits (N,): 4x4 convolutions of stride 2 down to 4 pixels."""

    def __init__(self, before: int, width: int, size: Sequence[int], classes: int) -> None:
        super().__init__()
        high, wide = size
        self.first = initialise(nn.Conv2d(before, width, 1))
        self.downs = nn.ModuleList()
        while min(high, wide) >= 8:
            self.downs.append(initialise(nn.Conv2d(width, width, 4, 2, 1)))
            high, wide = high // 2, wide // 2
        self.verdict = Verdict(width * high * wide, classes)

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        x = leaky_relu(self.first(x), SLOPE)
        for layer in self.downs:
            x = leaky_relu(layer(x), SLOPE)
        logits: Tensor = self.verdict(x, y)
        return logits
