"""Are requested digits and vowels heard, by whom are they spoken, and are they copies?

    python bench/audio.py digits fsdd_recordings.zip --recipe audio --images 22000 --seeds 0 1 2
    python bench/audio.py vowels --recipe audio --images 8000 --seeds 0
    python bench/audio.py --table bench/results/audio.jsonl

Digits are those of the Free Spoken Digit Dataset, whose recordings 0 to 4 of each speaker and digit
are the test part (300 clips); runs and listener learn on the other 2,700 alone. Vowels are the
embedded ones; the test part has another seed. The listener is a classifier of words and speakers
(`ganzfeld.metrics.audio_classifier`), trained once, and no part of any run.

A row has the CPU seconds of the whole `ganzfeld.train`, on one thread: packing, checkpoints,
previews and measuring in training count. 300 samples of the shipped model, as many of each class.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import resource
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import ganzfeld
from ganzfeld.core.store import keep, kept
from ganzfeld.data.audio_sets import NAMES, RATE, vowels
from ganzfeld.metrics import audio_metrics, frechet_distance
from ganzfeld.metrics.audio_classifier import (
    STEPS,
    Listener,
    accuracy,
    heard,
    restored,
    train_listener,
)
from ganzfeld.modalities.audio.codec import measured, windows_for
from ganzfeld.modalities.audio.draw import in_turn, spectrogram_sheet
from ganzfeld.modalities.audio.prepare import Shape, fit_all, prepare
from ganzfeld.modalities.audio.wav import Sound, read_wav, wav_bytes

SAMPLES = 300
TEST = 5  # recordings of each speaker and digit
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
Waves = NDArray[np.int16]


@dataclass
class Part:
    """x: (N, L). y: classes. speaker: who it is; none of the vowels have one."""

    x: Waves
    y: NDArray[np.int64]
    speaker: NDArray[np.int64] | None = None

    @property
    def labels(self) -> dict[str, NDArray[np.int64]]:
        return {"label": self.y} | ({} if self.speaker is None else {"speaker": self.speaker})


@dataclass
class Data:
    source: str
    classes: tuple[str, ...]
    train: Part
    test: Part
    speakers: tuple[str, ...] = ()


def digits(archive: Path, place: Path) -> Data:
    """Unpack the training part as folders of classes, and both parts as arrays."""
    found: dict[bool, list[tuple[Sound, int, str]]] = {True: [], False: []}
    with zipfile.ZipFile(archive) as file:
        for name in sorted(file.namelist()):
            if not name.endswith(".wav"):
                continue
            digit, speaker, number = Path(name).stem.split("_")
            data = file.read(name)
            testing = int(number) < TEST
            found[testing].append((read_wav(data), int(digit), speaker))
            if not testing:
                target = place / "digits-wav" / DIGITS[int(digit)] / f"{speaker}_{number}.wav"
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
    speakers = tuple(sorted({speaker for _, _, speaker in found[False]}))

    sounds = {number: sound for number, (sound, _, _) in enumerate(found[False])}
    shape = Shape(RATE, fit_all(sounds, RATE, windows_for(RATE)[1]).length)  # as the runs have it

    def part(rows: list[tuple[Sound, int, str]]) -> Part:
        who = np.array([speakers.index(speaker) for _, _, speaker in rows])
        waves = np.stack([prepare(sound, shape) for sound, _, _ in rows])
        return Part(waves, np.array([d for _, d, _ in rows]), who)

    return Data(str(place / "digits-wav"), DIGITS, part(found[False]), part(found[True]), speakers)


def embedded() -> Data:
    own, other = vowels(), vowels(SAMPLES, seed=1)
    return Data("vowels", NAMES, Part(own.x, own.y), Part(other.x, other.y))


def listener(data: Data, rate: int, place: Path) -> Listener:
    if (found := kept(place)) is None:
        network = train_listener(data.train.x, data.train.labels, rate, steps=STEPS)
        state = {k: v.contiguous().numpy() for k, v in network.state_dict().items()}
        keep(place, state, {})
        found = state, {}
    return restored(found[0], rate)


def spent() -> float:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def run(data: Data, options: argparse.Namespace, seed: int, place: Path) -> tuple[Waves, Any]:
    """Samples (300, L) of a run, as many of each class, and what the run was like."""
    before = spent()
    run = ganzfeld.train(
        data.source,
        recipe=options.recipe,
        images=options.images,
        afford=options.afford,
        seed=seed,
        out=place,
        settings=[*options.set, "run.threads=1"],
    )
    seconds = spent() - before
    wanted = np.resize(np.arange(len(data.classes)), SAMPLES)
    names = [data.classes[label] for label in wanted]
    waves = run.model.store(run.model.sample(SAMPLES, seed=seed, labels=names))[:, 0]
    config = json.loads((place / "config.json").read_text())
    about = {
        "cpu_seconds": round(seconds, 1),
        "images": config["run"]["images"],
        "batch": config["run"]["batch_size"],
        "width": config["networks"]["G"]["options"].get("width"),
        "parameters": int(sum(p.numel() for p in run.model.generator.parameters())),
    }
    return waves, about


def measure(data: Data, waves: Waves, net: Listener, rate: int) -> dict[str, Any]:
    """All figures of a row. waves: samples, class i at places i, i + classes, ..."""
    wanted = np.resize(np.arange(len(data.classes)), len(waves))
    features, logits = heard(net, waves)
    theirs, real = heard(net, data.test.x)
    codec = measured(data.train.x, rate)
    images = codec.encode(torch.from_numpy(data.test.x / np.float32(32767)))
    _, again = heard(net, codec.decode(images.numpy()))
    some = np.random.default_rng(0).permutation(len(data.train.x))[: len(data.test.x)]
    others, _ = heard(net, data.train.x[some])
    right = logits["label"].argmax(1) == wanted
    near, _ = audio_metrics.nearest(waves, data.train.x)
    near_real, _ = audio_metrics.nearest(data.test.x, data.train.x)
    found: dict[str, Any] = {
        "heard": float(right.mean()),
        "heard_by_class": {
            name: round(float(right[wanted == i].mean()), 3) for i, name in enumerate(data.classes)
        },
        "heard_of_test": accuracy(real["label"], data.test.y),
        "heard_of_test_through_codec": accuracy(again["label"], data.test.y),
        "chance": 1 / len(data.classes),
        "frechet": frechet_distance(features, theirs),
        "frechet_of_train": frechet_distance(others, theirs),
        "silent": audio_metrics.silent_share(waves),
        "silence": audio_metrics.silence(waves, rate),
        "silence_of_test": audio_metrics.silence(data.test.x, rate),
        "loudness": float(audio_metrics.loudness(waves).mean()),
        "loudness_of_test": float(audio_metrics.loudness(data.test.x).mean()),
        "nearest": float(np.median(near)),
        "nearest_of_test": float(np.median(near_real)),
        "nearest_least": float(near.min()),
        "nearest_least_of_test": float(near_real.min()),
    }
    if data.speakers:
        number = len(data.speakers)
        who = logits["speaker"].argmax(1)
        counts = np.bincount(who, minlength=number)
        found |= {
            "speakers": dict(zip(data.speakers, counts.tolist(), strict=True)),
            "speaker_entropy": audio_metrics.entropy(who, number),
            "speaker_entropy_most": math.log(number),
            "speaker_heard_of_test": accuracy(real["speaker"], data.test.labels["speaker"]),
        }
    else:
        found |= audio_metrics.voices(waves, data.test.x, rate)
    return found


def table(path: Path) -> None:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    names = ("heard", "heard_of_test", "heard_of_test_through_codec", "frechet", "frechet_of_train")
    names += ("speaker_entropy", "silent", "nearest", "nearest_of_test")
    print("| data | recipe | seed | CPU s | samples seen |", " | ".join(names), "|")
    print("|" + "---|" * (5 + len(names)))
    for row in rows:
        cells = [f"{row[name]:.3f}" if name in row else "" for name in names]
        first = (row["data"], row["recipe"], row["seed"], f"{row['cpu_seconds']:.0f}")
        print("|", " | ".join(map(str, (*first, f"{row['images']:,}", *cells))), "|")


def stem_of(options: argparse.Namespace, seed: int) -> str:
    return f"{options.data}-{options.recipe}-{seed}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", nargs="?", choices=("digits", "vowels"))
    parser.add_argument("archive", nargs="?", type=Path, help="fsdd_recordings.zip, of digits")
    parser.add_argument("--recipe", default="audio")
    parser.add_argument("--images", type=int, default=22_000)
    parser.add_argument("--afford", type=int, help="sizes the networks, as ganzfeld.train has it")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", nargs="*", default=[], help="settings, PATH=VALUE")
    parser.add_argument("--out", type=Path, default=Path("audio-bench"))
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    if options.table:
        return table(options.table)
    if options.data is None or (options.data == "digits" and options.archive is None):
        parser.error("digits ARCHIVE, or vowels")
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        data = digits(options.archive, place) if options.data == "digits" else embedded()
        net = listener(data, RATE, options.out / f"listener-{options.data}.safetensors")
        for seed in options.seeds:
            waves, about = run(data, options, seed, options.out / "runs" / stem_of(options, seed))
            stem = options.out / stem_of(options, seed)
            stem.with_suffix(".wav").write_bytes(wav_bytes(in_turn(waves[:60], RATE), RATE))
            spectrogram_sheet(waves[:60], RATE, len(data.classes)).save(stem.with_suffix(".png"))
            row = {
                "data": options.data,
                "recipe": options.recipe,
                "seed": seed,
                "settings": options.set,
                **about,
                **measure(data, waves, net, RATE),
                "ganzfeld": ganzfeld.__version__,
                "torch": torch.__version__,
                "date": datetime.date.today().isoformat(),
            }
            with open(options.out / "results.jsonl", "a") as file:
                file.write(json.dumps(row) + "\n")
            print(json.dumps(row), file=sys.stdout, flush=True)
    return None


if __name__ == "__main__":
    main()
