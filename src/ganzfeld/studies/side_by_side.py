"""Write the report of a study of families: report.html, report.md and report.json."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganzfeld.core import marks
from ganzfeld.core.files import as_json, replace
from ganzfeld.metrics.registry import Metric
from ganzfeld.metrics.summary import BEST
from ganzfeld.modalities import modality_of
from ganzfeld.models.marking import of_model
from ganzfeld.models.model import Model
from ganzfeld.report.html import Html
from ganzfeld.studies import tuning
from ganzfeld.studies.cells import MEMORY, METRICS, Study, load_own, own_metrics, shown, size_of
from ganzfeld.studies.ledger import Cell
from ganzfeld.studies.page import BYTES, SIDE, Page
from ganzfeld.studies.statistics import equal, ranged_interval
from ganzfeld.studies.tuning import Trial

STEADY = 1.2  # times: CPU time of equal work that differs by less is usual
FEW = 4  # seeds from which an interval says more than the values themselves
RANGES = {  # what values there can be
    "frechet": (0.0, math.inf),
    "density": (0.0, math.inf),
    "diversity": (0.0, math.inf),
    "memorisation": (0.0, math.inf),
    **dict.fromkeys(("precision", "recall", "coverage", "memorisation_copies"), (0.0, 1.0)),
}
HEADS = {
    "kernel": "kernel distance",
    "frechet": "Frechet distance",
    "memorisation": "distance ratio",
    "memorisation_copies": "copies",
}
SHORT = {"discriminator": "D", "generator": "G"}
Cells = Mapping[str, list[Cell]]


def report(
    study: Study,
    recipes: Sequence[str],
    seeds: Sequence[int],
    wanted: Sequence[Trial],
    best: Mapping[str, Trial],
) -> Path:
    cells = {name: [study.measured(name, s, best[name]) for s in seeds] for name in recipes}
    tried = {
        name: [study.measured(name, tuning.SEED, trial) for trial in wanted] for name in recipes
    }
    grids = drawn(study, cells, seeds[0], best)
    page = Page("Families of generators, side by side", modality_of(study.pack.spec).noun)
    page.text(verdict(cells), kind="verdict")
    page.text(f"Data: {study.about['source']}, fingerprint {study.pack.fingerprint[:16]}.")
    page.tiles(facts(study, seeds, wanted))
    for note in notes(cells, tried, seeds, wanted):
        page.text(note, kind="note")
    page.heading("Results")
    page.text(how(study, cells, seeds))
    results(page, cells)
    if own := own_metrics(study.pack):
        own_results(page, cells, own)
    page.heading("What each was given")
    page.text(
        "Width and batch follow the budget by one rule for all recipes; the best trial multiplies "
        "rates and width. The rates are those of each player, D and G where there are two, from "
        "the first to the last. CPU seconds are of the whole run, with previews, checkpoints and "
        "evaluations on the way; a dash marks a run that was interrupted and continued."
    )
    page.table(GIVEN, [given(name, found, best[name]) for name, found in cells.items()])
    if wanted:
        page.heading("All trials")
        page.text(
            f"{len(wanted)} for each recipe, each with the whole budget, from seed {tuning.SEED}, "
            "which is not reported. The lowest Frechet distance was taken."
        )
        page.table(TRIED, [row for name in recipes for row in trial_rows(tried[name], best[name])])
    page.heading("What they draw")
    page.text(f"Samples of seed {seeds[0]}, also in the folder grids.")
    page.cards([(name, grids.get(name), card(cells[name])) for name in recipes])
    replace(study.folder / "report.json", as_json(as_data(study, cells, tried, best)))
    return page.write(study.folder)


# Words


def verdict(cells: Cells) -> str:
    """Which recipe is nearest to the data, and from which others that has been told apart."""
    scores = {name: values(found, tuning.BY) for name, found in cells.items()}
    scores = {name: found for name, found in scores.items() if found}
    if not scores:
        return "No recipe could be measured."
    order = sorted(scores, key=lambda name: statistics.median(scores[name]))
    first = order[0]
    text = f"{first} has the lowest Frechet distance, {spread(scores[first])}"
    if (real := real_of(cells).get(tuning.BY)) is not None:
        text += f", where real images have {shown(real)}"
    if len(order) == 1:
        return f"{text}."
    if min(len(found) for found in scores.values()) < 2:
        return f"{text}; with one seed nothing is told apart."
    near = [name for name in order[1:] if min(scores[name]) <= max(scores[first])]
    if not near:
        return (
            f"{text}: every seed of it is lower than every seed of the others. Of recipes that are "
            f"equal one would be so in {100 * by_chance(scores):.2g} % of studies like this."
        )
    return (
        f"{text}. It has not been told apart from {listed(near)}, some of whose seeds are as low"
        + "; every seed of the others is higher" * (len(near) < len(order) - 1)
        + "."
    )


def by_chance(scores: Mapping[str, Sequence[float]]) -> float:
    """How often all seeds of some recipe are lower than all others', where recipes are equal."""
    whole = sum(map(len, scores.values()))
    return min(sum(1 / math.comb(whole, len(found)) for found in scores.values()), 1.0)


def listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def facts(study: Study, seeds: Sequence[int], wanted: Sequence[Trial]) -> list[tuple[str, str]]:
    about, pack = study.about, study.pack
    sides = size_of(pack)
    return [
        ("images", f"{len(pack):,}" + (f" of {sides[1]}x{sides[0]}" if sides else "")),
        ("CPU minutes for each run", f"{about['minutes']:g}"),
        ("seeds", f"{len(seeds)} ({listed([str(seed) for seed in seeds])})"),
        ("trials for each recipe", str(len(wanted))),
        ("samples measured", f"{about['count']:,}"),
    ]


def notes(cells: Cells, tried: Cells, seeds: Sequence[int], wanted: Sequence[Trial]) -> list[str]:
    """What to know before believing the rest."""
    found = []
    if not wanted:
        found.append(
            "No recipe was tuned: each has the rates that it has for this budget. --tune 3 tries "
            "three rates for each."
        )
    if len(seeds) < 3:
        found.append("Fewer than three seeds say little.")
    if len({c["protocol"] for rows in cells.values() for c in rows if "protocol" in c}) > 1:
        found.append(
            "The runs were measured under different protocols, so their numbers cannot be "
            "compared. --measure-again measures all of them alike."
        )
    worth = (cell.get("extractor_warning") for rows in cells.values() for cell in rows)
    found += [f"{text[:1].upper()}{text[1:]}" for text in dict.fromkeys(filter(None, worth))]
    if (change := unsteady(cells, tried)) > STEADY:
        found.append(
            f"The speed was not steady: the same steps took up to {change:.2f} times the CPU "
            "time in some runs, so that some recipes and trials saw fewer images than others. "
            "Distrust small differences; on a quiet machine the comparison is fairer."
        )
    return found


def unsteady(*parts: Cells) -> float:
    """The most that CPU time for an image differs between runs of one recipe and width."""
    speeds: dict[tuple[str, float], list[float]] = {}
    for cell in (cell for part in parts for rows in part.values() for cell in rows):
        if cell.get("seconds"):
            key = (cell["recipe"], cell["width"])
            speeds.setdefault(key, []).append(cell["images"] / cell["seconds"])
    return max((max(found) / min(found) for found in speeds.values()), default=1.0)


def how(study: Study, cells: Cells, seeds: Sequence[int]) -> str:
    protocols = {c["protocol"] for rows in cells.values() for c in rows if "protocol" in c}
    many = "The median of the seeds, and in brackets "
    many += "95 % intervals over seeds" if len(seeds) >= FEW else "each seed"
    text = f"{many}. Protocol: {'; '.join(sorted(protocols)) or 'none'}. "
    text += "Kernel and Frechet distance: less is better. Precision, recall and coverage: "
    text += (
        "more is better, up to what real images have. Density and diversity: 1 matches the data. "
    )
    if real_of(cells):
        text += "The row of real images has what other images of the data get in the same way. "
    return text + (
        "Distance ratio and copies are about memorisation: well below 1, or above the row of real "
        "images, samples lie nearer to training images than these to each other; a dash where too "
        "few of the images were compared to tell."
    )


# Tables


def results(page: Page, cells: Cells) -> None:
    """The two figures to see first, which fit a phone, then all of them."""
    real = real_of(cells)
    for metrics in (("frechet", "coverage"), (*METRICS, *MEMORY)):
        rows = [(name, *(figure(found, metric) for metric in metrics)) for name, found in
                cells.items()]  # fmt: skip
        if real:
            rows.append(("real images", *(shown_real(real.get(metric)) for metric in metrics)))
        page.table(("recipe", *(HEADS.get(metric, metric) for metric in metrics)), rows)


def own_results(page: Page, cells: Cells, metrics: Sequence[Metric]) -> None:
    """What is measured of this kind of sample alone, a row each."""
    flat = {name: [cell.get("own") or {} for cell in found] for name, found in cells.items()}
    there = [m for m in metrics if any(m.name in c for found in flat.values() for c in found)]
    real = real_of(cells)
    rows = [
        (
            m.words,
            *(figure(found, m.name) for found in flat.values()),
            shown_real(real.get(m.name)),
            BEST[str(m.best)],
        )
        for m in there
    ]
    if rows:
        page.table(("of these samples", *flat, "real data", ""), rows)


def figure(cells: Sequence[Cell], metric: str) -> str:
    found = values(cells, metric)
    lost = sum("diverged" in cell for cell in cells)
    text = spread(found, metric) if found else "-"
    return text + f", {lost} diverged" * (lost > 0)


def spread(found: Sequence[float], metric: str = tuning.BY) -> str:
    """The median; with it each of a few values, or an interval that stays in the metric's range."""
    text = shown(statistics.median(found))
    if len(found) < 2:
        return text
    if len(found) < FEW or equal(found):  # an interval of no width would be a false certainty
        return f"{text} ({', '.join(shown(value) for value in found)})"
    interval = ranged_interval(found, *RANGES.get(metric, (-math.inf, math.inf)))
    return f"{text} ({shown(interval.low)} to {shown(interval.high)})"


def values(cells: Sequence[Cell], metric: str) -> list[float]:
    return [cell[metric] for cell in cells if isinstance(cell.get(metric), int | float)]


def real_of(cells: Cells) -> dict[str, Any]:
    """What real images have against real ones, where the evaluation says it."""
    every = (cell.get("real") for rows in cells.values() for cell in rows)
    return next((real for real in every if isinstance(real, dict)), {})


def shown_real(value: Any) -> str:
    return shown(value) if isinstance(value, int | float) else "-"


GIVEN = (
    "recipe",
    "width",
    "batch",
    "rates",
    "trial",
    "steps",
    "images",
    "CPU s",
    "parameters of G",
)
TRIED = ("recipe", "rates", "width", "Frechet distance", "coverage", "steps", "images", "CPU s", "")


def given(name: str, cells: Sequence[Cell], trial: Trial) -> tuple[str, ...]:
    whole = [cell for cell in cells if "parameters" in cell]
    if not whole:
        return (name, *["-"] * 3, str(trial), "diverged", *["-"] * 3)
    one = whole[0]
    return (
        name,
        width_of(one),
        str(one["batch"]),
        rates_of(one),
        str(trial),
        *took(whole),
        f"{one['parameters']:,}",
    )


def took(cells: Sequence[Cell]) -> tuple[str, str, str]:
    """Steps, images and CPU seconds, from the least to the most."""
    return (
        reach([c["steps"] for c in cells if c.get("steps")]),
        reach([c["images"] for c in cells]),
        reach([round(c["seconds"]) for c in cells if c.get("seconds")]),
    )


def reach(found: Sequence[int]) -> str:
    if not found:
        return "-"
    low, high = f"{min(found):,}", f"{max(found):,}"
    return low if low == high else f"{low} to {high}"


def width_of(cell: Cell) -> str:
    """Width of each network, once where all are equal."""
    each = [
        "-".join(map(str, width)) if isinstance(width, list) else str(width)
        for width in cell["widths"].values()
        if width
    ]
    return "; ".join(dict.fromkeys(each)) or "-"


def rates_of(cell: Cell) -> str:
    return "; ".join(
        f"{SHORT.get(player, player)} {start:g}" + f" to {end:g}" * (end != start)
        for player, (start, end) in cell["rates"].items()
    )


def trial_rows(cells: Sequence[Cell], best: Trial) -> list[tuple[str, ...]]:
    return [
        (
            cell["recipe"],
            f"x{cell['rate']:g}",
            f"x{cell['width']:g}",
            "diverged" if "diverged" in cell else shown(cell.get("frechet")),
            shown(cell.get("coverage")),
            *took([cell]),
            "taken" if (cell["rate"], cell["width"]) == best else "",
        )
        for cell in cells
    ]


def card(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """A recipe's facts for a narrow window."""
    whole = [cell for cell in cells if "parameters" in cell]
    if not whole:
        return [("diverged", "with every seed")]
    steps, images, seconds = took(whole)
    shown_facts = [(HEADS.get(m, m), figure(cells, m)) for m in ("frechet", "recall", "coverage")]
    return [
        *shown_facts,
        ("width, batch", f"{width_of(whole[0])}, {whole[0]['batch']}"),
        ("rates", rates_of(whole[0])),
        ("steps, images", f"{steps}, {images}"),
        ("CPU s", seconds),
    ]


# Images


def drawn(study: Study, cells: Cells, seed: int, best: Mapping[str, Trial]) -> dict[str, Html]:
    """Samples of each recipe's first seed for the page, which are also saved."""
    found = {}
    for name, rows in cells.items():
        if "protocol" not in rows[0]:
            continue
        model = load_own(study.place(name, seed, best[name]))
        place = study.folder / "grids" / f"{name.rpartition(':')[2]}{model.modality.sheet_suffix}"
        labels, columns = asked_of(model)
        samples = model.store(model.sample(len(labels) or 64, labels=labels or None))
        mark = of_model(
            model,
            seed=0,
            indices=marks.ranges(range(len(samples))),
            labels=list(dict.fromkeys(labels)) or None,
        )
        with marks.marking(place, mark) as hidden:
            model.modality.sheet(samples, columns, hidden, model.spec)
        found[name] = Html(model.modality.html(place, name, side=SIDE, most=BYTES) or "")
    return found


def asked_of(model: Model) -> tuple[list[str], int]:
    """Labels, six of each of at most ten classes, and how many samples to a row."""
    labels = [name for name in model.classes[:10] for _ in range(6)]
    return labels, 6 if labels else 8


# For programs


def as_data(study: Study, cells: Cells, tried: Cells, best: Mapping[str, Trial]) -> dict[str, Any]:
    """All of it: settings, every run and every trial with its numbers."""
    return {
        "about": study.about,
        "tuning_seed": tuning.SEED,
        "best": {name: trial._asdict() for name, trial in best.items()},
        "runs": [cell for rows in cells.values() for cell in rows],
        "trials": [cell for rows in tried.values() for cell in rows],
        "real": real_of(cells),
    }
