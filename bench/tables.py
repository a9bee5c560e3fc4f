"""Tables: what the recipes, and samples of other programs, are worth beside the data.

    python bench/tables.py --train adult_train.csv.gz --test adult_test.csv.gz --target income \\
        --recipes table-gan table-vae --minutes 4 --seeds 0 1 2 --out bench-tables
    python bench/tables.py --train adult_train.csv.gz --test adult_test.csv.gz --target income \\
        --samples ctgan.csv --name ctgan --seconds 240 --out bench-tables
    python bench/tables.py --table bench/results/tables.jsonl

Each row: a run of so many CPU minutes on one thread, as many samples as there are training rows,
and every metric against the training rows and the test rows. "data" is the training part itself,
in its two halves for what has a floor. Rows are appended to bench/results/tables.jsonl.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import ganzfeld
from ganzfeld.data.adopting import adopt, learned
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pack import Pack, open_pack
from ganzfeld.metrics import table_metrics as metrics
from ganzfeld.metrics.table_family import first, halves
from ganzfeld.modalities.table.schema import Schema

RESULTS = Path(__file__).parent / "results" / "tables.jsonl"
SHOWN = ("marginals", "marginals_mean", "columns_off", "rare_off", "pair_spearman", "pair_tables",
         "trees", "logistic", "told_apart", "copies")  # fmt: skip


def opened(path: str, pack: Pack | None = None) -> tuple[Pack, Schema, metrics.Columns]:
    """A table as the columns of metrics, in the schema of another where one is given."""
    there = open_pack(path, PackOptions(modality="table"))
    if pack is None:
        learned(there, 0)
    else:
        adopt(there, pack.spec)
    known = Schema.from_json(there.spec.extra["schema"])
    stored = there.rows(np.arange(len(there)))["x"]
    return there, known, metrics.plain(stored, known)


def measured(
    made: metrics.Columns,
    train: metrics.Columns,
    test: metrics.Columns,
    levels: dict[str, int],
    target: str,
) -> dict[str, Any]:
    """Everything that is said of one table against the data."""
    own = metrics.marginals(train, made, levels)
    rare = metrics.rare(train, made, levels)
    pairs, scores = metrics.pairs(train, made, levels), metrics.scores(made, test, levels, target)
    private = metrics.privacy(train, made, test, levels)
    return {
        "marginals": max(own.values()),
        "marginals_mean": float(np.mean(list(own.values()))),
        "columns_off": sum(value > 0.05 for value in own.values()),
        "by_column": {name: round(value, 4) for name, value in own.items()},
        "rare": len(rare),
        "rare_off": sum(abs(share - 1) > 1 / 3 for share in rare.values()),
        "pair_spearman": pairs["spearman"],
        "pair_tables": pairs["contingency"],
        **scores,
        "told_apart": metrics.discriminative(test, made, levels),
        **private,
    }


def run(options: argparse.Namespace, recipe: str, seed: int, pack: Pack) -> dict[str, Any]:
    """Train, sample and say how long it took."""
    spent = f"{options.rows}rows" if options.rows else f"{options.minutes:g}min"
    folder = Path(options.out) / f"{recipe}-{spent}-{seed}"
    started = time.process_time()
    result = ganzfeld.train(
        options.train,
        recipe=recipe,
        minutes=options.minutes,
        images=options.rows,
        seed=seed,
        out=folder,
        held_out=0,
        device="cpu",
        quiet=True,
        settings=options.set,
    )
    trained = time.process_time() - started
    model = ganzfeld.load(result.path, which="last")
    started = time.process_time()
    stored = model.store(model.sample(len(pack), seed=seed))
    known = Schema.from_json(model.spec.extra["schema"])
    return {
        "made": metrics.plain(stored, known),
        "seconds": round(trained, 1),
        "rows_seen": model.about["images_seen"],
        "sampling_seconds": round(time.process_time() - started, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--train")
    parser.add_argument("--test")
    parser.add_argument("--target")
    parser.add_argument("--recipes", nargs="*", default=[])
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--rows", type=int, help="rows to see, in place of minutes")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--set", nargs="*", default=[], help="settings of ganzfeld train --set")
    parser.add_argument("--samples", help="a CSV file of another program's rows")
    parser.add_argument("--name", default="", help="what the rows are called")
    parser.add_argument("--seconds", type=float, help="that the other program took")
    parser.add_argument("--out", default="bench-tables")
    parser.add_argument("--table", help="print a file of results")
    options = parser.parse_args()
    if options.table:
        print_table([json.loads(line) for line in Path(options.table).read_text().splitlines()])
        return
    pack, known, train = opened(options.train)
    _, _, test = opened(options.test, pack)
    levels = metrics.levels_of(known)

    def note(name: str, made: metrics.Columns, **about: Any) -> None:
        row = {"data": Path(options.train).name, "name": name, **about}
        row |= {"ganzfeld": ganzfeld.__version__, "date": f"{datetime.now(UTC):%Y-%m-%d}"}
        row |= measured(made, train, test, levels, options.target)
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print_table([row])

    if options.samples:
        _, _, made = opened(options.samples, pack)
        note(options.name, made, seconds=options.seconds, seed=options.seeds[0])
    for seed in options.seeds:
        for recipe in options.recipes:
            found = run(options, recipe, seed, pack)
            note(options.name or recipe, found.pop("made"), seed=seed, minutes=options.minutes,
                 **found)  # fmt: skip
    if not options.samples and not options.recipes:
        note("data", first(test, len(pack)), seed=0)
        one, other = halves(train)
        floor = metrics.marginals(one, other, levels)
        print("two halves of the training part:", max(floor.values()))
        scores = metrics.scores(train, test, levels, options.target)
        with RESULTS.open("a") as file:
            about = {"data": Path(options.train).name, "name": "training part", "seed": 0}
            file.write(json.dumps(about | scores | {"marginals": max(floor.values())}) + "\n")
        print(scores)
        rng = np.random.default_rng(0)
        alone = {name: rng.permutation(values) for name, values in train.items()}
        note("columns drawn alone", alone, seed=0)


def print_table(rows: list[dict[str, Any]]) -> None:
    print("| rows of | seed | seconds | " + " | ".join(SHOWN) + " |")
    print("|---" * (len(SHOWN) + 3) + "|")
    for row in rows:
        cells = [figure(row.get(name)) for name in SHOWN]
        first_ = [row["name"], str(row.get("seed", "")), figure(row.get("seconds"))]
        print("| " + " | ".join([*first_, *cells]) + " |")


def figure(value: Any) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
