"""Recipes for series of numbers in time."""

from __future__ import annotations

from typing import Any

from ganzfeld.config import Config, Part
from ganzfeld.recipes.base import Facts, Recipe, adversarial
from ganzfeld.recipes.sizing import LAST_HALF

LONG = 128  # steps, above which a recurrent generator takes too long a step
HIDDEN = 64  # width of its state
WIDTH, LATENT = 32, 64  # of convolutions for long series: channels, entries of z beside the noise


def series_gan(facts: Facts) -> Config:
    """Series: a recurrent generator with noise in every step, memory told to D.

    Series of more than 128 steps get convolutions along time instead, and D is told their spectrum,
    too. Shorter ones did better without: pure waves lost their phases (docs/series.md).
    """
    judge = Part(name="series-discriminator")
    if facts.shape[1] > LONG:
        shared: dict[str, Any] = {"width": WIDTH, "most": 4 * WIDTH}
        own = {"latent": LATENT, "refine": WIDTH, "noise": 2, "output": "identity"}
        generator = Part(name="dcgan-generator", options={**shared, **own})
    else:
        generator = Part(name="series-generator", options={"hidden": HIDDEN})
        judge.options["sides"] = ["memory"]
    return adversarial(
        facts,
        recipe="series-gan",
        generator=generator,
        discriminator=judge,
        lr=(2e-3, 2e-3),
        betas=(0.0, 0.99),
        optimiser=LAST_HALF,
        batch_size=64,
        images=400_000,
        loss="relativistic",
        r1=0.2,
        r2=0.2,
        penalty_every=4,
        difference=0.01,
    )


SERIES: dict[str, Recipe] = {"series-gan": Recipe(series_gan, modality="series")}
