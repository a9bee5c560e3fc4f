"""What an evaluation says of series: memory, spectra, forecasts, and whether trees tell them apart.

All errors are of as many samples as one half of the data has, beside the same of the other half.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.data.series_sets import SETS
from ganzfeld.metrics import series_conditions
from ganzfeld.metrics import series_metrics as metrics
from ganzfeld.metrics.family import Family, Metric, Sets, with_floor
from ganzfeld.modalities import modality_of

FEWEST = 20  # series of either side, below which nothing is said
HALF = 1_000  # series of each half of the data
SHOWN = 40  # lags of a curve in the report

Floats = NDArray[np.float64]
Pair = tuple[NDArray[Any], NDArray[Any]]


def enough(sets: Sets) -> bool:
    if sets.samples is None or sets.data_samples is None or sets.spec is None:
        return False
    if sets.spec.shape[-1] < 4:
        return False
    return min(len(sets.samples), len(sets.data_samples) // 2) >= FEWEST


def halves(sets: Sets) -> Pair:
    """Two halves of the data, of one size: by chance, or the first and the second in time where
    windows share steps, with no step in both."""
    assert sets.data_samples is not None and sets.spec is not None
    pack, where = sets.everything, modality_of(sets.spec).in_time(sets.spec)
    columns = getattr(pack, "columns", {})
    if where is None or where[0] not in columns:
        count = min(len(sets.data_samples) // 2, HALF)
        return sets.data_samples[:count], sets.data_samples[count : 2 * count]
    name, length = where
    begins = columns[name].rows(np.arange(len(pack))).astype(np.int64)
    order = np.argsort(begins, kind="stable")
    first, second = order[: len(order) // 2], order[len(order) // 2 :]
    first = first[begins[first] + length <= begins[second[0]]]
    count = min(len(first), len(second), HALF)
    if count < FEWEST:
        return sets.data_samples[:0], sets.data_samples[:0]
    parts = [part[np.linspace(0, len(part) - 1, count).astype(int)] for part in (first, second)]
    return pack.rows(parts[0])["x"], pack.rows(parts[1])["x"]


def compared(sets: Sets) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]] | None:
    """(data, as many samples, two halves of the data of that size); None where these are few."""
    if not enough(sets):
        return None
    assert sets.samples is not None and sets.data_samples is not None
    first, second = halves(sets)
    count = min(len(first), len(sets.samples))
    if count < FEWEST:
        return None
    return sets.data_samples[:count], sets.samples[:count], first[:count], second[:count]


def distributions(sets: Sets) -> dict[str, Any]:
    """Values, memory and spectra of both sides, their errors and the floors of these."""
    found = compared(sets)
    if found is None:
        return {}
    data, made, first, second = found
    own, floor = metrics.errors(data, made), metrics.errors(first, second)
    result: dict[str, Any] = {f"series_{name}": value for name, value in own.items()}
    result |= {f"series_{name}_floor": value for name, value in floor.items()}
    assert sets.spec is not None and sets.samples is not None and sets.data_samples is not None
    lags = min(data.shape[2] // 2, SHOWN)
    for end, x in (("", sets.samples), ("_of_data", sets.data_samples)):
        squares = metrics.standardised(x) ** 2
        result[f"series_memory{end}"] = metrics.autocorrelation(x, lags).tolist()
        result[f"series_memory_of_squares{end}"] = metrics.autocorrelation(squares, lags).tolist()
        result[f"series_power{end}"] = metrics.spectrum(x)[:, :SHOWN].tolist()
    if sets.spec.extra.get("names"):
        result["series_channels"] = list(sets.spec.extra["names"])
    return result


def known_best(sets: Sets) -> float | None:
    """The error of the best forecast, of an embedded set that has it in closed form."""
    report = getattr(sets.everything, "report", {})
    one = SETS.get(str(report.get("source")))
    return one.best if report.get("kind") == "embedded" and one is not None else None


def forecasts(sets: Sets) -> dict[str, Any]:
    """The error one step on of a linear forecast that samples gave, and of one that data gave."""
    found = compared(sets)
    if found is None:
        return {}
    data, made, first, second = (metrics.standardised(x, found[0]) for x in found)
    past = min(4, data.shape[2] - 1)
    result = {
        "series_tstr": metrics.forecast(made, second, past),
        "series_trtr": metrics.forecast(first, second, past),
    }
    best = known_best(sets)
    return result if best is None else result | {"series_best": best}


def told_apart(sets: Sets) -> dict[str, Any]:
    """|accuracy - 1/2| of boosted trees, of samples and of two halves of the data."""
    found = compared(sets)
    if found is None:
        return {}
    data, made, first, second = found
    return {
        "series_told_apart": metrics.told_apart(data, made),
        "series_told_apart_floor": metrics.told_apart(first, second),
    }


def teach_and_test(sets: Sets) -> Pair:
    """Places among the data's samples: one half that teaches, and one that tests what it taught.

    Where windows share steps, the second half is later, with no step in both.
    """
    assert sets.data_samples is not None and sets.spec is not None
    count = len(sets.data_samples)
    where, columns = modality_of(sets.spec).in_time(sets.spec), sets.everything.columns
    if where is None or where[0] not in columns or sets.data_rows is None:
        return np.arange(count // 2), np.arange(count // 2, count)
    begins = columns[where[0]].rows(sets.data_rows[:count]).astype(np.int64)
    order = np.argsort(begins, kind="stable")
    teach, test = order[: count // 2], order[count // 2 :]
    return teach[begins[teach] + where[1] <= begins[test[0]]], test


def conditions(sets: Sets) -> dict[str, Any]:
    """Whether samples have the class and the numbers that they were asked for."""
    if not enough(sets) or sets.everything is None:
        return {}
    assert sets.samples is not None and sets.data_samples is not None
    teach, test = teach_and_test(sets)
    if min(len(teach), len(test)) < FEWEST:
        return {}
    found: dict[str, Any] = {}
    for measure, asked, given in (
        (series_conditions.classes_shown, sets.wanted, sets.data_labels),
        (series_conditions.numbers_shown, sets.numbers, sets.data_numbers),
    ):
        if asked is not None and given is not None:
            count = min(len(sets.samples), len(asked))
            parts = [(sets.data_samples[part], given[part]) for part in (teach, test)]
            found |= measure(sets.samples[:count], asked[:count], *parts)
    return found


NEEDED = "needs series of four steps or more, twenty on one side and forty on the other"

ASKED = "needs series whose classes or numbers are known: a model that was conditioned on some"

FAMILIES: dict[str, Family] = {
    name: Family(measure, needs, modality="series", keeps=True)
    for name, measure, needs in (
        ("series_distributions", distributions, NEEDED),
        ("series_forecast", forecasts, NEEDED),
        ("series_told_apart", told_apart, NEEDED),
        ("series_conditions", conditions, ASKED),
    )
}

HALVES = "the same of two halves of the data"
OWN = "the same of the data's own"
ERRORS = {  # title and meaning
    "marginal": ("W1 of values", "mean W1 distance of values, in deviations of the data"),
    "autocorrelation": (
        "autocorrelation",
        "mean error of the autocorrelation, lags to half of a series",
    ),
    "squares": (
        "autocorrelation of squares",
        "the same of squares: whether sizes cluster",
    ),
    "spectrum": ("TV of spectra", "TV distance of the shares of frequencies in the power"),
    "cross_correlation": (
        "cross-correlation",
        "mean error of correlations of channels at all lags",
    ),
}

TABLE = (
    *(
        metric
        for name, (title, meaning) in ERRORS.items()
        for metric in with_floor(
            Metric(f"series_{name}", "series_distributions", meaning, "min", title), HALVES
        )
    ),
    Metric(
        "series_tstr",
        "series_forecast",
        "error one step on, learned from samples",
        "min",
        "forecast from samples",
    ),
    Metric(
        "series_trtr", "series_forecast", "the same learned from data", None, "forecast from data"
    ),
    Metric(
        "series_best",
        "series_forecast",
        "the same of the best forecast there is",
        None,
        "best forecast",
    ),
    *with_floor(
        Metric(
            "series_told_apart",
            "series_told_apart",
            "|accuracy - 1/2| of trees",
            "min",
            "told apart",
            said="told from the data by trees (0 never, 0.5 always)",
        ),
        HALVES,
    ),
    Metric(
        "series_class",
        "series_conditions",
        "share that show the requested class",
        "max",
        "class agreement",
    ),
    Metric("series_class_of_data", "series_conditions", OWN, None, "class agreement of data"),
    Metric(
        "series_class_by_chance",
        "series_conditions",
        "of the commonest class always",
        None,
        "class agreement by chance",
    ),
    *with_floor(
        Metric(
            "series_asked",
            "series_conditions",
            "error of the numbers asked for, scaled",
            "min",
            "error of conditions",
        ),
        OWN,
    ),
    *with_floor(
        Metric(
            "series_bias",
            "series_conditions",
            "mean error of the numbers asked for",
            "min",
            "bias of conditions",
        ),
        OWN,
    ),
)
