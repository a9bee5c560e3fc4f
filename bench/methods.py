"""Methods and changes of the default at equal CPU time, on the same images.

    python bench/methods.py --data faces=faces.zip@64 --seconds 240 --seeds 0 \\
        --variants default=default "flow=default,game.transport=0.2" mine.py:photos --out OUT
    python bench/methods.py --table --into docs/methods.md docs/methods.zh-CN.md

A variant is NAME=RECIPE,SETTING,SETTING. Each (data, variant, seconds, seed) is trained on one
thread for so many CPU seconds of steps; rates, stages and averages follow the part of that time
that is spent. Then the averaged generator is measured against the data: by "learned" features with
as many samples as --count says, by Inception, where it is installed, with --inception samples, and
by the power of the finest eighth of frequencies beside that of the data. A grid is kept in OUT, a
row is appended to bench/results/state.jsonl; rows that are there are not made again.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from into import into
from quality import parse_data, parse_recipe

import ganzfeld
from ganzfeld.config import Config
from ganzfeld.core import runtime
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.games import Game
from ganzfeld.games.ema import Average
from ganzfeld.metrics import inception
from ganzfeld.modalities.image import draw
from ganzfeld.studies.budget import Job, configured
from ganzfeld.training import build

RESULTS = Path(__file__).parent / "results" / "state.jsonl"
Pixels = np.ndarray[Any, Any]


def train(config: Config, pack: Pack, seconds: float) -> tuple[Game, Average, int, int]:
    """Train for so many CPU seconds; gives game, average, steps and samples seen."""
    config.run.images = 10**9
    trainer = build.build_trainer(config, pack, torch.device("cpu"))
    average = Average(trainer.game, half_life_images=1e12, ramp=0.05)
    trainer.average, size = average, trainer.batch_size

    def schedule(player: str) -> Any:
        one = config.optimisers[player]
        return lambda images: build.build_schedule(one, trainer.total or size, size)(images)

    trainer.schedules = {player: schedule(player) for player in trainer.game.players}
    started = time.process_time()
    for report in trainer:
        done = (time.process_time() - started) / seconds
        trainer.total = max(round(trainer.images / max(done, 1e-3)), 1)
        if done >= 1:
            return trainer.game, average, report.step, report.images
    raise AssertionError


def drawn(game: Game, average: Average, count: int, classes: int) -> Pixels:
    """Samples (count, C, H, W) of 8 bits."""
    found = []
    z = torch.randn(count, game.latent, generator=torch.Generator().manual_seed(1))
    y = torch.arange(count) % classes if classes else None
    with torch.no_grad(), average.applied(game) as applied:
        for first in range(0, count, 100):
            part = slice(first, first + 100)
            x = applied.sample(z[part], None if y is None else y[part])
            found.append(draw.to_pixels(x.float()))
    return np.concatenate(found)


def finest(pixels: Pixels) -> float:
    """Mean log power of the frequencies above 7/8 of the highest, of grey images."""
    grey = pixels.astype(np.float64).mean(1) / 127.5 - 1
    power = (np.abs(np.fft.fft2(grey)) ** 2).mean(0)
    sides = [np.abs(np.fft.fftfreq(side)) * 2 for side in power.shape]
    high = np.maximum(sides[0][:, None], sides[1][None]) >= 7 / 8
    return float(np.log(power[high]).mean())


def make_row(
    data: tuple[str, str, int | None],
    variant: tuple[str, str, list[str]],
    seconds: float,
    seed: int,
    options: argparse.Namespace,
) -> dict[str, Any]:
    torch.set_num_threads(1)
    runtime.warm_up()
    name, source, size = data
    pack = open_pack(source, PackOptions(size=(size, size) if size else None))
    label, base, settings = variant
    afford = options.afford and round(options.afford * seconds)
    sides = (size, size) if size else None
    config = configured(Job(source, base, seed, seconds, sides, tuple(settings), afford), pack)
    row: dict[str, Any] = {"data": name, "size": size, "variant": label, "base": base}
    row |= {"settings": settings, "seconds": seconds, "seed": seed, "afford": config.run.afford}
    row |= {"ganzfeld": ganzfeld.__version__, "date": datetime.now(UTC).date().isoformat()}
    game, average, steps, images = train(config, pack, seconds)
    row |= {"steps": steps, "images": images, "precision": config.run.precision}
    row |= {"batch": config.run.batch_size}
    classes = len(pack.classes) if pack.labels is not None else 0
    samples = drawn(game, average, options.count, classes)
    place = Path(options.out)
    place.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-{label}-{seconds:g}s-{seed}"
    grid = draw.grid(samples[:64])
    draw.save_image(grid, place / f"{stem}.png")
    np.save(place / f"{stem}.npy", samples)
    return row | measured(samples, pack, options)


def measured(samples: Pixels, pack: Pack, options: argparse.Namespace) -> dict[str, Any]:
    """Both distances, and the fine power in times of the data's."""
    count = min(options.count, len(pack) // 2)
    real = pack.rows(np.arange(min(2000, len(pack))))["x"]
    found: dict[str, Any] = {"count": count}
    found["finest"] = round(math.exp(finest(samples) - finest(np.asarray(real))), 3)
    near: Any = {"metrics": ["frechet"], "labels": "none"}
    counts = {"count": count, "reference": count}
    result = ganzfeld.evaluate(samples[:count], pack, extractor="learned", **near, **counts)
    found["learned"] = round(result["frechet"], 3)
    if options.inception and inception.installed():
        few = {"count": options.inception, "reference": options.inception}
        own = samples[: options.inception]
        result = ganzfeld.evaluate(own, pack, extractor="inception", **near, **few)
        found |= {"inception": round(result["frechet"], 1), "inception_count": options.inception}
    return found


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["data"], row["size"], row["variant"], row["seconds"], row["seed"]


def rows_of(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def table(rows: list[dict[str, Any]]) -> str:
    """One line a variant, those of one data set and time together: medians over the seeds."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((*key(row)[:2], row["seconds"], row["variant"]), []).append(row)
    lines = [
        "| data | CPU s | variant | seeds | images seen | learned | Inception | finest |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (data, size, seconds, variant), found in sorted(
        groups.items(), key=lambda item: (*map(str, item[0][:2]), item[0][2], first_of(item[1]))
    ):
        shown = [f"{data}, {size} px", f"{seconds:g}", f"`{variant}`", str(len(found))]
        seen = [row["images"] for row in found if "images" in row]  # a row may lack them
        shown.append(f"{round(statistics.median(seen), -2):,.0f}" if seen else "-")
        shown += [spread(found, "learned", 2), spread(found, "inception", 0)]
        lines.append(f"| {' | '.join([*shown, spread(found, 'finest', 2)])} |")
    return "\n".join(lines)


def first_of(rows: list[dict[str, Any]]) -> float:
    return float(statistics.median(row["learned"] for row in rows))


def spread(rows: list[dict[str, Any]], name: str, digits: int) -> str:
    """The median, and the least and the most of several."""
    values = [row[name] for row in rows if name in row]
    if not values:
        return "-"
    middle = f"{statistics.median(values):.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", nargs="*", default=[])
    parser.add_argument("--variants", nargs="*", default=["default=default"])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--afford", type=float, help="images a CPU second, instead of measuring")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--inception", type=int, default=600, help="samples; 0: not measured")
    parser.add_argument("--out", default="methods-grids")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--into", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    if options.table:
        made = table(rows_of(options.results))
        print(made)
        for page in options.into:
            into(page, "methods", made)
        return
    for seed in options.seeds:
        for data in map(parse_data, options.data):
            for variant in map(parse_recipe, options.variants):
                there = {key(row) for row in rows_of(options.results)}
                if (data[0], data[2], variant[0], options.seconds, seed) in there:
                    continue
                row = make_row(data, variant, options.seconds, seed, options)
                with options.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
