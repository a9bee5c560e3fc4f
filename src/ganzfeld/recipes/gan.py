"""Recipes: functions that turn facts about the data into a configuration.

A recipe is conditional when the data has labels: it passes `facts.classes` on, and zero means
none. Your own recipe is a function like these, named as `--recipe mine.py:photos`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganzfeld.config import Config, Optimiser, Part, Run
from ganzfeld.recipes.audio import AUDIO
from ganzfeld.recipes.base import (
    FILTERED,
    Facts,
    Recipe,
    adversarial,
    against_dots,
    gamma,
    small_dcgan,
)
from ganzfeld.recipes.captions import (
    image_to_text,
    image_to_text_mle,
    text_to_audio,
    text_to_field,
    text_to_image,
    text_to_image_encoder,
    text_to_table,
)
from ganzfeld.recipes.features import drifting, projected
from ganzfeld.recipes.fields import FIELDS
from ganzfeld.recipes.series import SERIES
from ganzfeld.recipes.sizing import fitted, within
from ganzfeld.recipes.tables import TABLES
from ganzfeld.recipes.text import TEXT
from ganzfeld.recipes.tutorials import TUTORIALS

PUBLISHED = 0.02  # standard deviation of DCGAN's first weights (docs/defaults.md)
EARLY = 0.05  # the same of a discriminator that has few steps: small only in its first layers
FEW = 8_000  # images that full networks could see, below which steps are few

__all__ = ["RECIPES", "Facts", "adversarial", "gamma", "list_recipes", "small_dcgan", "within"]


def default(facts: Facts) -> Config:
    """The best we know for minutes on a CPU: DCGAN networks, R1 and R2 every 4th step.

    Where the time is too short for many images, smaller networks see more of them. The generator
    ends in a 3x3 convolution, from 64 pixels on behind a filter, against dots in flat areas. It
    learns three times as fast as its opponent; both slow down over the last half, in a long run
    sooner, before steps become large beside the discriminator's first weights. These are smaller
    where steps are few (docs/defaults.md).
    """
    fit = fitted("default", facts.afford)
    generator, discriminator = small_dcgan(width=fit.width)
    against_dots(generator, facts)
    if facts.afford is not None and facts.afford < FEW and facts.side < FILTERED:
        discriminator.options["init_std"] = EARLY
    config = adversarial(
        facts,
        recipe="default",
        generator=generator,
        discriminator=discriminator,
        **fit.settings(),
        betas=(0.0, 0.99),
        loss="non-saturating",
        r1=gamma(facts),
        r2=gamma(facts),
        penalty_every=4,
    )
    config.run.precision = "auto"
    return config


def mlp(facts: Facts) -> Config:
    """Fully connected networks and cross-entropy, as in the first GAN tutorials."""
    fit = fitted("mlp", facts.afford)
    generator = Part(name="mlp-generator", options={"latent": 100})
    discriminator = Part(name="mlp-discriminator")
    if fit.scale != 1:
        generator.options["widths"] = [round(fit.scale * width) for width in (256, 512, 1024)]
        discriminator.options["widths"] = [round(fit.scale * width) for width in (512, 256)]
    return adversarial(
        facts,
        recipe="mlp",
        generator=generator,
        discriminator=discriminator,
        **fit.settings(),
        betas=(0.5, 0.999),
        loss="non-saturating",
    )


def dcgan(facts: Facts) -> Config:
    """Convolutions with batch normalisation in both networks and cross-entropy (DCGAN, 2016).

    First weights are the published ones, of standard deviation 0.02: with larger ones the same
    steps change the features less. The discriminator takes labels by projection, since planes
    joined to the image, as the tutorials have them, cost it a half (docs/defaults.md).
    """
    fit = fitted("dcgan", facts.afford)
    generator, discriminator = small_dcgan(width=fit.width, init_std=PUBLISHED, norm="batch")
    return adversarial(
        facts,
        recipe="dcgan",
        generator=generator,
        discriminator=discriminator,
        **fit.settings(),
        betas=(0.5, 0.999),
        loss="non-saturating",
    )


def wgan_gp(facts: Facts) -> Config:
    """Wasserstein loss with gradient penalty 10 and five moves of the discriminator a step."""
    fit = fitted("wgan-gp", facts.afford)
    generator, discriminator = small_dcgan(width=fit.width, init_std=PUBLISHED)
    return adversarial(
        facts,
        recipe="wgan-gp",
        generator=generator,
        discriminator=discriminator,
        **fit.settings(),
        betas=(0.0, 0.9),
        loss="wasserstein",
        gradient_penalty=10.0,
        discriminator_moves=5,
    )


def hinge(facts: Facts) -> Config:
    """Hinge loss and spectral normalisation; without a limit of time D learns twice as fast."""
    fit = fitted("hinge", facts.afford)
    generator, discriminator = small_dcgan(width=fit.width, spectral=True)
    return adversarial(
        facts,
        recipe="hinge",
        generator=generator,
        discriminator=discriminator,
        **fit.settings(),
        betas=(0.0, 0.9),
        loss="hinge",
    )


def r3gan(facts: Facts) -> Config:
    """R3GAN (2024), published for GPUs; on a CPU not ahead of `default` within half an hour.

    Residual networks without normalisation, relativistic loss, R1 and R2. Widths, batch, rates
    and the weight of the penalties are for a CPU, where samples became one with less weight;
    docs/gan.md has the published ones.
    """
    fit = fitted("r3gan", facts.afford)
    patch = 1 if facts.height % 2 or facts.width % 2 else 2
    group = 16 if fit.width % 16 == 0 else 8
    options = {"width": fit.width, "most": 4 * fit.width, "blocks": 1, "group": group}
    options["patch"] = patch
    weight = round(facts.channels * facts.height * facts.width / 98, 3)  # 8 for 28x28 grey
    return adversarial(
        facts,
        recipe="r3gan",
        generator=Part(name="residual-generator", options=dict(options)),
        discriminator=Part(name="residual-discriminator", options=dict(options)),
        **fit.settings(),
        betas=(0.0, 0.99),
        loss="relativistic",
        r1=weight,
        r2=weight,
        penalty_every=4,
    )


def vae(facts: Facts) -> Config:
    """Variational autoencoder: no opponent, one loss; quick and steady, and less sharp."""
    latent = 16 if facts.side < 48 else 64
    fit = fitted("vae", facts.afford)
    shape = {"shape": facts.shape, "classes": facts.classes}
    shape |= {"width": fit.width, "most": 8 * fit.width}
    return Config(
        recipe="vae",
        game=Part(name="vae", options={"beta": 4.0}),
        networks={
            "G": Part(name="dcgan-generator", options={**shape, "latent": latent}),
            "E": Part(name="conv-encoder", options={**shape, "outputs": 2 * latent}),
        },
        optimisers={"autoencoder": Optimiser(lr=fit.lr[0], betas=(0.9, 0.99), **fit.optimiser)},
        run=Run(batch_size=fit.batch, images=500_000),
    )


def gmmn(facts: Facts) -> Config:
    """Moment matching: batches compared by a kernel, in the codes of an autoencoder."""
    code = 16 if facts.side < 48 else 48
    fit = fitted("gmmn", facts.afford)
    shape = {"shape": facts.shape, "classes": facts.classes}
    shape |= {"width": fit.width, "most": 8 * fit.width}
    return Config(
        recipe="gmmn",
        game=Part(name="gmmn"),
        networks={
            "G": Part(name="code-generator", options={**shape, "code": code}),
            "E": Part(name="conv-encoder", options={**shape, "outputs": code}),
        },
        optimisers={
            "autoencoder": Optimiser(lr=fit.lr[0], betas=(0.9, 0.99), **fit.optimiser),
            "generator": Optimiser(lr=fit.lr[1], betas=(0.5, 0.99), **fit.optimiser),
        },
        run=Run(batch_size=fit.batch, images=1_000_000),
    )


def cyclegan(facts: Facts) -> Config:
    """Translation both ways between two sets of images, without pairs (CycleGAN, 2017)."""
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
    """Translation one way, learned from pairs of images (pix2pix, 2017)."""
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
    """A discriminator of patches of 70 pixels, of fewer in smaller images."""
    layers = patch_layers((facts.height, facts.width))
    return Part(name="patch-discriminator", options={"inputs": inputs, "layers": layers})


def unet_depth(size: tuple[int, int]) -> int:
    """Levels of a U-Net for images of (height, width): 8 at 256 px, 5 at 32, 4 at 48.

    As often as the shorter side can be halved, but no more than 8, and less often where padding
    to a multiple of 2 ** depth would add more than half of the image.
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


IMAGES: dict[str, Any] = {
    "default": default,
    "mlp": mlp,
    "dcgan": dcgan,
    "wgan-gp": wgan_gp,
    "hinge": hinge,
    "r3gan": r3gan,
    "vae": vae,
    "gmmn": gmmn,
    "projected": projected,
    "drifting": drifting,
}
OF_IMAGES: dict[str, Any] = {"modality": "image"}
DOMAINS: dict[str, Any] = {**OF_IMAGES, "task": "translation"}

# One entry a recipe, with the kind of sample, the task and the layout of data that it is for.
RECIPES: Mapping[str, Recipe] = {
    **{name: Recipe(make, **OF_IMAGES) for name, make in IMAGES.items()},
    "text-to-image": Recipe(text_to_image, captions=True, **OF_IMAGES),
    "text-to-image-encoder": Recipe(text_to_image_encoder, captions=True, **OF_IMAGES),
    "cyclegan": Recipe(cyclegan, layout="unpaired", **DOMAINS),
    "pix2pix": Recipe(pix2pix, layout="paired", **DOMAINS),
    "image-to-text": Recipe(image_to_text, captions=True, task="captioning", **OF_IMAGES),
    "image-to-text-mle": Recipe(image_to_text_mle, captions=True, task="captioning", **OF_IMAGES),
    **{name: Recipe(make, **OF_IMAGES) for name, make in TUTORIALS.items()},
    **AUDIO,
    "text-to-audio": Recipe(text_to_audio, modality="audio", captions=True),
    "text-to-field": Recipe(text_to_field, modality="field", captions=True),
    "text-to-table": Recipe(text_to_table, modality="table", captions=True),
    **TEXT,
    **TABLES,
    **FIELDS,
    **SERIES,
}


def list_recipes() -> list[str]:
    """The names that `ganzfeld.train(recipe=...)` takes, beside `file.py:name` for your own.

    Example::

        import ganzfeld

        assert "default" in ganzfeld.list_recipes()
    """
    return list(RECIPES)
