"""Do generators of series have the memory, the sizes and the spectrum of what they learned from?

    python bench/series.py --out runs/series --images 40000 --seeds 0 1 2
    python bench/series.py --table --into docs/series.md docs/series.zh-CN.md

Each (set, seed) is a run of `ganzfeld train SET` on one thread; 40,000 series are about a CPU
minute. A run that is stopped (Ctrl-C) goes on with the same command. The sets are those of
`ganzfeld.data.series_sets`, whose answers are known. Measured is against fresh series of the same
law, which no run saw: `floor` is what as many other fresh series have. Two baselines are made of
the training series: a normal distribution of all steps and channels jointly, which has every mean
and covariance right and nothing else; and series glued from blocks of twelve steps of others, each
at its own time, which have the right values and no memory across a joint. A line of JSON for each
run is appended to bench/results/series.jsonl; those that are there already are left out.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from into import into
from timing import machine

import ganzfeld
from ganzfeld.data import series_sets
from ganzfeld.data.series_sets import SETS
from ganzfeld.metrics import series_metrics as metrics

RESULTS = Path(__file__).parent / "results" / "series.jsonl"
COUNT = 2_000  # series on each side
TRAINING = 9_744  # of the 10,000 of a set, 256 are held out
FRESH = 1_000_000  # the number of the first series that no run saw
LAGS = (1, 2, 4, 8)
JUDGES = 1  # seeds of what tells samples apart
BLOCK = 12  # steps
CELLS = 8  # of each phase, in the joint distribution of two

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


def blocks(x: Floats, count: int) -> Floats:
    """Series glued from blocks of others of x (N, C, T), each block at its own time."""
    draw = np.random.default_rng(0)
    parts = [
        x[draw.integers(0, len(x), count), :, at : at + BLOCK] for at in range(0, x.shape[2], BLOCK)
    ]
    return np.concatenate(parts, 2)


def uneven(real: Floats, made: Floats) -> float:
    """The largest relative error of the deviation of a step of a channel."""
    return float(np.abs(made.std(0) / real.std(0) - 1).max())


def phases(x: Floats) -> float:
    """TV distance of the joint phases of both sines (N, 2, T) from what it is: even."""
    waves = np.fft.rfft(x, axis=2)
    both = [np.angle(waves[:, c, k]) for c, k in enumerate(series_sets.WAVES)]
    there, _, _ = np.histogram2d(*both, bins=CELLS, range=[[-np.pi, np.pi]] * 2)
    return float(np.abs(there / len(x) - 1 / CELLS**2).sum() / 2)


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
    found["uneven"] = uneven(real, made)
    if name == "sines":
        found["phases"] = phases(made)
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


COLUMNS = {
    "marginal": "values, W1",
    "autocorrelation": "autocorrelation",
    "squares": "of squares",
    "cross_correlation": "between channels",
    "spectrum": "spectrum, TV",
    "uneven": "deviation of a step",
    "forecast": "forecast learned from them",
    "told_apart": "told apart",
    "phases": "joint phases, TV",
    "kurtosis": "kurtosis",
}


def figure(values: list[float]) -> str:
    if not values:
        return ""
    if len(values) < 3:
        return ", ".join(f"{value:.3f}" for value in values)
    low, high = (f"{value:.3f}" for value in (min(values), max(values)))
    return low if low == high else f"{low}–{high}"


def line(lead: list[str], found: list[dict[str, Any]], channels: int) -> str:
    """A line of the table: each number of one or two seeds, of more their range."""
    cells = [
        figure([one[key] for one in found if one.get(key) is not None])
        if channels > 1 or key != "cross_correlation"
        else ""
        for key in COLUMNS
    ]
    return "| " + " | ".join([*lead, *cells]) + " |"


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as a table: what is exact, the floor, the baselines, and ours by name and time."""
    lines = ["| set | series | CPU s | seeds | " + " | ".join(COLUMNS.values()) + " |"]
    lines.append("|---" * (len(COLUMNS) + 4) + "|")
    for name in dict.fromkeys(row["set"] for row in rows):
        mine = [row for row in rows if row["set"] == name]
        last, channels = mine[-1], mine[-1]["channels"]
        unknown = {"forecast": None, "phases": 0.0 if name == "sines" else None}
        exact = {**dict.fromkeys(COLUMNS, 0.0), **unknown, **last["exact"]}
        about = {"exact": exact, "real, fresh": last["floor"], "Gaussian": last["gaussian"]}
        for words, found in (about | {"blocks": last["blocks"]}).items():
            lines.append(line([name, words, "", ""], [found], channels))
        groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for row in mine:
            groups.setdefault((row["name"], row["images"]), []).append(row)
        for (words, _), them in groups.items():
            taken = sum(row["cpu_seconds"] for row in them) / len(them)
            lead = [name, words, f"{taken:.0f}", str(len(them))]
            lines.append(line(lead, [row["found"] for row in them], channels))
    return "\n".join(lines)


def stored() -> list[dict[str, Any]]:
    if not RESULTS.exists():
        return []
    return [json.loads(text) for text in RESULTS.read_text("utf-8").splitlines()]


def main() -> None:
    options = asked()
    if options.table:
        print(table(stored()))
        for page in options.into:
            into(Path(page), "series", table(stored()))
        return
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    done = {(row["name"], row["set"], row["seed"], row["images"]) for row in stored()}
    for name in options.sets:
        due = [s for s in options.seeds if (options.name, name, s, options.images) not in done]
        if not due:
            continue
        real, other = (
            SETS[name].make(range(start, start + COUNT)) for start in (FRESH, FRESH + COUNT)
        )
        learned_from = SETS[name].make(range(TRAINING))
        about = {
            "floor": measured(name, other, real),
            "gaussian": measured(name, gaussian(learned_from, COUNT), real),
            "blocks": measured(name, blocks(learned_from, COUNT), real),
            "exact": answers(name),
        }
        for seed in due:
            out = options.out / options.name / f"{name}-{seed}"  # variants share none
            settings = ["run.threads=1", *options.set]
            taken = train(name, seed, out, options.images, settings)
            model = ganzfeld.load(out)
            row = {
                **{"name": options.name, "set": name, "channels": SETS[name].channels},
                **{"seed": seed, "cpu_seconds": round(taken, 1)},
                **{"ganzfeld": ganzfeld.__version__, "images": options.images},
                **{"machine": machine("one thread"), "settings": options.set},
                **{"found": measured(name, model.store(model.sample(COUNT)), real), **about},
            }
            RESULTS.parent.mkdir(exist_ok=True)
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(table([row]), flush=True)


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", nargs="*", default=[*SETS], choices=[*SETS])
    parser.add_argument("--images", type=int, default=40_000, help="series to see")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--set", nargs="*", default=[], metavar="PATH=VALUE")
    parser.add_argument("--name", default="series-gan", help="what the runs are called")
    parser.add_argument("--out", type=Path, default=Path("runs/bench-series"))
    parser.add_argument("--table", action="store_true", help="print the results")
    parser.add_argument("--into", nargs="*", default=[], help="pages that the table is put into")
    return parser.parse_args()


if __name__ == "__main__":
    main()
