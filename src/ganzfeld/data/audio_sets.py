"""Embedded sounds: sung vowels whose pitch and formants are known exactly.

A voice is a row of harmonics of its pitch, which the resonances of the mouth make louder or
quieter; the lowest of these, the formants, tell one vowel from another (Fant 1960). Here each
harmonic is a cosine whose size and phase are those of resonators at the formants, so that
nothing is aliased and the truth has no error of a measurement in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator

RATE = 8_000  # Hz
LENGTH = 2_048  # samples: 0.256 s
COUNT = 4_000

# First three formants in Hz, of men (Peterson and Barney 1952), as in heed, head, had, hot, who'd
VOWELS: dict[str, tuple[float, float, float]] = {
    "ee": (270.0, 2290.0, 3010.0),
    "eh": (530.0, 1840.0, 2480.0),
    "ae": (660.0, 1720.0, 2410.0),
    "ah": (730.0, 1090.0, 2440.0),
    "oo": (300.0, 870.0, 2240.0),
}
NAMES = tuple(VOWELS)
BANDWIDTHS = (60.0, 90.0, 150.0)  # Hz, of the formants
PITCH = (80.0, 250.0)  # Hz: log-uniform
MOUTH = 0.05  # standard deviation of the logarithm of all formants of one voice
VOWEL = 0.03  # of each formant by itself
NOISE_DB = -50.0  # of the voice's root mean square
PEAK = 0.9
FADE = 0.02  # s
TOP = 0.96  # of the Nyquist frequency: no harmonic is higher


@dataclass(frozen=True)
class Vowels:
    """x: (n, 2048) int16 at 8 kHz. y: (n,) int64 into `NAMES`. pitch, formants: (n,), (n, 3) Hz."""

    x: NDArray[np.int16]
    y: NDArray[np.int64]
    pitch: NDArray[np.float32]
    formants: NDArray[np.float32]


def vowels(count: int = COUNT, *, seed: int = 0, start: int = 0) -> Vowels:
    """Vowels number `start` to `start + count` of a seed, with their truth.

    Sample i is a function of (seed, i) alone; its class is i modulo 5. Pitch is log-uniform in
    80 to 250 Hz, constant within a sound; the formants are those of Peterson and Barney times a
    mouth's factor (5 %) and one of each formant (3 %). The level is normalised to a peak of 0.9.

    Example::

        from ganzfeld.data.audio_sets import vowels

        sounds = vowels(10, seed=1)
        assert sounds.x.shape == (10, 2048) and sounds.y[3] == 3
    """
    each = [voice(seed, number) for number in range(start, start + count)]
    return Vowels(
        x=np.stack([wave for wave, _, _ in each]) if each else np.zeros((0, LENGTH), np.int16),
        y=(np.arange(start, start + count) % len(NAMES)).astype(np.int64),
        pitch=np.array([pitch for _, pitch, _ in each], np.float32),
        formants=np.array([f for _, _, f in each], np.float32).reshape(count, 3),
    )


def voice(seed: int, number: int) -> tuple[NDArray[np.int16], float, NDArray[np.float64]]:
    """One vowel: its wave, pitch and formants."""
    draw = numpy_generator("vowels", seed, number)
    low, high = np.log(PITCH)
    pitch = float(np.exp(draw.uniform(low, high)))
    mouth = draw.normal(0, MOUTH)
    own = draw.normal(0, VOWEL, 3)
    formants = np.array(VOWELS[NAMES[number % len(NAMES)]]) * np.exp(mouth + own)
    harmonics = pitch * np.arange(1.0, int(TOP * RATE / 2 / pitch) + 1)
    strength = response(harmonics, formants)
    time = np.arange(LENGTH) / RATE
    angles = 2 * np.pi * harmonics[:, None] * time + np.angle(strength)[:, None]
    wave = np.abs(strength) @ np.cos(angles + harmonics[:, None] / pitch * draw.uniform(0, 6.283))
    noise = draw.standard_normal(LENGTH)
    wave += noise * np.sqrt((wave**2).mean()) * 10 ** (NOISE_DB / 20)
    size = round(FADE * RATE)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(size) + 0.5) / size)
    wave[:size] *= ramp
    wave[-size:] *= ramp[::-1]
    wave *= PEAK / np.abs(wave).max()
    return np.round(wave * 32767).astype(np.int16), pitch, formants


def response(
    frequencies: NDArray[np.float64], formants: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """Complex gain (n,) of a voice at frequencies in Hz: formants, and -6 dB an octave.

    A formant at F of bandwidth B is a resonator with unit gain at 0 Hz, F^2 / (F^2 - f^2 + i B f).
    """
    f = frequencies[:, None]
    gains = formants**2 / (formants**2 - f**2 + 1j * np.array(BANDWIDTHS) * f)
    found: NDArray[np.complex128] = gains.prod(1) * (100.0 / frequencies)
    return found
