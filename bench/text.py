"""A text GAN against maximum likelihood and Markov chains, at equal CPU time.

    python bench/text.py --data grammar names=/data/names.txt --minutes 10 --seeds 0 1 2
    python bench/text.py --data tang=tang_quatrains.txt --cut --minutes 2
    python bench/text.py --table --into docs/text.md docs/text.zh-CN.md

Each row of results/text.jsonl is one model on one data set: what it scores on 4,000 lines that it
has not seen, beside the floor, what as many training lines score in its place. Held-out lines
are distinct, and none of them is trained on. A network trains for so many seconds of CPU time of
this process; its rates fall along a cosine over that time. The average of its weights is measured
at so many moments as --moments says, which are the curve; the last one counts.
"""

from __future__ import annotations

import argparse
import copy
import json
import platform
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clock import Rows, train
from into import into

from ganzfeld.core.latents import normals
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.data.text_sets import english
from ganzfeld.metrics.markov import MarkovChain
from ganzfeld.metrics.text_metrics import one_side, text_metrics
from ganzfeld.modalities.text import lines_of
from ganzfeld.recipes import RECIPES, Facts

RESULTS = Path(__file__).parent / "results" / "text.jsonl"
HELD = 4_000  # lines that are kept apart, and that each model writes
MOMENTS = 8  # by default
TEMPERATURES = (0.7, 0.85, 1.15)  # beside 1
RECIPE_NAMES = ("text-gan", "text-gumbel", "text-mle")
SHOWN = ("excess_2", "excess_3", "excess_4", "forward", "reverse", "distinct", "novel", "hits")


def sides(pack: Pack) -> tuple[Rows, Rows]:
    """Training rows and held-out rows, both in random order."""
    rows = pack.rows(np.arange(len(pack)))["x"]
    training, held = one_side(rows, HELD)
    rng = np.random.default_rng(1)
    return rows[rng.permutation(training)], rows[rng.permutation(held)]


def measured(samples: Rows, training: Rows, held: Rows, pack: Pack) -> dict[str, Any]:
    found = text_metrics(samples, training, held, symbols=len(pack.spec.extra["symbols"]))
    if "grammar" in pack.spec.extra:
        found |= english().measure([line.split() for line in lines_of(samples, pack.spec)])
    return found


def written(game: Any) -> Rows:
    """Lines of seed 0, a thousand at a time."""
    z = torch.from_numpy(normals(game.latent, 0, range(HELD)))
    return np.concatenate([game.sample(part).numpy() for part in z.split(1000)]).astype(np.int16)


def at_temperatures(game: Any, training: Rows, held: Rows, pack: Pack) -> dict[str, Any]:
    """What lines at other temperatures score: logits are divided by them."""
    found, last = {}, game.G.logits
    for temperature in TEMPERATURES:
        warm = copy.deepcopy(last)
        for parameter in warm.parameters():
            parameter.data /= temperature
        game.G.logits = warm
        scores = measured(written(game), training, held, pack)
        found[str(temperature)] = {k: scores[k] for k in (*SHOWN, "acceptance") if k in scores}
    game.G.logits = last
    return found


def cut(path: Path) -> Path:
    """A file with a line for each piece between the Chinese marks of the lines of another."""
    pieces = re.split(r"[，。！？；、\n]+", path.read_text("utf-8"))
    made = Path(tempfile.mkdtemp()) / f"{path.stem}-pieces.txt"
    made.write_text("\n".join(piece for piece in pieces if piece) + "\n", "utf-8")
    return made


def of_network(
    recipe: str,
    pack: Pack,
    seconds: float,
    seed: int,
    settings: dict[str, Any],
    moments: int,
    rate: float = 1.0,
) -> dict[str, Any]:
    training, held = sides(pack)
    facts = Facts(count=len(training), spec=pack.spec)
    config = RECIPES[recipe](facts)
    config.run = replace(config.run, seed=seed)
    settings = settings if config.game.name == "text-gan" else {}
    config.game.options |= settings
    for player, one in config.optimisers.items():
        last = None if one.final_lr is None else rate * one.final_lr
        config.optimisers[player] = replace(one, lr=rate * one.lr, final_lr=last)
    curve: list[dict[str, Any]] = []
    latest: list[Rows] = []
    cooler: dict[str, Any] = {}

    def seen(spent: float, game: Any) -> None:
        samples = written(game)
        found = measured(samples, training, held, pack)
        curve.append({"seconds": round(spent), **{k: found[k] for k in SHOWN}})
        if "acceptance" in found:
            curve[-1]["acceptance"] = found["acceptance"]
        latest[:] = [samples]
        if spent >= seconds:
            cooler.update(at_temperatures(game, training, held, pack))
        print(recipe, seed, json.dumps(curve[-1]), flush=True)

    steps, lines = train(config, training, seconds, seen, moments)
    return {
        "model": recipe,
        "settings": settings | ({} if rate == 1 else {"rates": rate}),
        "seconds": seconds,
        "seed": seed,
        "steps": steps,
        "lines": lines,
        **measured(latest[0], training, held, pack),
        "curve": curve,
        "temperatures": cooler,
        "samples": lines_of(latest[0][:20], pack.spec),
    }


def of_chain(order: int, pack: Pack) -> dict[str, Any]:
    training, held = sides(pack)
    start = time.process_time()
    chain = MarkovChain(training, order=order, symbols=len(pack.spec.extra["symbols"]))
    samples = chain.sample(np.random.default_rng(0).random((HELD, training.shape[1])))
    return {
        "model": f"markov-{order}",
        "seconds": round(time.process_time() - start, 1),
        "seed": 0,
        **measured(samples, training, held, pack),
        "samples": lines_of(samples[:20], pack.spec),
    }


def table() -> str:
    """The last row of each data set, model, time and seed, as Markdown; see `figure`."""
    groups: dict[tuple[Any, ...], dict[int, dict[str, Any]]] = {}
    for line in RESULTS.read_text("utf-8").splitlines():
        row = json.loads(line)
        settings = json.dumps(row.get("settings") or {}, sort_keys=True)
        name = (row["data"], row["model"], settings, row["seconds"])
        groups.setdefault(name, {})[row["seed"]] = row
    columns = (*SHOWN, "acceptance", "entropy", "kl")
    lines = ["| data | model | CPU seconds | seeds | " + " | ".join(columns) + " |"]
    lines.append("|" + "---|" * (4 + len(columns)))
    for data in dict.fromkeys(name[0] for name in groups):
        mine = {name: rows for name, rows in groups.items() if name[0] == data}
        last = next(iter([*mine.values()][-1].values()))
        real = {c: last[f"{c}_floor"] for c in columns if f"{c}_floor" in last}
        if "entropy_true" in last:
            real |= {"acceptance": 1.0, "entropy": last["entropy_true"]}
        floor = [figure([real[c]]) if c in real else "-" for c in columns]
        lines.append(f"| {data} | floor: real lines | - | - | " + " | ".join(floor) + " |")
        for (_, model, settings, seconds), rows in mine.items():
            cells = [figure([row[c] for row in rows.values() if c in row]) for c in columns]
            named = model if settings == "{}" else f"{model}, {in_words(json.loads(settings))}"
            begin = f"| {data} | {named} | {seconds:g} | {len(rows)} | "
            lines.append(begin + " | ".join(cells) + " |")
            for temperature in TEMPERATURES:
                cooler = [r["temperatures"][str(temperature)] for r in rows.values()
                          if str(temperature) in r.get("temperatures", {})]  # fmt: skip
                if cooler:
                    cells = [figure([one[c] for one in cooler if c in one]) for c in columns]
                    begin = f"| {data} | {named}, temperature {temperature} | {seconds:g} | "
                    lines.append(f"{begin}{len(cooler)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def in_words(settings: dict[str, Any]) -> str:
    """Settings as a table names them."""
    return ", ".join(f"{name} x {v:g}" if name == "rates" else f"{name}={v}"
                     for name, v in settings.items())  # fmt: skip


def figure(values: list[float]) -> str:
    """The mean of seeds, and how far the farthest is from it."""
    if not values:
        return "-"
    mean = sum(values) / len(values)
    apart = max(abs(value - mean) for value in values)
    return f"{mean:.3f}" if len(values) == 1 else f"{mean:.3f} ± {apart:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", default=["grammar"], metavar="NAME=PATH")
    parser.add_argument("--recipes", nargs="*", default=["text-gan", "text-mle"])
    parser.add_argument("--orders", nargs="*", type=int, default=[1, 2, 3, 4])
    parser.add_argument("--set", nargs="*", default=[], metavar="OPTION=JSON", help="of the game")
    parser.add_argument("--rate", type=float, default=1.0, help="factor of all learning rates")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--moments", type=int, default=MOMENTS, help="points of the curve")
    parser.add_argument("--cut", action="store_true", help="at Chinese marks, a piece a line")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--into", nargs="*", default=[], help="pages that the table is put into")
    asked = parser.parse_args()
    if asked.table:
        print(table())
        for page in asked.into:
            into(Path(page), "text", table())
        return
    torch.set_num_threads(1)
    seconds = round(60 * asked.minutes, 1)
    settings = {k: json.loads(v) for k, _, v in (one.partition("=") for one in asked.set)}
    for text in asked.data:
        name, _, path = text.partition("=")
        source = str(cut(Path(path))) if asked.cut else path or name
        pack = open_pack(source, PackOptions(), workers=0)
        jobs: list[Callable[[], dict[str, Any]]] = [
            *(partial(of_chain, order, pack) for order in asked.orders),
            *(
                partial(
                    of_network, recipe, pack, seconds, seed, settings, asked.moments, asked.rate
                )
                for seed in asked.seeds
                for recipe in asked.recipes
            ),
        ]
        for job in jobs:
            row = {"data": name, "fingerprint": pack.fingerprint[:16], **job()}
            row |= {"torch": torch.__version__, "processor": platform.machine(), "threads": 1}
            row["date"] = time.strftime("%Y-%m-%d")
            RESULTS.parent.mkdir(exist_ok=True)
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
