"""Pitch and formants of voices, measured from the waves alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOW, HIGH = 60.0, 400.0  # Hz: pitches that are looked for
VOICED = 0.5  # of the autocorrelation at 0: below it, there is no pitch
MIDDLE = 0.6  # of a sound, where it is measured
ORDER = 10  # of the linear prediction: two for each resonance under 4 kHz, two for the tilt
WIDEST = 500.0  # Hz: a pole of more bandwidth is no formant

Waves = NDArray[np.int16]
Real = NDArray[np.float64]


def pitches(waves: Waves, rate: int) -> Real:
    """Pitch in Hz of each sound (N, L), NaN where it has none.

    The first high peak of the autocorrelation of the middle part, divided by that of its window
    (Boersma 1993), with a parabola through the peak. Within 0.5 % on steady voices.
    """
    return np.array([pitch(part, rate) for part in middle(waves)])


def pitch(wave: Real, rate: int) -> float:
    window = np.hanning(len(wave))
    size = 1 << (2 * len(wave) - 1).bit_length()

    def autocorrelation(x: Real) -> Real:
        found = np.fft.irfft(np.abs(np.fft.rfft(x, size)) ** 2)[: len(x)]
        scaled: Real = found / max(found[0], 1e-12)
        return scaled

    lags = np.arange(len(wave))
    usable = lags < len(wave) // 2
    r = np.where(usable, autocorrelation(wave * window) / autocorrelation(window), 0)
    first, last = int(rate / HIGH), min(int(rate / LOW) + 1, len(wave) // 2 - 2)
    inner = np.arange(max(first, 1), last)
    peaks = inner[(r[inner] >= r[inner - 1]) & (r[inner] > r[inner + 1])]
    if not len(peaks) or r[peaks].max() < VOICED:
        return float("nan")
    # of peaks nearly as high as the highest, the first: later ones are multiples of the period
    best = int(peaks[r[peaks] >= 0.9 * r[peaks].max()][0])
    left, mid, right = r[best - 1 : best + 2]
    bend = left - 2 * mid + right
    return float(rate / (best + (0.5 * (left - right) / bend if bend < 0 else 0.0)))


def formants(waves: Waves, rate: int, count: int = 2) -> Real:
    """The lowest `count` formants in Hz of each sound, (N, count), NaN where there are fewer.

    Angles of the poles of a linear prediction of order 10 at 8 kHz, after the tilt of the voice
    was taken out. It looks at the spectrum at the harmonics only, so where these lie far apart
    (a high pitch) it errs towards the nearest one: by 5 % or so at 100 Hz, by more above 200.
    """
    order = max(2 * round(ORDER * rate / 8000 / 2), 2 * count + 2)
    return np.stack([poles(part, rate, order, count) for part in middle(waves)])


def poles(wave: Real, rate: int, order: int, count: int) -> Real:
    flat = np.append(wave[0], wave[1:] - 0.97 * wave[:-1]) * np.hamming(len(wave))
    size = 1 << (2 * len(flat) - 1).bit_length()
    r = np.fft.irfft(np.abs(np.fft.rfft(flat, size)) ** 2)[: order + 1]
    found = np.full(count, np.nan)
    if r[0] <= 0:
        return found
    r[0] *= 1 + 1e-6
    roots = np.roots(np.append(1.0, -levinson(r)))
    roots = roots[(roots.imag > 0) & (np.abs(roots) > 0)]
    frequency = np.angle(roots) * rate / (2 * np.pi)
    bandwidth = -np.log(np.abs(roots)) * rate / np.pi
    kept = np.sort(frequency[(frequency > 150) & (bandwidth < WIDEST)])[:count]
    found[: len(kept)] = kept
    return found


def levinson(r: Real) -> Real:
    """Weights (p,) of the last p samples that predict the next one, from autocorrelations (p + 1,).

    The recursion of Levinson and Durbin.
    """
    weights = np.zeros(0)
    error = r[0]
    for order in range(1, len(r)):
        reflection = (r[order] - weights @ r[order - 1 : 0 : -1]) / error
        weights = np.append(weights - reflection * weights[::-1], reflection)
        error *= 1 - reflection**2
    return weights


def middle(waves: Waves) -> Real:
    """The middle 60 % of sounds (N, L), as float64."""
    length = waves.shape[1]
    cut = round(length * (1 - MIDDLE) / 2)
    return waves[:, cut : length - cut].astype(np.float64) / 32767
