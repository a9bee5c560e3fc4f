"""Recipes for lines of text."""

from __future__ import annotations

from typing import Any

from ganzfeld.config import Config, Ema, Optimiser, Part, Run
from ganzfeld.recipes.base import Facts, Recipe

HIDDEN = 192  # width of a state
BATCH = 256
LINES = 1_500_000  # seen, unless a time is given
PAIRS = 100_000  # of lines, seen by a translation from pairs
CIPHERED = 200_000  # lines seen by a translation of symbols
EASE: dict[str, Any] = {"decay": "cosine", "hold": 0.5}  # rates fall in the second half


def generator(facts: Facts, **options: Any) -> Part:
    """The recurrent generator that all text recipes share."""
    return Part(name="text-generator", options=fit(facts) | {"hidden": HIDDEN} | options)


def fit(facts: Facts) -> dict[str, Any]:
    return {
        "shape": facts.shape,
        "symbols": len(facts.spec.extra["symbols"]),
        "classes": facts.classes,
        "conditions": facts.conditions,
    }


def text_gan(facts: Facts) -> Config:
    """A recurrent generator that learns from a discriminator alone, which judges every symbol."""
    judge = Part(name="text-judge", options=fit(facts) | {"hidden": HIDDEN})
    options = {"estimator": "expected", "informed": True, "helping": True}
    options |= {"normalised": True, "twin": True}
    return Config(
        recipe="text-gan",
        game=Part(name="text-gan", options=options),
        networks={"G": generator(facts), "D": judge},
        optimisers={
            player: Optimiser(lr=6e-3, betas=(0.5, 0.99), final_lr=1e-4, decay="cosine", hold=0.3)
            for player in ("discriminator", "generator")
        },
        ema=Ema(),
        run=Run(batch_size=BATCH, images=LINES),
    )


def text_gumbel(facts: Facts) -> Config:
    """A Gumbel-softmax generator against a critic of whole lines, which grow in length."""
    critic = Part(name="text-critic", options=fit(facts))
    options = {"estimator": "gumbel", "curriculum": 0.4, "r1": 1.0, "r2": 1.0}
    return Config(
        recipe="text-gumbel",
        game=Part(name="text-gan", options=options),
        networks={"G": generator(facts, noise=64), "D": critic},
        optimisers={
            player: Optimiser(lr=3e-4, betas=(0.5, 0.9), final_lr=3e-5, **EASE)
            for player in ("discriminator", "generator")
        },
        ema=Ema(),
        run=Run(batch_size=BATCH, images=LINES),
    )


def text_mle(facts: Facts) -> Config:
    """The same generator by maximum likelihood: no game, and a strong opponent of every one."""
    return Config(
        recipe="text-mle",
        game=Part(name="text-mle"),
        networks={"G": generator(facts, dropout=0.1)},
        optimisers={"generator": Optimiser(lr=2e-3, betas=(0.9, 0.99), final_lr=1e-5)},
        ema=Ema(),
        run=Run(batch_size=BATCH, images=LINES),
    )


def text_cyclegan(facts: Facts) -> Config:
    """Translation of lines both ways without pairs, symbol by symbol: it breaks ciphers."""
    options = {"shape": facts.shape, "symbols": len(facts.spec.extra["symbols"])}
    maps = {name: Part(name="symbol-map", options=dict(options)) for name in ("G_ab", "G_ba")}
    judges = {name: Part(name="symbol-judge", options=dict(options)) for name in ("D_a", "D_b")}
    return Config(
        recipe="text-cyclegan",
        game=Part(name="text-cyclegan"),
        networks=maps | judges,
        optimisers={
            "translators": Optimiser(lr=1e-2, betas=(0.5, 0.99)),
            "discriminator": Optimiser(lr=2e-3, betas=(0.5, 0.99)),
        },
        ema=Ema(),
        run=Run(batch_size=64, images=CIPHERED),
    )


def text_pix2pix(facts: Facts) -> Config:
    """Translation of lines from pairs: likelihood and a discriminator of pairs, with attention."""
    options = {"shape": facts.shape, "symbols": len(facts.spec.extra["symbols"])}
    return Config(
        recipe="text-pix2pix",
        game=Part(name="text-pix2pix"),
        networks={name: Part(name="line-translator", options=dict(options)) for name in ("G", "D")},
        optimisers={
            player: Optimiser(lr=2e-3, betas=(0.9, 0.99), final_lr=2e-5, **EASE)
            for player in ("discriminator", "generator")
        },
        ema=Ema(),
        run=Run(batch_size=64, images=PAIRS),
    )


TEXT: dict[str, Recipe] = {
    "text-gan": Recipe(text_gan, modality="text"),
    "text-gumbel": Recipe(text_gumbel, modality="text"),
    "text-mle": Recipe(text_mle, modality="text"),
    "text-cyclegan": Recipe(text_cyclegan, modality="text", task="translation", layout="unpaired"),
    "text-pix2pix": Recipe(text_pix2pix, modality="text", task="translation", layout="paired"),
}
