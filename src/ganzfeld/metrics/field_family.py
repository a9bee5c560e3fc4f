"""What an evaluation says of fields: observables, power spectra, a classifier, conditions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganzfeld.metrics.family import Family, Metric, Sets, with_floor
from ganzfeld.metrics.field_classifier import classifier_auc
from ganzfeld.metrics.field_conditions import follows, in_bins
from ganzfeld.metrics.field_observables import compare, deposits, observables, varying
from ganzfeld.metrics.field_power import radial_power
from ganzfeld.modalities.field import scaling

FEWEST = 20  # samples of either side, below which nothing is said
CLASSIFIED = 1_000  # samples of either side that the classifier sees
MIDDLE = 2  # shells at either end of a spectrum that its one number leaves out

Floats = NDArray[np.float64]


def extra_of(sets: Sets) -> dict[str, Any]:
    """The scaling of the data: that of the run, else found anew."""
    assert sets.spec is not None and sets.data_samples is not None
    if "scale" in sets.spec.extra or sets.spec.extra.get("scaling") == "none":
        return sets.spec.extra
    return sets.spec.extra | scaling.fit(sets.data_samples)


def enough(sets: Sets) -> bool:
    if sets.samples is None or sets.data_samples is None:
        return False
    return min(len(sets.samples), len(sets.data_samples)) >= FEWEST


def seen(x: NDArray[Any], extra: dict[str, Any]) -> dict[str, Floats]:
    """The observables that suit the data: of deposits where a network sees logarithms."""
    if extra.get("scaling") == "log":
        return deposits(x, np.asarray(extra["least"]) / 2)
    return observables(x)


def both(sets: Sets, extra: dict[str, Any]) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Observables of the samples and of the data: those that vary among the data."""
    assert sets.samples is not None and sets.data_samples is not None
    ours, theirs = seen(sets.samples, extra), seen(sets.data_samples, extra)
    level = float(np.sqrt(np.square(sets.data_samples, dtype=np.float64).mean()))
    names = varying(theirs, level)
    return {name: ours[name] for name in names}, {name: theirs[name] for name in names}


def distributions(sets: Sets) -> dict[str, Any]:
    """Each observable by Kolmogorov-Smirnov and Wasserstein distance, with their floors."""
    if not enough(sets):
        return {}
    found = compare(*both(sets, extra_of(sets)))
    if not found:
        return {}
    worst = max(found, key=lambda name: found[name].ks)
    return {
        "field_ks": found[worst].ks,
        "field_ks_floor": max(one.ks_floor for one in found.values()),
        "field_wasserstein": float(np.mean([one.wasserstein for one in found.values()])),
        "field_wasserstein_floor": float(
            np.mean([one.wasserstein_floor for one in found.values()])
        ),
        "field_worst": worst,
        "field_observables": {
            name: [one.ks, one.ks_floor, one.wasserstein, one.wasserstein_floor]
            for name, one in found.items()
        },
    }


def spectrum(sets: Sets) -> dict[str, Any]:
    """Mean power by the length of the wave vector, of both sides, and the largest error between."""
    if not enough(sets):
        return {}
    assert sets.samples is not None and sets.data_samples is not None
    ours, theirs = radial_power(sets.samples), radial_power(sets.data_samples)
    if theirs.shape[1] <= 2 * MIDDLE or not (theirs > 0).all():
        return {}
    ratio = (ours / theirs)[:, MIDDLE - 1 : -MIDDLE]
    return {
        "field_power": float(np.abs(ratio - 1).max()),
        "field_spectrum": ours.tolist(),
        "field_spectrum_of_data": theirs.tolist(),
    }


def told_apart(sets: Sets) -> dict[str, Any]:
    """How often a small network is right, see `field_classifier`."""
    if not enough(sets):
        return {}
    extra = extra_of(sets)
    pairs = []
    for stored, numbers in (
        (sets.samples, sets.numbers),
        (sets.data_samples, sets.data_numbers),
    ):
        assert stored is not None
        x = scaling.to_network(torch.from_numpy(np.array(stored[:CLASSIFIED])), extra)
        c = None if numbers is None else torch.from_numpy(np.array(numbers[:CLASSIFIED]))
        pairs.append((x, c))
    (ours, c), (theirs, c_real) = pairs
    found = classifier_auc(ours, theirs, c, c_real)
    return {"field_auc": found.value, "field_auc_error": found.error}


def conditions(sets: Sets) -> dict[str, Any]:
    """Whether samples have what they were asked for, as observables of the data tell it."""
    if not enough(sets) or sets.numbers is None or sets.data_numbers is None:
        return {}
    assert sets.samples is not None and sets.data_samples is not None
    extra = extra_of(sets)
    count = len(sets.samples), len(sets.data_samples)
    asked, given = sets.numbers[: count[0]], sets.data_numbers[: count[1]]
    ours, theirs = both(sets, extra)
    if not theirs:  # the data are all the same
        return {}
    found: dict[str, Any] = dict(follows(ours, asked, theirs, given))
    if "sum" in theirs and (theirs["sum"] > 0).all():
        found |= in_bins(ours["sum"], asked, theirs["sum"], given)
    return found


NEEDED = "needs fields, twenty or more on each side"

FAMILIES: dict[str, Family] = {
    "field_distributions": Family(distributions, NEEDED, modality="field", keeps=True),
    "field_spectrum": Family(spectrum, NEEDED, modality="field", keeps=True),
    "field_auc": Family(told_apart, NEEDED, modality="field", keeps=True),
    "field_conditions": Family(
        conditions,
        "needs fields whose numbers are known: a model that was conditioned on some",
        modality="field",
        keeps=True,
    ),
}

HALVES = "the same of two halves of the data"
OWN = "the same of the data's own"
TABLE = (
    *with_floor(
        Metric(
            "field_ks",
            "field_distributions",
            "largest KS distance of an observable",
            "min",
            "KS of observables",
            said="largest KS distance of an observable",
        ),
        HALVES,
    ),
    *with_floor(
        Metric(
            "field_wasserstein",
            "field_distributions",
            "mean W1 distance of observables, in deviations of the data",
            "min",
            "W1 of observables",
        ),
        HALVES,
    ),
    Metric(
        "field_power",
        "field_spectrum",
        "largest relative error of the mean power",
        "min",
        "error of the power spectrum",
    ),
    Metric(
        "field_auc",
        "field_auc",
        "of a network that tells them from data; 0.5: cannot",
        None,
        "AUC of a classifier",
    ),
    *with_floor(
        Metric(
            "field_asked",
            "field_conditions",
            "error of the numbers asked for, rms, scaled",
            "min",
            "error of conditions",
        ),
        OWN,
    ),
    *with_floor(
        Metric(
            "field_bias",
            "field_conditions",
            "mean error of the numbers asked for",
            "min",
            "bias of conditions",
        ),
        OWN,
    ),
    Metric(
        "field_response",
        "field_conditions",
        "largest error of the mean sum in 4 bins",
        "min",
        "response to conditions",
    ),
    Metric(
        "field_resolution",
        "field_conditions",
        "largest error of its deviation there",
        "min",
        "resolution of conditions",
    ),
)
