"""Several labels at once: does an image show all that it was asked for? Against known truth.

    python bench/multi_hot.py --out runs/multi-hot --images 60000 --seeds 0

Embedded avatars at 32 pixels, 8,000 of them, as an .npz with two columns beside the images: the
color of the hair (classes) and `tags`, any of hat, glasses and beard. `ganzfeld train FILE
--condition hair,tags` learns from it on one thread. Asked are the combinations of avatars that
nobody was trained on. Of each attribute: how often a classifier of real avatars sees what was asked
for, in samples, and in the real images (the ceiling); and the share of its most frequent value
(chance). `all`: the four together.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timing import machine, write_row

import ganzfeld
from ganzfeld.data.avatars import sentences
from ganzfeld.data.avatars.scene import draw, scene
from ganzfeld.metrics import caption_judges
from ganzfeld.metrics.captioned import visible

SIZE, KNOWN, COUNT = (32, 32), 8_000, 1_000
TAGS = ("hat", "glasses", "beard")
RESULTS = Path(__file__).parent / "results" / "multi_hot.jsonl"


def some(seed: int, count: int) -> tuple[np.ndarray[Any, Any], list[dict[str, str]]]:
    scenes = [scene(seed, index) for index in range(count)]
    parts = [draw(scenes[i : i + 256], *SIZE) for i in range(0, count, 256)]
    return np.concatenate(parts), [sentences.facts(one) for one in scenes]


def has(facts: dict[str, str], tag: str) -> bool:
    """Whether an avatar has it: the first value of each is that it has none."""
    return facts[tag] != sentences.VALUES[tag][0]


def measured(asked: argparse.Namespace, seed: int) -> dict[str, Any]:
    asked.out.mkdir(parents=True, exist_ok=True)
    source = asked.out / "avatars.npz"
    if not source.exists():
        images, facts = some(0, KNOWN)
        np.savez(
            source,
            x=images.transpose(0, 2, 3, 1),
            hair=np.array([one["hair_colour"] for one in facts]),
            tags=np.array([[has(one, tag) for tag in TAGS] for one in facts], np.uint8),
        )
    start = time.process_time()
    run = ganzfeld.train(
        source,
        condition=["hair", "tags"],
        images=asked.images,
        seed=seed,
        settings=["run.threads=1", *asked.set],
        out=asked.out / f"run-{seed}",
        quiet=True,
    )
    seconds = time.process_time() - start
    model: Any = run.model
    real, facts = some(7, COUNT)
    rows = []
    for one in facts:
        tags = "|".join(str(place) for place, tag in enumerate(TAGS) if has(one, tag))
        rows.append(model.given({"tags": tags}, 1)[0])
    labels = [one["hair_colour"] for one in facts]
    drawn = model.store(model.sample(COUNT, labels=labels, numbers=torch.stack(rows)))
    judge, _ = caption_judges.judges(*SIZE, lambda *_: None)
    seen = np.array([visible("hair_colour", one) for one in facts])
    found: dict[str, Any] = {}
    for who, pixels in (("model", drawn), ("ceiling", real)):
        with torch.no_grad():
            parts = [judge(caption_judges.ready(p)) for p in np.split(pixels, 4)]
        top = {name: torch.cat([p[name] for p in parts]).argmax(1).numpy() for name in parts[0]}
        colours = np.array(sentences.VALUES["hair_colour"])[top["hair_colour"]]
        right = {"hair": (colours == np.array(labels)) | ~seen}
        for tag in TAGS:
            right[tag] = (top[tag] > 0) == np.array([has(one, tag) for one in facts])
        found[who] = {
            name: float(r[seen if name == "hair" else slice(None)].mean())
            for name, r in right.items()
        }
        found[who]["all"] = float(np.logical_and.reduce(list(right.values())).mean())
    shares = np.unique(np.array(labels)[seen], return_counts=True)[1] / seen.sum()
    found["chance"] = {"hair": float(shares.max())} | {
        tag: max(share := float(np.mean([has(one, tag) for one in facts])), 1 - share)
        for tag in TAGS
    }
    evaluation = json.loads((asked.out / f"run-{seed}" / "evaluation.json").read_text())
    return {
        "seed": seed,
        "images": asked.images,
        "cpu_seconds": round(seconds, 1),
        "settings": asked.set,
        "found": found,
        "frechet": evaluation["frechet"],
        "machine": machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--images", type=int, default=60_000, help="images to see")
    parser.add_argument("--set", nargs="*", default=[], help="settings of the run")
    parser.add_argument("--keep", action="store_true", help="write rows into results")
    asked = parser.parse_args()
    for seed in asked.seeds:
        write_row(measured(asked, seed), RESULTS if asked.keep else None)


if __name__ == "__main__":
    main()
