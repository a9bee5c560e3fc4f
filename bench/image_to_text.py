"""Are captions of images right, and worded as people word them? Against the truth of avatars.

    python bench/image_to_text.py --out runs/image-to-text --images 50000 --seeds 0
    python bench/image_to_text.py --measure runs/mine runs/mine-mle --out runs/image-to-text
    python bench/image_to_text.py --table bench/results/image_to_text.jsonl

For each seed, `ganzfeld train avatars-paraphrases --recipe image-to-text` at 32 pixels on one
thread, and then `image-to-text-mle`, for about as many CPU seconds: a short run of it is timed
first. Both caption 2,000 avatars that no run has seen, and as many whose combinations training
never shows, at each temperature. Beside them stand fresh true captions. A line of JSON for each
model goes to OUT/results.jsonl; runs that are there already are measured again and not trained.
--measure takes runs that were trained otherwise.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from timing import machine

import ganzfeld
from ganzfeld.metrics import caption_truth

SIZE = (32, 32)
DATA = "avatars-paraphrases"
TEMPERATURES = (1.0, 0.85, 0.7, 0.5)
SHORT = 3_200  # images of the run that is timed


def train(recipe: str, seed: int, images: int, out: Path, options: list[str]) -> float:
    """Train; gives the CPU seconds that it took, of a finished run, too."""
    if not (out / "report.html").exists():
        start = time.process_time()
        ganzfeld.train(
            DATA, recipe=recipe, seed=seed, images=images, out=out, settings=options, quiet=True
        )
        taken = time.process_time() - start
        (out / "cpu.json").write_text(json.dumps({"seconds": taken}))
    return seconds_of(out) or 0.0


def seconds_of(out: Path) -> float | None:
    """CPU seconds that a run has taken, where they were written down."""
    place = out / "cpu.json"
    return float(json.loads(place.read_text())["seconds"]) if place.exists() else None


def alike(seconds: float, seed: int, out: Path, options: list[str]) -> int:
    """Images that the run by likelihood sees in as many CPU seconds."""
    times = [
        train("image-to-text-mle", seed, images, out.with_name(f"{out.name}-{images}"), options)
        for images in (SHORT, 3 * SHORT)
    ]
    rate = max(times[1] - times[0], 1e-3) / (2 * SHORT)
    return round((seconds - times[0]) / rate + SHORT)


def measure(out: Path, count: int, temperatures: tuple[float, ...]) -> dict[str, Any]:
    model = ganzfeld.load(out, task="captioning")
    run = model.about["training"]["run"]
    row: dict[str, Any] = {
        "recipe": model.about["recipe"],
        "seed": run["seed"],
        "images": model.about["run_images"],
        "cpu_seconds": seconds_of(out),
        "machine": machine(),
        "temperatures": {},
    }
    for temperature in temperatures:

        def write(images: Any, own: float = temperature) -> list[str]:
            return [line for (line,) in model.caption(images, temperature=own)]

        news = (False, True) if temperature in (1.0, 0.7) else (False,)
        row["temperatures"][f"{temperature:g}"] = caption_truth.report(
            write, SIZE, count=count, news=news
        )
    return row


def table(rows: list[dict[str, Any]]) -> None:
    """A line for each model and temperature; true captions first."""
    names = ("f1", "precision", "recall", "grammatical", "wording", "vocabulary")
    print(f"{'':34}" + "".join(f"{name:>13}" for name in (*names, "f1, new")))
    first = next(iter(rows[0]["temperatures"].values()))
    show("true captions", first, names, "true")
    for row in rows:
        spent = f"{row['cpu_seconds']:.0f} s" if row["cpu_seconds"] else f"{row['images']:,}"
        for temperature, found in row["temperatures"].items():
            show(f"{row['recipe']}, {spent}, T {temperature}", found, names, "model")


def show(title: str, found: dict[str, Any], names: tuple[str, ...], who: str) -> None:
    numbers = [found["seen"][who][name] for name in names]
    numbers += [found["new"][who]["f1"]] if "new" in found else []
    print(f"{title:34}" + "".join(f"{number:13.4g}" for number in numbers))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Captions of images, measured by their truth.")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--temperatures", type=float, nargs="+", default=list(TEMPERATURES))
    parser.add_argument("--set", nargs="*", default=[], dest="settings")
    parser.add_argument("--measure", type=Path, nargs="+")
    parser.add_argument("--table", type=Path)
    asked = parser.parse_args()
    if asked.table:
        table([json.loads(text) for text in asked.table.read_text().splitlines()])
        raise SystemExit
    asked.out.mkdir(parents=True, exist_ok=True)
    done: list[Path] = list(asked.measure or [])
    for seed in () if asked.measure else asked.seeds:
        game, alone = asked.out / f"seed-{seed}", asked.out / f"seed-{seed}-mle"
        spent = train("image-to-text", seed, asked.images, game, asked.settings)
        many = asked.images if alone.exists() else alike(spent, seed, alone, [])
        train("image-to-text-mle", seed, many, alone, [])
        done += [game, alone]
    found = [measure(place, asked.count, tuple(asked.temperatures)) for place in done]
    with (asked.out / "results.jsonl").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in found)
    table(found)
