"""How images of the default look: variants of it in equal CPU seconds, by turns in one process.

    python bench/default_look.py --data faces=faces.zip@64 --seconds 75 --seeds 0 1 2 \\
        --variants default "blur=default,networks.G.blur=1" --out OUT
    python bench/default_look.py --data faces=faces.zip@64 --out OUT --inception 500
    python bench/default_look.py --table --into docs/methods.md docs/methods.zh-CN.md
    python bench/default_look.py --table --results bench/results/width_rates.jsonl --mark rates \\
        --into docs/defaults.md docs/defaults.zh-CN.md
    python bench/default_look.py --table --results bench/results/first_weights.jsonl \\
        --mark weights --into docs/defaults.md docs/defaults.zh-CN.md

A variant is NAME=RECIPE,SETTING,SETTING; labels=none and labels=clusters leave labels aside, and
the time that clusters take counts. All variants of a seed train by turns of two CPU seconds on one
thread, so that what else the machine does slows all of them alike. Rates and averages follow
the part of the time that is spent. The averaged generator is then measured: Frechet and kernel
distance, precision and recall by "learned" features, and by "domain" where the data have labels;
how its spectrum stands to the data's; images a CPU second. Samples and a grid of each are kept in
OUT, a row is appended to bench/results/default_look.jsonl; rows that are there are not made again.
--inception adds that distance to the rows of these data, from the samples kept, one run each; with
--fast in bfloat16, which pays on processors with instructions for it alone.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from into import into
from methods import drawn, rows_of
from quality import parse_data, parse_recipe
from safetensors.torch import save_file

import ganzfeld
from ganzfeld.config import Config
from ganzfeld.core import runtime
from ganzfeld.data.clusters import clustered
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.games.ema import Average
from ganzfeld.metrics.features import Extractor, extract, inception
from ganzfeld.metrics.frechet import frechet_distance
from ganzfeld.modalities.image import draw
from ganzfeld.studies.budget import Job, configured
from ganzfeld.training import build

RESULTS = Path(__file__).parent / "results" / "default_look.jsonl"
TURN = 2.0  # CPU seconds
Pixels = np.ndarray[Any, Any]
Row = dict[str, Any]


class Training:
    """One run that trains in turns until its CPU seconds are spent."""

    def __init__(self, config: Config, pack: Pack, seconds: float) -> None:
        self.config, self.seconds, self.spent, self.steps = config, seconds, 0.0, 0
        config.run.images = 10**9
        trainer = build.build_trainer(config, pack, torch.device("cpu"))
        self.average = Average(trainer.game, half_life_images=1e12, ramp=0.05)
        trainer.average, size = self.average, trainer.batch_size

        def schedule(player: str) -> Any:
            one = config.optimisers[player]
            return lambda images: build.build_schedule(one, trainer.total or size, size)(images)

        trainer.schedules = {player: schedule(player) for player in trainer.game.players}
        self.trainer, self.iterator = trainer, iter(trainer)

    @property
    def done(self) -> bool:
        return self.spent >= self.seconds

    def turn(self) -> None:
        """Two CPU seconds of steps."""
        before, started = self.spent, time.process_time()
        until = min(before + TURN, self.seconds)
        while self.spent < until:
            self.steps = next(self.iterator).step
            self.spent = before + time.process_time() - started
            part = max(self.spent / self.seconds, 1e-3)
            self.trainer.total = max(round(self.trainer.images / part), 1)


def spectrum(pixels: Pixels) -> Pixels:
    """Mean power (H, W) of images (N, C, H, W) of 8 bits, over images and channels."""
    total = np.zeros(pixels.shape[2:])
    for first in range(0, len(pixels), 100):
        some = pixels[first : first + 100].astype(np.float64) / 127.5 - 1
        total += (np.abs(np.fft.fft2(some)) ** 2).mean(1).sum(0)
    found: Pixels = total / len(pixels)
    return found


def spectral(samples: Pixels, real: Pixels) -> Row:
    """Power in times of the data's: in each of eight rings of the top octave, its mean of logs, and
    where one side or both are at one change a pixel; beside them how `fine` the data are."""
    ours, theirs = spectrum(samples), spectrum(real)
    sides = [np.abs(np.fft.fftfreq(side)) * 2 for side in ours.shape]
    radius = np.hypot(sides[0][:, None], sides[1][None])
    rings = []
    for low in np.arange(8, 16) / 16:
        ring = (radius > low) & (radius <= low + 1 / 16)
        rings.append(float(ours[ring].mean() / theirs[ring].mean()))
    top = np.maximum(sides[0][:, None], sides[1][None]) == 1
    found: Row = {"octave": round(float(np.exp(np.mean(np.log(rings)))), 3)}
    found["rings"] = [round(ring, 3) for ring in rings]
    found["fine"] = round(fine(real), 4)
    if top.any():  # a side of an even number of pixels
        found["nyquist"] = round(float(ours[top].mean() / theirs[top].mean()), 3)
        found["board"] = round(float(ours[radius > 1.41].mean() / theirs[radius > 1.41].mean()), 3)
    return found


def fine(pixels: Pixels) -> float:
    """Share of the power of images, without their means, in changes of less than four pixels."""
    power = spectrum(pixels)
    power[0, 0] = 0
    sides = [np.abs(np.fft.fftfreq(side)) * 2 for side in power.shape]
    return float(power[np.hypot(sides[0][:, None], sides[1][None]) > 0.5].sum() / power.sum())


def by(extractor: str, samples: Pixels, pack: Pack, count: int) -> Row:
    """Frechet, kernel, precision and recall, with the name of the extractor."""
    wanted = ["frechet", "kernel", "precision_recall"]
    options: Any = {"count": count, "reference": count, "labels": "none"}
    found = ganzfeld.evaluate(samples[:count], pack, metrics=wanted, extractor=extractor, **options)
    names = ("frechet", "kernel", "precision", "recall")
    return {f"{extractor}_{name}": float(f"{found[name]:.4g}") for name in names}


def measured(samples: Pixels, pack: Pack, extractors: list[str]) -> Row:
    count = min(len(samples), len(pack) // 2)
    real = np.asarray(pack.rows(np.arange(min(2000, len(pack))))["x"])
    found: Row = {"count": count, **spectral(samples, real)}
    for extractor in extractors:
        if extractor != "domain" or pack.labels is not None:
            found |= by(extractor, samples, pack, count)
    return found


def opened(data: tuple[str, str, int | None]) -> Pack:
    _, source, size = data
    return open_pack(source, PackOptions(size=(size, size) if size else None))


def told(
    data: tuple[str, str, int | None], settings: list[str]
) -> tuple[Pack, float, tuple[str, ...]]:
    """The data with the labels that a variant asks for, CPU seconds for them, its other settings"""
    pack, started = opened(data), time.process_time()
    asked = [one.partition("=")[2] for one in settings if one.startswith("labels=")]
    if asked:
        pack.labels, pack.classes = None, ()
        pack = clustered(pack, asked[0], None)
    left = tuple(one for one in settings if not one.startswith("labels="))
    return pack, time.process_time() - started if asked else 0.0, left


def make_rows(
    data: tuple[str, str, int | None],
    variants: list[tuple[str, str, list[str]]],
    seed: int,
    options: argparse.Namespace,
) -> list[Row]:
    """Train these variants by turns, then measure each."""
    torch.set_num_threads(1)
    runtime.warm_up()
    pack, (name, source, size), seconds = opened(data), data, options.seconds
    afford, runs = round(options.afford * seconds), list[Training]()
    for _, base, settings in variants:
        sides = (size, size) if size else None
        own, cost, plain = told(data, settings)
        config = configured(Job(source, base, seed, seconds, sides, plain, afford), own)
        if runs:  # the probe may find another one in another second
            config.run.precision = runs[0].config.run.precision
        runs.append(Training(config, own, seconds))
        runs[-1].spent = cost
    while waiting := [run for run in runs if not run.done]:
        for run in waiting:
            run.turn()
    rows = []
    for (label, base, settings), run in zip(variants, runs, strict=True):
        row: Row = {"data": name, "size": size, "variant": label, "base": base}
        row |= {"settings": settings, "seconds": seconds, "seed": seed, "afford": afford}
        row |= {"images": run.trainer.images, "steps": run.steps}
        row |= {"cpu_seconds": round(run.spent, 2), "batch": run.config.run.batch_size}
        row |= {"width": run.config.networks["G"].options.get("width")}
        row |= {"precision": run.config.run.precision, "torch": torch.__version__}
        row |= {"rates": {name: one.lr for name, one in run.config.optimisers.items()}}
        row |= {"machine": machine(), "ganzfeld": ganzfeld.__version__}
        row |= {"date": datetime.now(UTC).date().isoformat()}
        classes = len(run.config.data.classes)
        samples = drawn(run.trainer.game, run.average, options.count, classes)
        place = Path(options.out)
        place.mkdir(parents=True, exist_ok=True)
        draw.save_image(draw.grid(samples[:64]), place / f"{stem(row)}.png")
        np.save(place / f"{stem(row)}.npy", samples)
        keep(run, place / f"{stem(row)}.safetensors")
        rows.append(row | measured(samples, pack, options.extractors))
        print(json.dumps(rows[-1]), flush=True)
    return rows


def keep(run: Training, path: Path) -> None:
    """Generator, averaged and as it is, and discriminator, for `bench/dots.py`."""
    game = run.trainer.game
    state = {f"raw.{name}": value.clone() for name, value in game.state_dict().items()}
    with run.average.applied(game) as averaged:
        state |= {f"mean.{name}": value.clone() for name, value in averaged.state_dict().items()}
    state = {name: value.contiguous() for name, value in state.items()}
    options = {name: run.config.networks[name].options for name in ("G", "D")}
    save_file(state, path, {"networks": json.dumps(options)})


def machine() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def stem(row: Row) -> str:
    return f"{row['data']}-{row['variant']}-{row['seconds']:g}s-{row['seed']}"


def key(row: Row) -> tuple[Any, ...]:
    return row["data"], row["size"], row["variant"], row["seconds"], row["seed"]


def add_inception(data: tuple[str, str, int | None], options: argparse.Namespace) -> None:
    """The Frechet distance by Inception of rows whose samples are kept, into their rows."""
    torch.set_num_threads(1)
    pack, count, place = opened(data), options.inception, Path(options.out)
    network = inception("tf1")
    chosen = np.linspace(0, len(pack) - 1, count).astype(np.int64)
    fast = options.fast
    real = features(network, np.asarray(pack.rows(chosen)["x"]), place / f"{data[0]}-real", fast)
    for seed in options.seeds:
        for wanted in rows_of(options.results):
            path = place / f"{stem(wanted)}.npy"
            own = (wanted["data"], wanted["seed"]) == (data[0], seed) and path.is_file()
            if not own or wanted.get("inception_count") == count or left_out(wanted, options):
                continue
            fake = features(network, np.load(path)[:count], path.with_suffix(""), fast)
            distance = round(frechet_distance(real, fake), 2)
            rows = rows_of(options.results)  # others may have been added meanwhile
            for row in rows:
                if key(row) == key(wanted):
                    row |= {"inception": distance, "inception_count": count}
                    row |= {"inception_precision": "bfloat16" if fast else "float32"}
            options.results.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
            print(stem(wanted), distance, flush=True)


def left_out(row: Row, options: argparse.Namespace) -> bool:
    return bool(options.only) and row["variant"] not in options.only


def features(network: Extractor, pixels: Pixels, stem: Path, fast: bool) -> Pixels:
    """Inception's features (N, 2048), computed once.

    fast: products in bfloat16, which takes half the time on processors with instructions for it,
    and six times as long on others. All sets of a comparison are computed alike.
    """
    arithmetic = "bfloat16" if fast else "float32"
    path = stem.with_name(f"{stem.name}-{len(pixels)}-{arithmetic}-features.npy")
    if not path.is_file():
        started = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            found = extract(network, np.array_split(pixels, len(pixels) // 20), len(pixels))
        np.save(path, found)
        print(path.name, f"{time.process_time() - started:.0f} CPU s", flush=True)
    kept: Pixels = np.load(path).astype(np.float64)
    return kept


COLUMNS = {
    "learned_frechet": "learned",
    "domain_frechet": "domain",
    "inception": "Inception",
    "learned_recall": "recall",
    "octave": "top octave",
    "board": "checkerboard",
}


def table(rows: list[Row]) -> str:
    """One line a variant and its rates: medians over the seeds, and the least and the most.

    Columns that no row has are left out.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        at = (row["data"], row["size"], row["seconds"], row["variant"], rates(row))
        groups.setdefault(at, []).append(row)
    columns = {name: head for name, head in COLUMNS.items() if any(name in row for row in rows)}
    told = any("rates" in row for row in rows)
    heads = ["data", "CPU s", "variant", *["rates (D, G)"] * told, "seeds", "images a second"]
    heads += columns.values()
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for (data, size, seconds, variant, lr), found in sorted(groups.items(), key=lambda g: g[0][:3]):
        shown = [f"{data}, {size} px", f"{seconds:g}", f"`{variant}`", *[lr] * told]
        shown.append(str(len(found)))
        shown.append(f"{statistics.median(r['images'] / r['cpu_seconds'] for r in found):.0f}")
        shown += [spread(found, name) for name in columns]
        lines.append(f"| {' | '.join(shown)} |")
    return "\n".join(lines)


def rates(row: Row) -> str:
    """First learning rates of discriminator and generator, as text; "-" where a row has none."""
    found = row.get("rates", {})
    names = ("discriminator", "generator")
    return ", ".join(f"{found[name]:g}" for name in names if name in found) or "-"


def spread(rows: list[Row], name: str) -> str:
    """The median, and the least and the most of several."""
    values = [row[name] for row in rows if name in row]
    if not values:
        return "-"
    middle, least, most = (
        f"{v:.3g}" if v < 1000 else f"{v:,.0f}"
        for v in (statistics.median(values), min(values), max(values))
    )
    return middle if len(values) == 1 else f"{middle} ({least} to {most})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", nargs="*", default=[])
    parser.add_argument("--variants", nargs="*", default=["default=default"])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--afford", type=float, default=137, help="images a second of the default")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--extractors", nargs="*", default=["learned", "domain"])
    parser.add_argument("--inception", type=int, default=0, help="samples; adds it to rows")
    parser.add_argument("--only", nargs="*", default=[], help="with --inception: these variants")
    parser.add_argument("--fast", action="store_true", help="with --inception: in bfloat16")
    parser.add_argument("--out", default="default-look")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--mark", default="look", help="name of the table's place in a page")
    parser.add_argument("--into", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    if options.table:
        made = table(rows_of(options.results))
        print(made)
        for page in options.into:
            into(page, options.mark, made)
        return
    for data in map(parse_data, options.data):
        if options.inception:
            add_inception(data, options)
            continue
        for seed in options.seeds:
            there = {key(row) for row in rows_of(options.results)}
            left = [
                variant
                for variant in map(parse_recipe, options.variants)
                if (data[0], data[2], variant[0], options.seconds, seed) not in there
            ]
            if not left:
                continue
            for row in make_rows(data, left, seed, options):
                with options.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
