"""A sound as it is stored: one channel, one rate, one length, one level."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ganzfeld.modalities.audio.bad import BadSound
from ganzfeld.modalities.audio.resample import resample
from ganzfeld.modalities.audio.wav import Sound, Wave

PEAK = 0.9  # of full scale, after normalisation
SILENT = 1e-4  # of full scale: a peak below it is no sound
FRAME = 0.010  # s, of the level by which silence is found
MARGIN = 0.020  # s, kept on both sides of what is no silence
FADE = 0.005  # s, at both ends
TRIM = 30.0  # dB below the loudest 10 ms of a sound: silence


@dataclass(frozen=True)
class Shape:
    """How sounds are stored. rate: Hz. length: samples. trim: dB below the peak, 0 for none."""

    rate: int
    length: int
    trim: float = TRIM


@dataclass
class Fitted:
    """Sounds of one set, alike. waves: (length,) int16 by number. bad: reasons by number.

    facts: what was changed, and how often.
    """

    length: int
    waves: dict[int, NDArray[np.int16]] = field(default_factory=dict)
    bad: dict[int, str] = field(default_factory=dict)
    facts: Counter[str] = field(default_factory=Counter)


def fit_all(sounds: Mapping[int, Sound], rate: int, hop: int) -> Fitted:
    """All sounds of a set at one rate and of a length that holds nine of ten whole.

    hop: of the spectrogram: the length is a multiple of 16 of them.
    """
    found, cleaned = Fitted(0), {}
    for number, sound in sounds.items():
        try:
            cleaned[number], done = clean(sound, rate)
            found.facts.update(done)
        except BadSound as error:
            found.bad[number] = str(error)
    lengths = np.array([len(wave) for wave in cleaned.values()], np.int64)
    found.length = length_for(lengths, hop)
    if cut := int((lengths > found.length).sum()):
        found.facts[f"cut to {found.length / rate:.2f} s"] = cut
    found.waves = {number: finish(wave, rate, found.length) for number, wave in cleaned.items()}
    return found


def prepare(sound: Sound, shape: Shape) -> NDArray[np.int16]:
    """One sound as it is stored, (length,); BadSound where nothing can be heard."""
    return finish(clean(sound, shape.rate, shape.trim)[0], shape.rate, shape.length)


def clean(sound: Sound, rate: int, trim: float = TRIM) -> tuple[Wave, list[str]]:
    """One channel (n,) at `rate` Hz without silence at its ends, and what was changed.

    Raises BadSound where nothing can be heard.
    """
    done = []
    wave, channels = sound.samples.mean(0), len(sound.samples)
    if channels > 1:
        done.append("mixed to one channel")
    if sound.rate != rate:
        done.append(f"resampled from {sound.rate:,} Hz")
        wave = resample(wave, sound.rate, rate)
    wave = wave - wave.mean(dtype=np.float64).astype(np.float32)
    if not len(wave) or np.abs(wave).max() < SILENT:
        raise BadSound("silence")
    return (trimmed(wave, rate, trim) if trim else wave), done


def finish(wave: Wave, rate: int, length: int) -> NDArray[np.int16]:
    """A wave cut or padded with zeros at its end to `length`, faded, with a peak of 0.9.

    All sounds so begin at the same place.
    """
    faded = fade(wave[:length], rate)
    whole = np.zeros(length, np.float32)
    whole[: len(faded)] = faded
    return to_int16(whole * (PEAK / max(float(np.abs(whole).max()), SILENT)))


def trimmed(wave: Wave, rate: int, decibels: float) -> Wave:
    """A wave without the silence before and after it, by the level of frames of 10 ms.

    A frame is silent where its root mean square is `decibels` below that of the loudest one. 20
    ms are kept on both sides.
    """
    size = max(round(FRAME * rate), 1)
    frames = math.ceil(len(wave) / size)
    padded = np.zeros(frames * size, np.float64)
    padded[: len(wave)] = wave
    power = (padded.reshape(frames, size) ** 2).mean(1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-decibels / 10))
    margin = round(MARGIN * rate)
    first, last = loud[0] * size - margin, (loud[-1] + 1) * size + margin
    return wave[max(first, 0) : last]


def fade(wave: Wave, rate: int) -> Wave:
    """5 ms in and out along half a Hann window, so that a cut does not click."""
    size = min(round(FADE * rate), len(wave) // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(size) + 0.5) / max(size, 1))).astype(np.float32)
    faded = wave.copy()
    faded[:size] *= ramp
    faded[len(faded) - size :] *= ramp[::-1]
    return faded


def to_int16(wave: NDArray[np.floating]) -> NDArray[np.int16]:
    """Full scale [-1, 1] to int16; what is outside is clipped."""
    return np.clip(np.round(np.asarray(wave) * 32767), -32767, 32767).astype(np.int16)


def to_float(samples: NDArray[np.int16]) -> Wave:
    """int16 to [-1, 1]."""
    return samples.astype(np.float32) / np.float32(32767)


def length_for(lengths: NDArray[np.int64], hop: int, *, share: float = 0.9) -> int:
    """Samples that hold `share` of the sounds whole, rounded up to 16 hops, a multiple of them.

    16 hops: a spectrogram whose frames halve four times.
    """
    wanted = float(np.quantile(lengths, share)) if len(lengths) else 0.0
    return max(math.ceil(wanted / (16 * hop)), 1) * 16 * hop
