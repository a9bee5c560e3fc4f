"""Sounds with NumPy alone: what the run.py of an exported folder holds of this package, as text.

It needs no ganzfeld: the functions that are given there are those that `ganzfeld` itself runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.modalities.audio import codec as codecs
from ganzfeld.modalities.audio import prepare
from ganzfeld.modalities.audio import stft as stfts
from ganzfeld.modalities.audio.codec import CLIP
from ganzfeld.modalities.audio.prepare import finish, to_int16, trimmed
from ganzfeld.modalities.audio.stft import griffin_lim, stft


def spectrogram(wave: NDArray[Any], codec: Mapping[str, Any]) -> NDArray[np.float32]:
    """What `Codec.encode` makes of one wave (n,) in [-1, 1]: (1, F, T)."""
    spectra = stft(wave[None], codec["size"], codec["hop"])[:, :-1, :-1]
    power = np.square(spectra.real) + np.square(spectra.imag) + 1e-10
    mean, deviation = (np.array(codec[name])[:, None] for name in ("mean", "deviation"))
    level = (np.log(np.sqrt(power) + codec["floor"]) - mean) / deviation
    found: NDArray[np.float32] = (np.clip(level, -CLIP, CLIP) / CLIP).astype(np.float32)
    return found


def from_spectrogram(image: NDArray[Any], codec: Mapping[str, Any]) -> NDArray[np.int16]:
    """What `Codec.decode` makes of one: (n,)."""
    level = np.clip(image.astype(np.float64), -1, 1) * CLIP
    mean, deviation = (np.array(codec[name])[:, None] for name in ("mean", "deviation"))
    found = np.maximum(np.exp(level * deviation + mean) - codec["floor"], 0)
    padded = np.pad(found, ((0, 0), (0, 1), (0, 1)))
    return to_int16(griffin_lim(padded, codec["size"], codec["hop"])[0])


def text_of(*functions: Callable[..., Any]) -> str:
    return "\n\n".join(inspect.getsource(one).rstrip() for one in functions)


def written() -> str:
    """Lines that write `x`, a spectrogram (1, F, T) or a wave (1, n), as a WAV file."""
    return f"""import functools, wave
MOMENTUM, CLIP = {stfts.MOMENTUM}, {codecs.CLIP}
{text_of(stfts.hann, stfts.overlapped, stfts.envelope, griffin_lim, to_int16, from_spectrogram)}

codec, rate = about["spec"]["extra"]["codec"], about["spec"]["extra"]["rate"]
if x.ndim == 3:
    samples = from_spectrogram(x, codec)
else:
    samples = to_int16(x[0] / max(np.abs(x).max(), 1.0))
with wave.open(name + ".wav", "wb") as file:
    file.setparams((1, 2, rate, 0, "NONE", ""))
    file.writeframes(samples.astype("<i2").tobytes())"""


def read() -> str:
    """Lines that read the WAV file at `path` as `x`, one sound as a network takes it."""
    names = ("PEAK", "SILENT", "FRAME", "MARGIN", "FADE", "TRIM")
    constants = "\n".join(f"{name} = {getattr(prepare, name)}" for name in names)
    return f"""import functools, math, sys, wave
CLIP = {codecs.CLIP}
{constants}
{text_of(stfts.hann, stft, prepare.fade, trimmed, to_int16, finish, spectrogram)}

extra = about["spec"]["extra"]
length, codec = extra["length"], extra["codec"]
with wave.open(path, "rb") as file:
    if file.getsampwidth() != 2 or file.getframerate() != extra["rate"]:
        sys.exit(f"a WAV file of 16 bits and {{extra['rate']}} Hz is needed")
    heard = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
    heard = heard.reshape(-1, file.getnchannels()).mean(1)
heard = trimmed(heard - heard.mean(dtype=np.float64).astype(np.float32), extra["rate"], TRIM)
step = 16 * codec["hop"]
stored = finish(heard, extra["rate"], -(-len(heard) // step) * step)[:length]
stored = np.pad(stored, (0, length - len(stored))).astype(np.float32) / np.float32(32767)
x = [spectrogram(stored, codec) if extra["view"] == "spectrogram" else stored[None]]"""
