"""Is what a caption asks for heard? Spoken digits whose captions name the digit and who speaks.

    python bench/said.py fsdd_recordings.zip --images 30000 --afford 20000 --seeds 0
    python bench/said.py --table bench/results/said.jsonl

The clips are those of the Free Spoken Digit Dataset. Recordings 0 to 4 of each speaker and digit
are the test part, as in `bench/audio.py`. Of the sixty pairs of speaker and digit, ten (each
digit once, each speaker once or twice) are **new**: no run hears them, and no caption names them.
Every other clip has three captions, in English and Chinese, and with each one that is wrong in
one thing. The listener (`ganzfeld.metrics.audio_classifier`) learns words and speakers of all
sixty pairs. 1,000 sounds of seen pairs and 1,000 of new ones are judged; beside them stand the
real test clips of the same pairs, as they are and through spectrogram and Griffin-Lim, and what
guessing gives.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from audio import DIGITS, RATE, TEST, Data, Waves, digits, listener, spent
from numpy.typing import NDArray

import ganzfeld
from ganzfeld.metrics import audio_metrics
from ganzfeld.metrics.audio_classifier import Listener, heard
from ganzfeld.modalities.audio.codec import measured
from ganzfeld.modalities.audio.draw import in_turn, spectrogram_sheet
from ganzfeld.modalities.audio.wav import wav_bytes

COUNT = 1_000
CHINESE = tuple("零一二三四五六七八九")
WAYS = (
    ("{who} says {digit}", DIGITS),
    ("{digit}, said by {who}", DIGITS),
    ("the voice of {who} saying {digit}", DIGITS),
    ("{who} 说{digit}", CHINESE),
    ("{who} 的声音：{digit}", CHINESE),
    ("数字{digit}，{who} 说的", CHINESE),
)
Pairs = NDArray[np.int64]  # (N, 2), digit and speaker


def new_pair(digit: int, speaker: int) -> bool:
    """Whether a pair is kept from training: ten of sixty."""
    return digit % 6 == speaker


def caption(pair: tuple[int, int], way: int, speakers: tuple[str, ...]) -> str:
    template, names = WAYS[way % len(WAYS)]
    return template.format(digit=names[pair[0]], who=speakers[pair[1]])


def changed(pair: tuple[int, int], draw: np.random.Generator, voices: int) -> tuple[int, int]:
    """A pair that differs in the digit or the speaker, and is not new."""
    digit, speaker = pair
    others = [(one, speaker) for one in range(10) if one != digit]
    if draw.random() < 0.5:
        others = [(digit, one) for one in range(voices) if one != speaker]
    found = draw.choice([one for one in others if not new_pair(*one)])
    return int(found[0]), int(found[1])


def said(archive: Path, place: Path, speakers: tuple[str, ...]) -> Path:
    """Write the training clips of seen pairs and their captions."""
    place.mkdir()
    draw = np.random.default_rng(0)
    rows = [("file_name", "caption", "caption_wrong")]
    with zipfile.ZipFile(archive) as file:
        for name in sorted(file.namelist()):
            if not name.endswith(".wav"):
                continue
            digit, who, number = Path(name).stem.split("_")
            pair = int(digit), speakers.index(who)
            if int(number) < TEST or new_pair(*pair):
                continue
            (place / Path(name).name).write_bytes(file.read(name))
            for way in draw.choice(len(WAYS), 3, replace=False):
                wrong = changed(pair, draw, len(speakers))
                words = caption(pair, way, speakers), caption(wrong, way, speakers)
                rows.append((Path(name).name, *words))
    with open(place / "metadata.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return place


def right(net: Listener, waves: Waves, pairs: Pairs) -> dict[str, float]:
    """Shares in which the digit, the speaker and both are heard."""
    _, logits = heard(net, waves)
    digit, speaker = (
        logits[name].argmax(1) == wanted
        for name, wanted in zip(("label", "speaker"), pairs.T, strict=True)
    )
    found = {"digit": digit, "speaker": speaker, "both": digit & speaker}
    return {name: round(float(hits.mean()), 4) for name, hits in found.items()}


def measure(model: Any, data: Data, net: Listener, seed: int) -> tuple[dict[str, Any], Waves]:
    codec = measured(data.train.x, RATE)
    assert data.test.speaker is not None
    real = np.stack([data.test.y, data.test.speaker], 1)
    is_new = np.array([new_pair(*pair) for pair in real.tolist()])
    found: dict[str, Any] = {}
    sheet: list[Waves] = []
    for new in (False, True):
        own = real[is_new == new]
        clips = data.test.x[is_new == new]
        again = codec.decode(codec.encode(torch.from_numpy(clips / np.float32(32767))).numpy())
        kinds = np.unique(own, axis=0)
        pairs = np.resize(kinds, (COUNT, 2))
        lines = [caption(tuple(p), i // len(kinds), data.speakers) for i, p in enumerate(pairs)]
        waves = model.store(model.sample(COUNT, seed=seed, text=lines))[:, 0]
        sheet.append(waves[: len(kinds)])
        most = [np.bincount(column).max() / len(pairs) for column in pairs.T]
        found["new" if new else "seen"] = {
            "model": right(net, waves, pairs),
            "clips": right(net, clips, own),
            "clips_through_codec": right(net, again, own),
            "chance": dict(zip(("digit", "speaker"), map(float, most), strict=True))
            | {"both": 1 / len(kinds)},
            "by_digit": {
                name: right(net, waves[pairs[:, 0] == i], pairs[pairs[:, 0] == i])["digit"]
                for i, name in enumerate(DIGITS)
            },
            "silent": audio_metrics.silent_share(waves),
            "nearest": float(np.median(audio_metrics.nearest(waves[:300], data.train.x)[0])),
            "nearest_of_clips": float(np.median(audio_metrics.nearest(clips, data.train.x)[0])),
        }
    return found, np.concatenate(sheet)


def table(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        print(f"seed {row['seed']}, {row['images']:,} sounds, {row['cpu_seconds']:.0f} CPU s")
        for part in ("seen", "new"):
            for who in ("model", "clips", "clips_through_codec", "chance"):
                cells = "  ".join(f"{k} {100 * v:.1f}" for k, v in row[part][who].items())
                print(f"  {part:5} {who:20} {cells}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("archive", nargs="?", type=Path)
    parser.add_argument("--images", type=int, default=30_000)
    parser.add_argument("--afford", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=Path("said-bench"))
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    if options.table:
        return table(options.table)
    if options.archive is None:
        parser.error("an archive of clips, fsdd_recordings.zip")
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        data = digits(options.archive, Path(folder))
        place = said(options.archive, Path(folder) / "said", data.speakers)
        net = listener(data, RATE, options.out / "listener-digits.safetensors")
        for seed in options.seeds:
            before = spent()
            run = ganzfeld.train(
                str(place),
                recipe="text-to-audio",
                condition="caption",
                images=options.images,
                afford=options.afford,
                seed=seed,
                out=options.out / f"seed-{seed}",
                settings=[*options.set, "run.threads=1"],
                quiet=True,
            )
            seconds = spent() - before
            found, sheet = measure(run.model, data, net, seed)
            stem = options.out / f"said-{seed}"
            stem.with_suffix(".wav").write_bytes(wav_bytes(in_turn(sheet, RATE), RATE))
            spectrogram_sheet(sheet, RATE, 10).save(stem.with_suffix(".png"))
            row = {
                "data": "said",
                "recipe": "text-to-audio",
                "seed": seed,
                "settings": options.set,
                "images": options.images,
                "afford": options.afford,
                "cpu_seconds": round(seconds, 1),
                **found,
                "ganzfeld": ganzfeld.__version__,
                "torch": torch.__version__,
                "date": datetime.date.today().isoformat(),
            }
            with open(options.out / "results.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
    return table(options.out / "results.jsonl")


if __name__ == "__main__":
    main()
