"""Spectrograms as images, and many sounds in one file."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganzfeld.modalities.audio.codec import windows_for
from ganzfeld.modalities.audio.prepare import to_float
from ganzfeld.modalities.audio.stft import stft

RANGE = 60.0  # dB below the loudest place of a sound that an image shows
SPACE = 4  # px between two spectrograms of a sheet
GAP = 0.25  # s of silence between two sounds of a sheet
# from night through violet and orange to pale yellow: lightness rises evenly
STOPS = np.array(
    [(8, 8, 24), (62, 22, 92), (128, 38, 122), (196, 58, 100), (242, 118, 70), (252, 236, 178)],
    np.float64,
)

Waves = NDArray[np.int16]


def levels(waves: Waves, rate: int) -> NDArray[np.float64]:
    """Spectrograms (N, F, T) of waves (N, L) in [0, 1]: decibels, row 0 the highest frequency."""
    size, hop = windows_for(rate)
    short = -waves.shape[1] % hop
    found = np.abs(stft(np.pad(to_float(waves), ((0, 0), (0, short))), size, hop))[:, :-1, :-1]
    decibels = 20 * np.log10(np.maximum(found, 1e-6))
    loudest = np.maximum(decibels.max((1, 2), keepdims=True), -60)
    shown: NDArray[np.float64] = np.clip(1 + (decibels - loudest) / RANGE, 0, 1)
    return shown[:, ::-1]


def coloured(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Values (...) in [0, 1] to colours (..., 3)."""
    place = values * (len(STOPS) - 1)
    low = np.minimum(place.astype(np.int64), len(STOPS) - 2)
    part = (place - low)[..., None]
    mixed: NDArray[np.float64] = STOPS[low] * (1 - part) + STOPS[low + 1] * part
    return mixed.round().astype(np.uint8)


def spectrogram(wave: NDArray[np.int16], rate: int) -> Image.Image:
    """One sound (L,) as an image: time to the right, frequency upwards, 60 dB of colour."""
    return Image.fromarray(coloured(levels(wave[None], rate)[0]))


def spectrogram_sheet(
    waves: Waves, rate: int, columns: int | None = None, gap: int = SPACE
) -> Image.Image:
    """Sounds (N, L) as spectrograms in rows on white."""
    images = coloured(levels(waves, rate))
    count, height, width, _ = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    size = rows * (height + gap) + gap, columns * (width + gap) + gap, 3
    sheet = np.full(size, 255, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return Image.fromarray(sheet)


def in_turn(waves: Waves, rate: int) -> NDArray[np.int16]:
    """Sounds (N, L) one after the other, a quarter of a second apart: (M,)."""
    pause = np.zeros((len(waves), round(GAP * rate)), np.int16)
    return np.concatenate([waves, pause], axis=1).reshape(-1)
