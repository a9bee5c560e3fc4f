"""What the runs of several recipes say side by side, in words and in figures over seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from ganzfeld.studies import tuning
from ganzfeld.studies.cells import Study, shown
from ganzfeld.studies.ledger import Cell
from ganzfeld.studies.statistics import equal, ranged_interval
from ganzfeld.studies.tuning import Trial

LEVEL = 1.15  # times: recipes whose CPU time differs by less had as good as the same
STEADY = 1.2  # times: CPU time of equal work that differs by less is usual
FEW = 4  # seeds from which an interval says more than the values themselves
RANGES = {  # what values there can be
    "frechet": (0.0, math.inf),
    "density": (0.0, math.inf),
    "diversity": (0.0, math.inf),
    "memorisation": (0.0, math.inf),
    **dict.fromkeys(("precision", "recall", "coverage", "memorisation_copies"), (0.0, 1.0)),
}
Cells = Mapping[str, list[Cell]]


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
    if unequal := unequal_time(cells):
        found.append(unequal)
    if (change := unsteady(cells, tried)) > STEADY:
        found.append(
            f"The speed was not steady: the same steps took up to {change:.2f} times the CPU "
            "time in some runs, so that some recipes and trials saw fewer images than others. "
            "Distrust small differences; on a quiet machine the comparison is fairer."
        )
    return found


def unequal_time(cells: Cells) -> str:
    """Who took the most CPU time and who the least, where that is no longer one budget."""
    took = {name: [cell["seconds"] for cell in rows if cell.get("seconds")] for name, rows in
            cells.items()}  # fmt: skip
    usual = {name: statistics.median(found) for name, found in took.items() if found}
    if len(usual) < 2:
        return ""
    most, least = max(usual, key=usual.__getitem__), min(usual, key=usual.__getitem__)
    if usual[most] <= LEVEL * usual[least]:
        return ""
    return (
        f"The recipes did not take equal time: {most} {shown(usual[most])} CPU seconds, {least} "
        f"{shown(usual[least])} (medians). A lead of whoever had more is in part that time."
    )


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
    many = f"Of seed {seeds[0]} alone" if len(seeds) == 1 else many
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


# Figures


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
