"""Recipes that draw or sound what captions say, or say what images show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ganzfeld.config import Config, Ema, Optimiser, Part, Run
from ganzfeld.errors import UsageError
from ganzfeld.modalities import MODALITIES
from ganzfeld.modalities.audio.modality import SPECTROGRAM, seen_as
from ganzfeld.recipes.base import Facts, gamma
from ganzfeld.recipes.sizing import LONG, within
from ganzfeld.recipes.tables import table_vae

SENTENCE = 256  # numbers that a caption becomes
PHRASES = 64  # the same, where they are learned in the game
ENCODER = 0.15  # of the run, in which the encoder of captions learns
LIKELIHOOD = 0.95  # of the run, in which the writer of captions learns by likelihood
BLIND = 0.1  # of the captions, which the writer learns without their image
SEEN = 300_000  # images, unless a time is given


def need_captions(facts: Facts, recipe: str, example: str) -> None:
    """UsageError where samples come without captions. example: embedded data with some, or ""."""
    noun = MODALITIES[facts.spec.modality].noun
    if not facts.words and facts.count and facts.labels and facts.classes:
        raise UsageError(
            f"the column {facts.labels} has {facts.classes:,} different values for "
            f"{facts.count:,} {noun}: they were read as classes, not as captions",
            safe="nothing was trained",
            fix="--condition with a column of text, not of numbers or of yes and no   or "
            "Recipe(..., captions=True) for a recipe of your own",
        )
    if not facts.words and facts.count:
        raise UsageError(
            f"the recipe {recipe} needs captions beside the {noun}, and "
            + ("numbers were named" if facts.conditions else "none were named"),
            safe="nothing was trained",
            fix="--condition caption   with the column of metadata.csv or metadata.jsonl that "
            "holds them" + (f", or ganzfeld train {example} --recipe {recipe}" if example else ""),
        )


def text_to_image(facts: Facts) -> Config:
    """Images from captions: both players learn in the game what phrases say."""
    need_captions(facts, "text-to-image", "avatars-captions")
    config = drawn(facts, "text-to-image")
    del config.networks["I"], config.optimisers["encoder"], config.game.options["encoder_share"]
    config.game.options |= {"slope_in_sentence": False, "agreement": 0.0, "noise": 0.0}
    config.game.options |= {"naming": 0.02, "naming_of_fakes": 0.02, "naming_scale": 4.0}
    config.game.options |= {"partial": 0.3, "seeking": 0.05}
    for penalty in ("r1", "r2"):  # D reads sooner with less of them
        config.game.options[penalty] = round(config.game.options[penalty] / 8, 3)
    del config.networks["G"].options["phrases"]
    for name in "GD":
        config.networks[name].options |= {"phrase_table": True, "sentence": PHRASES}
    return config


def text_to_image_encoder(facts: Facts) -> Config:
    """Images from captions: a contrastive encoder of captions first, then a game (DF-GAN, small).

    More variety within a caption, and less of what it says than `text-to-image`.
    """
    need_captions(facts, "text-to-image-encoder", "avatars-captions")
    return drawn(facts, "text-to-image-encoder")


def text_to_audio(facts: Facts) -> Config:
    """Sounds from captions: `text-to-image-encoder` of log spectrograms, and Griffin-Lim."""
    facts = replace(facts, spec=seen_as(facts.spec, SPECTROGRAM))
    need_captions(facts, "text-to-audio", "")
    config = drawn(facts, "text-to-audio")
    config.data.spec = facts.spec.to_json()
    return config


def text_to_field(facts: Facts) -> Config:
    """Fields from captions: `text-to-image-encoder` without a bound of values."""
    need_captions(facts, "text-to-field", "")
    if len(facts.shape) != 3:
        raise UsageError(
            f"the recipe text-to-field takes fields of two dimensions, and these have "
            f"{len(facts.shape) - 1}",
            safe="nothing was trained",
            fix="--recipe fields   without captions",
        )
    config = drawn(facts, "text-to-field")
    config.networks["G"].options["bounded"] = False
    return config


def text_to_table(facts: Facts) -> Config:
    """Rows of a table from captions: `table-vae` with an encoder of captions in its decoder."""
    need_captions(facts, "text-to-table", "")
    config = table_vae(facts)
    config.recipe = "text-to-table"
    config.networks["G"].options |= {"words": facts.words, "sentence": SENTENCE // 2}
    config.networks["E"].options["sentence"] = SENTENCE // 2
    config.run.batch_size = 128  # what words say takes more steps to learn than rows alone do
    return config


def drawn(facts: Facts, recipe: str) -> Config:
    """What draws maps (C, H, W) by captions, in [-1, 1] unless it is told otherwise."""
    width, batch = within(facts.afford)
    sizes = {"shape": facts.shape, "width": width, "most": 8 * width}
    config = Config(
        recipe=recipe,
        game=Part(
            name="text-to-image",
            options={"r1": gamma(facts), "r2": gamma(facts), "encoder_share": ENCODER},
        ),
        networks={
            "G": Part(
                name="caption-generator",
                options={
                    **sizes,
                    "words": facts.words,
                    "refine": 8,
                    "phrases": True,
                    "sentence": SENTENCE,
                    "hidden": 128,
                },
            ),
            "D": Part(name="caption-discriminator", options={**sizes, "sentence": SENTENCE}),
            "I": Part(name="image-encoder", options={"shape": facts.shape, "outputs": SENTENCE}),
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


def writer(facts: Facts, **options: Any) -> Part:
    """The network that writes captions, which both recipes share."""
    sizes = {"shape": facts.shape, "words": facts.words, "longest": facts.longest, "hidden": 192}
    reading = {"norm": True, "joint": 256, "sharper": 1.0, "fewer": 2.0}
    return Part(name="caption-writer", options=sizes | reading | options)


def image_to_text(facts: Facts) -> Config:
    """Captions of images: by likelihood first, then against a judge of image and caption."""
    need_captions(facts, "image-to-text", "avatars-paraphrases")
    judge = writer(facts, blind=BLIND)
    judge.name = "caption-judge"
    return Config(
        recipe="image-to-text",
        game=Part(
            name="image-to-text",
            options={"likelihood_share": LIKELIHOOD, "pairs": True, "beside": 1.0},
        ),
        networks={"G": writer(facts, dropout=0.1, blind=BLIND), "D": judge},
        optimisers={
            "generator": Optimiser(lr=3e-3, betas=(0.9, 0.99), final_lr=1e-4, decay="cosine"),
            "discriminator": Optimiser(lr=1e-3, betas=(0.5, 0.99)),
        },
        ema=Ema(),
        run=Run(batch_size=32, images=SEEN),
    )


def image_to_text_mle(facts: Facts) -> Config:
    """The same writer of captions by maximum likelihood alone: the opponent of image-to-text."""
    need_captions(facts, "image-to-text-mle", "avatars-paraphrases")
    return Config(
        recipe="image-to-text-mle",
        game=Part(name="image-to-text-mle"),
        networks={"G": writer(facts, dropout=0.1)},
        optimisers={
            "generator": Optimiser(lr=3e-3, betas=(0.9, 0.99), final_lr=1e-5, decay="cosine")
        },
        ema=Ema(),
        run=Run(batch_size=32, images=SEEN),
    )
