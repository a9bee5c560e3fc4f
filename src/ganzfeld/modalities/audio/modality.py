"""Sounds: int16 waves of one rate and length, as log spectrograms or as waves for a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.files import replace
from ganzfeld.core.reader import Unreadable, read_whole
from ganzfeld.core.schema import fields, listing, number, one_of, whole, wrong
from ganzfeld.errors import DataError
from ganzfeld.modalities.audio import draw, player
from ganzfeld.modalities.audio.bad import BadSound
from ganzfeld.modalities.audio.codec import Codec, measured, windows_for
from ganzfeld.modalities.audio.prepare import PEAK, fit_all, to_float, to_int16
from ganzfeld.modalities.audio.resample import resample, weights
from ganzfeld.modalities.audio.stft import stft
from ganzfeld.modalities.audio.wav import Sound, read_wav, wav_bytes
from ganzfeld.modalities.base import Modality, Spec
from ganzfeld.modalities.odd import Odd

if TYPE_CHECKING:
    from torch import Tensor, nn

SPECTROGRAM, WAVE = "spectrogram", "wave"  # how a network sees sounds: `Spec.extra["view"]`
SAMPLES_A_SIDE = 130  # of a spectrogram, until words can be told apart
MOST_FILE = 64 << 20  # bytes of a WAV file that a page plays
MOST_SENT = 60.0  # s of a sound that somebody sends
MOST_WEIGHTS = 1 << 20  # of the filters that bring it to another rate
COARSE = 16  # bands and times of `plain`
QUIET = 0.03  # power added there, so that noise 40 dB below a voice is no difference

LONGEST = 1 << 24  # samples of a sound
LEVELS = listing(number(-1e6, 1e6), 1, 1 << 15)
OF_SOUNDS = fields(
    {"rate": whole(1, 10**7)},
    {
        "length": whole(1, LONGEST),
        "peak": number(0, 1),
        "view": one_of(SPECTROGRAM, WAVE),
        "codec": fields(
            {
                "size": whole(2, 1 << 16),
                "hop": whole(1, 1 << 16),
                "floor": number(1e-12, 1e6),
                "mean": LEVELS,
                "deviation": listing(number(1e-6, 1e6), 1, 1 << 15),
            }
        ),
    },
)


class Sounds(Modality):
    """Stored: int16 (1, L), peak 0.9, of the rate in `Spec.extra["rate"]`.

    Seen by a network: (1, F, T), log spectrograms in [-1, 1], or (1, L), waves in [-1, 1]. The
    view is in `Spec.extra["view"]`, and the moments of the training part in "codec".
    """

    name, noun, one = "audio", "sounds", "sound"
    by_plain = "by coarse spectrograms"
    suffix, sheet_suffix = ".wav", ".png"
    hub_task, tags = "text-to-audio", ("audio-generation",)
    values, recipe, captioned = "in [-1, 1]", "audio", "text-to-audio"
    by_thumbnails = "as spectrograms of 16 bands and 16 times"
    odd = (
        Odd("sounding", "Nearly silent", beyond=0.1, away=2.5),
        Odd("clipped", "Clipped", beyond=0.02, high=True),
    )
    learns = True

    def check(self, spec: Spec) -> None:
        OF_SOUNDS(spec.extra, "spec.extra")
        length = length_of(spec)
        if "codec" not in spec.extra:
            return
        codec = codec_of(spec)
        if not 1 <= codec.hop <= codec.size or len(codec.mean) != codec.size // 2:
            raise wrong("spec.extra.codec.size", f"twice the {len(codec.mean)} means", codec.size)
        if len(codec.deviation) != len(codec.mean):
            raise wrong("spec.extra.codec.deviation", "one for each mean", list(codec.deviation))
        view = spec.extra.get("view")
        shape = codec.shape(length) if view == SPECTROGRAM else (1, length)
        if shape != spec.shape:
            raise wrong("spec.shape", f"{list(shape)}, as its length and view say", [*spec.shape])

    def fitted(self, spec: Spec, stored: NDArray[Any], c: NDArray[Any] | None = None) -> Spec:
        """With the codec of the training part (N, 1, L); a view is left to the recipe."""
        found = measured(stored[:, 0], rate_of(spec)).to_json()
        extra = {name: value for name, value in spec.extra.items() if name != "view"}
        shape = (1, stored.shape[-1])
        return Spec(spec.modality, shape, spec.dtype, extra | {"codec": found})

    def shared(self, spec: Spec, other: Spec) -> Spec:
        """At the rate of the first, as long as the longer ones are."""
        rate = rate_of(spec)
        lengths = length_of(spec), -(-length_of(other) * rate // rate_of(other))
        step = windows_for(rate)[1] * 16
        return Spec(spec.modality, (1, -(-max(lengths) // step) * step), spec.dtype, {"rate": rate})

    def from_python(self, samples: Any, spec: Spec) -> NDArray[Any]:
        """Waves (N, 1, L) or (N, L), int16, or floats in [-1, 1], of the spec's rate."""
        waves = np.asarray(samples)
        waves = waves[:, None] if waves.ndim == 2 else waves
        if waves.ndim != 3 or waves.shape[1:] != (1, length_of(spec)):
            raise DataError(
                f"sounds (N, {length_of(spec)}) at {rate_of(spec):,} Hz were expected, not "
                f"{np.shape(samples)}"
            )
        return waves.astype(np.int16) if waves.dtype.kind == "i" else to_int16(waves)

    def turned(self, spec: Spec, wanted: Spec) -> Callable[[NDArray[Any]], NDArray[Any]] | None:
        """Sounds (N, 1, L) at another rate, cut or padded at the end to another length."""
        rate, other, length = rate_of(spec), rate_of(wanted), length_of(wanted)
        if (rate, length_of(spec)) == (other, length):
            return None

        def turn(stored: NDArray[Any]) -> NDArray[Any]:
            found = np.zeros((len(stored), 1, length), np.int16)
            for row, wave in zip(found, stored[:, 0], strict=True):
                there = resample(to_float(wave), rate, other)[:length]
                row[0, : len(there)] = to_int16(there)
            return found

        return turn

    def received(self, data: bytes, spec: Spec, most: int) -> NDArray[Any]:
        """One WAV file of a minute at most, as the only one of a folder is read."""
        try:
            sound = read_wav(data)
            if sound.samples.shape[1] > MOST_SENT * sound.rate:
                raise BadSound(f"too long: over {MOST_SENT:g} s")
            if weights(sound.rate, rate_of(spec)) > MOST_WEIGHTS:
                raise BadSound(f"{sound.rate:,} Hz are no usual rate")
            found = fit_all({0: sound}, sound.rate, windows_for(sound.rate)[1])
            if found.bad:
                raise BadSound(found.bad[0])
        except BadSound as error:
            raise DataError(f"the sound cannot be used: {error}") from None
        stored = found.waves[0][None, None]
        own = Spec(self.name, stored.shape[1:], "int16", {"rate": sound.rate})
        turn = self.turned(own, spec)
        return stored if turn is None else turn(stored)

    def to_network(self, stored: Tensor, spec: Spec) -> Tensor:
        waves = stored.float().div(32767)
        if spec.extra.get("view") != SPECTROGRAM:
            return waves
        return codec_of(spec).encode(waves[:, 0])

    def stored(self, samples: NDArray[Any], spec: Spec) -> NDArray[np.int16]:
        """Spectrograms through Griffin-Lim, 60 iterations, and waves as they are."""
        if samples.ndim == 4:
            return codec_of(spec).decode(samples)[:, None]
        peak = np.abs(samples).max((1, 2), keepdims=True)
        return to_int16(samples / np.maximum(peak, 1.0))

    def layout(self, network: nn.Module) -> None:
        from ganzfeld.modalities.image import tensors

        tensors.channels_last(network)

    def arrange(self, x: Tensor) -> Tensor:
        from ganzfeld.modalities.image import tensors

        return tensors.arrange(x)

    def prepare(self, raw: Any, options: Any) -> None:
        """Bring all sounds of a source (`data.source.Raw`) to one rate, length and level.

        The rate is the most common one, the length holds nine of ten sounds whole.
        """
        prepare_all(raw)

    # For people

    def save(self, sample: NDArray[Any], path: Path, spec: Spec) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, self.encoded(sample, spec))

    def encoded(self, sample: NDArray[Any], spec: Spec) -> bytes:
        return wav_bytes(sample[0], rate_of(spec))

    def portable(self) -> str:
        from ganzfeld.modalities.audio import portable

        return portable.written()

    def portable_in(self) -> str:
        from ganzfeld.modalities.audio import portable

        return portable.read()

    def sheet(self, samples: NDArray[Any], columns: int | None, path: Path, spec: Spec) -> None:
        """Spectrograms as PNG, and beside it one WAV file with all sounds in turn."""
        from ganzfeld.modalities.image.draw import save_image

        waves, rate = samples[:, 0], rate_of(spec)
        save_image(draw.spectrogram_sheet(waves, rate, columns), path)
        replace(path.with_suffix(".wav"), wav_bytes(draw.in_turn(waves, rate), rate))

    def to_image(self, sample: NDArray[Any], spec: Spec) -> Any:
        return draw.spectrogram(sample[0], rate_of(spec))

    def blank(self, spec: Spec) -> NDArray[Any]:
        return np.zeros((1, length_of(spec)), np.int16)

    def most_in_sheet(self, spec: Spec, pixels: int) -> int | None:
        codec = codec_of(spec)
        _, height, width = codec.shape(length_of(spec))
        return max(pixels // ((height + draw.SPACE) * (width + draw.SPACE)), 1)

    def html(
        self, file: Path, alt: str, *, side: int = 640, most: int = 100_000, lazy: bool = False
    ) -> str | None:
        """A sheet of spectrograms with a player of the WAV beside it, or a single WAV file."""
        from ganzfeld.modalities.image import embed

        sound = open_wav(file.with_suffix(".wav"))
        if file.suffix == ".wav":
            if sound is None:
                return None
            wave = to_int16(sound.samples[:1])
            return player.row(wave, sound.rate, alt, side=side, most=most, lazy=lazy)
        if (image := embed.open_picture(file)) is None:
            return super().html(file, alt, side=side, most=most, lazy=lazy)
        shown = embed.element(image, alt, side=side, most=most, lazy=lazy)
        if sound is None:
            return shown
        whole = to_int16(sound.samples[0])
        return shown + player.player(whole, sound.rate, alt, most=most)

    def show(
        self,
        samples: NDArray[Any],
        alt: str,
        spec: Spec,
        *,
        side: int = 640,
        most: int = 100_000,
        lazy: bool = False,
    ) -> str | None:
        return player.row(samples[:, 0], rate_of(spec), alt, side=side, most=most, lazy=lazy)

    def describe(self, spec: Spec) -> str:
        rate, length = rate_of(spec), length_of(spec)
        seen = ""
        if spec.extra.get("view") == SPECTROGRAM:
            seen = f", as spectrograms of {spec.shape[1]} frequencies and {spec.shape[2]} frames"
        return f"{length / rate:.2f} s at {rate:,} Hz{seen}"

    # What plans and metrics ask

    def examples(self, size: tuple[int, int] | None = None) -> list[tuple[Spec, int]]:
        return [(example(rate, length), n) for rate, length in EXAMPLES for n in (0, 10)]

    def enough(self, spec: Spec) -> int | None:
        """From spoken digits at 8 kHz: 12,000 samples of 128 x 64 until they are understood."""
        _, height, width = codec_of(spec).shape(length_of(spec))
        return round(SAMPLES_A_SIDE * math.sqrt(height * width))

    def too_few(self, spec: Spec) -> str:
        return f"{self.describe(spec)}: expect mumbling"

    def plain(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Levels in 16 bands and 16 times, in units of 20 dB: (N, 256)."""
        return coarse(stored[:, 0])

    def vitals(self, stored: NDArray[Any]) -> dict[str, float]:
        """The median loudness, as a root mean square."""
        x = np.asarray(stored, np.float64).reshape(len(stored), -1)
        return {"level": float(np.median(np.sqrt((x**2).mean(1))))}

    def traits(self, stored: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The share of a sound that is within 40 dB of its peak, and that lies at the peak."""
        x = np.abs(np.asarray(stored, np.float32).reshape(len(stored), -1))
        frames = x[:, : x.shape[1] // FRAME * FRAME].reshape(len(x), -1, FRAME)
        loud = frames.max(2) if frames.shape[1] else x
        peak = np.maximum(x.max(1, keepdims=True), 1.0)
        return {
            "sounding": (loud > AUDIBLE * peak).mean(1),
            "clipped": (x >= 0.999 * peak).mean(1),
        }


FRAME = 128  # samples of a stored sound whose loudest one counts
AUDIBLE = 0.01  # of a sound's peak: 40 dB below it
EXAMPLES = ((8_000, 4_096), (16_000, 16_384))  # (rate, length) until the data are known


def example(rate: int, length: int) -> Spec:
    found = measured(np.zeros((1, length), np.int16), rate)
    return Spec("audio", (1, length), "int16", {"rate": rate, "codec": found.to_json()})


def rate_of(spec: Spec) -> int:
    return int(spec.extra["rate"])


def length_of(spec: Spec) -> int:
    """Samples of a stored sound."""
    return int(spec.extra.get("length", spec.shape[-1]))


def codec_of(spec: Spec) -> Codec:
    """The codec of the training part, or one without moments where none was measured yet."""
    if "codec" in spec.extra:
        return Codec.from_json(spec.extra["codec"])
    return measured(np.zeros((1, length_of(spec)), np.int16), rate_of(spec))


def seen_as(spec: Spec, view: str) -> Spec:
    """The spec of the same sounds with another view: (1, F, T) spectrograms, or (1, L) waves."""
    length = length_of(spec)
    shape = codec_of(spec).shape(length) if view == SPECTROGRAM else (1, length)
    extra = spec.extra | {"view": view, "length": length}
    return Spec(spec.modality, shape, spec.dtype, extra)


def coarse(waves: NDArray[np.int16]) -> NDArray[np.float32]:
    """Spectrograms of (N, L), averaged to 16 x 16 places, in units of 20 dB: (N, 256)."""
    hop = 64
    short = -waves.shape[1] % (COARSE * hop)
    padded = np.pad(waves.astype(np.float64) / 32767, ((0, 0), (0, short)))
    parts = []
    for part in np.split(padded, range(64, len(padded), 64)):
        power = np.abs(stft(part, 4 * hop, hop)[:, :-1, :-1]) ** 2
        bands = power.shape[1] // COARSE
        blocks = power.reshape(len(part), COARSE, bands, COARSE, -1).mean((2, 4))
        parts.append(np.log10(blocks + QUIET).reshape(len(part), -1))
    return (np.concatenate(parts) / 2).astype(np.float32)


def open_wav(path: Path) -> Sound | None:
    """The sound in a file of the run; None where it cannot be read."""
    try:
        return read_wav(read_whole(path, MOST_FILE))
    except (OSError, Unreadable, ValueError):
        return None


def prepare_all(raw: Any) -> None:
    """Replace the column "x" of (C, n) sounds by (1, L) ones, int16; bad ones get their reason."""
    values = raw.columns["x"]
    scale = 1.0 if values.spec.dtype == "float32" else 32768.0
    usual = int(values.spec.extra.get("rate") or 8_000)
    rates = raw.columns["rate"].rows if "rate" in raw.columns else [usual] * len(values)
    good = [row for row in range(len(values)) if row not in raw.bad]
    sounds = {
        row: Sound((values.rows[row] / np.float32(scale)).astype(np.float32), int(rates[row]), "")
        for row in good
    }
    found = fit_all(sounds, usual, windows_for(usual)[1])
    raw.facts.update(found.facts)
    raw.bad.update(found.bad)
    rows = np.zeros((len(values), 1, found.length), np.int16)
    for row, wave in found.waves.items():
        rows[row, 0] = wave
    spec = Spec("audio", (1, found.length), "int16", {"rate": usual, "peak": PEAK})
    raw.columns["x"] = type(values)(spec=spec, rows=rows)
    raw.values += f"; stored as {found.length / usual:.2f} s at {usual:,} Hz, mono, peak {PEAK}"
