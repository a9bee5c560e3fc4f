"""How often is the doctor right? Faults are put into small runs, and the first name is noted.

    python bench/doctor.py --out OUT --kinds points images fields --seeds 0 1 2
    python bench/doctor.py --out OUT --recipes --seeds 0          # a healthy run of every recipe
    python bench/doctor.py --out OUT --data DATA --kinds eurosat fashion emoji digits --seeds 11
    python bench/doctor.py --out OUT --table --seeds 0 1 2 --docs docs/doctor{,.zh-CN}.md
    python bench/doctor.py --table --docs docs/doctor{,.zh-CN}.md   # of what is recorded alone

Each run writes OUT/KIND.FAULT.SEED.jsonl, a metrics.jsonl as any run has it, so that new thresholds
can be tried on what was recorded: `--table` diagnoses all of them anew. Runs that are there are not
made again. With `--docs` their rows replace those of the same kind, fault and seed in
results/doctor.jsonl, and the table is of all that is there. Data are embedded, drawn from a seed.

The faults of doctor_faults.py are there from the first step, but for those that say otherwise; a
run is told of nothing before a fifth of it, so delays count twice: from there, and from the fault
on. A name is right where it
is one that the fault is given in FAULTS: several for two faults, whose course differs from run to
run. Healthy runs of recipes are those of doctor_recipes.py.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import doctor_more
import doctor_recipes
import doctor_strange
import torch
from doctor_chinese import HEAD, in_chinese
from doctor_faults import FAULTS, KINDS, MORE, Fault, Made

from ganzfeld.core import metrics_log, runtime
from ganzfeld.doctor import rows_of
from ganzfeld.doctor.diagnose import first_place, first_said
from ganzfeld.doctor.rules import RULES
from ganzfeld.doctor.story import EARLY, story_of
from ganzfeld.metrics.spread import of_share
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.health import Health, schedule
from ganzfeld.training.hooks import At, Every
from ganzfeld.training.meter import Meter
from ganzfeld.training.plan import settle

START, END = "<!-- confusion: bench/doctor.py -->", "<!-- end of confusion -->"
EVERY = {**FAULTS, **MORE, **doctor_more.UNSEEN, **doctor_strange.STRANGE}
REAL = {**doctor_more.KINDS, **doctor_strange.KINDS}  # that need `--data`, or are not usual
SETS = (*KINDS, *REAL)
HOME = Path(__file__).parent
RATES = HOME.parent / "src" / "ganzfeld" / "doctor" / "rates.json"
RESULTS = HOME / "results" / "doctor.jsonl"
FITTED = 0  # the seed on which thresholds were fitted
TODAY = 51  # the first seed of runs that are looked at three times by a fifth
COST = ("seconds", "share", "machine", "date", "torch")


def play(path: Path, made: Made, fault: Fault, seed: int) -> float:
    """Train with a fault and write the log; CPU seconds that the looks took, of all."""
    made = fault.settings(made)
    config = complete(made.config)
    config.run.seed, config.run.deterministic = seed, True
    settle(config)
    with runtime.threads(1):
        trainer = build_trainer(config, made.train, torch.device("cpu"))
        fault.network(trainer, made)
        meter, spent = Meter(), [0.0]
        unfinished = path.with_suffix(".part")
        unfinished.unlink(missing_ok=True)

        def record(kind: str, row: dict[str, Any]) -> None:
            metrics_log.append(unfinished, {"kind": kind, "images": trainer.images, **row})

        total = config.run.images or 0
        looks, count = schedule(total, steps=-(-total // config.run.batch_size))
        health = Health(
            trainer, made.kind, made.spec, record, count=count, fresh=made.fresh,
            classes=len(config.data.classes), given=bool(config.data.conditions),
        )  # fmt: skip

        def looked(report: Any) -> None:
            started = time.process_time()
            health(report)
            spent[0] += time.process_time() - started

        hooks = [
            Every(config.run.batch_size, meter.add, 0),
            Every(config.run.log_every, lambda _: record("train", {"losses": meter.read()}), 0),
            At(looks, looked, 0),
        ]
        whole = doctor_recipes.played(trainer, hooks, total)
    share = round(spent[0] / (whole - spent[0]), 4)
    record("cost", {"seconds": round(whole, 2), "share": share, **here()})
    unfinished.rename(path)
    return whole


def here() -> dict[str, str]:
    """Where a row was made, and when."""
    date = datetime.now(UTC).date().isoformat()
    return {"machine": platform.machine(), "date": date, "torch": torch.__version__}


# Tables


def total_of(rows: Sequence[Any]) -> int:
    return max(row["images"] for row in rows if row["kind"] == "health")


class Seen(NamedTuple):
    """What was said of a run. kind: of its data, or "recipe"."""

    kind: str
    fault: str
    seed: int
    name: str  # said first; "" for none
    delay: float  # parts of the run after the moment from which anything may be said
    since: float  # parts of the run after the fault began
    all: tuple[str, ...]
    images: int  # of the run
    cost: dict[str, Any]  # CPU seconds, machine, date, versions


def seen(path: Path) -> Seen:
    """What was said of a recorded run."""
    kind, fault, seed = parsed(path)
    rows = rows_of(path)
    begun = EVERY[fault].start if fault in EVERY else 0.0
    cost = {k: v for row in rows if row["kind"] == "cost" for k, v in row.items() if k in COST}
    total = total_of(rows)
    first = first_said(rows, total)
    moments = story_of(rows, total).moments
    names = tuple(
        dict.fromkeys(rule.name for rule in RULES if first_place(rule, moments) is not None)
    )
    if first is None:
        return Seen(kind, fault, seed, "", math.nan, math.nan, names, total, cost)
    name, part = first[0], first[1] / total
    late = [max(part - start, 0.0) for start in (max(EARLY, begun), begun)]
    return Seen(kind, fault, seed, name, late[0], late[1], names, total, cost)


def parsed(path: Path) -> tuple[str, str, int]:
    kind, fault, seed = path.stem.rsplit(".", 2)
    return kind, fault, int(seed)


def all_of(out: Path, seeds: Sequence[int]) -> list[Seen]:
    """What was said of the recorded runs of these seeds."""
    found = [(path, parsed(path)[2]) for path in sorted(out.glob("*.jsonl"))]
    return [seen(path) for path, seed in found if seed in seeds]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder of logs; a table needs none")
    parser.add_argument("--kinds", nargs="*", default=[], choices=[*SETS])
    parser.add_argument("--data", type=Path, help="folder of the data sets of doctor_more.py")
    parser.add_argument("--faults", nargs="*", default=[*FAULTS, "healthy", "healthy-c"])
    parser.add_argument("--recipes", nargs="*", help="healthy runs; without names of all recipes")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--seconds", type=float, default=200, help="start no run after these")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--docs", nargs="*", type=Path, default=[], help="pages with the marks")
    args = parser.parse_args()
    if args.data is None and not KINDS.keys() >= set(args.kinds):
        parser.error("these kinds need --data FOLDER")
    if args.out is None and not args.table:
        parser.error("runs need --out FOLDER")
    if args.table:
        found = all_of(args.out, args.seeds) if args.out else []
        show(found)
        publish(found, args.docs) if args.docs else None
        return
    args.out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    plain, labelled = Fault("", ()), Fault("", (), conditional=True)
    cases = [
        (kind, name, seed, EVERY.get(name, labelled if name == "healthy-c" else plain))
        for seed in args.seeds
        for kind in args.kinds
        for name in args.faults
    ]
    if args.recipes is not None:
        recipes = args.recipes or list(doctor_recipes.CASES)
        cases += [("recipe", name, seed, plain) for seed in args.seeds for name in recipes]
    for kind, name, seed, fault in cases:
        path = args.out / f"{kind}.{name}.{seed}.jsonl"
        if path.exists():
            continue
        if time.monotonic() - started > args.seconds:
            print("out of time: the same command goes on")
            return
        if kind == "recipe":
            spent = doctor_recipes.play(path, name, seed, here())
        else:
            if kind in KINDS:
                made = KINDS[kind](seed, fault.conditional)
            else:
                made = REAL[kind](seed, fault.conditional, args.data)
            spent = play(path, made, fault, seed)
        one = seen(path)
        print(
            f"{path.stem}: {spent:.1f} s, said {one.name or 'nothing'} ({', '.join(one.all)})",
            flush=True,
        )


def is_right(one: Seen) -> bool:
    return one.name == "" if one.fault not in EVERY else one.name in EVERY[one.fault].names


def show(found: Sequence[Seen]) -> None:
    """One line a run, for whoever fits thresholds."""
    for one in found:
        mark = "ok" if is_right(one) else "NO"
        delay = "" if math.isnan(one.delay) else f"{one.delay:.2f}"
        print(f"{one.kind:7} {one.fault:22} {mark} {one.name:22} {delay:5} {', '.join(one.all)}")


def share(right: int, of: int) -> str:
    """A count and the 95 % interval of its share."""
    low, high = of_share(right / of, of).interval
    return f"{right} of {of} ({100 * low:.0f} to {100 * high:.0f} %)"


def middle(found: Sequence[Seen]) -> str:
    """The median delays of alarms that were right: two cells."""
    right = [one for one in found if is_right(one)]
    if not right:
        return "- | -"
    return " | ".join(
        f"{statistics.median(delays):.0%}"
        for delays in ([one.delay for one in right], [one.since for one in right])
    )


def lines_of(found: Sequence[Seen]) -> list[str]:
    """The table of confusion in Markdown."""
    rows = [
        HEAD,
        "|---|---|---|---|---|",
    ]
    for name, fault in EVERY.items():
        if name == next(iter(MORE)):
            rows += total_line("the nine", [one for one in found if one.fault in FAULTS])
        own = [one for one in found if one.fault == name]
        if not own:
            continue
        wrong = Counter(one.name or "nothing" for one in own if not is_right(one))
        others = ", ".join(f"{n} ({count})" for n, count in wrong.most_common()) or "-"
        right = share(sum(map(is_right, own)), len(own))
        rows.append(f"| {fault.title} | {right} | {others} | {middle(own)} |")
    healthy = [one for one in found if one.fault not in EVERY]
    for title, own in (
        ("no fault, kinds of data above", [one for one in healthy if one.kind != "recipe"]),
        ("no fault, recipes", [one for one in healthy if one.kind == "recipe"]),
    ):
        if own:
            said = Counter(name for one in own for name in one.all)
            names = ", ".join(f"{n} ({count})" for n, count in said.most_common()) or "-"
            quiet = share(sum(not one.all for one in own), len(own))
            rows.append(f"| {title}: nothing is said | {quiet} | {names} | | |")
    return rows


def total_line(title: str, found: Sequence[Seen]) -> list[str]:
    right = share(sum(map(is_right, found)), len(found)) if found else ""
    return [f"| **{title}** | **{right}** | | {middle(found)} |"] if found else []


def row_of(one: Seen) -> dict[str, Any]:
    """A run in `RESULTS`; `one_of` reads it."""
    delays = {
        name: None if math.isnan(value) else round(value, 3)
        for name, value in (("delay", one.delay), ("since", one.since))
    }
    return {"kind": one.kind, "fault": one.fault, "seed": one.seed, "images": one.images,
            "said": one.name, "all": list(one.all), **delays, "right": is_right(one),
            **one.cost}  # fmt: skip


def one_of(row: dict[str, Any]) -> Seen:
    delay, since = (math.nan if row[name] is None else row[name] for name in ("delay", "since"))
    return Seen(
        row["kind"], row["fault"], row["seed"], row["said"], delay, since, tuple(row["all"]),
        row["images"], {name: row[name] for name in COST if name in row},
    )  # fmt: skip


def merged(results: Path, found: Sequence[Seen]) -> list[Seen]:
    """All runs that were ever recorded, by kind, fault and seed; those of `found` in place of
    older ones."""
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    whole = [one_of(json.loads(line)) for line in lines if line.strip()]
    return list({one[:3]: one for one in (*whole, *found)}.values())


def publish(
    new: Sequence[Seen], docs: Sequence[Path], results: Path = RESULTS, rates: Path = RATES
) -> None:
    """The table of all recorded runs into pages, between its marks; the new ones into the
    results, where none is ever lost; how often each name was right."""
    found = merged(results, new)
    fitted = [one for one in found if one.seed == FITTED]
    tested = [one for one in found if one.seed != FITTED]
    of_today = [one for one in tested if one.seed >= TODAY]
    before = [one for one in tested if one.seed < TODAY]
    parts = [
        [title, "", *lines_of(own)]
        for title, own in (
            (f"Seeds from {TODAY} on:", of_today),
            (f"Seeds below {TODAY}, by earlier looks and rules:", before),
            (f"Seed {FITTED}, on which thresholds were fitted:", fitted),
        )
        if own
    ]
    table = "\n\n".join("\n".join(part) for part in parts)
    for page in docs:
        text = page.read_text(encoding="utf-8")
        before, _, rest = text.partition(START)
        _, _, after = rest.partition(END)
        own = in_chinese(table) if page.name.endswith(".zh-CN.md") else table
        page.write_text(f"{before}{START}\n{own}\n{END}{after}", encoding="utf-8")
    print(table)
    lines = "".join(f"{json.dumps(row_of(one))}\n" for one in found)
    results.write_text(lines, encoding="utf-8")
    often: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in tested:
        if one.name:
            often[one.name][0] += is_right(one)
            often[one.name][1] += 1
    rates.write_text(json.dumps(dict(sorted(often.items())), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
