"""Waves to log spectrograms that networks learn on, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.modalities.audio.prepare import to_float, to_int16
from ganzfeld.modalities.audio.stft import griffin_lim, hann, stft

if TYPE_CHECKING:
    from torch import Tensor

WINDOW = 0.032  # s: fine enough to tell harmonics of a voice apart
FLOOR = 0.02  # added to magnitudes before the logarithm
CLIP = 3.0  # standard deviations that become 1
LEAST_DEVIATION = 0.1  # of a bin that is nearly constant
ITERATIONS = 60  # of Griffin-Lim
AT_ONCE = 64  # sounds: bounds memory
FEW = 8  # of Griffin-Lim: so many stay in the processor's cache
DIGITS = 5


@dataclass(frozen=True)
class Codec:
    """Waves (N, L) as images (N, 1, size / 2, L / hop) in [-1, 1], and images as waves.

    log(|spectrum| + floor), each frequency standardised by the moments of the training part,
    clipped at 3 deviations and divided by them, as in SpecGAN (Donahue et al. 2019). The
    highest of the size / 2 + 1 frequencies and the last frame are left out, so that sides are
    powers of two. Row 0 is the lowest frequency.

    size, hop: of the windows, in samples. mean, deviation: (size / 2,) of the log magnitudes.
    """

    size: int
    hop: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    floor: float = FLOOR

    def shape(self, length: int) -> tuple[int, int, int]:
        """(1, frequencies, frames) of waves of `length` samples."""
        return 1, self.size // 2, length // self.hop

    def encode(self, waves: Tensor) -> Tensor:
        """Waves (N, L) in [-1, 1], floats on any device, to images (N, 1, F, T)."""
        magnitudes = magnitude(waves, self.size, self.hop)[:, :-1, :-1]
        mean, deviation = (waves.new_tensor(m)[:, None] for m in (self.mean, self.deviation))
        level = ((magnitudes + self.floor).log() - mean) / deviation
        return (level.clamp(-CLIP, CLIP) / CLIP).unsqueeze(1)

    def magnitudes(self, images: NDArray[np.floating]) -> NDArray[np.float64]:
        """Images (N, 1, F, T) to magnitudes (N, F + 1, T + 1), zeros where they were left out."""
        level = np.clip(np.asarray(images, np.float64)[:, 0], -1, 1) * CLIP
        mean, deviation = (np.asarray(v)[:, None] for v in (self.mean, self.deviation))
        found = np.maximum(np.exp(level * deviation + mean) - self.floor, 0)
        return np.pad(found, ((0, 0), (0, 1), (0, 1)))

    def decode(
        self,
        images: NDArray[np.floating],
        *,
        iterations: int = ITERATIONS,
    ) -> NDArray[np.int16]:
        """Images (N, 1, F, T) to waves (N, T * hop), int16, by Griffin-Lim.

        A wave depends on its own image alone, whatever else is in the batch.
        """
        parts = [
            griffin_lim(self.magnitudes(part), self.size, self.hop, iterations=iterations)
            for part in np.split(images, range(FEW, len(images), FEW))
        ]
        return to_int16(np.concatenate(parts))

    def to_json(self) -> dict[str, Any]:
        return {
            "size": self.size,
            "hop": self.hop,
            "floor": self.floor,
            "mean": list(self.mean),
            "deviation": list(self.deviation),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Codec:
        return cls(
            size=int(values["size"]),
            hop=int(values["hop"]),
            floor=float(values["floor"]),
            mean=tuple(map(float, values["mean"])),
            deviation=tuple(map(float, values["deviation"])),
        )


def windows_for(rate: int) -> tuple[int, int]:
    """Window and hop in samples: a power of two near 32 ms, and a quarter of it.

    Example::

        from ganzfeld.modalities.audio.codec import windows_for

        assert windows_for(8000) == (256, 64) and windows_for(16000) == (512, 128)
    """
    size = int(2 ** round(math.log2(WINDOW * rate)))
    return max(size, 64), max(size // 4, 16)


def measured(waves: NDArray[np.int16], rate: int, *, floor: float = FLOOR) -> Codec:
    """The codec of sounds (N, L) at `rate` Hz, with moments of these: give the training part."""
    size, hop = windows_for(rate)
    count, total, squares = 0, np.zeros(size // 2), np.zeros(size // 2)
    for part in np.split(waves, range(AT_ONCE, len(waves), AT_ONCE)):
        level = np.log(np.abs(stft(to_float(part), size, hop))[:, :-1, :-1] + floor)
        count += level.shape[0] * level.shape[2]
        total += level.sum((0, 2))
        squares += (level**2).sum((0, 2))
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, LEAST_DEVIATION**2))
    return Codec(
        size=size,
        hop=hop,
        mean=tuple(np.round(mean, DIGITS).tolist()),
        deviation=tuple(np.round(deviation, DIGITS).tolist()),
        floor=floor,
    )


def magnitude(waves: Tensor, size: int, hop: int) -> Tensor:
    """|STFT| (N, size / 2 + 1, L / hop + 1) of waves (N, L), as `stft.stft` but differentiable."""
    import torch

    window = torch.as_tensor(np.array(hann(size))).to(waves)
    spectra = torch.stft(
        waves, size, hop, window=window, center=True, pad_mode="constant", return_complex=True
    )
    # |z| has no derivative at 0, where digital silence is
    return (spectra.real.square() + spectra.imag.square() + 1e-10).sqrt()
