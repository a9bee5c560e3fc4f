"""Few known numbers as conditions: do samples between them follow, with `data.vicinity`?

    python bench/sparse.py --seeds 0 1 2
    python bench/sparse.py --table bench/results/sparse.jsonl

4,000 Gaussian random fields have one of five slopes, 1 to 3 by halves. A run on them is asked for
those slopes and for slopes between, and the slope of what it draws is fitted: the fit is unbiased,
with a deviation of 0.133 for fields of one slope. One thread; a line of JSON for each run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ganzfeld
from ganzfeld.data.field_sets import gaussian
from ganzfeld.metrics.field_power import fitted_slopes

KNOWN, BETWEEN = (1.5, 2.0, 2.5), (1.25, 1.75, 2.25, 2.75)
ROWS = Path(__file__).parent / "results" / "sparse.jsonl"


def write(path: Path) -> None:
    slopes = np.resize([1.0, 1.5, 2.0, 2.5, 3.0], 4000)
    power = np.stack([gaussian.spectrum(slope) for slope in slopes])
    noise = np.fft.fft2(np.random.default_rng(5).standard_normal((4000, 32, 32)))
    x = np.fft.ifft2(noise * np.sqrt(power)).real.astype(np.float32)
    np.savez(path, x=x[:, None], slope=slopes.astype(np.float32))


def run(data: Path, out: Path, vicinity: float, seed: int, images: int) -> dict[str, Any]:
    own = ["run.threads=1", "run.evaluate_final=false", "run.doctor=off"]
    settings = [*own, f"data.vicinity={vicinity}"]
    start = time.process_time()
    given: dict[str, Any] = {"seed": seed, "settings": settings, "quiet": True}
    ganzfeld.train(data, condition="slope", images=images, out=out, **given)
    seconds = time.process_time() - start
    model, slopes = ganzfeld.load(out), {}
    for slope in (*KNOWN, *BETWEEN):
        x = model.store(model.sample(1000, numbers=model.given({"slope": slope}, 1000)))
        fitted = fitted_slopes(x)[:, 0]
        slopes[str(slope)] = (round(float(fitted.mean() - slope), 3), round(float(fitted.std()), 3))
    return {"vicinity": vicinity, "seed": seed, "cpu": round(seconds), "slopes": slopes}


def table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| `data.vicinity` | error at known slopes | error between them | deviation between them |",
        "|---|---|---|---|",
    ]

    def each(row: dict[str, Any], asked: tuple[float, ...], place: int) -> float:
        return statistics.fmean(abs(row["slopes"][str(slope)][place]) for slope in asked)

    for vicinity in sorted({row["vicinity"] for row in rows}):
        those = [row for row in rows if row["vicinity"] == vicinity]
        cells = [
            ", ".join(f"{each(row, asked, place):.3f}" for row in those)
            for asked, place in ((KNOWN, 0), (BETWEEN, 0), (BETWEEN, 1))
        ]
        lines.append(f"| {vicinity:g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vicinity", nargs="+", type=float, default=[0.0, 0.5, 1.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--images", type=int, default=24_000)
    parser.add_argument("--rows", type=Path, default=ROWS)
    parser.add_argument("--table", type=Path, help="print the table of a file of rows")
    options = parser.parse_args()
    if options.table:
        print(table([json.loads(line) for line in options.table.read_text().splitlines()]))
        return
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        data = Path(place) / "sparse.npz"
        write(data)
        for seed in options.seeds:
            for vicinity in options.vicinity:
                out = Path(place) / f"run-{vicinity:g}-{seed}"
                row = run(data, out, vicinity, seed, options.images)
                with options.rows.open("a") as file:
                    file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
