"""Recipes side by side: the same data, the same budget of CPU time, one protocol."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image

from ganzfeld import generate, pictures, shipping
from ganzfeld.build import complete
from ganzfeld.config import Config, with_settings
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.errors import DivergedError, UsageError, did_you_mean
from ganzfeld.evaluation import evaluate
from ganzfeld.pace import affordable
from ganzfeld.plan import find_generation, fit, parameters, sized
from ganzfeld.recipes import RECIPES
from ganzfeld.run import choose_device, train
from ganzfeld.screen import Screen
from ganzfeld.study.intervals import t_interval
from ganzfeld.study.ledger import Ledger, opened
from ganzfeld.study.page import Page

# what is compared by default, of those that this release has
FAMILIES = ("mlp", "dcgan", "wgan-gp", "hinge", "modern", "default", "vae", "gmmn")
METRICS = ("kernel", "frechet", "precision", "recall", "density", "coverage", "diversity")
COUNT = 2_000  # samples


def study_families(
    data: str | os.PathLike[str],
    *,
    minutes: float,
    recipes: Sequence[str] = (),
    seeds: int = 1,
    size: tuple[int, int] | None = None,
    count: int | None = None,
    extractor: str | None = None,
    out: str | os.PathLike[str] = "runs/study-families",
    settings: Sequence[str] = (),
    screen: Screen | None = None,
) -> Path:
    """Train each recipe for as many CPU minutes, evaluate all alike, and write one report.

    minutes: of CPU time for each, all threads together (of the clock on a GPU). Each recipe's
        speed is measured first, and its number of images follows; evaluating is not counted.
    recipes: names; by default the families that there are.
    count: samples to evaluate by; by default as many as the data, at most 2,000.
    extractor: see `evaluate`; the same for all.

    The folder gets cells.jsonl, so that the same call goes on where it was stopped and more
    recipes or seeds may be added, the runs, report.md and report.html. Returns its path.
    """
    if minutes <= 0 or seeds < 1:
        raise UsageError("--minutes must be more than zero and --seeds 1 or more")
    chosen = list(dict.fromkeys(recipes)) or [name for name in FAMILIES if name in RECIPES]
    for name in chosen:
        if name not in RECIPES and ":" not in name:
            raise UsageError(f"no recipe is called {name!r}. {did_you_mean(name, RECIPES)}")
        find_generation(name)
    screen, folder = screen or Screen(quiet=True), Path(out)
    pack = open_pack(data, PackOptions(size=size), progress=screen.progress)
    about = {
        "study": "families",
        "data": pack.fingerprint,
        "minutes": minutes,
        "count": count or min(COUNT, len(pack)),
        "extractor": extractor,
        "settings": list(settings),
    }
    with opened(folder, about) as ledger:
        for seed in range(seeds):
            for name in chosen:
                cell = one(ledger, folder, data, pack, name, seed, about)
                screen.say(describe(cell))
        return report(ledger, folder, about, pack, chosen, seeds)


def one(
    ledger: Ledger,
    folder: Path,
    data: str | os.PathLike[str],
    pack: Pack,
    name: str,
    seed: int,
    about: dict[str, Any],
) -> dict[str, Any]:
    """A recipe's cell: planned, trained and evaluated; each only once."""
    plan = ledger.cell(
        lambda: plan_of(name, pack, str(data), about),
        kind="plan",
        recipe=name,
        seed=seed,
    )
    place = folder / "runs" / f"{name.rpartition(':')[2]}-seed-{seed}"

    def measure() -> dict[str, Any]:
        fresh, started = not place.exists(), time.process_time()
        try:
            run = train(
                data,
                recipe=name,
                out=place,
                size=(pack.height, pack.width),
                images=plan["images"],
                afford=plan.get("afford"),
                seed=seed,
                settings=[f"run.threads={torch.get_num_threads()}", *about["settings"]],
                quiet=True,
            )
            model = load_own(run.path)
        except DivergedError as error:
            return {"images": plan["images"], "diverged": error.what}
        spent = time.process_time() - started
        found = evaluate(
            model,
            pack,
            metrics=METRICS,
            extractor=about["extractor"],
            count=about["count"],
            device="cpu",
        )
        return {
            "images": plan["images"],
            "cpu_seconds": round(spent, 1) if fresh else None,  # a part of it was spent before
            "parameters": parameters(model.generator),
            **{metric: found[metric] for metric in METRICS},
            "protocol": found["protocol"]["id"],
        }

    return ledger.cell(measure, kind="result", recipe=name, seed=seed)


def plan_of(name: str, pack: Pack, source: str, about: dict[str, Any]) -> dict[str, int | None]:
    """Images that a recipe sees in its minutes, and what its full networks could see."""
    device = torch.device(choose_device("auto"))
    clock = time.process_time if device.type == "cpu" else time.monotonic

    def fitted(afford: int | None) -> Config:
        config = fit(name, pack, source=source, labels="auto", afford=afford)
        config.run.images = config.run.images or 1_000_000
        config.run.threads = torch.get_num_threads()  # in CPU time, one would always win
        return complete(with_settings(config, about["settings"]))

    def images(config: Config) -> int:
        return affordable(config, pack, device, 60 * about["minutes"], clock)

    config = sized(fitted, images)
    return {"images": images(config), "afford": config.run.afford}


# What it says


def describe(cell: dict[str, Any]) -> str:
    if "diverged" in cell:
        return f"{cell['recipe']}, seed {cell['seed']}: {cell['diverged']}"
    numbers = "  ".join(f"{name} {shown(cell[name])}" for name in METRICS)
    return f"{cell['recipe']}, seed {cell['seed']}: {cell['images']:,} images  {numbers}"


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def report(
    ledger: Ledger, folder: Path, about: dict[str, Any], pack: Pack, recipes: list[str], seeds: int
) -> Path:
    page = Page("Families of generators, side by side")
    cells = {
        name: [ledger.find(kind="result", recipe=name, seed=s) or {} for s in range(seeds)]
        for name in recipes
    }
    protocols = {c["protocol"] for rows in cells.values() for c in rows if "protocol" in c}
    page.text(
        f"Data {pack.fingerprint[:16]}, {len(pack):,} pictures; {about['minutes']:g} CPU minutes "
        f"for each run, {seeds} seed(s). Protocol: {'; '.join(sorted(protocols)) or 'none'}. "
        "Kernel and Frechet distance: 0 is best. The others: 1 is as the data are."
    )
    head = ("recipe", "images seen", "CPU s", "generator", *METRICS)
    page.table(head, [row(name, found) for name, found in cells.items()])
    if seeds > 1:
        page.text("± is Student's 95 % interval over seeds; overlapping ones say nothing.")
    grids = [
        (name, grid_of(folder / "runs" / f"{name.rpartition(':')[2]}-seed-0", pack))
        for name in recipes
        if "protocol" in cells[name][0]
    ]
    page.pictures(grids)
    for name, image in grids:
        pictures.save_image(image, folder / "grids" / f"{name.rpartition(':')[2]}.png")
    return page.write(folder)


def row(name: str, cells: list[dict[str, Any]]) -> tuple[str, ...]:
    whole = [c for c in cells if "protocol" in c]
    if not whole:
        return (name, "diverged", *[""] * (len(METRICS) + 2))
    lost = f" ({len(cells) - len(whole)} diverged)" if len(whole) < len(cells) else ""
    spent = [c["cpu_seconds"] for c in whole if c["cpu_seconds"] is not None]
    return (
        name + lost,
        f"{round(np.mean([c['images'] for c in whole])):,}",
        f"{np.mean(spent):.0f}" if spent else "-",
        f"{whole[0]['parameters']:,}",
        *(mean(whole, metric) for metric in METRICS),
    )


def mean(cells: list[dict[str, Any]], metric: str) -> str:
    values = [c[metric] for c in cells if c[metric] is not None]
    if not values:
        return "-"
    found = t_interval(values)
    return shown(found.mean) + (f" ± {shown(found.high - found.mean)}" if found.n > 1 else "")


def load_own(run: Path) -> generate.Model:
    """The model of a run of this study; its code runs where it is that of the recipe."""
    own = shipping.of_own(run, shipping.read_config(run))
    return cast(generate.Model, generate.load(run, trust_code=own, task="generation"))


def grid_of(run: Path, pack: Pack) -> Image.Image:
    """64 samples of a run, or six of each class, of at most ten."""
    model = load_own(run)
    names = model.classes[:10]
    if not names:
        return pictures.grid(pictures.to_pixels(model.sample(64)), 8)
    labels = [name for name in names for _ in range(6)]
    return pictures.grid(pictures.to_pixels(model.sample(len(labels), labels=labels)), 6)
