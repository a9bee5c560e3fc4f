"""A sound as it is stored: one channel, one rate, one length, one level."""

from __future__ import annotations

import math
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Shape:
    """How sounds are stored. rate: Hz. length: samples. trim: dB below the peak, 0 for none."""

    rate: int
    length: int
    trim: float = 30.0


@dataclass(frozen=True)
class Prepared:
    """samples: (length,) int16. done: what was changed, in words that can be counted."""

    samples: NDArray[np.int16]
    done: tuple[str, ...]


def prepare(sound: Sound, shape: Shape) -> Prepared:
    """Mix to one channel, resample, trim silence, bring the peak to 0.9, cut or pad to length.

    The padding is at the end, so that all sounds begin at the same place. Raises BadSound where
    nothing can be heard.
    """
    done = []
    wave, channels = sound.samples.mean(0), len(sound.samples)
    if channels > 1:
        done.append("mixed to one channel")
    if sound.rate != shape.rate:
        done.append(f"resampled from {sound.rate:,} Hz")
        wave = resample(wave, sound.rate, shape.rate)
    wave = wave - wave.mean(dtype=np.float64).astype(np.float32)
    if np.abs(wave).max() < SILENT:
        raise BadSound("silence")
    if shape.trim:
        wave = trimmed(wave, shape.rate, shape.trim)
    wave = wave * (PEAK / np.abs(wave).max())
    if len(wave) > shape.length:
        done.append("cut at the end")
        wave = wave[: shape.length]
    faded = fade(wave, shape.rate)
    whole = np.zeros(shape.length, np.float32)
    whole[: len(faded)] = faded
    return Prepared(to_int16(whole), tuple(done))


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


def to_int16(wave: NDArray[np.floating]) -> NDArray[np.int16]:  # type: ignore[type-arg]
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
