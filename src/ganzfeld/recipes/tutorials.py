"""The settings of well-known tutorials, as recipes.

Networks, losses, optimisers, batch sizes and orders of moves are the tutorials'. What is
sampled and shipped is an averaged generator, as everywhere here; the tutorials use the last
weights, and `--set ema.half_life_images=0` ships those. docs/tutorials.md has the differences.
"""

from __future__ import annotations

from collections.abc import Callable

from ganzfeld.config import Config, Part
from ganzfeld.errors import UsageError
from ganzfeld.recipes.base import Facts, adversarial


def mlp_mnist(facts: Facts) -> Config:
    """Tutorial: a fully connected GAN of digits; z 100 to 256, 512, 1024, image."""
    return adversarial(
        facts,
        recipe="tutorial-mlp-mnist",
        generator=Part(name="mlp-generator", options={"classes": 0, "norm": "batch-all"}),
        discriminator=Part(name="mlp-discriminator", options={"classes": 0}),
        lr=2e-4,
        betas=(0.5, 0.999),
        batch_size=128,
        images=20 * facts.count,
        loss="non-saturating",
    )


def mlp_faces(facts: Facts) -> Config:
    """Tutorial: a fully connected GAN of faces at 64x64, without normalisation."""
    return adversarial(
        facts,
        recipe="tutorial-mlp-faces",
        generator=Part(name="mlp-generator", options={"norm": "none"}),
        discriminator=Part(name="mlp-discriminator", options={"widths": [1024, 512, 256]}),
        lr=2e-4,
        betas=(0.5, 0.999),
        batch_size=128,
        loss="non-saturating",
    )


def dcgan_mnist(facts: Facts) -> Config:
    """Tutorial: TensorFlow's DCGAN of digits; 5x5 convolutions, dropout, Adam 1e-4."""
    return mnist_networks(facts, "tutorial-dcgan-mnist", classes=0)


def cgan_mnist(facts: Facts) -> Config:
    """Tutorial: the same with one-hot labels joined to z, and as planes to the image."""
    if not facts.classes:
        raise UsageError(
            "tutorial-cgan-mnist is conditional and this data has no labels",
            fix="give labelled data, or --recipe tutorial-dcgan-mnist",
        )
    return mnist_networks(facts, "tutorial-cgan-mnist", classes=facts.classes)


def mnist_networks(facts: Facts, recipe: str, classes: int) -> Config:
    return adversarial(
        facts,
        recipe=recipe,
        generator=Part(name="mnist-generator", options={"classes": classes}),
        discriminator=Part(name="mnist-discriminator", options={"classes": classes}),
        lr=1e-4,
        betas=(0.9, 0.999),
        batch_size=256,
        images=50 * facts.count,
        loss="non-saturating",
    )


def dcgan_celeba(facts: Facts) -> Config:
    """Tutorial: a DCGAN of faces at 64x64, its players training in alternating phases."""
    return adversarial(
        facts,
        recipe="tutorial-dcgan-celeba",
        generator=Part(name="celeba-generator"),
        discriminator=Part(name="celeba-discriminator"),
        lr=2e-4,
        betas=(0.5, 0.999),
        batch_size=128,
        loss="non-saturating",
        discriminator_phase=4,
        generator_phase=4,
    )


def dcgan_anime(facts: Facts) -> Config:
    """Tutorial: a DCGAN of anime faces at 96x96; the generator moves in every 5th step."""
    config = adversarial(
        facts,
        recipe="tutorial-dcgan-anime",
        generator=Part(name="anime-generator"),
        discriminator=Part(name="anime-discriminator"),
        lr=2e-4,
        betas=(0.5, 0.999),
        batch_size=256,
        images=200 * facts.count,
        loss="non-saturating",
        generator_every=5,
    )
    config.run.save_every = 5 * facts.count
    return config


TUTORIALS: dict[str, Callable[[Facts], Config]] = {
    "tutorial-mlp-mnist": mlp_mnist,
    "tutorial-mlp-faces": mlp_faces,
    "tutorial-dcgan-mnist": dcgan_mnist,
    "tutorial-dcgan-celeba": dcgan_celeba,
    "tutorial-dcgan-anime": dcgan_anime,
    "tutorial-cgan-mnist": cgan_mnist,
}
