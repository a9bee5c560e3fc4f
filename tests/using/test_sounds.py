"""Sounds from a folder go all the way: trained, shown, sampled as WAV files, measured, resumed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core.runfolder import read_config
from ganzfeld.data.audio_sets import NAMES, RATE, vowels
from ganzfeld.data.check import check_data, describe
from ganzfeld.modalities.audio.wav import read_wav, wav_bytes

pytestmark = pytest.mark.long

SMALL = (
    "networks.*.width=4",
    "run.evaluate_count=16",
    "run.threads=1",
    "run.precision=float32",
    "run.evaluate_every=null",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 40 WAV files, one of them at another rate."""
    place = tmp_path_factory.mktemp("sounds")
    made = vowels(200)
    for label in (0, 3):
        for number, wave in enumerate(made.x[made.y == label]):
            target = place / NAMES[label] / f"{number}.wav"
            target.parent.mkdir(exist_ok=True)
            rate = RATE if (label, number) != (3, 0) else 2 * RATE
            target.write_bytes(wav_bytes(wave, rate))
    return place


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> ganzfeld.Run:
    out = tmp_path_factory.mktemp("run") / "run"
    return ganzfeld.train(str(folder), images=64, out=out, quiet=True, settings=SMALL)


def test_what_was_changed_is_counted(folder: Path, tmp_path: Path) -> None:
    place = shutil.copytree(folder, tmp_path / "set")
    (place / "ee" / "letter.wav").write_bytes(b"Dear Sir or Madam")
    report = check_data(place)
    assert report["count"] == 80 and report["converted"]["resampled from 16,000 Hz"] == 1
    assert dict(report["skipped"]) == {"ee/letter.wav": "not a sound (text)"}
    assert "80 sounds" in describe(report)


def test_a_run_knows_its_sounds_and_plays_them(run: ganzfeld.Run) -> None:
    config = read_config(run.path)
    assert config.recipe == "audio" and config.data.classes == ["ah", "ee"]
    assert config.data.spec is not None and config.data.spec["shape"] == [1, 128, 32]
    codec = config.data.spec["extra"]["codec"]
    assert len(codec["mean"]) == len(codec["deviation"]) == 128 and codec["mean"][5] > -4
    sheets = sorted(path.suffix for path in (run.path / "samples").iterdir())
    assert ".png" in sheets and ".wav" in sheets
    page = (run.path / "report.html").read_text()
    assert "<audio controls" in page and "data:audio/wav;base64," in page
    assert "0.26 s at 8,000 Hz" in page
    assert any("frechet" in row for row in run.metrics())


def test_samples_are_wav_files_whatever_their_count(run: ganzfeld.Run, tmp_path: Path) -> None:
    main(["sample", str(run.path), "--label", "ah", "--count", "3", "--out", str(tmp_path / "a")])
    files = sorted((tmp_path / "a").glob("*.wav"))
    assert len(files) == 3
    sound = read_wav(files[2].read_bytes())
    assert sound.rate == RATE and sound.samples.shape == (1, 2048)
    model = ganzfeld.load(run.path)
    stored = model.store(model.sample(1, labels=["ah"], start=2))
    assert np.array_equal(np.round(sound.samples[0] * 32768), stored[0, 0])


def test_anybodys_wav_files_are_measured(run: ganzfeld.Run, folder: Path, tmp_path: Path) -> None:
    found = ganzfeld.evaluate(run, str(folder), count=24, extractor="plain")
    assert found["frechet"] > 0 and 0 <= found["silent"] <= 1 and "silence_of_data" in found
    model = ganzfeld.load(run.path)
    model.save(24, tmp_path / "wavs")
    theirs = ganzfeld.evaluate(str(tmp_path / "wavs"), str(folder), count=24, extractor="plain")
    assert theirs["frechet"] > 0


@pytest.mark.long
def test_raw_waves_train_too(folder: Path, tmp_path: Path) -> None:
    out = ganzfeld.train(
        str(folder), recipe="wavegan", images=32, out=tmp_path / "run", quiet=True,
        settings=SMALL,
    )  # fmt: skip
    assert out.model.sample(2).shape == (2, 1, 2048)
    assert read_config(out.path).data.spec["shape"] == [1, 2048]  # type: ignore[index]


@pytest.mark.long
def test_captions_beside_sounds_are_sounded(folder: Path, tmp_path: Path) -> None:
    place = shutil.copytree(folder, tmp_path / "set")
    rows = ["file_name,caption"]
    for label, said in (("ee", "sharp"), ("ah", "open")):
        for file in sorted((place / label).iterdir()) if (place / label).exists() else ():
            name = f"{label}/{file.name}"
            rows += [f"{name},somebody says {label}", f"{name},一个声音 {said}"]
    (place / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    settings = [*SMALL, "game.encoder_share=0.3", "run.evaluate_final=false"]
    with pytest.raises(ganzfeld.GanzfeldError, match="--recipe text-to-audio"):
        ganzfeld.train(
            str(place), condition="caption", images=32, out=tmp_path / "a", quiet=True,
            settings=SMALL,
        )  # fmt: skip
    told = ganzfeld.train(
        str(place), recipe="text-to-audio", condition="caption", images=64, quiet=True,
        out=tmp_path / "run", settings=settings,
    )  # fmt: skip
    one = told.model.sample(3, text="somebody says ee")
    assert one.shape == (3, 1, 128, 32)
    assert torch.equal(one[:2], told.model.sample(2, text="somebody says ee"))
    assert not torch.equal(one, told.model.sample(3, text="一个声音"))
    words = ["--text", "somebody says ee", "--count", "2", "--out", str(tmp_path / "wavs")]
    main(["sample", str(told.path), *words])
    assert len(list((tmp_path / "wavs").glob("*.wav"))) == 2
    table = (tmp_path / "wavs" / "metadata.csv").read_text(encoding="utf-8")
    assert "somebody says ee" in table
    card = (told.path / "model" / "README.md").read_text(encoding="utf-8")
    assert "pipeline_tag: text-to-audio" in card


def test_a_recipe_for_images_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ganzfeld.GanzfeldError, match="hinge is not for sounds"):
        ganzfeld.train(str(folder), recipe="hinge", images=32, out=tmp_path, quiet=True)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["audio", "wavegan"])
def test_a_killed_run_ends_as_if_it_had_not_been(recipe: str, tmp_path: Path) -> None:
    def command(out: Path) -> list[str]:
        words = ["train", "vowels:120", "--recipe", recipe, "--images", "480", "--out", str(out)]
        settings = [*SMALL, "run.save_every=64", "run.evaluate_every=160"]
        return [sys.executable, "-m", "ganzfeld", *words, "--quiet", "--set", *settings]

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(whole), check=True, timeout=300)
    for wanted in (1, 3, 5):
        process = subprocess.Popen(command(killed))
        checkpoints = killed / "checkpoints"
        while process.poll() is None:
            if len(list(checkpoints.glob("images-*"))) and newest(checkpoints) >= 64 * wanted:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.02)
        process.wait()
    subprocess.run(command(killed), check=True, timeout=300)
    for name in ("model/model.safetensors", "model/discriminator.safetensors"):
        assert (whole / name).read_bytes() == (killed / name).read_bytes(), name
    last = sorted(os.listdir(whole / "samples"))
    assert last == sorted(os.listdir(killed / "samples"))
    for name in last:
        assert (whole / "samples" / name).read_bytes() == (killed / "samples" / name).read_bytes()


def newest(checkpoints: Path) -> int:
    return max(int(path.name.rpartition("-")[2]) for path in checkpoints.glob("images-*"))
