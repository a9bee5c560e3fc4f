"""Recipes: functions from what the data is like to a whole configuration.

A recipe is conditional when the data has labels: it passes `facts.classes` on, and zero means
none. Your own recipe is a function like these, named as `--recipe mine.py:photos`.
"""

from __future__ import annotations

from collections.abc import Callable

from ganzfeld.config import Config, Optimiser, Part, Run
from ganzfeld.parts import Facts, adversarial, gamma, small_dcgan
from ganzfeld.tutorials import TUTORIALS

__all__ = ["RECIPES", "Facts", "adversarial", "gamma", "small_dcgan"]


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


def vae(facts: Facts) -> Config:
    """Variational autoencoder: no opponent, one loss; quick and steady, and less sharp."""
    latent = 16 if facts.side < 48 else 64
    fit = {"shape": facts.shape, "classes": facts.classes, "width": 32, "most": 256}
    return Config(
        recipe="vae",
        game=Part(name="vae", options={"beta": 4.0}),
        networks={
            "G": Part(name="dcgan-generator", options={**fit, "latent": latent}),
            "E": Part(name="conv-encoder", options={**fit, "outputs": 2 * latent}),
        },
        optimisers={"autoencoder": Optimiser(lr=1e-3, betas=(0.9, 0.99), final_lr=1e-4)},
        run=Run(batch_size=64, images=500_000),
    )


def gmmn(facts: Facts) -> Config:
    """Moment matching: batches compared by a kernel, in the codes of an autoencoder."""
    code = 16 if facts.side < 48 else 48
    fit = {"shape": facts.shape, "classes": facts.classes, "width": 32, "most": 256}
    return Config(
        recipe="gmmn",
        game=Part(name="gmmn"),
        networks={
            "G": Part(name="code-generator", options={**fit, "code": code}),
            "E": Part(name="conv-encoder", options={**fit, "outputs": code}),
        },
        optimisers={
            "autoencoder": Optimiser(lr=2e-3, betas=(0.9, 0.99), final_lr=1e-5),
            "generator": Optimiser(lr=1e-3, betas=(0.5, 0.99), final_lr=1e-5),
        },
        run=Run(batch_size=256, images=1_000_000),
    )


RECIPES: dict[str, Callable[[Facts], Config]] = {
    "default": default,
    "mlp": mlp,
    "dcgan": dcgan,
    "wgan-gp": wgan_gp,
    "hinge": hinge,
    "modern": modern,
    "vae": vae,
    "gmmn": gmmn,
    **TUTORIALS,
}
