"""Tables: what the recipes, and samples of other programs, are worth beside the data.

    python bench/tables.py --train adult_train.csv.gz --test adult_test.csv.gz --target income \\
        --recipes table-vae table-gan --seconds 60 --seeds 0 1 2
    python bench/tables.py --train adult_train.csv.gz --test adult_test.csv.gz --target income \\
        --samples ctgan.csv --name "ctgan 0.12.1" --seconds 61.5 --seeds 0
    python bench/tables.py --census 12000 --recipes table-vae table-gan --seconds 60
    python bench/tables.py --table --into docs/tables.md docs/tables.zh-CN.md

A row is a recipe after so many seconds of CPU time on one thread, as many samples as there are
training rows, and every metric against the training rows and the test rows. Without --recipes and
--samples the data are measured: test rows as if they were samples, and columns drawn one by one.
--census: the embedded census, whose answers are known; --write FOLDER writes its rows as CSV, for
other programs. Rows are appended to bench/results/tables.jsonl; those that are there stay.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clock import train as train_for
from into import into

import ganzfeld
from ganzfeld.config import with_settings
from ganzfeld.core.latents import normals
from ganzfeld.data.adopting import as_spec, learned
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pack import Pack, open_pack
from ganzfeld.data.table_sets import census, census_truth
from ganzfeld.metrics import table_metrics as metrics
from ganzfeld.metrics.table_family import first, halves
from ganzfeld.modalities.table import rows as encoded
from ganzfeld.modalities.table.schema import Schema
from ganzfeld.recipes import RECIPES, Facts

RESULTS = Path(__file__).parent / "results" / "tables.jsonl"
SHOWN = ("marginals", "marginals_mean", "rare_off", "rare_worst", "trees", "logistic",
         "pair_tables", "told_apart", "copies")  # fmt: skip


def opened(path: str, pack: Pack | None = None) -> tuple[Pack, Schema, metrics.Columns]:
    """A table as the columns of metrics, in the schema of another where one is given."""
    there = open_pack(path, PackOptions(modality="table"))
    if pack is None:
        learned(there, 0)
    else:
        there = as_spec(there, pack.spec)
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
        "rare_worst": max((abs(share - 1) for share in rare.values()), default=0.0),
        "pair_spearman": pairs["spearman"],
        "pair_tables": pairs["contingency"],
        **scores,
        "told_apart": metrics.discriminative(test, made, levels),
        **private,
    }


def run(options: argparse.Namespace, recipe: str, seed: int, pack: Pack) -> dict[str, Any]:
    """Train, sample and say how long it took."""
    known = Schema.from_json(pack.spec.extra["schema"])
    config = RECIPES[recipe](Facts(count=len(pack), spec=pack.spec))
    config = with_settings(config, options.set)
    config.run = replace(config.run, seed=seed)
    vectors = encoded.encode(pack.rows(np.arange(len(pack)))["x"], known)
    found: dict[str, Any] = {"seconds": options.seconds, "budget": options.seconds}

    def seen(spent: float, game: Any) -> None:
        started = time.process_time()
        z = torch.from_numpy(normals(game.latent, seed, range(len(pack))))
        made = [encoded.decode(game.sample(part).numpy(), known) for part in z.split(2_000)]
        found["made"] = metrics.plain(np.concatenate(made), known)
        found["sampling_seconds"] = round(time.process_time() - started, 1)

    found["steps"], found["rows_seen"] = train_for(config, vectors, options.seconds, seen, 1)
    return found


def write_census(folder: Path, rows: int) -> tuple[Path, Path]:
    """The embedded census as CSV: training rows, and as many that follow."""
    table = census(0, range(2 * rows))
    paths = folder / "census_train.csv", folder / "census_test.csv"
    folder.mkdir(parents=True, exist_ok=True)
    for path, part in zip(paths, (slice(0, rows), slice(rows, 2 * rows)), strict=True):
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(table)
            columns = [["" if v is None else v for v in values[part]] for values in table.values()]
            writer.writerows(zip(*columns, strict=True))
    return paths


def main() -> None:
    options = asked()
    if options.table:
        text = table_of(stored())
        print(text)
        for page in options.into:
            into(Path(page), "tables", text)
        return
    if options.census:
        folder = Path(options.write or tempfile.mkdtemp())
        options.train, options.test = write_census(folder, options.census)
        options.target = "income"
    torch.set_num_threads(1)
    data = Path(options.train).name.partition(".")[0]
    pack, known, train = opened(options.train)
    _, _, test = opened(options.test, pack)
    levels = metrics.levels_of(known)
    there = {(row["data"], row["name"], row.get("seconds"), row["seed"]) for row in stored()}

    def note(
        name: str, made: metrics.Columns, real: dict[str, float] | None = None, **about: Any
    ) -> None:
        row = {"data": data, "name": name, **about, "rows": len(pack)}
        row |= {"torch": torch.__version__, "processor": platform.machine(), "threads": 1}
        row |= {"ganzfeld": ganzfeld.__version__, "date": f"{datetime.now(UTC):%Y-%m-%d}"}
        row |= measured(made, train, test, levels, options.target) | (real or {})
        if options.census:
            truth = census_truth()
            row["positive"] = float((made[options.target] == 1).mean())
            row |= {"positive_true": truth.probability, "best": truth.bayes}
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(table_of([row]))

    if options.samples:
        _, _, made = opened(options.samples, pack)
        about = {"seconds": options.seconds, "budget": options.budget}
        note(options.name, made, seed=options.seeds[0], **about)
    for seed in options.seeds:
        for recipe in options.recipes:
            name = options.name or recipe
            if (data, name, options.seconds, seed) not in there:
                found = run(options, recipe, seed, pack)
                note(name, found.pop("made"), seed=seed, settings=options.set, **found)
    if not options.samples and not options.recipes:
        one, other = halves(train)
        floor = metrics.marginals(one, other, levels)
        scores = metrics.scores(train, test, levels, options.target)
        # use is that of the training rows, since test rows would be tested on themselves
        note("real rows", first(test, len(pack)), scores, seed=0, floor=max(floor.values()))
        rng = np.random.default_rng(0)
        alone = {name: rng.permutation(values) for name, values in train.items()}
        note("columns drawn alone", alone, seed=0)


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--train")
    parser.add_argument("--test")
    parser.add_argument("--target")
    parser.add_argument("--census", type=int, metavar="ROWS")
    parser.add_argument("--write", metavar="FOLDER")
    parser.add_argument("--recipes", nargs="*", default=[])
    parser.add_argument("--seconds", type=float, help="of CPU time")
    parser.add_argument("--budget", type=float, help="of the recipes that --samples is beside")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--set", nargs="*", default=[], help="settings of ganzfeld train --set")
    parser.add_argument("--samples", help="a CSV file of another program's rows")
    parser.add_argument("--name", default="", help="what the rows are called")
    parser.add_argument("--table", action="store_true", help="print the results")
    parser.add_argument("--into", nargs="*", default=[], help="pages that the table is put into")
    return parser.parse_args()


def stored() -> list[dict[str, Any]]:
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()]


def table_of(rows: list[dict[str, Any]]) -> str:
    """Rows of one data set, name and time together: the mean, and the range over seeds."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["data"], row["name"], row.get("budget")), []).append(row)
    lines = ["| data | rows of | CPU seconds | seeds | " + " | ".join(SHOWN) + " |"]
    lines.append("|---" * (len(SHOWN) + 4) + "|")
    for (data, name, _), mine in groups.items():
        cells = [figure([row[n] for row in mine if n in row]) for n in SHOWN]
        times = figure([row["seconds"] for row in mine if row.get("seconds")], ".0f")
        lines.append("| " + " | ".join([data, name, times, str(len(mine)), *cells]) + " |")
    return "\n".join(lines)


def figure(values: list[float], form: str = "") -> str:
    if not values:
        return ""
    form = form or (".3f" if any(isinstance(value, float) for value in values) else ".3g")
    low, high = (format(value, form) for value in (min(values), max(values)))
    return low if low == high else f"{format(sum(values) / len(values), form)} ({low}–{high})"


if __name__ == "__main__":
    main()
