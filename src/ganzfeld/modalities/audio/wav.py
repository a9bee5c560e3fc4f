"""WAV files to samples and back, by the standard library and NumPy alone."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.modalities.audio.bad import BadSound, what_it_is

Wave = NDArray[np.float32]

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE  # format tags
COMPRESSED = {2: "ADPCM", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 49: "GSM", 85: "MP3"}
RATES = (100, 768_000)  # Hz
MOST_CHANNELS = 64
UNKNOWN = (0, 0xFFFFFFFF)  # sizes that a program writes which streams and cannot go back


@dataclass(frozen=True)
class Sound:
    """samples: (channels, n) float32, full scale is [-1, 1]. rate: in Hz. kind: as a file says."""

    samples: Wave
    rate: int
    kind: str


def read_wav(data: bytes) -> Sound:
    """Samples of a WAV file: PCM of 8, 16, 24 or 32 bits, or float of 32 or 64, any channels.

    Raises BadSound for anything else, for a file that was cut short, and for samples that are
    not finite.

    Example::

        from ganzfeld.modalities.audio.wav import read_wav, wav_bytes
        import numpy as np

        sound = read_wav(wav_bytes(np.zeros(80, np.int16), 8000))
        assert sound.samples.shape == (1, 80) and sound.rate == 8000
    """
    if data[:4] not in (b"RIFF", b"RF64") or data[8:12] != b"WAVE":
        raise BadSound(what_it_is(data))
    format_chunk, body, size = b"", None, 0
    for name, chunk, declared in chunks(data):
        if name == b"fmt ":
            format_chunk = chunk
        elif name == b"data":
            body, size = chunk, declared
            break
    if len(format_chunk) < 16:
        raise BadSound("damaged (a WAV file without a format chunk)")
    if body is None:
        raise BadSound("damaged (a WAV file without a data chunk)")
    tag, channels, rate, _, block, bits = struct.unpack("<HHIIHH", format_chunk[:16])
    if tag == EXTENSIBLE and len(format_chunk) >= 26:
        tag = struct.unpack("<H", format_chunk[24:26])[0]
    if tag not in (PCM, FLOAT):
        what = COMPRESSED.get(tag, f"format {tag}")
        raise BadSound(f"a WAV file with {what} inside (ffmpeg -i IN -c:a pcm_s16le OUT.wav)")
    if not (0 < channels <= MOST_CHANNELS and RATES[0] <= rate <= RATES[1]):
        raise BadSound(f"damaged ({channels} channels at {rate} Hz)")
    if bits not in ((32, 64) if tag == FLOAT else (8, 16, 24, 32)) or block != channels * bits // 8:
        raise BadSound(f"damaged ({bits} bits a sample, {block} bytes a frame)")
    if size not in UNKNOWN and len(body) < size:
        raise BadSound("cut short")
    whole = np.frombuffer(body[: len(body) // block * block], np.uint8)
    if not len(whole):
        raise BadSound("no samples")
    samples = as_floats(whole, tag, bits).reshape(-1, channels).T
    if not np.isfinite(samples).all():
        raise BadSound("samples that are NaN or infinite")
    kind = f"{bits}-bit {'float' if tag == FLOAT else 'PCM'}"
    return Sound(np.ascontiguousarray(samples), rate, kind)


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Name, content and declared size of each chunk; the content may be shorter at the end."""
    place = 12
    while place + 8 <= len(data):
        name, size = struct.unpack("<4sI", data[place : place + 8])
        end = len(data) if name == b"data" and size in UNKNOWN else place + 8 + size
        yield name, data[place + 8 : end], size
        place = end + end % 2  # chunks begin at even places


def as_floats(raw: NDArray[np.uint8], tag: int, bits: int) -> Wave:
    """Bytes of whole samples to float32, full scale to [-1, 1)."""
    found: NDArray[Any]
    if tag == FLOAT:
        found = raw.view("<f4" if bits == 32 else "<f8")
    elif bits == 8:  # the only unsigned one
        found = (raw.astype(np.float32) - 128) / 128
    elif bits == 24:
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = raw.reshape(-1, 3)
        found = wide.reshape(-1).view("<i4") / 2.0**31
    else:
        found = raw.view("<i2" if bits == 16 else "<i4") / 2.0 ** (bits - 1)
    return found.astype(np.float32)


def wav_bytes(samples: NDArray[np.int16], rate: int) -> bytes:
    """A WAV file, 16-bit PCM. samples: (n,) or (channels, n)."""
    planes = np.atleast_2d(samples)
    if planes.dtype != np.int16:
        raise TypeError(f"a WAV file holds int16 samples here, not {planes.dtype}")
    body = np.ascontiguousarray(planes.T).astype("<i2").tobytes()
    channels = len(planes)
    head = struct.pack("<HHIIHH", PCM, channels, rate, rate * channels * 2, channels * 2, 16)
    return (
        struct.pack("<4sI4s4sI", b"RIFF", 36 + len(body), b"WAVE", b"fmt ", 16)
        + head
        + struct.pack("<4sI", b"data", len(body))
        + body
    )
