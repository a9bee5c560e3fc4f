"""Do rows of a table and fields follow their captions? Against rules that are known.

    python bench/from_text.py table --rows 400000 --seeds 0 1 2
    python bench/from_text.py field --images 60000 --seeds 0
    python bench/from_text.py --show bench/results/from_text.jsonl

**Tables**: 6,000 invented customers: kind (four), age and spending that depend on it, city, and
whether they bought. The caption gives a name and says kind, age, city and purchase, in English or
Chinese, in one of six wordings; not what was spent. A sample follows it where all are those of the
caption, the age within two years. Four of the twenty pairs of kind and city are **new**: no row and
no caption of the training table has them.

**Fields**: 4,000 Gaussian random fields of 32 x 32 cells, rough, even or smooth (a slope of the
power spectrum of 1, 2 or 3, each with a spread of 0.15) and weak or strong (standard deviation 1
or 2). The caption names both. A sample follows it where its fitted slope and deviation are
nearest to those that it asks for. Smooth weak fields are new.

Beside each number stands what real samples of the same captions have ("ceiling") and what real
samples of other captions, drawn by chance, have ("chance").
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from timing import machine

import ganzfeld
from ganzfeld.data.field_sets import gaussian
from ganzfeld.metrics.field_power import fitted_slopes, radial_power
from ganzfeld.modalities import modality_of

COUNT = 2_000
Shares = dict[str, float]

# Tables
KINDS = ("casual", "regular", "loyal", "rare")
CHINESE = ("偶尔来", "经常来", "忠实", "少见")
SHARES, AGES, SPENT = (0.4, 0.3, 0.2, 0.1), (28, 40, 58, 70), (1.0, 2.0, 3.0, 1.5)
TOLD = (
    (
        "{name} of {city}, a {kind} customer of {age} years who {bought}",
        ("bought nothing", "bought"),
    ),
    (
        "{age} years old, a {kind} customer called {name}, {bought}, lives in {city}",
        ("no purchase", "one purchase"),
    ),
    (
        "in {city} this {kind} customer, {name}, aged {age}, {bought}",
        ("left without a purchase", "bought something"),
    ),
    ("{city}的{name}，一位{age}岁的{kind}顾客，{bought}", ("没有购买", "购买了")),
    ("{kind}顾客{name}，{age}岁，住在{city}，{bought}", ("没买东西", "买了东西")),
    ("{city}的顾客{name}，{age}岁，{kind}，{bought}", ("空手离开", "有购买")),
)

CITIES = ("Bergen", "Lima", "Oslo", "Quito", "Turin")  # in Chinese, too
NAMES = tuple(
    [
        "Ada",
        "Ben",
        "Cleo",
        "Dana",
        "Eli",
        "Fay",
        "Gus",
        "Hana",
        "Ian",
        "Jo",
        "Kai",
        "Lea",
        "Max",
        "Nia",
        "Otto",
        "Pia",
        "Quinn",
        "Rosa",
        "Sam",
        "Tess",
    ]
)


Customer = tuple[int, int, bool, int, float]  # kind, age, bought, city, spent


def customer(draw: np.random.Generator, new: bool | None = None) -> Customer:
    """new: True for a kind and a city that no row of the training table has together."""
    while True:
        kind, city = int(draw.choice(4, p=SHARES)), int(draw.integers(5))
        age = int(np.clip(draw.normal(AGES[kind], 8), 18, 90))
        bought = bool(draw.random() < 0.4)
        spent = float(np.exp(draw.normal(SPENT[kind] + 0.8 * bought, 0.4)))
        if new is None or (kind == city) == new:
            return kind, age, bought, city, round(spent, 2)


def about(one: Customer, way: int) -> str:
    kind, age, bought, city, _ = one
    template, does = TOLD[way % len(TOLD)]
    told = CHINESE[kind] if way % len(TOLD) > 2 else KINDS[kind]
    name = NAMES[way * 7 // len(TOLD) % len(NAMES)]  # says nothing of the row
    return template.format(kind=told, age=age, bought=does[bought], name=name, city=CITIES[city])


def row_of(one: Customer) -> dict[str, Any]:
    kind, age, bought, city, spent = one
    return {
        **{"kind": KINDS[kind], "age": age, "spent": spent},
        **{"bought": "yes" if bought else "no", "city": CITIES[city]},
    }


def write_table(place: Path) -> str:
    draw = np.random.default_rng(0)
    with open(place / "customers.csv", "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        for way in range(6_000):
            row = row_of(one := customer(draw, new=False))
            if not way:
                out.writerow((*row, "told"))
            out.writerow((*row.values(), about(one, way)))
    return str(place / "customers.csv")


def followed(rows: list[dict[str, Any]], asked: list[Customer]) -> Shares:
    wanted = [row_of(one) for one in asked]
    found = {
        name: np.array([same(r[name], w[name]) for r, w in zip(rows, wanted, strict=True)])
        for name in ("kind", "city", "bought", "age")
    }
    found["all"] = np.all(list(found.values()), axis=0)
    return {name: round(float(hits.mean()), 4) for name, hits in found.items()}


def same(made: Any, wanted: Any) -> bool:
    """Whether a cell is as it was asked for; a number, within two."""
    if isinstance(wanted, str):
        return {"True": "yes", "False": "no"}.get(str(made), str(made)) == wanted
    return abs(float(made) - wanted) <= 2


def of_table(model: Any, seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    words = set(model.conditions["columns"][0]["symbols"])
    for new in (False, True):
        draw = np.random.default_rng(1)
        several = [customer(draw, new) for _ in range(2 * COUNT)]
        asked = [one for one in several if str(one[1]) in words][:COUNT]  # rare ages are not known
        lines = [about(one, way) for way, one in enumerate(asked)]
        stored = model.store(model.sample(COUNT, seed=seed, text=lines))
        kind = modality_of(model.spec)
        rows = [kind.to_json(one, model.spec) for one in stored]
        log = np.log([max(float(row["spent"]), 0.01) for row in rows])
        true = np.array([SPENT[one[0]] + 0.8 * one[2] for one in asked])
        others = [customer(draw) for _ in range(COUNT)]
        found["new" if new else "seen"] = {
            "model": followed(rows, asked),
            "ceiling": followed([row_of(one) for one in asked], asked),
            "chance": followed([row_of(one) for one in others], asked),
            "spent_error": round(float(np.abs(log - true).mean()), 4),
            "spent_error_of_truth": round(0.4 * float(np.sqrt(2 / np.pi)), 4),
        }
    return found


# Fields
ROUGH, STRONG = ("rough", "even", "smooth"), ("weak", "strong")
SAID = (
    ("a {strong} field that is {rough}", ROUGH, STRONG),
    ("{rough} and {strong}", ROUGH, STRONG),
    ("{strong}的{rough}场", ("粗糙", "均匀", "平滑"), ("微弱", "强烈")),
    ("{rough}，{strong}", ("粗糙", "均匀", "平滑"), ("微弱", "强烈")),
)


def maps(pairs: NDArray[np.int64], seed: int) -> NDArray[np.float32]:
    """Fields (N, 1, 32, 32) of pairs (rough, strong)."""
    draw = np.random.default_rng(seed)
    slopes = pairs[:, 0] + 1 + 0.15 * draw.standard_normal(len(pairs))
    x = np.concatenate(
        [gaussian.make([i], seed=seed, slope=float(one))[0] for i, one in enumerate(slopes)]
    )
    return np.asarray(x * (1 + pairs[:, 1, None, None, None]), np.float32)


def line(pair: NDArray[np.int64], way: int) -> str:
    template, rough, strong = SAID[way % len(SAID)]
    return template.format(rough=rough[pair[0]], strong=strong[pair[1]])


def pairs_of(count: int, seed: int, new: bool | None) -> NDArray[np.int64]:
    kinds = [(r, s) for r in range(3) for s in range(2) if new is None or ((r, s) == (2, 0)) == new]
    return np.array(kinds)[np.random.default_rng(seed).integers(len(kinds), size=count)]


def write_fields(place: Path) -> str:
    pairs = pairs_of(4_000, 0, False)
    lines = [[line(pair, way) for way in range(len(SAID))] for pair in pairs]
    np.savez(place / "maps.npz", x=maps(pairs, 2), caption=np.array(lines))
    return str(place / "maps.npz")


def nearest(x: NDArray[Any], pairs: NDArray[np.int64]) -> Shares:
    x = x.reshape(len(x), 1, 32, 32).astype(np.float64)
    slope = np.clip(np.round(fitted_slopes(x)[:, 0] - 1), 0, 2)
    deviation = x.std((1, 2, 3)) > 1.5
    found = {"rough": slope == pairs[:, 0], "strong": deviation == pairs[:, 1]}
    found["all"] = found["rough"] & found["strong"]
    return {name: round(float(hits.mean()), 4) for name, hits in found.items()}


def of_fields(model: Any, seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for new in (False, True):
        pairs = pairs_of(COUNT, 3, new)
        lines = [line(pair, way) for way, pair in enumerate(pairs)]
        made = model.store(model.sample(COUNT, seed=seed, text=lines))
        real = maps(pairs, 4)
        power, true = (
            radial_power(x.reshape(-1, 1, 32, 32).astype(np.float64))[0] for x in (made, real)
        )
        apart = np.abs(np.log(power / true))[1:14]
        found["new" if new else "seen"] = {
            "model": nearest(made, pairs),
            "ceiling": nearest(real, pairs),
            "chance": nearest(maps(pairs_of(COUNT, 5, None), 6), pairs),
            "log_power_error": round(float(apart.mean()), 4),
        }
    return found


def show(path: Path) -> None:
    for text in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(text)
        print(
            f"{row['data']}, seed {row['seed']}, {row['images']:,}, {row['cpu_seconds']:.0f} CPU s"
        )
        for part in ("seen", "new"):
            for who in ("model", "ceiling", "chance"):
                cells = "  ".join(f"{k} {100 * v:.1f}" for k, v in row[part][who].items())
                print(f"  {part:5} {who:8} {cells}")
            print("       ", {k: v for k, v in row[part].items() if not isinstance(v, dict)})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Rows and fields from captions.")
    parser.add_argument("data", nargs="?", choices=("table", "field"))
    parser.add_argument("--images", "--rows", type=int)
    parser.add_argument("--afford", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=Path("from-text-bench"))
    parser.add_argument("--show", type=Path)
    options = parser.parse_args()
    if options.show:
        show(options.show)
        raise SystemExit
    if options.data is None:
        parser.error("table, or field")
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    table = options.data == "table"
    with tempfile.TemporaryDirectory() as folder:
        source = (write_table if table else write_fields)(Path(folder))
        for seed in options.seeds:
            before = time.process_time()
            run = ganzfeld.train(
                source,
                recipe="text-to-table" if table else "text-to-field",
                condition="told" if table else "caption",
                images=options.images or (400_000 if table else 60_000),
                afford=options.afford,
                seed=seed,
                out=options.out / f"{options.data}-{seed}",
                settings=[*options.set, "run.threads=1"],
                quiet=True,
            )
            row = {
                "data": options.data,
                "seed": seed,
                "images": json.loads((run.path / "config.json").read_text())["run"]["images"],
                "settings": options.set,
                "cpu_seconds": round(time.process_time() - before, 1),
                **(of_table if table else of_fields)(run.model, seed),
                "machine": machine(),
            }
            with open(options.out / "results.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    show(options.out / "results.jsonl")
