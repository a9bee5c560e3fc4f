"""Does `audio-cyclegan` change the voice and keep the word? Judged by a network that hears both.

    python bench/voices.py --fsdd fsdd_recordings.zip --voices jackson nicolas --out runs/voices

Clips of two speakers of the spoken digits are two domains without pairs. A listener (see
`ganzfeld.metrics.audio_classifier`) learns digits and speakers of all training clips; it has never
heard a translation. Of held-out clips, recordings 0 to 4, it says: which digit is heard before
and after, and which of the two speakers. --run measures a run that is there.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from audio import RATE, digits, listener
from numpy.typing import NDArray
from timing import machine

import ganzfeld
from ganzfeld.metrics.audio_classifier import heard
from ganzfeld.modalities.audio.wav import wav_bytes

RESULTS = Path(__file__).parent / "results" / "voices.jsonl"
Waves = NDArray[np.int16]


def sized(waves: Waves, length: int) -> Waves:
    """Cut or padded with silence at the end."""
    found = np.zeros((len(waves), length), np.int16)
    found[:, : min(length, waves.shape[1])] = waves[:, :length]
    return found


def write(folder: Path, waves: Waves) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, wave in enumerate(waves):
        (folder / f"{number:04d}.wav").write_bytes(wav_bytes(wave, RATE))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fsdd", type=Path, required=True)
    parser.add_argument("--voices", nargs=2, default=["jackson", "nicolas"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, default=4_000, help="sounds to see")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path, help="measure this run, and train none")
    parser.add_argument("--keep", action="store_true", help="write a row into results")
    asked = parser.parse_args()
    data = digits(asked.fsdd, asked.out)
    net = listener(data, RATE, asked.out / "listener.safetensors")
    who = [data.speakers.index(name) for name in asked.voices]
    assert data.train.speaker is not None and data.test.speaker is not None
    run = asked.run
    if run is None:
        a, b = (
            write(asked.out / name, data.train.x[data.train.speaker == number])
            for name, number in zip(asked.voices, who, strict=True)
        )
        run = ganzfeld.train(
            a,
            other=b,
            recipe="audio-cyclegan",
            images=asked.images,
            seed=asked.seed,
            out=asked.out / f"run-{asked.seed}",
            quiet=True,
        ).path
    model: Any = ganzfeld.load(run, task="translation")
    length = model.spec.extra["length"]
    found: dict[str, Any] = {"voices": asked.voices, "seed": asked.seed, "machine": machine()}
    for way, source, target in (("ab", *who), ("ba", *who[::-1])):
        rows = data.test.speaker == source
        clips, words = data.test.x[rows], data.test.y[rows]
        done = model.translate(sized(clips, length), to=way[1])[:, 0]
        for name, waves in (("before", clips), ("after", sized(done, clips.shape[1]))):
            _, said = heard(net, waves)
            pair = said["speaker"][:, [source, target]].argmax(1)
            found[f"{way}_{name}"] = {
                "clips": len(waves),
                "digit": round(float((said["label"].argmax(1) == words).mean()), 3),
                "target_voice": round(float(pair.mean()), 3),
            }
        write(asked.out / f"translated-{way}", done)
    line = json.dumps(found)
    print(line)
    if asked.keep:
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
