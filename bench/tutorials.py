"""Each tutorial as published against our recipe for the same task: same data, same CPU seconds.

    python bench/tutorials.py --data mnist=/data/mnist anime=/data/anime.zip --out tutorials
    python bench/tutorials.py --out tutorials --table

Pairs whose data are not given are left out; faces are the built-in avatars unless `faces=` names
others. How a budget is kept and what the figures mean is in quality.py, whose rows these are.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quality import METRICS, RESULTS, Job, make_all, name_of, read_rows, tables

from ganzfeld.config import Config
from ganzfeld.recipes.gan import Facts
from ganzfeld.recipes.gan import default as best

Row = dict[str, Any]
OWN = f"{Path(__file__).resolve()}:unlabelled"


def unlabelled(facts: Facts) -> Config:
    """The default without labels, against tutorials that have none."""
    return best(dataclasses.replace(facts, classes=0))


@dataclass(frozen=True)
class Pair:
    """A tutorial, our recipe for its task, and the CPU seconds that each may spend.

    early: a second, shorter budget of ours.
    """

    tutorial: str
    ours: str
    data: str
    size: int | None
    seconds: float
    early: float | None = None


PAIRS = (
    Pair("tutorial-dcgan-mnist", OWN, "mnist", None, 480, 96),
    Pair("tutorial-mlp-mnist", OWN, "mnist", None, 120),
    Pair("tutorial-cgan-mnist", "default", "mnist", None, 120),
    Pair("tutorial-mlp-faces", "default", "faces", 64, 120),
    Pair("tutorial-dcgan-celeba", "default", "faces", 64, 600),
    Pair("tutorial-dcgan-anime", "default", "anime", 48, 120),
    Pair("tutorial-dcgan-anime", "default", "anime", 96, 600),
)


def jobs(sources: dict[str, str], seeds: list[int]) -> list[Job]:
    """Each tutorial and ours in turn, all of the first seed first; what is shared once."""
    found: dict[str, Job] = {}
    for seed in seeds:
        for pair in PAIRS:
            if pair.data not in sources:
                continue
            where = f"{pair.data}{pair.size or ''}", sources[pair.data], pair.size
            name = "default" if pair.ours == "default" else "default, no labels"
            for recipe, base, seconds in (
                (name, pair.ours, pair.early),
                (pair.tutorial, pair.tutorial, pair.seconds),
                (name, pair.ours, pair.seconds),
            ):
                if seconds:
                    job = Job(*where, recipe, base, [], seed, seconds)
                    found[name_of(dataclasses.asdict(job))] = job
    return list(found.values())


def ratios(rows: list[Row]) -> str:
    """Markdown: the medians over seeds of both, and ours as a part of the tutorial's."""
    lines = [
        "| tutorial, data | its CPU s | its Frechet | our CPU s | our Frechet | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for pair in PAIRS:
        data = f"{pair.data}{pair.size or ''}"
        name = "default" if pair.ours == "default" else "default, no labels"
        theirs = median(rows, data, pair.tutorial, pair.seconds)
        for seconds in filter(None, (pair.early, pair.seconds)):
            own = median(rows, data, name, seconds)
            if own is not None and theirs is not None:
                figures = f"{pair.seconds:g} | {theirs:.3g} | {seconds:g} | {own:.3g}"
                lines.append(f"| {pair.tutorial}, {data} | {figures} | {own / theirs:.2f} |")
    return "\n".join(lines)


def median(rows: list[Row], data: str, recipe: str, seconds: float) -> float | None:
    wanted = (data, recipe, seconds)
    found = [r for r in rows if (r["data"], r["recipe"], r["seconds"]) == wanted]
    values = [row["frechet"] for row in found if row.get("frechet") is not None]
    return statistics.median(values) if values else None


def main() -> None:
    parser = argparse.ArgumentParser(description="Tutorials against our recipes.")
    parser.add_argument("--data", nargs="+", default=[], metavar="NAME=SOURCE")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--table", action="store_true", help="print the tables of a folder")
    options = parser.parse_args()
    if options.table:
        rows = read_rows(options.out / RESULTS)
        print(ratios(rows), tables(rows, METRICS), sep="\n\n")
    else:
        sources = {"faces": "avatars"} | dict(text.split("=", 1) for text in options.data)
        make_all(jobs(sources, options.seeds), options.out)


if __name__ == "__main__":
    main()
