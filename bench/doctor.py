"""How often is the doctor right? Faults are put into small runs, and the first name is noted.

    python bench/doctor.py --out OUT --kinds points images --seeds 0 1 2
    python bench/doctor.py --out OUT --recipes default dcgan --seeds 0     # healthy runs of recipes
    python bench/doctor.py --out OUT --table --seeds 1 2 --docs docs/doctor.md docs/doctor.zh-CN.md

Each run writes OUT/KIND-FAULT-SEED.jsonl, a metrics.jsonl as any run has it, so that new thresholds
can be tried on what was recorded: `--table` diagnoses all of them anew. Runs that are there are not
made again. Everything is embedded data, drawn from a seed.

The nine faults are there from the first step, as they are in life; a run is told of nothing before
a fifth of it, so delays count from there. A name is right where it is one that the fault is given
in FAULTS: several for two faults, whose course differs from run to run.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ganzfeld.config import Config, Part, with_settings
from ganzfeld.core import metrics_log, runtime
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.doctor import rows_of
from ganzfeld.doctor.diagnose import first_place, first_said
from ganzfeld.doctor.rules import RULES
from ganzfeld.doctor.story import EARLY, story_of
from ganzfeld.metrics.spread import of_share
from ganzfeld.modalities import Spec, modality_of
from ganzfeld.modalities.base import Modality
from ganzfeld.recipes.base import Facts
from ganzfeld.recipes.find import find_recipe
from ganzfeld.studies.mixtures import ring
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.health import Health, schedule
from ganzfeld.training.hooks import Every
from ganzfeld.training.meter import Meter
from ganzfeld.training.plan import fit, settle
from ganzfeld.training.trainer import Trainer

FEW = 64  # samples of the fault that has too few
START, END = "<!-- confusion: bench/doctor.py -->", "<!-- end of confusion -->"
NOISE = 0.01  # of replayed samples, in a network's units


class Rows:
    """Columns in memory, as a trainer and the doctor take them."""

    def __init__(self, columns: dict[str, np.ndarray]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns["x"])

    def rows(self, indices: Any) -> dict[str, np.ndarray]:
        return {name: column[indices] for name, column in self.columns.items()}

    def part(self, low: int, high: int) -> Rows:
        return Rows({name: column[low:high] for name, column in self.columns.items()})


class Made(NamedTuple):
    """A run before its first step."""

    config: Config
    train: Rows
    fresh: Rows
    kind: Modality
    spec: Spec


HELD = 128


def points(seed: int, conditional: bool) -> Made:
    """A ring of eight Gaussians, whose labels are its modes."""
    mixture = ring(sigma=0.1)
    generator = np.random.default_rng(seed)
    y = generator.integers(8, size=2_000 + HELD)
    x = mixture.centres[y] + 0.1 * generator.standard_normal((len(y), 2))
    classes = 8 if conditional else 0
    facts = Facts(count=2_000, channels=2, height=1, width=1, classes=classes)
    config = find_recipe("default").make(facts)
    shared = {"shape": [2], "widths": [64, 64], "classes": classes}
    config.networks = {
        "G": Part(
            name="mlp-generator",
            options={**shared, "latent": 4, "norm": "none", "output": "linear"},
        ),
        "D": Part(name="mlp-discriminator", options=shared),
    }
    config.run.batch_size, config.run.images = 64, 64_000
    config.run.precision, config.ema.half_life_images = "float32", None
    rows = Rows({"x": x.astype(np.float32), **({"y": y} if conditional else {})})
    spec = Spec("image", (2, 1, 1))
    config.data.classes = [str(n) for n in range(classes)]
    return Made(config, rows.part(0, 2_000), rows.part(2_000, len(y)), Modality(), spec)


def made_of(pack: Pack, config: Config, spec: Spec) -> Made:
    order = np.random.default_rng(0).permutation(len(pack))
    columns = dict(pack.rows(order))
    if not config.data.classes:
        columns.pop("y", None)
    if not config.data.conditions:
        columns.pop("c", None)
    rows = Rows(columns)
    config.data.held_out = 0
    train, fresh = rows.part(HELD, len(order)), rows.part(0, HELD)
    return Made(config, train, fresh, modality_of(spec), spec)


def images(seed: int, conditional: bool, recipe: str = "default") -> Made:
    """Avatars of 16 px, whose labels are ten kinds of hair."""
    pack = open_pack("avatars:2000", PackOptions(size=(16, 16)), progress=lambda *_: None)
    labels = "auto" if conditional else "none"
    config = fit(recipe, pack, source="avatars:2000", labels=labels, held_out=HELD)
    if recipe == "default":
        config = with_settings(config, ["networks.*.width=8"])
    config.run.batch_size, config.run.images = 32, 24_000
    return made_of(pack, config, Spec.from_json(config.data.spec or {}))


def fields(seed: int, conditional: bool) -> Made:
    """Gaussian random fields, asked for by their slope."""
    pack = open_pack("fields:2000", PackOptions(), progress=lambda *_: None)
    if conditional:
        from ganzfeld.training.tasks import WORK

        pack = WORK["generation"].conditioned(pack, ["slope"], HELD)
    config = fit("fields", pack, source="fields:2000", labels="none", held_out=HELD)
    config = with_settings(config, ["networks.*.width=8", "networks.*.most=32"])
    config.run.images = 24_000
    return made_of(pack, config, Spec.from_json(config.data.spec or {}))


KINDS: dict[str, Callable[..., Made]] = {"points": points, "images": images, "fields": fields}


# Faults


def hooked(trainer: Trainer, change: Callable[..., Any], network: str = "G") -> None:
    """Let `change` replace what a network gives, in the game and in its averages."""
    trainer.game.get_submodule(network).register_forward_hook(change, with_kwargs=True)
    for module in trainer.average.modules() if network == "G" else ():
        if network in dict(module.named_children()):
            module.get_submodule(network).register_forward_hook(change, with_kwargs=True)


def told(trainer: Trainer, network: str, change: Callable[[Tensor], Tensor]) -> None:
    """Let a network be told other conditions."""

    def before(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        args = (args[0], *(change(a) if isinstance(a, Tensor) else a for a in args[1:]))
        return args, {k: change(v) if isinstance(v, Tensor) else v for k, v in given.items()}

    modules = [trainer.game.get_submodule(network)]
    if network == "G":
        modules += [m.G for m in trainer.average.modules() if "G" in dict(m.named_children())]
    for module in modules:
        module.register_forward_pre_hook(before, with_kwargs=True)


def place(z: Tensor, count: int) -> Tensor:
    """One of `count` numbers for each latent, (N,)."""
    return (torch.special.ndtr(z[:, 0]) * count).long().clamp(0, count - 1)


def real(trainer: Trainer, made: Made, count: int) -> Tensor:
    return trainer.ready("x", torch.as_tensor(made.train.columns["x"][:count])).float()


def constants(trainer: Trainer, made: Made) -> None:
    four = real(trainer, made, 4)
    hooked(trainer, lambda m, args, given, out: four[place(args[0], 4)] + 0 * out)


def replays(trainer: Trainer, made: Made) -> None:
    own = real(trainer, made, 512)

    def change(module: Any, args: Any, given: Any, out: Tensor) -> Tensor:
        noise = torch.sin(1e4 * args[0][:, :1]).view(-1, *[1] * (out.dim() - 1))
        jitter = torch.sin(1e3 * torch.arange(out[0].numel())).view(out.shape[1:]) * noise
        return own[place(args[0], len(own))] + NOISE * jitter + 0 * out

    hooked(trainer, change)


def blank(trainer: Trainer, made: Made) -> None:
    hooked(trainer, lambda m, args, given, out: 0 * out)


def shuffled(trainer: Trainer, made: Made) -> None:
    told(trainer, "D", lambda v: v[torch.randperm(len(v))])


def withheld(trainer: Trainer, made: Made) -> None:
    told(trainer, "G", torch.zeros_like)


def lr(config: Config, player: str, factor: float) -> None:
    optimiser = config.optimisers[player]
    optimiser.lr *= factor
    if optimiser.final_lr is not None:
        optimiser.final_lr *= factor


def frozen(made: Made) -> Made:
    lr(made.config, "generator", 0.0)
    return made


def fast(made: Made) -> Made:
    lr(made.config, "discriminator", 100.0)
    return made


def few(made: Made) -> Made:
    return made._replace(train=made.train.part(0, FEW))


def wild(made: Made) -> Made:
    for name in ("r1", "r2", "gradient_penalty"):
        if name in made.config.game.options:
            made.config.game.options[name] = 0.0
    for player in made.config.optimisers:
        lr(made.config, player, 10.0)
    return made


class Fault(NamedTuple):
    """names: that are right. settings: changes the run before, network: after it is built."""

    title: str
    names: tuple[str, ...]
    settings: Callable[[Made], Made] = lambda made: made
    network: Callable[[Trainer, Made], None] = lambda trainer, made: None
    conditional: bool = False


STRONG = ("vanishing-gradient", "divergence")
FAULTS = {
    "frozen": Fault("generator frozen", ("generator-still",), settings=frozen),
    "constants": Fault("four constants", ("mode-collapse",), network=constants),
    "fast-d": Fault("D's rate x 100", STRONG, settings=fast),
    "few": Fault("64 training samples", ("discriminator-overfits", "memorisation"), settings=few),
    "shuffled": Fault("labels shuffled for D", ("condition-ignored",), network=shuffled,
                      conditional=True),
    "withheld": Fault("labels withheld from G", ("condition-ignored",), network=withheld,
                      conditional=True),
    "wild": Fault("no penalties, rates x 10", ("divergence", "oscillation"), settings=wild),
    "replays": Fault("training samples replayed", ("memorisation",), network=replays),
    "blank": Fault("blank output", ("blank",), network=blank),
}  # fmt: skip


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

        looks, count = schedule(config.run.images or 0)
        health = Health(
            trainer, made.kind, made.spec, record, count=count, fresh=made.fresh,
            classes=len(config.data.classes), given=bool(config.data.conditions),
        )  # fmt: skip

        def looked(report: Any) -> None:
            started = time.process_time()
            health(report)
            spent[0] += time.process_time() - started

        total = config.run.images or 0
        hooks = [
            Every(config.run.batch_size, meter.add, 0),
            Every(config.run.log_every, lambda _: record("train", {"losses": meter.read()}), 0),
            Every(total // looks, looked, 0),
        ]
        started = time.process_time()
        for report in trainer:
            for hook in hooks:
                hook(report)
            if report.images >= total:
                break
        whole = time.process_time() - started
    record("cost", {"seconds": round(whole, 2), "share": round(spent[0] / (whole - spent[0]), 4)})
    unfinished.rename(path)
    return whole


# Tables


def total_of(rows: Sequence[Any]) -> int:
    return max(row["images"] for row in rows if row["kind"] == "health")


class Seen(NamedTuple):
    fault: str
    name: str  # said first; "" for none
    delay: float  # parts of the run after the moment from which anything may be said
    all: tuple[str, ...]


def seen(path: Path, fault: str) -> Seen:
    rows = rows_of(path)
    total = total_of(rows)
    first = first_said(rows, total)
    moments = story_of(rows, total).moments
    names = tuple(
        dict.fromkeys(rule.name for rule in RULES if first_place(rule, moments) is not None)
    )
    if first is None:
        return Seen(fault, "", math.nan, names)
    return Seen(fault, first[0], max(first[1] / total - EARLY, 0.0), names)


def parsed(path: Path) -> tuple[str, str, int]:
    kind, fault, seed = path.stem.rsplit(".", 2)
    return kind, fault, int(seed)


def all_of(out: Path, seeds: Iterable[int] | None) -> list[tuple[str, Seen]]:
    wanted = None if seeds is None else set(seeds)
    found = []
    for path in sorted(out.glob("*.jsonl")):
        kind, fault, seed = parsed(path)
        if wanted is None or seed in wanted:
            found.append((kind, seen(path, fault)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kinds", nargs="*", default=[], choices=[*KINDS])
    parser.add_argument("--faults", nargs="*", default=[*FAULTS, "healthy", "healthy-c"])
    parser.add_argument("--recipes", nargs="*", default=[], help="healthy runs on images")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--seconds", type=float, default=200, help="start no run after these")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--docs", nargs="*", type=Path, default=[], help="pages with the marks")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.table:
        show(args.out, args.seeds)
        publish(args.out, args.seeds, args.docs) if args.docs else None
        return
    started = time.monotonic()
    plain, labelled = Fault("", ()), Fault("", (), conditional=True)
    cases = [
        (kind, name, seed, FAULTS.get(name, labelled if name == "healthy-c" else plain), {})
        for seed in args.seeds
        for kind in args.kinds
        for name in args.faults
    ]
    cases += [
        ("images", f"healthy-{recipe}", seed, plain, {"recipe": recipe})
        for seed in args.seeds
        for recipe in args.recipes
    ]
    for kind, name, seed, fault, more in cases:
        path = args.out / f"{kind}.{name}.{seed}.jsonl"
        if path.exists():
            continue
        if time.monotonic() - started > args.seconds:
            print("out of time: the same command goes on")
            return
        made = KINDS[kind](seed, fault.conditional, **more)
        spent = play(path, made, fault, seed)
        found = seen(path, name)
        print(
            f"{path.stem}: {spent:.1f} s, said {found.name or 'nothing'} ({', '.join(found.all)})",
            flush=True,
        )


def is_right(one: Seen) -> bool:
    return one.name == "" if one.fault not in FAULTS else one.name in FAULTS[one.fault].names


def show(out: Path, seeds: Sequence[int]) -> None:
    """One line a run, for whoever fits thresholds."""
    for kind, one in all_of(out, seeds):
        mark = "ok" if is_right(one) else "NO"
        delay = "" if math.isnan(one.delay) else f"{one.delay:.2f}"
        print(f"{kind:7} {one.fault:14} {mark} {one.name:22} {delay:5} {', '.join(one.all)}")


def share(right: int, of: int) -> str:
    """A count and the 95 % interval of its share."""
    low, high = of_share(right / of, of).interval
    return f"{right} of {of} ({100 * low:.0f} to {100 * high:.0f} %)"


def lines_of(found: Sequence[tuple[str, Seen]]) -> list[str]:
    """The table of confusion in Markdown."""
    rows = [
        "| fault | right first name | said first instead | delay, median |",
        "|---|---|---|---|",
    ]
    for name, fault in FAULTS.items():
        own = [one for _, one in found if one.fault == name]
        if not own:
            continue
        right = sum(map(is_right, own))
        wrong = Counter(one.name or "nothing" for one in own if not is_right(one))
        delays = sorted(one.delay for one in own if is_right(one))
        delay = f"{delays[len(delays) // 2]:.0%}" if delays else "-"
        others = ", ".join(f"{n} ({count})" for n, count in wrong.most_common()) or "-"
        rows.append(f"| {fault.title} | {share(right, len(own))} | {others} | {delay} |")
    faulty = [one for _, one in found if one.fault in FAULTS]
    if faulty:
        delays = sorted(one.delay for one in faulty if is_right(one))
        middle = f"{delays[len(delays) // 2]:.0%}" if delays else "-"
        rows.append(
            f"| **all** | **{share(sum(map(is_right, faulty)), len(faulty))}** | | {middle} |"
        )
    healthy = [one for _, one in found if one.fault not in FAULTS]
    if healthy:
        said = Counter(name for one in healthy for name in one.all)
        names = ", ".join(f"{n} ({count})" for n, count in said.most_common()) or "-"
        quiet = sum(not one.all for one in healthy)
        rows.append(f"| no fault: nothing is said | {share(quiet, len(healthy))} | {names} | |")
    return rows


def publish(out: Path, seeds: Sequence[int], docs: Sequence[Path]) -> None:
    """The table into pages, between its marks; rows of results; how often each name was right."""
    found = all_of(out, seeds)
    table = "\n".join(lines_of(found))
    for page in docs:
        text = page.read_text(encoding="utf-8")
        before, _, rest = text.partition(START)
        _, _, after = rest.partition(END)
        page.write_text(f"{before}{START}\n{table}\n{END}{after}", encoding="utf-8")
    print(table)
    home = Path(__file__).parent
    rows = [
        {"kind": kind, "fault": one.fault, "said": one.name, "all": list(one.all),
         "delay": None if math.isnan(one.delay) else round(one.delay, 3), "right": is_right(one)}
        for kind, one in found
    ]  # fmt: skip
    results = home / "results" / "doctor.jsonl"
    results.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    rates: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for _, one in found:
        if one.name:
            rates[one.name][0] += is_right(one)
            rates[one.name][1] += 1
    path = home.parent / "src" / "ganzfeld" / "doctor" / "rates.json"
    path.write_text(json.dumps(dict(sorted(rates.items())), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
