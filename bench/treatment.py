"""Do treated runs end better than untreated ones? Faults, with `--doctor treat` and without.

    python bench/treatment.py --out OUT --seeds 0 1 2              # train and measure
    python bench/treatment.py --table --docs docs/doctor.md docs/doctor.zh-CN.md

Each pair of runs has the same seed, data and number of images; only `run.doctor` differs. What they
ship is compared with 500 avatars that neither saw: Frechet distance of random features, and the
energy distance of pixels in units of the data's mean distance. A row a run goes into
bench/results/treatment.jsonl; runs that are there are not made again.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import re
import shutil
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ganzfeld
from ganzfeld.core import runtime
from ganzfeld.data.avatars import scene
from ganzfeld.doctor import signals
from ganzfeld.doctor.treat import CURES, TITLES, TRIED, in_words
from ganzfeld.doctor.trend import STUDENT
from ganzfeld.modalities import MODALITIES

RESULTS = Path(__file__).parent / "results" / "treatment.jsonl"
START, END = "<!-- treatment: bench/treatment.py -->", "<!-- end of treatment -->"
SIDE, IMAGES, FRESH = 8, 4_000, 500
COMMON = [
    "networks.*.width=4",
    "run.evaluate_every=500",
    "run.deterministic=true",
    "run.evaluate_count=128",
    "run.inception_count=0",
]
FAULTS: dict[str, tuple[str, str, list[str]]] = {  # title, data, settings
    "fast-d": ("D's rate x 100", "avatars:1000", ["optimisers.discriminator.lr=0.1"]),
    "few": ("64 training samples", "avatars:96", []),
    "wild": (
        "no penalties, rates x 10",
        "avatars:1000",
        ["game.r1=0", "game.r2=0", "optimisers.discriminator.lr=0.01",
         "optimisers.generator.lr=0.03"],
    ),
    "none": ("no fault", "avatars:1000", []),
}  # fmt: skip
HELD = {"avatars:96": 32, "avatars:1000": 100}
ARMS = ("watch", "treat")


CURES.update(TRIED)  # what is not applied is studied all the same


def fresh() -> np.ndarray:
    """Avatars that no run has seen, uint8 (N, 3, H, W)."""
    pixels: np.ndarray = scene.avatars(FRESH, SIDE, SIDE, start=100_000)[0]
    return pixels


def measured(run: Path, real: np.ndarray) -> dict[str, Any]:
    """The shipped model against fresh samples."""
    model = ganzfeld.load(run)
    kind = MODALITIES["image"]
    drawn = kind.to_store(model.sample(FRESH), model.spec)
    found = ganzfeld.evaluate(run, real, extractor="random", count=FRESH)
    ours, theirs = (kind.plain(x).astype(np.float64) for x in (drawn, real))
    within = signals.pairwise(ours), signals.pairwise(theirs)
    apart = signals.energy(*within, signals.pairwise(ours, theirs))
    return {"frechet": found["frechet"], "coverage": found["coverage"], "energy": apart}


def play(out: Path, fault: str, arm: str, seed: int, real: np.ndarray) -> dict[str, Any]:
    _, source, settings = FAULTS[fault]
    run = out / f"{fault}-{arm}-{seed}"
    shutil.rmtree(run, ignore_errors=True)
    started = time.process_time()
    ganzfeld.train(
        source, out=run, size=SIDE, images=IMAGES, batch=16, seed=seed, labels="none",
        held_out=HELD[source], settings=[*COMMON, *settings, f"run.doctor={arm}"], quiet=True,
    )  # fmt: skip
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    given = [row for row in rows if row["kind"] == "treatment"]
    spent = round(time.process_time() - started, 1)
    row = {"fault": fault, "arm": arm, "seed": seed, "images": IMAGES, "cpu_seconds": spent}
    row |= {"machine": platform.machine(), "torch": torch.__version__, "date": f"{date.today()}"}
    return row | measured(run, real) | {"treatments": given}


def known() -> list[dict[str, Any]]:
    """Rows of runs of this length; arms beside `ARMS` are earlier forms of a cure."""
    if not RESULTS.exists():
        return []
    rows = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["images"] == IMAGES]


def pairs_of(rows: Sequence[dict[str, Any]], fault: str, name: str) -> np.ndarray:
    """(seeds, 2): untreated and treated, of the seeds that have both."""
    by = {(row["arm"], row["seed"]): row[name] for row in rows if row["fault"] == fault}
    seeds = sorted({seed for _, seed in by})
    both = [[by[arm, s] for arm in ARMS] for s in seeds if all((arm, s) in by for arm in ARMS)]
    return np.array(both, float).reshape(-1, 2)


def ratio(pairs: np.ndarray) -> str:
    """The geometric mean of treated over untreated; of three pairs and more with its 95 % interval
    (Student's t)."""
    logs = np.log(np.maximum(pairs[:, 1], 1e-6) / np.maximum(pairs[:, 0], 1e-6))
    middle = float(logs.mean())
    if len(logs) < 3:
        return f"{math.exp(middle):.2f}"
    half = STUDENT[len(logs) - 2] * float(logs.std(ddof=1)) / math.sqrt(len(logs))
    low, high = math.exp(middle - half), math.exp(middle + half)
    return f"{math.exp(middle):.2f} ({low:.2f} to {high:.2f})"


def what_was_done(rows: Sequence[dict[str, Any]], fault: str) -> str:
    """Of the treated runs, against what, and what."""
    given = [row["treatments"] for row in rows if row["fault"] == fault and row["arm"] == "treat"]
    said: dict[str, int] = {}
    for treatments in given:
        for row in treatments:
            what = re.sub(r"times [\d.]+", "lowered", in_words({**row, "back": None}))
            text = f"{TITLES[row['name']]}: {what}"
            said[text] = said.get(text, 0) + 1
    untouched = sum(not treatments for treatments in given)
    parts = [f"{text} ({count})" for text, count in said.items()]
    return "; ".join(parts + ([f"nothing ({untouched})"] if untouched else []))


def lines_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    head = (
        "| fault | seeds | Frechet untreated | treated | ratio | energy | treated | ratio | done |"
    )
    lines = [head, "|---|---|---|---|---|---|---|---|---|"]
    for fault, (title, _, _) in FAULTS.items():
        frechet, energy = (pairs_of(rows, fault, name) for name in ("frechet", "energy"))
        if not len(frechet):
            continue
        cells = []
        for pairs, digits in ((frechet, 0), (energy, 3)):
            means = pairs.mean(0)
            cells += [f"{means[0]:.{digits}f}", f"{means[1]:.{digits}f}", ratio(pairs)]
        done = what_was_done(rows, fault)
        lines.append(f"| {title} | {len(frechet)} | {' | '.join(cells)} | {done} |")
    return lines


def publish(docs: Sequence[Path]) -> None:
    table = "\n".join(lines_of(known()))
    print(table)
    for page in docs:
        before, _, rest = page.read_text(encoding="utf-8").partition(START)
        _, _, after = rest.partition(END)
        page.write_text(f"{before}{START}\n{table}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--faults", nargs="*", default=[*FAULTS], choices=[*FAULTS])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--arms", nargs="*", default=[*ARMS], choices=ARMS)
    parser.add_argument("--seconds", type=float, default=150, help="start no run after these")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--docs", nargs="*", type=Path, default=[], help="pages with the marks")
    args = parser.parse_args()
    if args.table:
        publish(args.docs)
        return
    started, real = time.monotonic(), fresh()
    done = {(row["fault"], row["arm"], row["seed"]) for row in known()}
    todo = [(f, a, s) for s in args.seeds for f in args.faults for a in args.arms]
    with runtime.threads(1):
        for fault, arm, seed in todo:
            if (fault, arm, seed) in done:
                continue
            if time.monotonic() - started > args.seconds:
                print("out of time: the same command goes on")
                return
            row = play(args.out, fault, arm, seed, real)
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print({k: v for k, v in row.items() if k != "treatments"}, flush=True)


if __name__ == "__main__":
    main()
