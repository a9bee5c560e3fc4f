"""Sounds: files to waves, other rates, spectrograms and back, what people see and hear."""

from __future__ import annotations

import io
import itertools
import struct
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import torch

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.audio_sets import vowels
from ganzfeld.modalities import MODALITIES, Spec
from ganzfeld.modalities.audio import draw, prepare, read, stft
from ganzfeld.modalities.audio.bad import BadSound
from ganzfeld.modalities.audio.codec import Codec, measured, windows_for
from ganzfeld.modalities.audio.modality import SPECTROGRAM, WAVE, coarse, seen_as
from ganzfeld.modalities.audio.resample import resample
from ganzfeld.modalities.audio.wav import Sound, read_wav, wav_bytes


def tone(hertz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate).astype(np.float32)


def by_library(samples: np.ndarray, width: int, rate: int = 8000) -> bytes:
    """A WAV file by the standard library. samples: (channels, n), float in [-1, 1)."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(len(samples))
        file.setsampwidth(width)
        file.setframerate(rate)
        whole = np.round(samples.T.reshape(-1) * (2.0 ** (8 * width - 1) - 1)).astype(np.int64)
        if width == 1:
            whole = whole + 128
        raw = whole.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width]
        file.writeframes(raw.tobytes())
    return buffer.getvalue()


def float_wav(samples: np.ndarray, rate: int = 8000, tag: int = 3) -> bytes:
    bits, body = 8 * samples.dtype.itemsize, samples.tobytes()
    head = struct.pack("<HHIIHH", tag, 1, rate, rate * bits // 8, bits // 8, bits)
    if tag == 0xFFFE:  # extensible: what it really is stands behind
        head += struct.pack("<HHI", 22, bits, 0) + struct.pack("<H", 3) + bytes(14)
    chunks = b"fmt " + struct.pack("<I", len(head)) + head + b"LIST\3\0\0\0abc\0"
    chunks += b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_pcm_of_every_width_is_read(width: int, channels: int) -> None:
    want = numpy_generator(1, width).uniform(-0.99, 0.99, (channels, 501))
    found = read_wav(by_library(want, width, 22_050))
    assert found.rate == 22_050 and found.samples.shape == (channels, 501)
    assert np.abs(found.samples - want).max() < 2.1 / 2 ** (8 * width - 1) + 1e-7


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("tag", [3, 0xFFFE])
def test_floats_are_read(dtype: type, tag: int) -> None:
    want = numpy_generator(2).uniform(-1.5, 1.5, 99).astype(dtype)
    assert np.array_equal(read_wav(float_wav(want, tag=tag)).samples[0], want.astype(np.float32))


def test_what_is_written_is_read_by_us_and_by_the_library() -> None:
    samples = numpy_generator(3).integers(-32768, 32767, (2, 333)).astype(np.int16)
    data = wav_bytes(samples, 16_000)
    assert np.array_equal(np.round(read_wav(data).samples * 32768), samples)
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 16_000, 333)
    with pytest.raises(TypeError, match="int16"):
        wav_bytes(samples.astype(np.float32), 8000)  # type: ignore[arg-type]


WHOLE = wav_bytes(np.arange(400, dtype=np.int16), 8000)
NAN = float_wav(np.array([0, np.nan], np.float32))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"empty \(0 bytes\)"),
        (bytes(64), "nothing but zeros"),
        (WHOLE[:-20], "cut short"),
        (WHOLE[:36], "without a data chunk"),
        (WHOLE[:12] + WHOLE[36:], "without a format chunk"),
        (WHOLE[:20] + b"\7\0" + WHOLE[22:], "mu-law inside"),
        (WHOLE[:22] + b"\0\0" + WHOLE[24:], "0 channels"),
        (WHOLE[:34] + b"\x0c\0" + WHOLE[36:], "12 bits"),
        (WHOLE[:40] + bytes(4), "no samples"),
        (NAN, "NaN or infinite"),
        (b"\x89PNG\r\n\x1a\n" + bytes(9), "a PNG image"),
        (b"<html><body>404", "an HTML page"),
        (b"hello there", r"not a sound \(text\)"),
        (b"RIFF\0\0\0\0WEBP", "RIFF file of another kind"),
        (b"\0\0\0\x20ftypM4A ", "MP4 or M4A"),
    ],
)
def test_what_is_no_sound_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(BadSound, match=reason):
        read.read_sound(data)


def test_other_formats_need_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(BadSound, match=r"FLAC \(pip install 'ganzfeld\[audio\]'"):
        read.read_sound(b"fLaC" + bytes(40))


@pytest.mark.parametrize("target", [8_000, 16_000, 11_025])
def test_a_sine_stays_a_sine_at_another_rate(target: int) -> None:
    found = resample(tone(440, 44_100), 44_100, target)
    inner = slice(200, -200)
    assert len(found) == target
    assert np.abs(found - tone(440, target))[inner].max() < 1e-4
    back = resample(found, target, 44_100)
    assert np.abs(back - tone(440, 44_100))[2000:-2000].max() < 1e-4


@pytest.mark.parametrize("hertz", [4_100, 5_000, 12_345])
def test_nothing_is_folded_back_below_60_db(hertz: int) -> None:
    found = resample(tone(hertz, 44_100), 44_100, 8_000)
    assert 20 * np.log10(np.abs(found[200:-200]).max()) < -60


def test_the_spectrum_returns_to_the_wave() -> None:
    waves = numpy_generator(4).standard_normal((3, 1024))
    back = stft.istft(stft.stft(waves, 256, 64), 256, 64)
    assert 10 * np.log10((waves**2).sum() / ((back - waves) ** 2).sum()) > 100
    assert np.abs(stft.stft(tone(440, 8000)[None, :4096], 256, 64)[0, :, 32]).argmax() == 14


def test_griffin_lim_without_momentum_never_errs_more_and_with_it_less() -> None:
    magnitudes = np.abs(stft.stft(vowels(2).x / 32767, 256, 64))

    def error(iterations: int, momentum: float) -> float:
        wave = stft.griffin_lim(magnitudes, 256, 64, iterations=iterations, momentum=momentum)
        return stft.convergence(wave, magnitudes, 256, 64)

    errors = [error(n, 0.0) for n in (0, 1, 2, 4, 8, 16, 32)]
    assert all(later <= before + 1e-12 for before, later in itertools.pairwise(errors))
    assert error(32, 0.99) < 0.8 * errors[-1] < 0.8 * 0.3


def test_the_codec_keeps_what_is_heard_whatever_is_beside_it() -> None:
    waves = vowels(20).x
    codec = measured(waves, 8000)
    assert codec.shape(2048) == (1, 128, 32) and windows_for(44_100) == (1024, 256)
    images = codec.encode(torch.from_numpy(waves / 32767).float())
    assert images.shape == (20, 1, 128, 32) and images.abs().max() <= 1
    assert abs(float(images.mean())) < 0.05 and 0.2 < float(images.std()) < 0.4
    back = codec.decode(images.numpy())
    magnitudes = np.abs(stft.stft(waves / 32767, 256, 64))
    assert stft.convergence(back / 32767, magnitudes, 256, 64) < 0.15
    assert np.array_equal(codec.decode(images[7:8].numpy())[0], back[7])
    assert Codec.from_json(codec.to_json()) == codec


def test_sounds_of_a_set_become_alike() -> None:
    quiet = np.zeros((1, 800), np.float32)
    speech = 0.1 * tone(300, 8000, 0.25)
    padded = np.concatenate([quiet[0], speech, quiet[0]])
    stereo = np.stack([tone(300, 16_000, 0.3)] * 2) * 0.5
    found = prepare.fit_all(
        {0: Sound(padded[None], 8000, ""), 1: Sound(stereo, 16_000, ""), 2: Sound(quiet, 8000, "")},
        8000,
        64,
    )
    assert found.bad == {2: "silence"} and found.length % 1024 == 0
    assert found.facts["resampled from 16,000 Hz"] == found.facts["mixed to one channel"] == 1
    for wave_ in found.waves.values():
        assert wave_.dtype == np.int16 and abs(np.abs(wave_).max() - 0.9 * 32767) < 1.5
    start = np.flatnonzero(np.abs(found.waves[0]) > 3000)[0]
    assert start < 0.04 * 8000  # the silence before it is gone
    assert not found.waves[0][round(0.31 * 8000) :].any()


def spec_of(waves: np.ndarray) -> Spec:
    return MODALITIES["audio"].fitted(
        Spec("audio", (1, waves.shape[1]), "int16", {"rate": 8000}), waves[:, None]
    )


def test_both_views_come_back_as_stored_sounds() -> None:
    waves, kind = vowels(4).x, MODALITIES["audio"]
    raw = seen_as(spec_of(waves), WAVE)
    network = kind.to_network(torch.from_numpy(waves[:, None]), raw)
    assert raw.shape == (1, 2048) and np.array_equal(kind.to_store(network, raw)[:, 0], waves)
    seen = seen_as(raw, SPECTROGRAM)
    assert seen.shape == (1, 128, 32) and seen_as(seen, WAVE).shape == (1, 2048)
    image = kind.to_network(torch.from_numpy(waves[:, None]), seen)
    assert image.shape == (4, 1, 128, 32)
    assert kind.to_store(image, seen).shape == (4, 1, 2048)
    assert "128 frequencies" in kind.describe(seen) and "0.26 s at 8,000 Hz" in kind.describe(raw)
    loud = kind.to_store(2 * network, raw)
    assert np.abs(loud).max() == 32767  # scaled down, not wrapped


def test_files_sheets_and_pages(tmp_path: Path) -> None:
    waves, kind = vowels(6).x, MODALITIES["audio"]
    spec, stored = seen_as(spec_of(waves), SPECTROGRAM), waves[:, None]
    kind.save(stored[0], tmp_path / "one.wav", spec)
    assert np.array_equal(
        np.round(read_wav((tmp_path / "one.wav").read_bytes()).samples[0] * 32768), waves[0]
    )
    kind.sheet(stored, 3, tmp_path / "sheet.png", spec)
    turn = read_wav((tmp_path / "sheet.wav").read_bytes())
    assert turn.samples.shape == (1, 6 * (2048 + 2000))
    page = kind.html(tmp_path / "sheet.png", 'a "sheet"')
    assert page and "<img" in page and page.count("<audio controls") == 1
    assert "data:audio/wav;base64,UklGR" in page and 'a "sheet"' not in page
    one = kind.html(tmp_path / "one.wav", "one")
    assert one and "<img" in one and "<audio" in one
    (tmp_path / "one.wav").write_bytes(b"no sound")
    assert kind.html(tmp_path / "one.wav", "one") is None
    shown = kind.show(stored[:2], "pair", spec)
    assert shown and shown.count("<audio") == 2


def test_a_tone_is_a_line_in_its_image() -> None:
    image = np.asarray(
        draw.spectrogram((tone(1000, 8000, 0.5) * 30000).astype(np.int16)[:3968], 8000)
    )
    assert image.shape == (128, 62, 3)
    bright = image.astype(int).sum(2)[:, 20:40].mean(1)
    assert bright.argmax() == 127 - 32  # 1,000 Hz is bin 32 of 31.25 Hz, counted from below


def test_coarse_spectrograms_tell_vowels_apart() -> None:
    found = vowels(60)
    features = coarse(found.x)
    assert features.shape == (60, 256)
    distance = ((features[:, None] - features) ** 2).sum(2) + 1e9 * np.eye(60)
    assert (found.y[distance.argmin(1)] == found.y).mean() > 0.7


def test_sounds_of_another_rate_and_length_are_brought_to_those_of_a_run() -> None:
    kind, waves = MODALITIES["audio"], np.round(20_000 * tone(500, 16_000, 0.25)).astype(np.int16)
    theirs = Spec("audio", (1, 4000), "int16", {"rate": 16_000})
    ours = Spec("audio", (1, 1024), "int16", {"rate": 8_000})
    turn = kind.turned(theirs, ours)
    assert turn is not None
    found = turn(waves[None, None])
    assert found.shape == (1, 1, 1024) and found.dtype == np.int16
    want = 20_000 * tone(500, 8_000)[:1024]
    assert np.abs(found[0, 0] - want)[200:800].max() < 40
    assert kind.turned(ours, seen_as(ours, SPECTROGRAM)) is None
    longer = kind.turned(ours, Spec("audio", (1, 2048), "int16", {"rate": 8_000}))
    assert longer is not None and not longer(found)[0, 0, 1024:].any()


@pytest.mark.parametrize("start", ["fffb", "fffa", "fff3", "fff2", "ffe3", "ffe2", "494433"])
def test_an_mp3_is_known_by_each_of_its_starts(start: str) -> None:
    """With a description or without; at 8,000 Hz the frames begin otherwise than at 44,100."""
    assert read.format_of(bytes.fromhex(start) + bytes(13)) == "MP3"
