"""The short-time Fourier transform, its inverse, and phases for magnitudes that have none."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

MOMENTUM = 0.99  # of fast Griffin-Lim (Perraudin et al. 2013)


@functools.lru_cache(maxsize=8)
def hann(size: int) -> Real:
    """A periodic Hann window."""
    window: Real = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    window.setflags(write=False)
    return window


def stft(waves: NDArray[np.floating], size: int, hop: int) -> Complex:
    """Waves (N, L) to spectra (N, size / 2 + 1, L / hop + 1): frames centred at multiples of hop.

    Zeros stand before and behind a wave. L and size must be multiples of hop.
    """
    waves = np.asarray(waves, dtype=np.float64)
    if waves.shape[1] % hop or size % hop:
        raise ValueError(f"{waves.shape[1]} samples and windows of {size} need a hop that divides")
    padded = np.pad(waves, ((0, 0), (size // 2, size // 2)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)[:, ::hop]
    spectra: Complex = np.fft.rfft(frames * hann(size), axis=2).transpose(0, 2, 1)
    return spectra


def istft(spectra: Complex, size: int, hop: int) -> Real:
    """Spectra (N, size / 2 + 1, T) to waves (N, (T - 1) * hop): least squares (Griffin, Lim 1984).

    Windowed overlap-add divided by the sum of squared windows: the inverse of `stft`, and where
    no wave has these spectra, the wave whose own are nearest.
    """
    frames = np.fft.irfft(spectra.transpose(0, 2, 1), size, axis=2) * hann(size)
    wave = overlapped(frames, hop)
    weight = envelope(frames.shape[1], size, hop)
    half = size // 2
    length = (frames.shape[1] - 1) * hop
    out: Real = wave[:, half : half + length] / weight[half : half + length]
    return out


def overlapped(frames: NDArray[Any], hop: int) -> NDArray[Any]:
    """Frames (N, T, size), each `hop` behind the one before, added up: (N, (T - 1) hop + size)."""
    count, number, size = frames.shape
    steps = size // hop
    out = np.zeros((count, number + steps - 1, hop), frames.dtype)
    for step in range(steps):
        out[:, step : step + number] += frames[:, :, step * hop : (step + 1) * hop]
    return out.reshape(count, -1)


@functools.lru_cache(maxsize=8)
def envelope(number: int, size: int, hop: int) -> Real:
    """The sum of squared windows at each sample, at least 1e-8."""
    squared = np.broadcast_to(hann(size) ** 2, (1, number, size))
    found: Real = np.maximum(overlapped(np.asarray(squared), hop)[0], 1e-8)
    found.setflags(write=False)
    return found


def griffin_lim(
    magnitudes: Real,
    size: int,
    hop: int,
    *,
    iterations: int = 60,
    momentum: float = MOMENTUM,
    start: Real | None = None,
) -> Real:
    """Waves (N, (T - 1) hop) whose spectra have nearly these magnitudes (N, size / 2 + 1, T).

    start: phases to begin with; None: a pulse in the middle of each frame. No chance takes part,
    and each sound depends on its own magnitudes alone. momentum 0 is the method of 1984, whose
    error never grows; 0.99 is the fast one of 2013. Phases that follow the peaks from frame to
    frame (Beauregard et al. 2015) begin nearer, but after 30 iterations the error was the same.
    """
    single = np.float32
    target = np.ascontiguousarray(magnitudes.transpose(0, 2, 1), single)  # frames lie together
    frames, bins = target.shape[1:]
    if start is None:
        start = np.broadcast_to(np.pi * np.arange(bins)[:, None], magnitudes.shape)
    spectra = target * np.exp(1j * np.asarray(start).transpose(0, 2, 1)).astype(np.complex64)
    window, half = hann(size).astype(single), size // 2
    length = (frames - 1) * hop
    weight = (1 / envelope(frames, size, hop)).astype(single)
    weight[:half] = weight[half + length :] = 0  # no wave is there
    before: NDArray[Any] | float = 0.0
    for _ in range(iterations):
        wave = overlapped(np.fft.irfft(spectra, size, axis=2) * window, hop) * weight
        cut = np.lib.stride_tricks.sliding_window_view(wave, size, axis=1)[:, ::hop]
        consistent = np.fft.rfft(cut * window, axis=2)
        ahead = consistent + momentum * (consistent - before)
        before = consistent
        spectra = target * (ahead / np.maximum(np.abs(ahead), 1e-12))
    wave = overlapped(np.fft.irfft(spectra, size, axis=2) * window, hop) * weight
    found: Real = wave[:, half : half + length].astype(np.float64)
    return found


def convergence(waves: Real, magnitudes: Real, size: int, hop: int) -> float:
    """Spectral convergence: | |stft(wave)| - magnitudes | / | magnitudes |, 0 where they agree."""
    found = np.abs(stft(waves, size, hop))
    return float(np.linalg.norm(found - magnitudes)) / max(float(np.linalg.norm(magnitudes)), 1e-12)
