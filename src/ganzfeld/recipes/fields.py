"""Recipes for fields: arrays of floats from simulations and instruments."""

from __future__ import annotations

import math
from typing import Any

from ganzfeld.config import Config, Part
from ganzfeld.errors import UsageError
from ganzfeld.recipes.base import Facts, Recipe, adversarial
from ganzfeld.recipes.sizing import LAST_HALF

WIDTH = 16  # channels of the largest map
LATENT = 64  # entries of z beside the planes of noise
LARGE = 4_096  # cells of the smallest map, above which sides are halved each by itself
IN_A_BATCH = 1 << 20  # numbers, above which batches hold fewer samples


def fields(facts: Facts) -> Config:
    """Fields: DCGAN networks without tanh, noise in every map, power spectra for D.

    Numbers that are asked for multiply each channel and noise by factors of their own. Periodic
    fields have periodic networks. Values that are never negative and span decades are deposits,
    which go by the recipe `showers`.
    """
    if facts.spec.extra.get("scaling") == "log":
        return showers(facts)
    padding = "circular" if facts.spec.extra.get("periodic") else "zeros"
    shared: dict[str, Any] = {"width": WIDTH, "most": 8 * WIDTH, "padding": padding}
    shared |= bounded(facts)
    own = {"latent": LATENT, "refine": 8, "noise": 1, "output": "identity", "gains": True}
    side = "power" if max(facts.shape[1:]) > 2 else "none"
    config = adversarial(
        facts,
        recipe="fields",
        generator=Part(name="dcgan-generator", options={**shared, **own}),
        discriminator=Part(name="dcgan-discriminator", options={**shared, "side": side}),
        lr=(1e-3, 2e-3),
        betas=(0.0, 0.99),
        optimiser=LAST_HALF,
        batch_size=batch_of(facts, 32),
        images=500_000,
        loss="non-saturating",
        r1=0.5,
        r2=0.5,
        penalty_every=4,
    )
    return config


def showers(facts: Facts) -> Config:
    """Deposits in a detector: sums from a head of their own, sums and counts for D."""
    extra = facts.spec.extra
    if extra.get("scaling", "log") != "log":
        raise UsageError(
            "the recipe showers is for deposits: values that are never negative, sparse or spread "
            "over decades",
            safe="nothing was trained",
            fix="--recipe fields",
        )
    law = {
        "unit": extra.get("unit", [1.0]),
        "scale": extra.get("scale", [1.0]),
        "expected": extra.get("expected", [0.0]),
    }
    if not facts.conditions:
        law["expected"] = law["expected"][:1]
    padding = "circular" if extra.get("periodic") else "zeros"
    shared: dict[str, Any] = {"width": WIDTH, "most": 8 * WIDTH, "padding": padding}
    shared |= bounded(facts)
    own = {"latent": LATENT, "refine": 8, "noise": 1, "quanta": bool(extra.get("whole"))}
    told = {"side": "sums", "side_options": law}
    return adversarial(
        facts,
        recipe="showers",
        generator=Part(name="deposit-generator", options={**shared, **own, **law}),
        discriminator=Part(name="dcgan-discriminator", options={**shared, **told}),
        lr=(1e-3, 1e-3),
        betas=(0.0, 0.99),
        optimiser=LAST_HALF,
        batch_size=batch_of(facts, 64),
        images=1_000_000,
        loss="non-saturating",
        r1=0.1,
        r2=0.1,
        penalty_every=4,
    )


def bounded(facts: Facts) -> dict[str, Any]:
    """What keeps the smallest map small, where the shortest side is far shorter than others."""
    sides = facts.shape[1:]
    halvings = int(math.log2(max(min(sides) / 4, 1)))
    large = math.prod(-(-side // 2**halvings) for side in sides) > LARGE
    return {"uneven": True} if large else {}


def batch_of(facts: Facts, usual: int) -> int:
    """Samples in a batch: fewer of very large ones, whose maps would fill the memory."""
    return max(2, min(usual, IN_A_BATCH // math.prod(facts.shape)))


FIELDS = {
    "fields": Recipe(fields, modality="field"),
    "showers": Recipe(showers, modality="field"),
}
