"""Recipes for sounds: log spectrograms on the image networks, and raw waves."""

from __future__ import annotations

from dataclasses import replace

from ganzfeld.config import Config, Part
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
        **{**fit.settings(), "batch_size": min(fit.batch, 16)},
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


AUDIO = {
    name: Recipe(make, modality="audio") for name, make in (("audio", audio), ("wavegan", wavegan))
}
