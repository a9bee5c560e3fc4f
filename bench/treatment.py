"""Do treated runs end better than untreated ones? Faults that do harm, each cure and none.

    python bench/treatment.py --out OUT --seeds 0 1 2              # train and measure
    python bench/treatment.py --table --docs docs/doctor.md docs/doctor.zh-CN.md

Runs of one fault and one seed have the same data and number of images. Only what is done against
the first illness that the doctor names differs: nothing ("watch"), or one of `ARMS`. What they ship
is compared with 1,000 avatars that none of them saw: Frechet distance of learned features, and the
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
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import torch

import ganzfeld
from ganzfeld.core import runtime
from ganzfeld.data.avatars import scene
from ganzfeld.doctor import signals
from ganzfeld.doctor.story import Moment
from ganzfeld.doctor.treat import CURES, LEAST, TITLES, USUAL, Cure, Dose, again
from ganzfeld.doctor.trend import STUDENT
from ganzfeld.modalities import MODALITIES

RESULTS = Path(__file__).parent / "results" / "treatment.jsonl"
START, END = "<!-- treatment: bench/treatment.py -->", "<!-- end of treatment -->"
FITTED = 0  # the seed on which doses were chosen
STUDY = 3  # eleven looks, three of them by a fifth of a run
EARLIER = 2  # twelve even looks; rows of the first study, of 8 px and 4,000 images, have no number
TITLED = {
    STUDY: "With today's eleven looks:",
    EARLIER: "An earlier study, with twelve even looks, of more cures:",
}
SIDE, FRESH = 16, 1_000
COMMON = [
    "networks.*.width=8",
    "run.deterministic=true",
    "run.evaluate_count=128",
    "run.evaluate_final=false",
    "run.inception_count=0",
]


class Fault(NamedTuple):
    """source: embedded data, of which `held` are kept out. arms: what is tried against it."""

    title: str
    source: str
    held: int
    images: int
    settings: tuple[str, ...]
    arms: tuple[str, ...]
    recipe: str = "default"


def rates(discriminator: float, generator: float) -> tuple[str, ...]:
    """Rates of both players, that fall to a tenth of them."""
    return tuple(
        f"optimisers.{player}.{name}={value * factor:g}"
        for player, value in (("discriminator", discriminator), ("generator", generator))
        for name, factor in (("lr", 1.0), ("final_lr", 0.1))
    )


STEPS = ("begin again", "lower rates and R1, best weights", "lower rates", "more R1")
LIMITS = ("augmentation", "more R1", "lower rate of D")
BARE = ("game.r1=0", "game.r2=0")
SURE = (*BARE, "optimisers.discriminator.lr=0.004", "optimisers.discriminator.final_lr=0.0004")
FAULTS = {
    "wild": Fault("no penalties, rates x 40", "avatars:2000", 128, 16_000,
                  (*BARE, *rates(0.04, 0.12)), STEPS),
    "fast-g": Fault("G's rate x 80", "avatars:2000", 128, 16_000, rates(0.001, 0.24), STEPS),
    "few": Fault("64 training samples", "avatars:96", 32, 24_000, (), LIMITS),
    "few-bare": Fault("64 training samples, no penalties", "avatars:96", 32, 24_000, BARE, LIMITS),
    "few-sure": Fault("64 training samples, no penalties, D's rate x 4", "avatars:192", 128,
                      24_000, SURE, LIMITS),
    "fast-d": Fault("D's rate x 80", "avatars:2000", 128, 16_000, rates(0.08, 0.003), STEPS[:1]),
    "none": Fault("no fault", "avatars:2000", 128, 16_000, (), ()),
    "none-long": Fault("no fault", "avatars:2000", 128, 24_000, (), ()),
    "many-sure": Fault("no fault", "avatars:2000", 128, 24_000, SURE, ()),
}  # fmt: skip
# the healthy run of the same budget
LIKE = {"few": "none-long", "few-bare": "none-long", "few-sure": "many-sure"}


def one(dose: Dose) -> Cure:
    return lambda moment, able, augmented: dose


def slower(m: Moment) -> dict[str, float]:
    """Factors that make steps usual ones of the weights as they are."""
    found = {}
    for player in ("discriminator", "generator"):
        sizes = [v for one in (*m.past[-2:], m) if (v := one[f"update/{player}"]) is not None]
        if sizes and (size := float(np.median(sizes))) > USUAL:
            found[player] = float(f"{max(USUAL / size, LEAST):.2g}")
    return found


def lower(moment: Moment, able: frozenset[str], augmented: bool) -> Dose:
    return Dose(slower(moment))


def best(moment: Moment, able: frozenset[str], augmented: bool) -> Dose:
    return replace(again(moment, able, augmented), fresh=False, back=True, rates=slower(moment))


ARMS: dict[str, Cure] = {
    "augmentation": one(Dose(augment=True)),
    "more R1": one(Dose(penalties=4.0)),
    "lower rate of D": one(Dose({"discriminator": 0.25})),
    "lower rates": lower,
    "lower rates and R1, best weights": best,
    "begin again": again,
}


def fresh() -> np.ndarray:
    """Avatars that no run has seen, uint8 (N, 3, H, W)."""
    pixels: np.ndarray = scene.avatars(FRESH, SIDE, SIDE, start=100_000)[0]
    return pixels


def measured(run: Path, real: np.ndarray) -> dict[str, Any]:
    """The shipped model against fresh samples."""
    model = ganzfeld.load(run)
    kind = MODALITIES["image"]
    drawn = kind.to_store(model.sample(FRESH), model.spec)
    found = ganzfeld.evaluate(run, real, extractor="learned", count=FRESH)
    ours, theirs = (kind.plain(x).astype(np.float64) for x in (drawn, real))
    within = signals.pairwise(ours), signals.pairwise(theirs)
    apart = signals.energy(*within, signals.pairwise(ours, theirs))
    return {"frechet": found["frechet"], "coverage": found["coverage"], "energy": apart}


def play(out: Path, name: str, arm: str, seed: int, real: np.ndarray) -> dict[str, Any]:
    fault = FAULTS[name]
    run = out / f"{name}-{arm.replace(', ', '-').replace(' ', '-')}-{seed}"
    shutil.rmtree(run, ignore_errors=True)
    started = time.process_time()
    how = "watch" if arm == "watch" else "treat"
    cures = dict.fromkeys(TITLES, ARMS[arm]) if arm in ARMS else {}
    with patch.dict(CURES, cures, clear=True):
        ganzfeld.train(
            fault.source, out=run, recipe=fault.recipe, size=SIDE, images=fault.images, batch=32,
            seed=seed, labels="none", held_out=fault.held, quiet=True,
            settings=[*COMMON, *fault.settings, f"run.evaluate_every={fault.images // 12}",
                      f"run.doctor={how}"],
        )  # fmt: skip
    spent = round(time.process_time() - started, 1)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    scores = [[r["images"], round(r["frechet"], 1)] for r in rows if r["kind"] == "evaluation"]
    row = {"study": STUDY, "fault": name, "arm": arm, "seed": seed, "images": fault.images}
    row |= {"cpu_seconds": spent, "machine": platform.machine(), "torch": torch.__version__}
    row |= {"date": f"{date.today()}", **measured(run, real), "scores": scores}
    found = [[f.name, f.said, f.until] for f in ganzfeld.doctor.read(run).findings]
    return row | {"said": found, "treatments": [r for r in rows if r["kind"] == "treatment"]}


def known(study: int = STUDY) -> list[dict[str, Any]]:
    """Rows of a study."""
    if not RESULTS.exists():
        return []
    rows = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row.get("study") == study]


Runs = dict[tuple[str, str, int], dict[str, Any]]


def pairs_of(
    runs: Runs, one: tuple[str, str], other: tuple[str, str], name: str, seeds: Sequence[int]
) -> np.ndarray:
    """(seeds, 2): a number of two kinds of run, (fault, arm) each, of the seeds that have both."""
    both = [[runs[*kind, seed][name] for kind in (one, other)] for seed in seeds
            if (*one, seed) in runs and (*other, seed) in runs]  # fmt: skip
    return np.array(both, float).reshape(-1, 2)


def ratio(pairs: np.ndarray) -> str:
    """The geometric mean of the second over the first; of three pairs and more with its 95 %
    interval (Student's t)."""
    if not len(pairs):
        return "-"
    logs = np.log(np.maximum(pairs[:, 1], 1e-6) / np.maximum(pairs[:, 0], 1e-6))
    middle = float(logs.mean())
    if len(logs) < 3:
        return f"{math.exp(middle):.2f}"
    half = STUDENT[len(logs) - 2] * float(logs.std(ddof=1)) / math.sqrt(len(logs))
    low, high = math.exp(middle - half), math.exp(middle + half)
    return f"{math.exp(middle):.2f} ({low:.2f} to {high:.2f})"


def against(given: Sequence[Sequence[dict[str, Any]]], images: int) -> str:
    """What treated runs were treated for, and from which part of the run on."""
    doses = [[row for row in rows if row.get("dose")] for rows in given]
    names = Counter(TITLES[rows[0]["name"]] for rows in doses if rows)
    parts = sorted(rows[0]["images"] / images for rows in doses if rows)
    said = [f"{name} ({count})" for name, count in names.most_common()]
    untouched = sum(not rows for rows in doses)
    if parts:
        said[-1] += f", from {parts[len(parts) // 2]:.0%} on"
    return "; ".join(said + ([f"nothing ({untouched})"] if untouched else []))


def lines_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    runs: Runs = {(row["fault"], row["arm"], row["seed"]): row for row in rows}
    seeds = sorted({row["seed"] for row in rows})
    lines = ["| fault | cure | pairs | Frechet, treated over untreated | energy | treated for |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for name, fault in FAULTS.items():
        own = (name, "watch")
        if name not in LIKE.values() and name != "none":
            harm = [pairs_of(runs, (LIKE.get(name, "none"), "watch"), own, measure, seeds)
                    for measure in ("frechet", "energy")]  # fmt: skip
            if len(harm[0]):
                cells = [f"**{fault.title}**, over no fault", "none", str(len(harm[0]))]
                lines.append(f"| {' | '.join([*cells, *map(ratio, harm)])} | |")
        for arm in fault.arms:
            both = [pairs_of(runs, own, (name, arm), measure, seeds)
                    for measure in ("frechet", "energy")]  # fmt: skip
            if len(both[0]):
                given = [runs[name, arm, s]["treatments"] for s in seeds if (name, arm, s) in runs]
                cells = [fault.title, arm, str(len(both[0])), *map(ratio, both)]
                lines.append(f"| {' | '.join(cells)} | {against(given, fault.images)} |")
    return lines


CHINESE = {  # what the table says, the longer first
    TITLED[STUDY]: "用现在的十一次检查：",
    TITLED[EARLIER]: "以前的研究，十二次等距检查，办法更多：",
    "| fault | cure | pairs | Frechet, treated over untreated | energy | treated for |":
        "| 故障 | 办法 | 对数 | Frechet，治疗比不治疗 | 能量距离 | 针对什么 |",
    "**, over no fault | none |": "**，与无故障相比 | 无 |",
    "64 training samples": "64 个训练样本",
    ", no penalties": "，无惩罚项",
    "no penalties, rates x 40": "无惩罚项，学习率 40 倍",
    "G's rate x 80": "生成器学习率 80 倍",
    "D's rate x 80": "判别器学习率 80 倍",
    "64 training samples, no penalties, D's rate x 4": "64 个训练样本，无惩罚项，判别器学习率 4 倍",
    "lower rates and R1, best weights": "较低学习率和 R1，权重回到最好时",
    "begin again": "重新开始",
    "lower rate of D": "判别器学习率降低",
    "lower rates": "较低学习率",
    "more R1": "更大的 R1",
    "augmentation": "自适应增强",
    "divergence ahead": "即将发散",
    "the discriminator overfits": "判别器过拟合",
    "mode collapse": "模式坍塌",
    "memorisation": "记住训练集",
    "nothing (": "什么也没做 (",
}  # fmt: skip


def in_chinese(table: str) -> str:
    for words, own in sorted(CHINESE.items(), key=lambda pair: -len(pair[0])):
        table = table.replace(words, own)
    table = re.sub(r", from (\d+%) on", r"，从 \1 起", table)
    return re.sub(r"\(([\d.]+) to ([\d.]+)\)", r"(\1 至 \2)", table)


def publish(docs: Sequence[Path]) -> None:
    tables = [
        [title, "", *lines_of(rows)]
        for study, title in TITLED.items()
        if (rows := [row for row in known(study) if row["seed"] != FITTED])
    ]
    table = "\n\n".join("\n".join(lines) for lines in tables)
    print(table)
    for page in docs:
        before, _, rest = page.read_text(encoding="utf-8").partition(START)
        _, _, after = rest.partition(END)
        own = in_chinese(table) if page.name.endswith(".zh-CN.md") else table
        page.write_text(f"{before}{START}\n{own}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--faults", nargs="*", default=[*FAULTS], choices=[*FAULTS])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--arms", nargs="*", default=["watch", *ARMS], choices=["watch", *ARMS])
    parser.add_argument("--seconds", type=float, default=150, help="start no run after these")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--docs", nargs="*", type=Path, default=[], help="pages with the marks")
    args = parser.parse_args()
    if args.table:
        publish(args.docs)
        return
    started, real = time.monotonic(), fresh()
    done = {(row["fault"], row["arm"], row["seed"]) for row in known()}
    todo = [
        (name, arm, seed)
        for seed in args.seeds
        for name in args.faults
        for arm in args.arms
        if arm in ("watch", *FAULTS[name].arms)
    ]
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
            print({k: v for k, v in row.items() if k not in ("scores", "treatments")}, flush=True)


if __name__ == "__main__":
    main()
