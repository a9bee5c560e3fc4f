"""Metrics of sounds: what can be heard in them, who speaks, how loud they are, what was copied.

Pure functions over int16 waves (N, L) and labels; `sound` puts them together for an evaluation.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.metrics import voice
from ganzfeld.metrics.audio_classifier import LABEL, Listener, heard
from ganzfeld.metrics.family import Sets
from ganzfeld.modalities.audio.modality import coarse, rate_of

Waves = NDArray[np.int16]
Labels = NDArray[np.int64]

QUIET = 0.01  # of full scale: a root mean square below it is silence, where peaks are at 0.9
FRAME = 0.02  # s
BELOW = 40.0  # dB below the loudest frame of a sound: a silent frame


def entropy(labels: Labels, number: int) -> float:
    """Of the shares of labels (N,), in nats: 0 where all are one, log(number) where all are even.

    Example::

        import numpy as np
        from ganzfeld.metrics.audio_metrics import entropy

        assert entropy(np.zeros(9, np.int64), 6) == 0
    """
    shares = np.bincount(labels, minlength=number) / max(len(labels), 1)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum()) + 0.0


def loudness(waves: Waves) -> NDArray[np.float64]:
    """Root mean square (N,) of each sound, full scale 1."""
    found: NDArray[np.float64] = np.sqrt(((waves.astype(np.float64) / 32767) ** 2).mean(1))
    return found


def silent_share(waves: Waves) -> float:
    """Share of the sounds in which nothing is heard: a root mean square below 0.01."""
    return float((loudness(waves) < QUIET).mean())


def silence(waves: Waves, rate: int) -> float:
    """Mean share of a sound's frames of 20 ms that are 40 dB below its loudest: padding, pauses."""
    size = max(round(FRAME * rate), 1)
    frames = waves.shape[1] // size
    power = waves[:, : frames * size].astype(np.float64).reshape(len(waves), frames, size)
    level = (power**2).mean(2) + 1e-9
    return float((level < level.max(1, keepdims=True) * 10 ** (-BELOW / 10)).mean())


def nearest(waves: Waves, data: Waves) -> tuple[NDArray[np.float64], Labels]:
    """Distance (N,) of each sound to the nearest of the data (M, L), and which one it is.

    By coarse spectrograms, 16 bands by 16 times, root mean square difference in units of 20 dB.
    """
    a, b = (coarse(x).astype(np.float64) for x in (waves, data))
    squared = (a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1)
    which = squared.argmin(1)
    found = np.sqrt(np.maximum(squared[np.arange(len(a)), which], 0) / a.shape[1])
    return found, which.astype(np.int64)


def wasserstein(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The one-dimensional Wasserstein distance of two samples (n,) and (m,), in their unit."""
    grid = (np.arange(512) + 0.5) / 512
    return float(np.abs(np.quantile(a, grid) - np.quantile(b, grid)).mean())


def voices(waves: Waves, data: Waves, rate: int, seed: int = 0) -> dict[str, Any]:
    """How pitch and two formants of voices (N, L) differ from those of real ones (M, L).

    "voiced": share with a pitch. "pitch", "formant_1", "formant_2": Wasserstein distances in
    Hz, of each with the floor of two halves of the data, "..._floor".
    """
    order = np.random.default_rng(seed).permutation(len(data))
    own, real = measured_voices(waves, rate), measured_voices(data[order], rate)
    found: dict[str, Any] = {
        "voiced": float(np.isfinite(own["pitch"]).mean()),
        "voiced_of_data": float(np.isfinite(real["pitch"]).mean()),
    }
    for name, values in real.items():
        there, here = (v[np.isfinite(v)] for v in (values, own[name]))
        halves = there[: len(there) // 2], there[len(there) // 2 :]
        enough = min(len(here), len(halves[0])) > 1
        found[name] = wasserstein(here, there) if enough else math.nan
        found[f"{name}_floor"] = wasserstein(*halves) if enough else math.nan
    return found


def measured_voices(waves: Waves, rate: int) -> dict[str, NDArray[np.float64]]:
    """Pitch and the lowest two formants of each sound, in Hz, (N,); NaN where there is none."""
    formants = voice.formants(waves, rate)
    return {
        "pitch": voice.pitches(waves, rate),
        "formant_1": formants[:, 0],
        "formant_2": formants[:, 1],
    }


def sound(sets: Sets) -> dict[str, Any]:
    """Of an evaluation: what the listener hears in the samples, and their levels."""
    if sets.samples is None or sets.data_samples is None or sets.spec is None:
        return {}
    waves, data = sets.samples[:, 0], sets.data_samples[:, 0]
    rate = rate_of(sets.spec)
    found: dict[str, Any] = {
        "silent": silent_share(waves),
        "silent_of_data": silent_share(data),
        "silence": silence(waves, rate),
        "silence_of_data": silence(data, rate),
        "loudness": float(loudness(waves).mean()),
        "loudness_of_data": float(loudness(data).mean()),
    }
    network = sets.extractor.network
    if not isinstance(network, Listener):
        return found
    _, ours = heard(network, waves)
    _, theirs = heard(network, data)
    if sets.wanted is not None and LABEL in ours:
        wanted = sets.wanted[: len(waves)]
        found["heard"] = float((ours[LABEL].argmax(1) == wanted).mean())
        found["heard_of_data"] = sets.extractor.facts["accuracy"]
        found["heard_by_chance"] = float(np.bincount(wanted).max() / len(wanted))
    for name, logits in ours.items():
        if name != LABEL:
            number = logits.shape[1]
            found[f"{name}_entropy"] = entropy(logits.argmax(1), number)
            found[f"{name}_entropy_of_data"] = entropy(theirs[name].argmax(1), number)
    return found
