"""Recipes for sounds: log spectrograms on the image networks, and raw waves."""

from __future__ import annotations

from dataclasses import replace

from ganzfeld.config import Config, Optimiser, Part, Run
from ganzfeld.modalities.audio.codec import windows_for
from ganzfeld.modalities.audio.modality import SPECTROGRAM, WAVE, rate_of, seen_as
from ganzfeld.recipes.base import Facts, Recipe, adversarial, gamma, small_dcgan
from ganzfeld.recipes.sizing import LAST_HALF, fitted

WAVE_GAMMA = 0.02  # of R1 on waves, whose values are small


def audio(facts: Facts) -> Config:
    """Log spectrograms as images, by the networks of `default`; Griffin-Lim finds the phases."""
    facts = replace(facts, spec=seen_as(facts.spec, SPECTROGRAM))
    fit = fitted("default", facts.afford)
    generator, discriminator = small_dcgan(width=fit.width)
    generator.options["refine"] = 8
    config = adversarial(
        facts,
        recipe="audio",
        generator=generator,
        discriminator=discriminator,
        **{**fit.settings(), "batch_size": min(fit.batch, 16), "lr": (1e-3, 3e-3)},
        betas=(0.0, 0.99),
        loss="non-saturating",
        r1=gamma(facts),
        r2=gamma(facts),
        penalty_every=4,
    )
    config.data.spec = facts.spec.to_json()
    return config


def wavegan(facts: Facts) -> Config:
    """Raw waves by convolutions over time, judged also by their spectrogram (WaveGAN, 2019)."""
    spec = seen_as(facts.spec, WAVE)
    facts = replace(facts, spec=spec)
    fit = fitted("default", facts.afford)
    size, hop = windows_for(rate_of(spec))
    sides = {"width": fit.width, "most": 8 * fit.width}
    config = adversarial(
        facts,
        recipe="wavegan",
        generator=Part(name="wave-generator", options=dict(sides)),
        discriminator=Part(
            name="wave-discriminator", options={**sides, "size": size, "hop": hop, "head": 16}
        ),
        lr=(3e-4, 3e-4),
        betas=(0.5, 0.9),
        batch_size=16,
        optimiser=LAST_HALF,
        loss="non-saturating",
        r1=WAVE_GAMMA,
        penalty_every=4,
    )
    config.data.spec = spec.to_json()
    return config


def audio_cyclegan(facts: Facts) -> Config:
    """Translation of sounds both ways without pairs, as log spectrograms (CycleGAN, 2017)."""
    spec = seen_as(facts.spec, SPECTROGRAM)
    shape = list(spec.shape)
    sides = {"inputs": 1, "outputs": 1, "width": 8, "blocks": 3}
    translators = {n: Part(name="residual-translator", options=dict(sides)) for n in ("ab", "ba")}
    judges = {"inputs": 1, "width": 16, "layers": 3}
    config = Config(
        recipe="audio-cyclegan",
        game=Part(
            name="cyclegan",
            # past fakes would be kept in 8 bits
            options={"shape_a": shape, "shape_b": shape, "identity": 0.5, "pool": 0},
        ),
        networks={
            **{f"G_{way}": part for way, part in translators.items()},
            **{n: Part(name="patch-discriminator", options=dict(judges)) for n in ("D_a", "D_b")},
        },
        optimisers={
            player: Optimiser(lr=4e-4, betas=(0.5, 0.999), final_lr=0.0, decay="linear", hold=0.5)
            for player in ("translators", "discriminator")
        },
        run=Run(batch_size=4, images=200 * facts.count),
    )
    config.data.spec = spec.to_json()
    return config


AUDIO = {
    "audio": Recipe(audio, modality="audio"),
    "wavegan": Recipe(wavegan, modality="audio"),
    "audio-cyclegan": Recipe(
        audio_cyclegan, modality="audio", task="translation", layout="unpaired"
    ),
}
