"""Does a model draw what captions say? Against the truth of embedded avatars.

    python bench/text_to_image.py --out runs/text-to-image --seconds 600 --seeds 0
    python bench/text_to_image.py --table bench/results/text_to_image.jsonl

Each seed is a run of `ganzfeld train avatars-captions --recipe text-to-image` at 32 pixels on one
thread, as long as so many CPU seconds last: a short run is timed first, or --images says how many
are seen. Judges of attributes and of retrieval have learned from other avatars, with another seed.
A line of JSON for each run goes to OUT/results.jsonl, with ceiling (the real images of the same
captions) and chance; runs that are there already are measured again and not trained.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from timing import machine

import ganzfeld
from ganzfeld.metrics import caption_judges, captioned

SIZE, COUNT = (32, 32), 1_000
FEW = 6_400  # images of the run that is timed
MORE = 60.0  # seconds of CPU that a run takes beside its steps: checkpoints, the last evaluation


def train(seconds: float, seed: int, out: Path, options: list[str], images: int | None) -> float:
    """Train for about so many CPU seconds; gives those that were taken, of a finished run too.

    A run that was stopped goes on; its seconds are those of all its parts.
    """
    place = out / "cpu.json"
    before = json.loads(place.read_text()) if place.exists() else {"seconds": 0.0}
    if (out / "evaluation.json").exists():
        return float(before["seconds"])
    given: dict[str, Any] = {"seed": seed, "recipe": "text-to-image", "settings": options}
    if images is None:
        start = time.process_time()
        trial = out.with_name(f"{out.name}-trial")
        ganzfeld.train("avatars-captions", out=trial, images=FEW, quiet=True, **given)
        images = round((seconds - MORE) / max(time.process_time() - start - MORE, 1) * FEW)
    start = time.process_time()
    try:
        if (out / "config.json").exists():
            ganzfeld.resume(out)
        else:
            ganzfeld.train("avatars-captions", out=out, images=images, **given)
    finally:
        taken = before["seconds"] + time.process_time() - start
        place.write_text(json.dumps({"images": images} | before | {"seconds": taken}))
    return float(taken)


def measure(out: Path) -> dict[str, Any]:
    model = ganzfeld.load(out)
    both = caption_judges.judges(*SIZE, lambda *_: None)

    def drawer(lines: list[str]) -> np.ndarray[Any, Any]:
        pixels: np.ndarray[Any, Any] = model.store(model.sample(len(lines), text=lines))
        return pixels

    found = captioned.report(drawer, both, SIZE, count=COUNT)
    evaluation = json.loads((out / "evaluation.json").read_text())
    found["frechet"] = evaluation["frechet"]
    found["frechet_real"] = evaluation.get("real", {}).get("frechet")
    found["extractor"] = evaluation["protocol"]["extractor"]
    return found


def table(rows: list[dict[str, Any]]) -> None:
    """Every number of the last row of each seed, in per cent, beside ceiling and chance."""
    for row in {row["seed"]: row for row in rows}.values():
        print(f"seed {row['seed']}, {row['images']:,} images, {row['cpu_seconds']:.0f} CPU s")
        for part in ("seen", "new"):
            found = row[part]
            print(f"  {part:14} {'model':>8} {'ceiling':>8} {'chance':>8}")
            for name in captioned.NAMED:
                three = [found[who]["attributes"][name] for who in ("model", "ceiling")]
                print(f"  {name:18}" + line([*three, found["chance"][name]]))
            for name, chance in (("r_precision", 0.01), ("hard_precision", 0.1)):
                print(f"  {name:18}" + line([found["model"][name], found["ceiling"][name], chance]))
        print(f"  Frechet {row['frechet']:.3g} by {row['extractor']} (real {row['frechet_real']})")
        print(f"  variety within a caption {row['variety']:.2f} (real 1)")
        for name, real in row.get("open", {}).get("real", {}).items():
            print(f"  left open: {name:17} {row['open']['model'][name]:.2f} bits (real {real:.2f})")


def line(shares: list[float]) -> str:
    return "".join(f"{100 * share:8.1f}" for share in shares)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Images from captions, measured by their truth.")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--images", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", nargs="*", default=[], dest="settings")
    parser.add_argument("--table", type=Path)
    asked = parser.parse_args()
    if asked.table:
        table([json.loads(text) for text in asked.table.read_text().splitlines()])
        raise SystemExit
    for seed in asked.seeds:
        place = asked.out / f"seed-{seed}"
        place.parent.mkdir(parents=True, exist_ok=True)
        spent = train(asked.seconds, seed, place, asked.settings, asked.images)
        images = json.loads((place / "cpu.json").read_text())["images"]
        row = {"seed": seed, "images": images, "cpu_seconds": spent, "machine": machine()}
        row |= measure(place) | {"settings": asked.settings}
        with (asked.out / "results.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        table([row])
