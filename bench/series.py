"""Do generators of series have the memory, the sizes and the spectrum of what they learned from?

    python bench/series.py --out runs/series --images 150000 --seeds 0 1 2
    python bench/series.py --table bench/results/series.jsonl

Each (set, seed) is a run of `ganzfeld train SET` on one thread; 150,000 series are about three CPU
minutes. A run that is stopped (Ctrl-C) goes on with the same command. The sets are those of
`ganzfeld.data.series_sets`, whose answers are known. Measured is against fresh series of the same
law, which no run saw: `floor` is what as many other fresh series have, `gaussian` a normal
distribution fitted to the training series, all steps and channels jointly, which has every mean and
covariance right and nothing else. A line of JSON for each goes to OUT/results.jsonl; runs that are
there already are measured again and not trained.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timing import machine

import ganzfeld
from ganzfeld.data import series_sets
from ganzfeld.data.series_sets import SETS
from ganzfeld.metrics import series_metrics as metrics

COUNT = 2_000  # series on each side
TRAINING = 9_744  # of the 10,000 of a set, 256 are held out
FRESH = 1_000_000  # the number of the first series that no run saw
LAGS = (1, 2, 4, 8)
JUDGES = 3  # seeds of what tells samples apart

Floats = np.ndarray[Any, Any]


def train(name: str, seed: int, out: Path, images: int, settings: list[str]) -> float:
    """Train to the end; gives the CPU seconds of all calls that it took, of a finished run too."""
    note = out.with_name(f"{out.name}.cpu")
    before = float(note.read_text()) if note.exists() else 0.0
    start = time.process_time()
    if not (out / "model").exists() or not (out / "report.html").exists():
        try:
            ganzfeld.train(
                name, out=out, images=images, seed=seed, settings=settings, quiet=True
            )  # fmt: skip
        finally:  # a run that was stopped goes on with the next call
            note.write_text(str(before + time.process_time() - start))
    return float(note.read_text())


def gaussian(x: Floats, count: int) -> Floats:
    """Series of a normal distribution with the mean and the covariance of x (N, C, T)."""
    flat = x.reshape(len(x), -1).astype(np.float64)
    draw = np.random.default_rng(0)
    found = draw.multivariate_normal(flat.mean(0), np.cov(flat.T), count, method="eigh")
    return found.reshape(count, *x.shape[1:]).astype(np.float32)


def measured(name: str, made: Floats, real: Floats) -> dict[str, Any]:
    """All numbers of series (N, C, T) against as many real ones."""
    found: dict[str, Any] = metrics.errors(real, made)
    a, b = metrics.standardised(made, real), metrics.standardised(real)
    found["forecast"] = metrics.forecast(a, b)
    told = [metrics.told_apart(real, made, seed) for seed in range(JUDGES)]
    found["told_apart"] = float(np.mean(told))
    memory = metrics.autocorrelation(made, max(LAGS))[0]
    found["memory"] = [round(float(memory[lag]), 4) for lag in LAGS]
    z = metrics.standardised(made)
    found["kurtosis"] = float((z**4).mean())
    return found


def answers(name: str) -> dict[str, Any]:
    """What is known exactly."""
    best = SETS[name].best
    found: dict[str, Any] = {} if best is None else {"forecast": best}
    if name == "ar":
        found["memory"] = [round(series_sets.PHI**lag, 4) for lag in LAGS]
        found["kurtosis"] = 3.0
    elif name == "var":
        exact = [float(series_sets.var_correlation(lag)[0, 0]) for lag in LAGS]
        found["memory"] = [round(value, 4) for value in exact]
        found["kurtosis"] = 3.0
    elif name == "garch":
        found["memory"] = [0.0 for _ in LAGS]
        found["kurtosis"] = series_sets.garch_kurtosis()
    else:
        wave = 2 * np.pi * series_sets.WAVES[0] / 48
        found["memory"] = [round(float(np.cos(wave * lag)), 4) for lag in LAGS]
        found["kurtosis"] = 1.5
    return found


COLUMNS = (
    ("marginal", "values, W1"),
    ("autocorrelation", "autocorrelation"),
    ("squares", "of squares"),
    ("cross_correlation", "between channels"),
    ("spectrum", "spectrum, TV"),
    ("forecast", "forecast learned from them"),
    ("told_apart", "told apart"),
)


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a table: floor, ours and the baseline below each other."""
    head = [words for _, words in COLUMNS]
    lines = [
        "| set | series | seed | CPU s | " + " | ".join(head) + " | kurtosis |",
        "|---" * (len(head) + 5) + "|",
    ]
    seen: set[str] = set()
    for row in rows:
        own = [("series-gan", row["found"])]
        if row["set"] not in seen:
            seen.add(row["set"])
            exact = {**{key: 0.0 for key, _ in COLUMNS}, "forecast": None, **row["exact"]}
            own = [
                ("exact", exact), ("real, fresh", row["floor"]), ("Gaussian", row["gaussian"]), *own
            ]  # fmt: skip
        for words, found in own:
            ours = words == "series-gan"
            cells = [
                "" if found.get(key) is None or (key == "cross_correlation" and row["channels"] < 2)
                else f"{found[key]:.3f}"
                for key, _ in COLUMNS
            ]  # fmt: skip
            lead = [row["set"], words, str(row["seed"]) if ours else ""]
            lead.append(f"{row['cpu_seconds']:.0f}" if ours else "")
            lines.append("| " + " | ".join([*lead, *cells, f"{found['kurtosis']:.2f}"]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Series against exact answers.")
    parser.add_argument("--sets", nargs="*", default=[*SETS], choices=[*SETS])
    parser.add_argument("--images", type=int, default=150_000, help="series to see")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--set", nargs="*", default=[], metavar="PATH=VALUE")
    parser.add_argument("--out", type=Path, default=Path("runs/bench-series"))
    parser.add_argument("--table", type=Path, help="print the rows of this file, and end")
    options = parser.parse_args()
    if options.table:
        print(table([json.loads(line) for line in options.table.read_text().splitlines()]))
        raise SystemExit
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.sets:
        real, other = (
            SETS[name].make(range(start, start + COUNT)) for start in (FRESH, FRESH + COUNT)
        )
        learned_from = SETS[name].make(range(TRAINING))
        about = {
            "floor": measured(name, other, real),
            "gaussian": measured(name, gaussian(learned_from, COUNT), real),
            "exact": answers(name),
        }
        for seed in options.seeds:
            out = options.out / f"{name}-{seed}"
            settings = ["run.threads=1", *options.set]
            taken = train(name, seed, out, options.images, settings)
            model = ganzfeld.load(out)
            row = {
                **{"set": name, "channels": SETS[name].channels, "seed": seed},
                **{"cpu_seconds": round(taken, 1), "ganzfeld": ganzfeld.__version__},
                **{"images": options.images},
                **{"machine": machine("one thread"), "settings": options.set},
                **{"found": measured(name, model.store(model.sample(COUNT)), real), **about},
            }
            with open(options.out / "results.jsonl", "a") as file:
                file.write(json.dumps(row) + "\n")
            print(table([row]), flush=True)
