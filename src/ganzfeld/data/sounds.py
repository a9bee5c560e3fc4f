"""Sound files as samples: WAV by the standard library, others by soundfile."""

from __future__ import annotations

import io
import re
import wave
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import shown, suffix
from ganzfeld.core.progress import Progress
from ganzfeld.data.columns import Values, ragged
from ganzfeld.data.other_kinds import SOUNDS
from ganzfeld.data.readers import Unreadable
from ganzfeld.data.source import Encoded, Gathered, Raw
from ganzfeld.data.typed import number, typed
from ganzfeld.errors import UsageError

MAX_SECONDS = 3600
MAX_CHANNELS = 64
RATES = (100, 768_000)  # samples a second
MOST_SHARE = 0.5  # distinct parts of names to files, above which a part is no class
PARTS = re.compile(r"[_\-]+")
NO_SOUNDFILE = "is no WAV file, and soundfile, which reads others, is not installed"


class BadSound(ValueError):
    """A file that is no sound; the message is the reason."""


@dataclass(frozen=True)
class Sound:
    """A decoded file.

    samples: (C, T), int16, or float32 in about [-1, 1] where the file has more than 16 bits.
    rate: samples a second. facts: what was changed on the way.
    """

    samples: NDArray[Any]
    rate: int
    facts: tuple[str, ...] = ()


def is_sound(name: str) -> bool:
    return suffix(name) in SOUNDS


def read_sound(raw: bytes, name: str = "") -> Sound:
    """A sound from the bytes of its file. Raises `BadSound` with the reason.

    Example::

        sound = read_sound(Path("7_jackson_32.wav").read_bytes())
        sound.samples.shape  # (1, 4125)
    """
    if raw[:4] == b"RIFF" and raw[8:12] == b"WAVE":
        return _wav(raw)
    if not raw:
        raise BadSound("empty (0 bytes)")
    if suffix(name) == "wav":
        raise BadSound("not a WAV file: it does not begin as one")
    return _by_soundfile(raw)


def _wav(raw: bytes) -> Sound:
    if _format_of(raw) not in (1, 0xFFFE):  # PCM, or PCM that says more of itself
        return _float_wav(raw)
    try:
        with wave.open(io.BytesIO(raw)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            promised = file.getnframes()
            _check(channels, rate, promised)
            data = file.readframes(promised)
    except (wave.Error, EOFError) as error:
        raise BadSound(f"damaged: {error}") from error
    frames = len(data) // (channels * width)
    if frames < promised:
        raise BadSound(f"cut short: {frames:,} of {promised:,} samples are there")
    facts: tuple[str, ...] = ()
    if width == 1:
        flat: NDArray[Any] = (np.frombuffer(data, np.uint8).astype(np.int16) - 128) * 256
        facts = ("8-bit to 16-bit",)
    elif width == 2:
        flat = np.frombuffer(data, "<i2").astype(np.int16)
    elif width == 3:
        parts = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
        whole = (parts[:, 0] << 8 | parts[:, 1] << 16 | parts[:, 2] << 24) >> 8
        flat, facts = (whole / 2**23).astype(np.float32), ("24-bit to float32",)
    elif width == 4:
        flat = (np.frombuffer(data, "<i4") / 2**31).astype(np.float32)
        facts = ("32-bit to float32",)
    else:
        raise BadSound(f"has {8 * width} bits a sample, which are not read")
    return _sound(flat.reshape(-1, channels).T, rate, facts)


def _format_of(raw: bytes) -> int:
    """The format code of a WAV file: 1 whole numbers, 3 floats; 0 where none is found."""
    place = 12
    while place + 8 <= len(raw):
        size = int.from_bytes(raw[place + 4 : place + 8], "little")
        if raw[place : place + 4] == b"fmt ":
            code = int.from_bytes(raw[place + 8 : place + 10], "little")
            if code == 0xFFFE and size >= 26:
                return int.from_bytes(raw[place + 32 : place + 34], "little")
            return code
        place += 8 + size + size % 2
    return 0


def _float_wav(raw: bytes) -> Sound:
    """A WAV file of 32-bit floats, which the standard library does not read."""
    place, head, data = 12, b"", None
    while place + 8 <= len(raw):
        size = int.from_bytes(raw[place + 4 : place + 8], "little")
        body = raw[place + 8 : place + 8 + size]
        if raw[place : place + 4] == b"fmt ":
            head = body
        elif raw[place : place + 4] == b"data":
            if len(body) < size:
                raise BadSound(f"cut short: {len(body):,} of {size:,} bytes are there")
            data = body
        place += 8 + size + size % 2
    if len(head) < 16 or data is None:
        raise BadSound("damaged: it has no format, or no samples")
    channels, rate = int.from_bytes(head[2:4], "little"), int.from_bytes(head[4:8], "little")
    code, bits = _format_of(raw), int.from_bytes(head[14:16], "little")
    if (code, bits) != (3, 32):
        raise BadSound(f"is packed in a way that is not read (format {code}, {bits} bits)")
    flat = np.frombuffer(data[: len(data) // (4 * max(channels, 1)) * 4 * channels], "<f4")
    _check(channels, rate, len(flat) // max(channels, 1))
    return _sound(flat.astype(np.float32).reshape(-1, channels).T, rate, ())


def _by_soundfile(raw: bytes) -> Sound:
    try:
        import soundfile
    except ImportError:
        raise BadSound(NO_SOUNDFILE) from None
    try:
        with soundfile.SoundFile(io.BytesIO(raw)) as file:
            _check(file.channels, file.samplerate, file.frames)
            dtype = "int16" if file.subtype in ("PCM_16", "PCM_S8", "PCM_U8") else "float32"
            samples = file.read(dtype=dtype, always_2d=True).T
            return _sound(samples, int(file.samplerate), (f"{file.format} decoded",))
    except soundfile.SoundFileError as error:
        raise BadSound(f"not readable as sound ({error})") from error


def _check(channels: int, rate: int, frames: int) -> None:
    if not 1 <= channels <= MAX_CHANNELS:
        raise BadSound(f"has {channels} channels")
    if not RATES[0] <= rate <= RATES[1]:
        raise BadSound(f"says it has {rate:,} samples a second")
    if frames > MAX_SECONDS * rate:
        raise BadSound(f"too long: over {MAX_SECONDS // 60} minutes")


def _sound(samples: NDArray[Any], rate: int, facts: tuple[str, ...]) -> Sound:
    if not samples.shape[1]:
        raise BadSound("holds no samples")
    if samples.dtype.kind == "f" and not np.isfinite(samples).all():
        raise BadSound("holds numbers that are NaN or infinite")
    return Sound(np.ascontiguousarray(samples), rate, facts)


def sounds_of(files: Encoded, *, every: bool = False) -> Gathered:
    """A source of the sounds among some files, whose labels and columns are known.

    every: all of them, whatever they are called.
    """
    kept = [place for place, title in enumerate(files.titles) if every or is_sound(title)]
    aside = {*range(len(files.titles))} - {*kept}

    def gather(progress: Progress) -> Raw:
        return _gather(files, kept, source, progress)

    source = Gathered(
        kind=files.kind,
        name=files.name,
        place=files.place,
        part=files.part,
        stamps=files.stamps,
        ignored=files.ignored + [files.titles[place] for place in sorted(aside)],
        notes=files.notes,
        warnings=files.warnings,
        taken=files.taken,
        aside=files.aside,
        modality="audio",
        gather=gather,
    )
    source.taken["modality"] = "sounds: a sample a file"
    return source


def _gather(files: Encoded, kept: list[int], source: Gathered, progress: Progress) -> Raw:
    """All sounds: "x" (C, T) each, "rate", and what tables and names say of them."""
    raw = Raw(columns={}, titles=[files.titles[place] for place in kept])
    sounds: list[Sound | None] = []
    for row, place in enumerate(kept):
        found = None
        try:
            found = read_sound(files.reader.read(files.names[place]), files.titles[place])
            raw.facts.update(found.facts)
        except Unreadable as error:
            raw.bad[row], raw.passing = str(error), raw.passing + 1
        except BadSound as error:
            raw.bad[row] = str(error)
        sounds.append(found)
        progress("reading", row + 1, len(kept))
    if raw.bad and set(raw.bad.values()) == {NO_SOUNDFILE} and len(raw.bad) == len(kept):
        raise UsageError(
            f"{shown(source.place)} holds sounds that are no WAV files; soundfile, which reads "
            "them, is not installed",
            fix="pip install 'ganzfeld[audio]'   or convert: ffmpeg -i in.flac out.wav",
        )
    good = [sound for sound in sounds if sound is not None]
    channels = max((len(sound.samples) for sound in good), default=1)
    if len({len(sound.samples) for sound in good}) > 1:
        channels = 1  # the mean of all where they differ
    floats = any(sound.samples.dtype.kind == "f" for sound in good)
    rows = [_row(sound, channels, floats, raw.facts) for sound in sounds]
    rates = Counter(sound.rate for sound in good)
    dtype = "float32" if floats else "int16"
    usual = rates.most_common(1)[0][0] if rates else 0
    raw.columns["x"] = ragged(rows, "audio", dtype, (channels,), rate=usual)
    listed = np.array([np.nan if sound is None else sound.rate for sound in sounds])
    if good:
        raw.columns["rate"] = number(listed, whole=True)
    _beside(raw, files, kept)
    seconds = [sound.samples.shape[1] / sound.rate for sound in good] or [0.0]
    told = ", ".join(f"{n:,} of {rate:,} Hz" for rate, n in rates.most_common(3))
    raw.values = (
        f"{told}; {min(seconds):.2f} to {max(seconds):.2f} s, {sum(seconds) / 60:.1f} minutes in "
        f"all; {channels} channel{'s' * (channels > 1)}, {dtype}"
    )
    if len(rates) > 1:
        source.warnings.append(f"the sounds have several rates: {told}")
    return raw


def _row(sound: Sound | None, channels: int, floats: bool, facts: Counter[str]) -> NDArray[Any]:
    dtype = np.float32 if floats else np.int16
    if sound is None:
        return np.zeros((channels, 0), dtype)
    samples = sound.samples
    if floats and samples.dtype.kind == "i":
        samples = (samples / 32768).astype(np.float32)
    if len(samples) != channels:
        facts[f"{len(samples)} channels to one"] += 1
        mean = samples.astype(np.float64).mean(axis=0, keepdims=True)
        samples = mean if floats else np.rint(mean)
    return samples.astype(dtype)


def _beside(raw: Raw, files: Encoded, kept: list[int]) -> None:
    """Labels and columns of the files, and the parts of their names where all have as many."""
    for name, values in files.columns.items():
        raw.columns.setdefault(name, values.kept(kept))
    if files.labels is not None:
        raw.labels, raw.classes = files.labels[kept], files.classes
    for name, values in parts_of_names(raw.titles).items():
        raw.columns.setdefault(name, values)


def parts_of_names(titles: Any) -> dict[str, Values]:
    """Columns "name_1", "name_2" ... of `7_jackson_32.wav`, where all names have as many parts."""
    stems = [title.rpartition("/")[2].rpartition(".")[0] for title in titles]
    parts = [[part for part in PARTS.split(stem) if part] for stem in stems]
    counts = {len(row) for row in parts}
    if len(counts) != 1 or counts.pop() < 2:
        return {}
    found: dict[str, Values] = {}
    for place, cells in enumerate(zip(*parts, strict=True), 1):
        distinct = len(set(cells))
        if 1 < distinct <= max(2, MOST_SHARE * len(cells)):
            values = typed(cells, classes=True)
            if values is not None and values.spec.modality == "class":
                found[f"name_{place}"] = values
    return found
