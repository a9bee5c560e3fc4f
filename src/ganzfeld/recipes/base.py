"""Building blocks of recipes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ganzfeld.config import Config, Ema, Optimiser, Part, Run


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a recipe may depend on. Sizes are of the packed images.

    Example::

        from ganzfeld import Facts, recipes

        facts = Facts(count=1_000, channels=1, height=28, width=28, classes=10)
        config = recipes.dcgan(facts)
    """

    count: int
    channels: int
    height: int
    width: int
    classes: int  # number of labels; 0 for none, or where they are left aside
    channels_b: int = 0  # of the second domain, where there are two
    direction: str = "ab"  # of a translation that is learned one way
    afford: int | None = None  # images its full networks could see in the time; None: any number

    @property
    def shape(self) -> list[int]:
        return [self.channels, self.height, self.width]

    @property
    def side(self) -> float:
        """The side in pixels of a square with as many of them."""
        return math.sqrt(self.height * self.width)


def adversarial(
    facts: Facts,
    *,
    recipe: str,
    generator: Part,
    discriminator: Part,
    lr: float | tuple[float, float],
    betas: tuple[float, float],
    batch_size: int = 64,
    images: int = 500_000,
    optimiser: dict[str, Any] | None = None,
    **game: Any,
) -> Config:
    """Two networks for this data, and what they play.

    lr: of both players, or (the discriminator's, the generator's).
    """
    fit = {"shape": facts.shape, "classes": facts.classes}
    generator.options = fit | generator.options
    discriminator.options = fit | discriminator.options
    rates = lr if isinstance(lr, tuple) else (lr, lr)
    return Config(
        recipe=recipe,
        game=Part(name="adversarial", options=game),
        networks={"G": generator, "D": discriminator},
        optimisers={
            player: Optimiser(lr=rate, betas=betas, **(optimiser or {}))
            for player, rate in zip(("discriminator", "generator"), rates, strict=True)
        },
        ema=Ema(),
        run=Run(batch_size=batch_size, images=images),
    )


def small_dcgan(*, width: int = 32, **discriminator: Any) -> tuple[Part, Part]:
    """DCGAN networks for minutes on a CPU, of equal width; for hours on a GPU take 64 or more."""
    return (
        Part(name="dcgan-generator", options={"width": width, "most": 8 * width}),
        Part(
            name="dcgan-discriminator",
            options={"width": width, "most": 8 * width, **discriminator},
        ),
    )


def gamma(facts: Facts) -> float:
    """Weight of R1 and R2: 1 at 28 pixels, in proportion to the side, and up to four times as much
    for few images, which are seen more often (docs/defaults.md)."""
    few = min(max(math.sqrt(3_500 / facts.count), 1.0), 4.0)
    return round(facts.side / 28 * few, 3)
