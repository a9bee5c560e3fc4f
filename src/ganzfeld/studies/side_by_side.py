"""Write the report of a study of families: report.html, report.md and report.json."""

from __future__ import annotations

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
from ganzfeld.studies.findings import (
    Cells,
    figure,
    how,
    notes,
    real_of,
    shown_real,
    verdict,
)
from ganzfeld.studies.ledger import Cell
from ganzfeld.studies.page import BYTES, SIDE, Page
from ganzfeld.studies.tuning import Trial

HEADS = {
    "kernel": "kernel distance",
    "frechet": "Frechet distance",
    "memorisation": "distance ratio",
    "memorisation_copies": "copies",
}
SHORT = {"discriminator": "D", "generator": "G"}


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


def facts(study: Study, seeds: Sequence[int], wanted: Sequence[Trial]) -> list[tuple[str, str]]:
    about, pack = study.about, study.pack
    sides = size_of(pack)
    return [
        ("images", f"{len(pack):,}" + (f" of {sides[1]}x{sides[0]}" if sides else "")),
        ("CPU minutes for each run", f"{about['minutes']:g}"),
        ("seeds", f"{len(seeds)} ({', '.join(map(str, seeds))})"),
        ("trials for each recipe", str(len(wanted))),
        ("samples measured", f"{about['count']:,}"),
    ]


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
