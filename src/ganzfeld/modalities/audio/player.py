"""Sounds in a page: a player that holds the sound itself, and its spectrogram."""

from __future__ import annotations

import base64
import html

import numpy as np
from numpy.typing import NDArray

from ganzfeld.modalities.audio.draw import spectrogram_sheet
from ganzfeld.modalities.audio.wav import wav_bytes
from ganzfeld.modalities.image import embed
from ganzfeld.text import isolated, plain

LEAST = 48_000  # bytes that a player may always take: three seconds at 8 kHz


def player(samples: NDArray[np.int16], rate: int, alt: str, *, most: int) -> str:
    """An `audio` element that holds the sound (n,), cut where it takes more than `most` bytes."""
    kept = max(most, LEAST) * 3 // 4 // 2  # base64 makes four bytes of three
    data = base64.b64encode(wav_bytes(samples[:kept], rate)).decode("ascii")
    said = isolated(html.escape(plain(alt, keep="\n\t")), *embed.MARKS)
    return (
        f'<audio controls preload="none" aria-label="{said}" '
        f'src="data:audio/wav;base64,{data}"></audio>'
    )


def row(waves: NDArray[np.int16], rate: int, alt: str, *, side: int, most: int, lazy: bool) -> str:
    """Sounds (N, L): their spectrograms side by side, and under them a player each."""
    image = embed.element(
        spectrogram_sheet(waves, rate, len(waves)), alt, side=side, most=most, lazy=lazy
    )
    each = most // max(len(waves), 1)
    players = "".join(
        player(wave, rate, f"{alt}, {number + 1}", most=each) for number, wave in enumerate(waves)
    )
    return f'{image}<div class="sounds">{players}</div>'
