"""Any file of sound to samples: WAV here, other formats through soundfile where it is installed."""

from __future__ import annotations

import io
import re

import numpy as np

from ganzfeld.modalities.audio.bad import BadSound, what_it_is
from ganzfeld.modalities.audio.wav import Sound, read_wav

OTHERS = (  # starts of files that libsndfile reads
    (b"fLaC", "FLAC"),
    (b"OggS", "Ogg"),
    (b"ID3", "MP3"),
    *((bytes((0xFF, start)), "MP3") for start in (0xFB, 0xFA, 0xF3, 0xF2, 0xE3, 0xE2)),
    (b".snd", "AU"),
    (b"caff", "CAF"),
)
NEEDS = "pip install 'ganzfeld[audio]'"
AU_UNKNOWN = 0xFFFFFFFF  # a size, of a program that streams
XING = 256  # bytes in which an MP3 tells its own length
MOST_SECONDS = 3_600


def format_of(head: bytes) -> str:
    """ "WAV", "FLAC", "AIFF" and so on by the first bytes of a file; "" where it is no sound."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "WAV"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "AIFF"
    return next((name for start, name in OTHERS if head.startswith(start)), "")


def read_sound(data: bytes) -> Sound:
    """Samples of a file's content, whatever its name; BadSound says why there are none."""
    found = format_of(data[:16])
    if found == "WAV":
        return checked(read_wav(data))
    if not found:
        raise BadSound(what_it_is(data))
    if cut_short(data):
        raise BadSound("cut short")
    try:
        import soundfile  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise BadSound(f"{found} ({NEEDS}, or save it as WAV)") from None
    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except (RuntimeError, soundfile.LibsndfileError) as error:
        raise BadSound(f"damaged {found} ({without_address(error)})") from error
    if not np.isfinite(samples).all():
        raise BadSound("samples that are NaN or infinite")
    return checked(Sound(np.ascontiguousarray(samples.T), int(rate), found))


def cut_short(data: bytes) -> bool:
    """Whether a file says that it is longer than it is, which decoders pass over: AIFF, AU, MP3."""
    if data[:4] == b"FORM":
        return big(data, 4) + 8 > len(data)
    if data[:4] == b".snd" and len(data) >= 24:
        start, size = big(data, 4), big(data, 8)
        return size != AU_UNKNOWN and start + size > len(data)
    if format_of(data[:16]) == "MP3":
        head = 10 + sum(byte << 7 * (3 - n) for n, byte in enumerate(data[6:10]))  # of a picture
        begin = head if data[:3] == b"ID3" else 0
        found = (data.find(name, begin, begin + XING) for name in (b"Xing", b"Info"))
        place = max(found)
        if place >= 0 and len(data) >= place + 16 and data[place + 7] & 2:
            at = place + 8 + 4 * (data[place + 7] & 1)
            return big(data, at) > len(data)
    return False


def big(data: bytes, place: int) -> int:
    """Four bytes as a number, the largest first."""
    return int.from_bytes(data[place : place + 4], "big")


def without_address(error: Exception) -> str:
    """What libsndfile says, without the place in memory of what it was given."""
    return re.sub(r"^Error opening <[^>]*>: ", "", str(error)).rstrip(".")


def checked(sound: Sound) -> Sound:
    """A sound that is no longer than an hour; BadSound for others."""
    length = sound.samples.shape[1]
    if not length:
        raise BadSound("no samples")
    if length > MOST_SECONDS * sound.rate:
        raise BadSound(f"too long: over {MOST_SECONDS // 60} minutes")
    return sound
