"""Do generators of fields give what they are asked for? Against exact answers.

    python bench/fields.py --out runs/fields --seconds 600 --seeds 0 1 2
    python bench/fields.py --out runs/fields --sets ising --seconds 600 --seeds 0
    python bench/fields.py --table bench/results/fields.jsonl

Each (set, seed) is a run of `ganzfeld train SET` on one thread, as long as so many CPU seconds
last: short runs are timed first, or --images says how many are seen. What is asked for, slopes,
energies or temperatures, has an exact answer, see `ganzfeld.data.field_sets`. A line of JSON for
each goes to OUT/results.jsonl; runs that are there already are measured again and not trained.
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
from ganzfeld.data.field_sets import SETS, gaussian, ising, showers
from ganzfeld.metrics.field_observables import deposits
from ganzfeld.metrics.field_power import fitted_slopes, radial_power

COUNT = 2_000  # samples for each question
SLOPES, ENERGIES, TEMPERATURES = (1.5, 2.0, 2.5), (5.0, 20.0, 100.0), (2.0, 2.269185, 3.0)
MIDDLE = slice(1, 14)  # shells 2 to 14


def cpu(work: Any) -> tuple[Any, float]:
    start = time.process_time()
    found = work()
    return found, time.process_time() - start


def train(
    name: str, seconds: float, seed: int, out: Path, options: list[str], images: int | None = None
) -> float:
    """Train for about so many CPU seconds; gives those that were taken, of a finished run too."""
    if (out / "model").exists():
        return float(json.loads((out / "cpu.json").read_text())["seconds"])
    given: dict[str, Any] = {"seed": seed, "settings": options, "quiet": True}
    times: list[float] = []
    for trial, few in enumerate(() if images else (3_200, 3_200, 16_000)):
        place = out.with_name(f"{out.name}-trial-{trial}")
        _, taken = cpu(lambda to=place, n=few: ganzfeld.train(name, out=to, images=n, **given))
        times.append(taken)
    if images is None:  # the first warms up; the others differ by what images cost
        each = (times[2] - times[1]) / 12_800
        images = int((seconds - times[1]) / each) + 3_200
    _, taken = cpu(lambda: ganzfeld.train(name, out=out, images=images, **given))
    (out / "cpu.json").write_text(json.dumps({"seconds": taken, "images": images}))
    return taken


def asked(model: Any, name: str, value: float) -> np.ndarray[Any, Any]:
    """COUNT samples for one value, in the unit of the data."""
    numbers = model.given({name: value}, COUNT)
    return model.store(model.sample(COUNT, numbers=numbers))


def of_fields(model: Any) -> dict[str, Any]:
    shells = np.rint(gaussian.radii(32)).astype(int)
    found = {}
    for slope in SLOPES:
        x = asked(model, "slope", slope)
        fitted = fitted_slopes(x)[:, 0]
        exact = gaussian.spectrum(slope)
        truth = np.array([exact[shells == k].mean() for k in range(1, 17)])
        ratio = radial_power(x)[0] / truth
        found[str(slope)] = {
            "slope_error": float(fitted.mean() - slope),
            "slope_sd": float(fitted.std()),
            "slope_sd_exact": gaussian.slope_sd(),
            "power_error": float(np.abs(ratio[MIDDLE] - 1).max()),
            "power_ratio": ratio.round(3).tolist(),
            "variance": float(x.var()),
            "kurtosis": float((x**4).mean() / x.var() ** 2),
        }
    return found


def of_showers(model: Any) -> dict[str, Any]:
    found = {}
    for energy in ENERGIES:
        x = asked(model, "energy", energy)
        real, _ = showers.make(range(10**6, 10**6 + COUNT), energy=energy)
        ours, theirs = deposits(x, showers.Q / 2), deposits(real, showers.Q / 2)
        sums = ours["sum"]
        found[str(energy)] = {
            "response": float(sums.mean() / energy / showers.F),
            "resolution": float(sums.std() / sums.mean() / showers.resolution(energy)),
            "observables": {
                name: round(float(ours[name].mean() / theirs[name].mean()), 3)
                for name in theirs
                if name != "sum"
            },
        }
    return found


def of_ising(model: Any) -> dict[str, Any]:
    found = {}
    for temperature in TEMPERATURES:
        spins = np.where(asked(model, "temperature", temperature) > 0, 1.0, -1.0)
        mean = spins.mean((1, 2, 3))
        real, _ = ising.make(range(10**6, 10**6 + 500), temperature=temperature)
        found[str(temperature)] = {
            "energy": float(ising.energy(spins).mean()),
            "energy_exact": ising.exact_energy(temperature),
            "magnetisation": float(np.abs(mean).mean()),
            "magnetisation_simulated": float(np.abs(real.mean((1, 2, 3))).mean()),
            "up": float((mean > 0).mean() + (mean == 0).mean() / 2),
        }
    return found


QUESTIONS = {"fields": of_fields, "showers": of_showers, "ising": of_ising}


def bars(name: str, found: dict[str, Any]) -> dict[str, bool]:
    """Whether each bar is held at each value asked for."""
    held = {}
    for value, row in found.items():
        if name == "fields":
            held[f"slope {value}"] = abs(row["slope_error"]) <= 0.1
            held[f"slope sd {value}"] = 0.11 <= row["slope_sd"] <= 0.17
            held[f"power {value}"] = row["power_error"] <= 0.10
        elif name == "showers":
            held[f"response {value}"] = abs(row["response"] - 1) <= 0.02
            held[f"resolution {value}"] = abs(row["resolution"] - 1) <= 0.25
    return held


def table(rows: list[dict[str, Any]]) -> None:
    """The rows as a table, each question on a line of its own."""
    print("| set | seed | CPU s | asked for | found | bars missed |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        missed = [bar for bar, held in row["bars"].items() if not held]
        for value, found in row["found"].items():
            few = {k: v for k, v in found.items() if isinstance(v, float)}
            said = ", ".join(f"{k.replace('_', ' ')} {v:.3g}" for k, v in few.items())
            mine = ", ".join(bar for bar in missed if bar.endswith(f" {value}")) or "none"
            what = f"{SETS[row['set']].conditions[0]} {value}"
            print(
                f"| {row['set']} | {row['seed']} | {row['cpu_seconds']:.0f} | {what} | {said} "
                f"| {mine} |"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Fields against exact answers.")
    parser.add_argument("--sets", nargs="*", default=["fields", "showers"], choices=list(QUESTIONS))
    parser.add_argument("--seconds", type=float, default=600.0, help="CPU seconds of training")
    parser.add_argument("--images", type=int, help="images to see, in place of --seconds")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--set", nargs="*", default=[], metavar="PATH=VALUE")
    parser.add_argument("--out", type=Path, default=Path("runs/bench-fields"))
    parser.add_argument("--table", type=Path, help="print the rows of this file, and end")
    options = parser.parse_args()
    if options.table:
        table([json.loads(line) for line in options.table.read_text().splitlines()])
        raise SystemExit
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    made = []
    for name in options.sets:
        for seed in options.seeds:
            out = options.out / f"{name}-{seed}"
            taken = train(name, options.seconds, seed, out, options.set, options.images)
            seen = json.loads((out / "cpu.json").read_text())["images"]
            found = QUESTIONS[name](ganzfeld.load(out))
            row = {
                **{"set": name, "seed": seed, "cpu_seconds": round(taken, 1), "images": seen},
                **{"ganzfeld": ganzfeld.__version__, "machine": machine("one thread")},
                **{"settings": options.set, "found": found, "bars": bars(name, found)},
            }
            made.append(row)
            with open(options.out / "results.jsonl", "a") as file:
                file.write(json.dumps(row) + "\n")
            table([row])
