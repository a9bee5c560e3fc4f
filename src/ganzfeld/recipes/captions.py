"""Recipes that draw what captions say."""

from __future__ import annotations

from ganzfeld.config import Config, Optimiser, Part, Run
from ganzfeld.errors import UsageError
from ganzfeld.recipes.base import Facts, gamma
from ganzfeld.recipes.sizing import LONG, within

ENCODER = 0.15  # of the run, in which the encoder of captions learns


def text_to_image(facts: Facts) -> Config:
    """Images from captions: an encoder of captions, then a one-stage game (DF-GAN, small)."""
    if not facts.words and facts.count:
        raise UsageError(
            "the recipe text-to-image needs captions beside the images, and "
            + ("numbers were named" if facts.conditions else "none were named"),
            safe="nothing was trained",
            fix="--condition caption   with the column of metadata.csv or metadata.jsonl that "
            "holds them, or ganzfeld train avatars-captions --recipe text-to-image",
        )
    width, batch = within(facts.afford)
    sizes = {"shape": facts.shape, "width": width, "most": 8 * width}
    config = Config(
        recipe="text-to-image",
        game=Part(
            name="text-to-image",
            options={"r1": gamma(facts), "r2": gamma(facts), "encoder_share": ENCODER},
        ),
        networks={
            "G": Part(
                name="caption-generator", options={**sizes, "words": facts.words, "refine": 8}
            ),
            "D": Part(name="caption-discriminator", options=dict(sizes)),
            "I": Part(name="image-encoder", options={"shape": facts.shape}),
        },
        optimisers={
            "encoder": Optimiser(
                lr=1e-3,
                betas=(0.9, 0.99),
                final_lr=1e-4,
                decay="linear",
                hold=ENCODER / 2,
                burn_in=ENCODER,
            ),
            "discriminator": Optimiser(lr=1e-3, betas=(0.0, 0.99), **LONG),
            "generator": Optimiser(lr=1.5e-3, betas=(0.0, 0.99), **LONG),
        },
        run=Run(batch_size=max(batch, 32), images=500_000),
    )
    config.run.precision = "auto"
    return config
