"""Quality against CPU seconds: recipes that may each spend the same time, on the same data.

    python bench/quality.py --data mnist=/data/mnist avatars32=avatars photos=photos.zip@64 \\
        --recipes default dcgan "slow=default,optimisers.generator.lr=5e-4" mine.py:photos \\
        --seconds 60 300 --seeds 0 1 --out bench-quality
    python bench/quality.py --out bench-quality --table

Every row is a process on one thread. It times the recipe's steps and a short run, chooses the
images that fit into the budget, trains, measures the model that was shipped, and is appended to
results.jsonl. The budget is CPU seconds within `ganzfeld.train`, with its checkpoints, previews and
measuring; what was really used is in the row. The same command again makes only what is missing; a
row that was cut short begins anew. README.md says how to read it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import ganzfeld
from ganzfeld import evaluate
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.errors import DivergedError, GanzfeldError
from ganzfeld.metrics.summary import figure
from ganzfeld.modalities.image import draw
from ganzfeld.studies import budget
from ganzfeld.studies.budget import configured, images_within, timed_train
from ganzfeld.studies.cells import taken

METRICS = ["frechet", "kernel", "precision", "recall", "density", "coverage"]
RESULTS = "results.jsonl"
COUNT = 5_000  # samples, where the data have as many
TOLERANCE = 0.1  # of the budget; a run that misses it by more is made once more


@dataclass(frozen=True)
class Job:
    """One row to make."""

    data: str
    source: str
    size: int | None
    recipe: str  # its name in the tables
    base: str
    settings: list[str]
    seed: int
    seconds: float
    afford: int | None = None  # images, to size the networks by; measured


def name_of(row: dict[str, Any]) -> str:
    """What a row, its image and its run are called; also how rows are told apart."""
    words = f"{row['data']}-{row['recipe']}-{row['seconds']:g}s-seed{row['seed']}"
    return re.sub(r"[^\w.-]+", "_", words)


def jobs(options: argparse.Namespace) -> list[Job]:
    """All rows asked for: the first seed of everything first, short budgets before long."""
    return [
        Job(name, source, size, recipe, base, settings, seed, seconds)
        for seed in options.seeds
        for seconds in sorted(options.seconds)
        for name, source, size in map(parse_data, options.data)
        for recipe, base, settings in map(parse_recipe, options.recipes)
    ]


def parse_data(text: str) -> tuple[str, str, int | None]:
    """NAME=SOURCE or NAME=SOURCE@SIZE."""
    name, equals, source = text.partition("=")
    source, _, size = (source if equals else name).partition("@")
    return name.partition("@")[0], source, int(size) if size else None


def parse_recipe(text: str) -> tuple[str, str, list[str]]:
    """RECIPE, or NAME=RECIPE,SETTING,SETTING; commas within a value are part of it."""
    name, equals, rest = text.partition("=")
    base, *settings = re.split(r",(?=[\w.*]+=)", rest if equals else text)
    return name, base, settings


# One row, in its own process


def make_row(job: Job, folder: Path, tolerance: float) -> dict[str, Any]:
    """Train for the budget, measure, and keep a grid of what the model draws.

    tolerance: a run that misses the budget by more than this part of it is made once more.
    """
    torch.set_num_threads(1)
    pack = open_pack(job.source, PackOptions(size=(job.size, job.size) if job.size else None))
    row: dict[str, Any] = asdict(job) | {"source": Path(job.source).name, "threads": 1}
    row |= {"ganzfeld": ganzfeld.__version__, "date": datetime.now(UTC).date().isoformat()}
    with tempfile.TemporaryDirectory(dir=folder, prefix="unfinished-") as place:
        run = Path(place) / "run"
        try:
            config = configured(budgeted(job), pack)
            job = replace(job, afford=config.run.afford)
            own = budgeted(job)
            row |= {"afford": job.afford, "images": images_within(own, config, pack, Path(place))}
            row["cpu_seconds"] = round(timed_train(own, run, row["images"]), 2)
            if abs(row["cpu_seconds"] / job.seconds - 1) > tolerance:
                row["images"] = round(row["images"] * job.seconds / row["cpu_seconds"])
                run = Path(place) / "again"
                row["cpu_seconds"] = round(timed_train(own, run, row["images"]), 2)
        except DivergedError as error:
            return row | {"diverged": error.what}
        model = ganzfeld.load(run, trust_code=True)
        row |= taken(run, model)
    row["grid"] = f"{name_of(row)}.png"
    draw.save_image(draw.grid(draw.to_pixels(model.sample(64))), folder / row["grid"])
    found = evaluate(model, pack, metrics=METRICS, count=min(COUNT, len(pack)))
    return row | {name: found[name] for name in METRICS} | {"protocol": found["protocol"]["id"]}


def budgeted(row: Job) -> budget.Job:
    """The row as a job of `ganzfeld.studies.budget`."""
    size = (row.size, row.size) if row.size else None
    settings = ("run.precision=float32", *row.settings)  # as the others: no recipe alone is faster
    return budget.Job(row.source, row.base, row.seed, row.seconds, size, settings, row.afford)


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def make_all(wanted: list[Job], folder: Path, tolerance: float = TOLERANCE) -> None:
    """Each row that is not there yet."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the child ends as well
    folder.mkdir(parents=True, exist_ok=True)
    there = {name_of(row): row for row in read_rows(folder / RESULTS)}
    for number, job in enumerate(wanted, 1):
        own, name = asdict(job), name_of(asdict(job))
        if row := there.get(name):
            if any(row[part] != own[part] for part in ("base", "settings", "size")):
                sys.exit(f"{name} is there with other settings: give it another name")
            continue
        print(f"{number} of {len(wanted)}: {name}", flush=True)
        words = ["--out", str(folder), "--tolerance", str(tolerance), "--job", json.dumps(own)]
        done = subprocess.run(
            [sys.executable, __file__, *words],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            sys.exit(done.returncode)
        row = there[name] = json.loads(done.stdout.splitlines()[-1])
        with open(folder / RESULTS, "a") as file:
            file.write(f"{json.dumps(row)}\n")
        print("  " + (row.get("diverged") or describe(row)), flush=True)


def describe(row: dict[str, Any]) -> str:
    figures = "  ".join(f"{name} {figure(row.get(name))}" for name in METRICS)
    return f"{row['images']:,} images in {row['cpu_seconds']:.1f} CPU s  {figures}"


def tables(rows: list[dict[str, Any]], metrics: list[str]) -> str:
    """Markdown: for each data set and metric, recipes by budgets: median (least to most)."""
    lines = []
    for data in dict.fromkeys(row["data"] for row in rows):
        here = [row for row in rows if row["data"] == data]
        budgets = sorted({row["seconds"] for row in here})
        for metric in metrics:
            heads = [f"{data}, {metric}", *(f"{b:g} CPU s" for b in budgets)]
            lines += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
            for recipe in dict.fromkeys(row["recipe"] for row in here):
                own = [row for row in here if row["recipe"] == recipe]
                cells = [cell([r for r in own if r["seconds"] == b], metric) for b in budgets]
                lines += ["| " + " | ".join([recipe, *cells]) + " |"]
            lines.append("")
        if used := [row["cpu_seconds"] / row["seconds"] for row in here if "cpu_seconds" in row]:
            lines += [f"CPU seconds used: {min(used):.2f} to {max(used):.2f} of the budget.", ""]
    return "\n".join(lines)


def cell(rows: list[dict[str, Any]], metric: str) -> str:
    values = [row[metric] for row in rows if row.get(metric) is not None]
    text = f"{statistics.median(values):.4g}" if values else "-"
    if len(values) > 1:
        text += f" ({min(values):.4g} to {max(values):.4g})"
    failed = sum("diverged" in row for row in rows)
    return text + (f", {failed} diverged" if failed else "")


def main() -> None:
    parser = argparse.ArgumentParser(description="Quality of recipes against CPU seconds.")
    parser.add_argument("--data", nargs="+", default=["avatars"], metavar="NAME=SOURCE[@SIZE]")
    parser.add_argument("--recipes", nargs="+", default=["default"])
    parser.add_argument("--seconds", nargs="+", type=float, default=[60.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--tolerance",
        type=float,
        default=TOLERANCE,
        help="a run that misses the budget by more than this part of it is made once more",
    )
    parser.add_argument("--table", nargs="*", choices=METRICS, help="print the tables of a folder")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        job = Job(**json.loads(options.job))
        try:
            print(json.dumps(make_row(job, options.out, options.tolerance)))
        except GanzfeldError as error:
            print(error, file=sys.stderr)
            sys.exit(error.code)
    elif options.table is None:
        make_all(jobs(options), options.out, options.tolerance)
    else:
        print(tables(read_rows(options.out / RESULTS), options.table or METRICS))


if __name__ == "__main__":
    main()
