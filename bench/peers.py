"""Others' GAN code and ours: same data, same CPU seconds, same metrics; the table of rivals.

    python bench/peers.py --data fashion=fashion_mnist@28 --seconds 60 --envs envs --out peers
    python bench/peers.py ... --rivals keras-dcgan torchgan     # some; none: --rivals
    python bench/peers.py --table --into docs/results.md docs/results.zh-CN.md
    python bench/peers.py --table --brief faces --into README.md README.zh-CN.md

Each rival is installed from PyPI into an environment of its own in --envs, beside one PyTorch for
all, and trained by its public API in a script of `rivals/`. What cannot be installed, or does not
run, becomes a row with the reason. The same command goes on where it was stopped: a run that has
its result is not made again.

One process at a time, one thread. A rival's clock counts its training alone (`rivals/common.py`);
ours also counts previews and checkpoints. Every rival has a trial with what it publishes, and
three with the width, the batch and the rates that ganzfeld's own rule gives for the budget to the
recipe of its kind (`recipes/sizing.py`), the rates times 1, 2 and 0.5, where its API takes them.
All trials start from seed 100. The best one makes the runs that are reported. Ours are a study of
families (`ganzfeld study families`) with the same three multiples and no more.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from baselines import processor, read
from into import into
from rival_list import RIVALS, Rival
from rival_table import brief, tables

import ganzfeld
from ganzfeld.core.console import Screen
from ganzfeld.core.files import replace as write
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.modalities.image import draw
from ganzfeld.recipes.find import find_generation
from ganzfeld.recipes.gan import dcgan, default
from ganzfeld.recipes.sizing import SIZINGS, within
from ganzfeld.studies.families import study_families
from ganzfeld.studies.tuning import SEED, TRIALS

HERE = Path(__file__).parent
ROWS = HERE / "results" / "peers.jsonl"
TORCH = "torch==2.13.0"  # for all; other versions of the wheel bring CUDA along
METRICS = ("frechet", "precision", "recall", "density", "coverage")
KEPT = (*METRICS, "real")
PROBE = 3.0  # CPU seconds in which a rival shows how fast it is
FULL = 32  # width and batch of a probe, as `sizing.within` counts them
Row = dict[str, Any]


class Refused(Exception):
    """A rival that does not install or run; the message is its own last word."""


# Environments


def environment(rival: Rival, envs: Path) -> tuple[str, str]:
    """The Python of a rival, and how it was installed. `Refused` where that is impossible."""
    if not rival.packages:
        return sys.executable, "no installation"
    place, note = envs / rival.environment, envs / f"{rival.environment}.json"
    if not note.exists():
        envs.mkdir(parents=True, exist_ok=True)
        write(note, json.dumps(installed(rival, place)).encode())
    found = json.loads(note.read_text("utf-8"))
    if found["error"] and not found["how"]:
        raise Refused(found["error"])
    return str(place / "bin" / "python"), found["how"]


def installed(rival: Rival, place: Path) -> dict[str, str]:
    """Install with the versions that it asks for, else with today's in their place."""
    made = venv(place)
    error = made or pip(place, *rival.packages, TORCH)
    if not error:
        return {"how": "as it asks", "error": ""}
    if made or not rival.needs:
        return {"how": "", "error": error}
    later = pip(place, *rival.needs, TORCH) or pip(place, "--no-deps", *rival.packages)
    return {"how": "" if later else "without the versions that it pins", "error": error}


def venv(place: Path) -> str:
    return ran([sys.executable, "-m", "venv", "--clear", str(place)])


def pip(place: Path, *packages: str) -> str:
    python = str(place / "bin" / "python")
    return ran([python, "-m", "pip", "install", "--disable-pip-version-check", *packages])


def ran(command: Sequence[str], **options: Any) -> str:
    """Run a command; "" where it went well, else what it said of the error."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    return "" if done.returncode == 0 else last_words(done.stderr or done.stdout)


def last_words(text: str) -> str:
    """The line that names the error: the last of that form, else the last there is."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if "Error: " in line or line.startswith("ERROR: ")]
    return (named or lines or ["it said nothing"])[-1][:300]


# Runs


def run(rival: Rival, python: str, folder: Path, job: Row) -> Row:
    """One run of a rival in its own process, made once. `Refused` with its error."""
    result = folder / "result.json"
    if not result.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path = folder.resolve() / "job.json"
        path.write_text(json.dumps({**job, "out": str(folder.resolve())}), "utf-8")
        alone = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        error = ran([python, str(rival.script), str(path)], env=alone, cwd=folder)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if error or not result.exists():
            raise Refused(error or "it left no result")
        whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found = json.loads(result.read_text("utf-8"))
        write(result, json.dumps(found | {"process_seconds": round(whole, 1)}).encode())
    found = json.loads(result.read_text("utf-8"))
    return {key: value for key, value in found.items() if key != "out"}


@dataclass
class Race:
    """One data set, one budget, one folder."""

    name: str
    source: str
    pack: Pack
    seconds: float
    folder: Path
    envs: Path
    seeds: Sequence[int]
    count: int
    extractor: str | None
    screen: Screen
    published: bool = True  # three seeds of what a rival publishes, where that was not the best

    def about(self) -> Row:
        return {
            "data": self.name,
            "fingerprint": self.pack.fingerprint[:16],
            "size": [self.pack.height, self.pack.width],
            "budget": self.seconds,
            "count": self.count,
            "ganzfeld": ganzfeld.__version__,
            "machine": processor(),
            "threads": 1,
        }

    def images(self) -> str:
        """The pack's images as an array that scripts without ganzfeld read."""
        path = self.folder / "images.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, self.pack.rows(np.arange(len(self.pack)))["x"])
        return str(path.resolve())

    def rival(self, rival: Rival) -> Iterable[Row]:
        """Rows of a rival as they come, or the one row that says why there are none."""
        about = {**self.about(), "name": rival.name}
        try:
            python, how = environment(rival, self.envs)
            about["installed"] = how
            yield from self.contest(rival, python, about)
        except Refused as error:
            today = datetime.now(UTC).date().isoformat()
            yield {**about, "kind": "refused", "reason": str(error), "date": today}

    def contest(self, rival: Rival, python: str, about: Row) -> Iterable[Row]:
        jobs: dict[str, Row] = {"published": {}} | self.fitted(rival, python)
        trials: dict[str, Row] = {}
        for variant, settings in jobs.items() if len(jobs) > 1 else ():
            try:
                trials[variant] = self.cell(rival, python, about, variant, settings, SEED)
            except Refused as error:
                last = error
                self.screen.say(f"{rival.name}, {variant}: {error}")
            else:
                yield trials[variant]
        if len(jobs) > 1 and not trials:
            raise last
        best = min(trials, key=lambda name: trials[name]["frechet"]) if trials else "published"
        reported = [best] if best == "published" or not self.published else [best, "published"]
        for variant in reported:
            for seed in self.seeds:
                row = self.cell(rival, python, about, variant, jobs[variant], seed)
                yield {**row, "taken": variant == best}

    def fitted(self, rival: Rival, python: str) -> dict[str, Row]:
        """Trials by ganzfeld's own rule for the budget."""
        if not rival.fitted:
            return {}
        job = {"seconds": PROBE, "batch": FULL, "rate": 1e-4, "count": 0}
        job |= {"width": FULL if rival.widths else None, "data": self.images(), "seed": SEED}
        speed = run(rival, python, self.folder / rival.name / "probe", job)
        width, batch = within(round(speed["images"] / speed["seconds"] * self.seconds))
        sizing = SIZINGS[rival.like]
        sizes = {"batch": min(sizing.times * batch, sizing.full.batch)}
        sizes |= {"width": width} if rival.widths else {}
        return {
            f"rule, rate x{trial.rate:g}": {**sizes, "rate": sizing.rates(width)[0] * trial.rate}
            for trial in TRIALS[:3]
        }

    def cell(
        self, rival: Rival, python: str, about: Row, variant: str, settings: Row, seed: int
    ) -> Row:
        """A run and its numbers."""
        words = variant.replace(", ", "-").replace(" ", "-")
        folder = self.folder / rival.name / f"{words}-seed-{seed}"
        job = {"seconds": self.seconds, "seed": seed, "count": self.count, "data": self.images()}
        found = run(rival, python, folder, {**job, **settings})
        kind = "trial" if seed == SEED else "run"
        row = {**about, "kind": kind, "variant": variant, "seed": seed, **found}
        row |= self.measured(folder)
        self.screen.say(
            f"{rival.name}, {variant}, seed {seed}: {found['images']:,} images in "
            f"{found['seconds']:g} s, Frechet {row['frechet']:.3g}"
        )
        return row

    def measured(self, folder: Path) -> Row:
        """The samples by `ganzfeld.evaluate`, and a grid of them beside."""
        path = folder / "measured.json"
        if not path.exists():
            pixels = np.load(folder / "samples.npy")
            found = ganzfeld.evaluate(
                pixels,
                self.pack,
                metrics=METRICS,
                extractor=self.extractor,
                count=self.count,
                device="cpu",
            )
            kept = {name: found[name] for name in KEPT if name in found}
            kept |= {"protocol": found["protocol"]["id"]}
            kept["date"] = datetime.now(UTC).date().isoformat()
            draw.save_image(draw.grid(pixels[:64], 8), folder / "grid.png")
            write(path, json.dumps(kept).encode())
        found = json.loads(path.read_text("utf-8"))
        return dict(found)

    def ours(self, recipe: str, tune: int) -> Iterable[Row]:
        """A study of families as rows: the same budget and measures, and at most its trials."""
        folder = self.folder / f"ganzfeld-{recipe.rpartition(':')[2]}"
        study_families(
            self.source,
            minutes=self.seconds / 60,
            recipes=[recipe],
            seeds=self.seeds,
            tune=tune,
            size=(self.pack.height, self.pack.width),
            count=self.count,
            extractor=self.extractor,
            out=folder,
            screen=self.screen,
        )
        found = json.loads((folder / "report.json").read_text("utf-8"))
        for kind in ("trial", "run"):
            for cell in found[f"{kind}s"]:
                yield {**self.about(), **self.own(cell), "kind": kind, "taken": kind == "run"}

    def own(self, cell: Row) -> Row:
        row = {key: cell[key] for key in (*KEPT, "protocol") if key in cell}
        row |= {key: cell[key] for key in ("seed", "steps", "images", "seconds", "batch")}
        rates = [first for first, _ in cell["rates"].values()]
        row |= {"rate": rates if len(set(rates)) > 1 else rates[0], "torch": torch.__version__}
        row |= {"width": next(iter(cell["widths"].values())), "parameters": cell["parameters"]}
        row |= {"date": datetime.now(UTC).date().isoformat()}
        row |= {"package": f"ganzfeld {ganzfeld.__version__}", "installed": "ours"}
        words = "ganzfeld " + cell["recipe"].rpartition(":")[2]
        return {**row, "name": words, "variant": f"rule, rate x{cell['rate']:g}"}


def unlabelled(facts: Any) -> Any:
    """`default` without the labels of the data, which the rivals do not see either."""
    return default(replace(facts, classes=0))


def unlabelled_dcgan(facts: Any) -> Any:
    """`dcgan` without them."""
    return dcgan(replace(facts, classes=0))


def key(row: Row) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in ("data", "budget", "name", "variant", "seed"))


def keep(path: Path, rows: Sequence[Row], whole: bool = False) -> None:
    """Write a program's rows in place of those of the same runs; whole: of all that it had.

    A refusal replaces all that it has, and what it has replaces a refusal.
    """
    keys, names = {key(row) for row in rows}, {key(row)[:3] for row in rows}
    refused = whole or any(row["kind"] == "refused" for row in rows)
    others = [
        row
        for row in read(path)
        if key(row) not in keys
        and not (key(row)[:3] in names and (refused or row["kind"] == "refused"))
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, "".join(f"{json.dumps(row)}\n" for row in [*others, *rows]).encode())


def main(arguments: Sequence[str] | None = None, rivals: Sequence[Rival] = RIVALS) -> None:
    options = asked(arguments, [rival.name for rival in rivals])
    if options.table:
        make = partial(brief, data=options.brief) if options.brief else tables
        for page in options.into:
            into(page, "peers", make(read(options.rows), chinese=page.name.endswith(".zh-CN.md")))
        print(make(read(options.rows)))
        return
    torch.set_num_threads(1)
    for recipe in options.ours:
        find_generation(recipe)
    for text in options.data:
        name, _, source = text.partition("=")
        source, _, size = source.partition("@")
        pack = open_pack(source, PackOptions(size=(int(size), int(size)) if size else None))
        race = Race(
            name,
            source,
            pack,
            options.seconds,
            options.out / f"{name}-{options.seconds:g}s",
            options.envs,
            options.seeds,
            options.count,
            options.extractor,
            Screen(),
            options.published,
        )
        for rival in (rival for rival in rivals if rival.name in options.rivals):
            for row in race.rival(rival):
                keep(options.rows, [row])
        for recipe in options.ours:
            keep(options.rows, list(race.ours(recipe, options.tune)), whole=True)


def asked(arguments: Sequence[str] | None, names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", nargs="+", default=[], metavar="NAME=SOURCE[@SIZE]")
    parser.add_argument("--rivals", nargs="*", choices=names, default=names)
    parser.add_argument("--ours", nargs="*", default=["default", f"{__file__}:unlabelled"])
    parser.add_argument("--tune", type=int, default=3, help="trials of ours; 0: its own rates")
    parser.add_argument("--seconds", type=float, default=60.0, help="CPU seconds of a run")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--no-published",
        dest="published",
        action="store_false",
        help="published settings as a trial alone, unless they are the best",
    )
    parser.add_argument("--count", type=int, default=1_500, help="samples that are measured")
    parser.add_argument("--extractor", default="domain")
    parser.add_argument("--envs", type=Path, default=Path("envs"))
    parser.add_argument("--out", type=Path, default=Path("peers"))
    parser.add_argument("--rows", type=Path, default=ROWS)
    parser.add_argument("--table", action="store_true", help="print the tables of the rows")
    parser.add_argument("--brief", metavar="DATA", help="of one data set, distances alone")
    parser.add_argument("--into", nargs="*", type=Path, default=[], help="pages to put it into")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
