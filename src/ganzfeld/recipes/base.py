"""Building blocks of recipes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ganzfeld.config import Config, Ema, Optimiser, Part, Run
from ganzfeld.modalities import Spec, image_spec

OF_SIDES = Spec("", ())  # stands for images of channels, height and width
FILTERED = 64  # pixels a side; smaller images lose fine detail to the filter (docs/methods.md)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a recipe may depend on.

    spec: how the samples lie; images of channels, height and width where it is left out. For
    samples of three sides these three follow from it, for others they are 0.

    Example::

        from ganzfeld.recipes import RECIPES, Facts

        facts = Facts(count=1000, channels=3, height=32, width=32, classes=0)
        assert facts.shape == [3, 32, 32]
        config = RECIPES["default"](facts)
    """

    count: int
    channels: int = 0
    height: int = 0
    width: int = 0
    classes: int = 0  # number of labels; 0 for none, or where they are left aside
    spec: Spec = OF_SIDES
    labels: str = ""  # the column that they come from, where it is one of the samples' own
    conditions: int = 0  # numbers that come with each sample and are given to the networks
    words: int = 0  # of the vocabulary of captions that come with the samples; 0 for none
    longest: int = 0  # words of the longest of these captions
    channels_b: int = 0  # of the second domain, where there are two
    direction: str = "ab"  # of a translation that is learned one way
    afford: int | None = None  # images its full networks could see in the time; None: any number

    def __post_init__(self) -> None:
        if self.spec == OF_SIDES:
            sides = (self.channels, self.height, self.width)
            object.__setattr__(self, "spec", image_spec(*sides))
        elif len(self.spec.shape) == 3:
            for name, side in zip(("channels", "height", "width"), self.spec.shape, strict=True):
                object.__setattr__(self, name, side)

    @property
    def shape(self) -> list[int]:
        """Of one sample, as networks take it."""
        return list(self.spec.shape)

    @property
    def side(self) -> float:
        """The side in pixels of a square with as many of them."""
        return math.sqrt(self.height * self.width)


@dataclass(frozen=True)
class Recipe:
    """A function from facts to a configuration, and the data that it is for.

    make: takes `Facts`. modality: the kind of sample, a name in `ganzfeld.modalities.MODALITIES`;
    None for any. task: "generation", "translation" or "captioning". layout: how the data come:
    "pictures" for one set of samples of any kind, "paired" or "unpaired" for two domains.
    captions: whether it needs captions; a column of texts is then read as such, and never as
    classes, however many of them repeat.

    A plain function is a recipe too: it generates, from data of any kind. An attribute of it,
    `data`, may name another layout, and one `captions` may be True.

    Example::

        from ganzfeld.recipes import Recipe, default

        def photos(facts):
            return default(facts)

        mine = Recipe(photos, task="generation")  # --recipe mine.py:mine, or mine.py:photos
    """

    make: Callable[[Facts], Config]
    modality: str | None = None
    task: str = "generation"
    layout: str = "pictures"
    captions: bool = False

    def __call__(self, facts: Facts) -> Config:
        made: object = self.make(facts)
        if not isinstance(made, Config):
            raise ValueError(f"it returned {type(made).__name__}, not a Config")
        return made

    @property
    def about(self) -> str:
        """What it is, in one line."""
        return (self.make.__doc__ or "").strip().partition("\n")[0]


def as_recipe(found: Callable[[Facts], Config]) -> Recipe:
    """A recipe as it is, or a user's plain function as one."""
    if isinstance(found, Recipe):
        return found
    layout = str(getattr(found, "data", "pictures"))
    task = "generation" if layout == "pictures" else "translation"
    captions = bool(getattr(found, "captions", False))
    return Recipe(found, task=task, layout=layout, captions=captions)


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
    fit: dict[str, Any] = {"shape": facts.shape, "classes": facts.classes}
    if facts.conditions:  # for networks that take numbers
        fit["conditions"] = facts.conditions
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


def against_dots(generator: Part, facts: Facts) -> None:
    """Let a DCGAN generator end in a 3x3 convolution, from FILTERED pixels on behind a filter."""
    generator.options["refine"] = 8
    if min(facts.shape[1:], default=0) >= FILTERED:
        generator.options["blur"] = 1


def small_dcgan(
    *, width: int = 32, init_std: float | None = None, **discriminator: Any
) -> tuple[Part, Part]:
    """DCGAN networks for minutes on a CPU, of equal width; for hours on a GPU take 64 or more.

    init_std: of both networks' first weights; None: one that keeps the variance (He et al. 2015).
    """
    both: dict[str, Any] = {"width": width, "most": 8 * width}
    if init_std is not None:
        both["init_std"] = init_std
    return (
        Part(name="dcgan-generator", options=dict(both)),
        Part(name="dcgan-discriminator", options=both | discriminator),
    )


def gamma(facts: Facts) -> float:
    """Weight of R1 and R2: 1 at 28 pixels, in proportion to the side, and up to four times as much
    for few images, which are seen more often (docs/defaults.md)."""
    few = min(max(math.sqrt(3_500 / facts.count), 1.0), 4.0)
    return round(facts.side / 28 * few, 3)
