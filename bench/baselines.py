"""Recipes at one budget, each tuned with the same trials: the table of baselines.

    python bench/baselines.py --data fashion=/data/fashion_mnist@28 eurosat=/data/eurosat.zip@32 \\
        --seconds 60 --tune 6 --seeds 0 1 2 --out baselines
    python bench/baselines.py ... --out baselines --measure-again
    python bench/baselines.py --table bench/results/baselines.jsonl

One process, one thread. Each data set is a study of families (`ganzfeld study families`) in a
folder of --out, which keeps every model, so that the same command goes on after a kill, and
`--measure-again` gives all of them new numbers without training. After each data set the rows are
written to --rows: one JSON line for each run and each trial, and nothing else makes the tables.
"""

from __future__ import annotations

import argparse
import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import ganzfeld
from ganzfeld.core.console import Screen
from ganzfeld.core.files import replace
from ganzfeld.studies.cells import METRICS
from ganzfeld.studies.families import study_families
from ganzfeld.studies.findings import figure, verdict
from ganzfeld.studies.side_by_side import HEADS, given, trial_rows
from ganzfeld.studies.tuning import Trial

RECIPES = ("default", "mlp", "dcgan", "wgan-gp", "hinge", "r3gan")
ROWS = Path(__file__).parent / "results" / "baselines.jsonl"
Row = dict[str, Any]


def rows_of(name: str, folder: Path, seconds: float) -> list[Row]:
    """A finished study as rows: its settings are in each, the place of its data is not."""
    found = json.loads((folder / "report.json").read_text())
    about = {
        "data": name,
        "fingerprint": found["about"]["data"][:16],
        "size": found["about"]["size"],
        "count": found["about"]["count"],
        "budget": seconds,
        "ganzfeld": ganzfeld.__version__,
        "torch": torch.__version__,
        "machine": processor(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    rows = [{**about, **cell, "kind": "trial"} for cell in found["trials"]]
    return rows + [{**about, **cell, "kind": "run"} for cell in found["runs"]]


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def keep(path: Path, rows: list[Row]) -> None:
    """Write a data set's rows in place of those that it had."""
    ours = {(row["data"], row["budget"]) for row in rows}
    others = [row for row in read(path) if (row["data"], row["budget"]) not in ours]
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, "".join(f"{json.dumps(row)}\n" for row in others + rows).encode())


def tables(rows: list[Row]) -> str:
    """Markdown: for each data set what won, the figures, what each was given, all trials."""
    lines: list[str] = []
    for key in dict.fromkeys((row["data"], row["budget"]) for row in rows):
        here = [row for row in rows if (row["data"], row["budget"]) == key]
        height, width = here[0]["size"]
        lines += [f"## {key[0]}, {width}x{height}, {key[1]:g} CPU seconds", ""]
        runs: dict[str, list[Row]] = {}
        for row in (row for row in here if row["kind"] == "run"):
            runs.setdefault(row["recipe"], []).append(row)
        order = sorted(runs, key=lambda name: median(runs[name]))
        lines += [f"{verdict(runs)} {here[0]['machine']}, {here[0]['date']}.", ""]
        metrics = [metric for metric in METRICS if any(metric in row for row in here)]
        lines += table(
            ["recipe", *(HEADS.get(metric, metric) for metric in metrics)],
            [[name, *(figure(runs[name], metric) for metric in metrics)] for name in order],
        )
        head = ["recipe", "width", "batch", "rates", "trial", "steps", "images", "CPU s", "G"]
        lines += table(
            head, [list(given(name, runs[name], trial_of(runs[name]))) for name in order]
        )
        tried = [row for row in here if row["kind"] == "trial"]
        head = ["trial", "rates", "width", "Frechet", "coverage", "steps", "images", "CPU s", ""]
        best = {name: trial_of(runs[name]) for name in runs}
        cells = [list(trial_rows([row], best[row["recipe"]])[0]) for row in tried]
        lines += table(head, cells)
    return "\n".join(lines)


def median(rows: list[Row]) -> float:
    found = sorted(row["frechet"] for row in rows if row.get("frechet") is not None)
    return found[len(found) // 2] if found else float("inf")


def trial_of(rows: list[Row]) -> Trial:
    return Trial(rows[0]["rate"], rows[0]["width"])


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def main() -> None:
    parser = argparse.ArgumentParser(description="Recipes, tuned alike, at one budget.")
    parser.add_argument("--data", nargs="+", default=["avatars@32"], metavar="NAME=SOURCE[@SIZE]")
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--tune", type=int, default=6, help="trials for each recipe")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--extractor")
    parser.add_argument("--count", type=int)
    parser.add_argument("--out", type=Path, default=Path("baselines"))
    parser.add_argument("--rows", type=Path, default=ROWS)
    parser.add_argument("--measure-again", action="store_true", help="new numbers, no training")
    parser.add_argument("--table", type=Path, help="print the tables of a file of rows")
    options = parser.parse_args()
    if options.table:
        print(tables(read(options.table)))
        return
    torch.set_num_threads(1)
    for text in options.data:
        name, equals, source = text.partition("=")
        source, _, size = (source if equals else name).partition("@")
        name = name.partition("@")[0]
        folder = options.out / f"{name}-{options.seconds:g}s"
        study_families(
            source,
            minutes=options.seconds / 60,
            recipes=options.recipes,
            seeds=options.seeds,
            tune=options.tune,
            size=(int(size), int(size)) if size else None,
            count=options.count,
            extractor=options.extractor,
            out=folder,
            measure_again=options.measure_again,
            screen=Screen(),
        )
        keep(options.rows, rows_of(name, folder, options.seconds))


if __name__ == "__main__":
    main()
