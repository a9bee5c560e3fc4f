"""Recipes: functions from what the data is like to a whole configuration.

A recipe is conditional when the data has labels: it passes `facts.classes` on, and zero means
none. Your own recipe is a function like these, named as `--recipe mine.py:photos`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ganzfeld.config import Config, Ema, Optimiser, Part, Run


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a recipe may depend on. Sizes are of the packed pictures."""

    count: int
    channels: int
    height: int
    width: int
    classes: int  # number of labels; 0 for none, or where they are left aside
    channels_b: int = 0  # of the second domain, where there are two
    direction: str = "ab"  # of a translation that is learned one way

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


def default(facts: Facts) -> Config:
    """The best we know for minutes on a CPU: DCGAN networks, R1 and R2 every 4th step."""
    generator, discriminator = small_dcgan()
    return adversarial(
        facts,
        recipe="default",
        generator=generator,
        discriminator=discriminator,
        lr=1e-3,
        betas=(0.0, 0.99),
        batch_size=32,
        loss="non-saturating",
        r1=gamma(facts),
        r2=gamma(facts),
        penalty_every=4,
    )


def gamma(facts: Facts) -> float:
    """Weight of R1 and R2: 1 at 28x28 grey, in proportion to the numbers in a picture.

    The squared slope is a sum over them, and the same relative change of a larger picture has
    a smaller slope in each.
    """
    return round(facts.channels * facts.height * facts.width / 784, 3)


def mlp(facts: Facts) -> Config:
    """Fully connected networks and cross-entropy, as in the first GAN tutorials."""
    return adversarial(
        facts,
        recipe="mlp",
        generator=Part(name="mlp-generator", options={"latent": 100}),
        discriminator=Part(name="mlp-discriminator"),
        lr=2e-4,
        betas=(0.5, 0.999),
        batch_size=128,
        loss="non-saturating",
    )


def dcgan(facts: Facts) -> Config:
    """Convolutions with batch normalisation in both networks and cross-entropy."""
    generator, discriminator = small_dcgan(norm="batch", condition="concat")
    return adversarial(
        facts,
        recipe="dcgan",
        generator=generator,
        discriminator=discriminator,
        lr=5e-4,
        betas=(0.5, 0.999),
        loss="non-saturating",
    )


def wgan_gp(facts: Facts) -> Config:
    """Wasserstein loss with gradient penalty 10 and five moves of the discriminator a step."""
    generator, discriminator = small_dcgan()
    return adversarial(
        facts,
        recipe="wgan-gp",
        generator=generator,
        discriminator=discriminator,
        lr=2e-4,
        betas=(0.0, 0.9),
        loss="wasserstein",
        gradient_penalty=10.0,
        discriminator_moves=5,
    )


def hinge(facts: Facts) -> Config:
    """Hinge loss, spectral normalisation, and a discriminator that learns twice as fast."""
    generator, discriminator = small_dcgan(spectral=True)
    return adversarial(
        facts,
        recipe="hinge",
        generator=generator,
        discriminator=discriminator,
        lr=(4e-4, 2e-4),
        betas=(0.0, 0.9),
        loss="hinge",
    )


def modern(facts: Facts) -> Config:
    """Residual networks without normalisation, relativistic loss, R1 and R2 (R3GAN, 2024)."""
    options = {"width": 16, "most": 96, "blocks": 1, "group": 16}
    start = gamma(facts) / 2
    return adversarial(
        facts,
        recipe="modern",
        generator=Part(name="residual-generator", options=dict(options)),
        discriminator=Part(name="residual-discriminator", options=dict(options)),
        lr=4e-4,
        betas=(0.0, 0.9),
        optimiser={"final_lr": 1e-4, "final_beta2": 0.99, "burn_in": 0.5, "warm_up": 0.01},
        loss="relativistic",
        r1=(start, start / 10),
        r2=(start, start / 10),
        penalty_every=4,
        burn_in=0.5,
    )


def cyclegan(facts: Facts) -> Config:
    """Translation both ways between two sets of pictures, without pairs (CycleGAN, 2017)."""
    a, b = facts.channels, facts.channels_b
    blocks = 9 if facts.side >= 256 else 6

    def translator(inputs: int, outputs: int) -> Part:
        options = {"inputs": inputs, "outputs": outputs, "blocks": blocks}
        return Part(name="residual-translator", options=options)

    return translation(
        facts,
        recipe="cyclegan",
        players=("translators", "discriminator"),
        networks={
            "G_ab": translator(a, b),
            "G_ba": translator(b, a),
            "D_a": judge(a, facts),
            "D_b": judge(b, facts),
        },
        optimiser={"final_lr": 0.0, "decay": "linear", "hold": 0.5},
        shape_a=[a, facts.height, facts.width],
        shape_b=[b, facts.height, facts.width],
        identity=0.5 if a == b else 0.0,
    )


def pix2pix(facts: Facts) -> Config:
    """Translation one way, learned from pairs of pictures (pix2pix, 2017)."""
    channels = (facts.channels, facts.channels_b)
    inputs, outputs = channels if facts.direction == "ab" else channels[::-1]
    size = (facts.height, facts.width)
    options = {"inputs": inputs, "outputs": outputs, "depth": unet_depth(size)}
    return translation(
        facts,
        recipe="pix2pix",
        players=("discriminator", "generator"),
        networks={
            "G": Part(name="unet-translator", options=options),
            "D": judge(inputs + outputs, facts),
        },
        direction=facts.direction,
    )


def translation(
    facts: Facts,
    *,
    recipe: str,
    players: tuple[str, str],
    networks: dict[str, Part],
    optimiser: dict[str, Any] | None = None,
    **game: Any,
) -> Config:
    """What both published translations share: batches of one, Adam, 200 times through the data."""
    return Config(
        recipe=recipe,
        game=Part(name=recipe, options=game),
        networks=networks,
        optimisers={
            player: Optimiser(lr=2e-4, betas=(0.5, 0.999), **(optimiser or {}))
            for player in players
        },
        run=Run(batch_size=1, images=200 * facts.count),
    )


def judge(inputs: int, facts: Facts) -> Part:
    """A discriminator of patches of 70 pixels, of fewer in smaller pictures."""
    layers = patch_layers((facts.height, facts.width))
    return Part(name="patch-discriminator", options={"inputs": inputs, "layers": layers})


def unet_depth(size: tuple[int, int]) -> int:
    """Levels of a U-Net for pictures of (height, width): 8 at 256 px, 5 at 32, 4 at 48.

    As often as the shorter side can be halved, but no more than 8, and less often where padding
    to a multiple of 2 ** depth would add more than half of the picture.
    """
    height, width = size
    for depth in range(min(min(size).bit_length() - 1, 8), 1, -1):
        high, wide = (-(-side // 2**depth) * 2**depth for side in size)
        if high * wide <= 1.5 * height * width:
            return depth
    return 1


def patch_layers(size: tuple[int, int]) -> int:
    """Halvings of a patch discriminator: the published 3 from 32 px on, fewer below."""
    return max(min(min(size).bit_length() - 3, 3), 0)


# Recipes of two domains, and how their data comes. A recipe of one's own says it by an attribute.
for recipe, kind in ((cyclegan, "unpaired"), (pix2pix, "paired")):
    recipe.__dict__["data"] = kind

RECIPES: dict[str, Callable[[Facts], Config]] = {
    "default": default,
    "mlp": mlp,
    "dcgan": dcgan,
    "wgan-gp": wgan_gp,
    "hinge": hinge,
    "modern": modern,
    "cyclegan": cyclegan,
    "pix2pix": pix2pix,
}
