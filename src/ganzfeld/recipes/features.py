"""Recipes whose first part learns features of the data, which the rest looks through."""

from __future__ import annotations

from typing import Any

from ganzfeld.config import Config, Optimiser, Part, Run
from ganzfeld.recipes.base import Facts, adversarial, against_dots, gamma, small_dcgan
from ganzfeld.recipes.sizing import fitted

OPENING = 0.15  # of a run, in which features are learned


def projected(facts: Facts) -> Config:
    """As `default`, but D judges frozen features that the run has learned from the same data."""
    fit = fitted("projected", facts.afford)
    generator, _ = small_dcgan(width=fit.width)
    against_dots(generator, facts)
    options = {"width": fit.width, "most": 8 * fit.width}
    config = adversarial(
        facts,
        recipe="projected",
        generator=generator,
        discriminator=Part(name="projected-discriminator", options=options),
        **fit.settings(),
        betas=(0.0, 0.99),
        loss="non-saturating",
        r1=gamma(facts),
        r2=gamma(facts),
        penalty_every=4,
        opening=OPENING,
    )
    config.optimisers["features"] = Optimiser(lr=1e-3, betas=(0.9, 0.99), **fit.optimiser)
    config.run.precision = "auto"
    return config


def drifting(facts: Facts) -> Config:
    """No opponent: samples drift to near real ones and away from each other (Deng et al. 2026)."""
    fit = fitted("drifting", facts.afford)
    shape: dict[str, Any] = {"shape": facts.shape, "classes": facts.classes}
    shape |= {"width": fit.width, "most": 8 * fit.width}
    return Config(
        recipe="drifting",
        game=Part(name="drifting", options={"share": OPENING, "features": 0.3}),
        networks={
            "G": Part(name="dcgan-generator", options={**shape, "refine": 8, "init_std": 0.02}),
            "E": Part(name="pretext-encoder", options=dict(shape)),
        },
        optimisers={
            "features": Optimiser(lr=fit.lr[0], betas=(0.9, 0.99), **fit.optimiser),
            "generator": Optimiser(lr=fit.lr[1], betas=(0.5, 0.99), **fit.optimiser),
        },
        run=Run(batch_size=fit.batch, images=500_000),
    )
