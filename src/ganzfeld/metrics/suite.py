"""Every metric by its name, over two sets of pictures whose features are there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld import metrics
from ganzfeld.errors import UsageError, did_you_mean
from ganzfeld.metrics.features import Extractor, Features
from ganzfeld.metrics.labels import class_shares
from ganzfeld.metrics.overfitting import overfitting as overfitting_of

BIASED = 5_000  # below it, the Frechet distance says more about N than about the pictures
PIXEL_COUNT = 2_000  # samples of the comparison of plain pixels

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Sets:
    """Both sides of a comparison, as features (N, D), small pixels (n, d) and labels.

    Both in random order. numbers: which samples or pictures the generated ones are. rows: which
    pictures of the data. wanted: the classes of the generated ones, where they are known.
    """

    extractor: Extractor
    generated: Features
    data: Features
    generated_pixels: Features
    data_pixels: Features
    classes: tuple[str, ...]
    numbers: Labels
    rows: Labels
    wanted: Labels | None
    data_labels: Labels | None
    held_out: Features | None
    whole: int  # pictures of the data in all


# Each gives what it finds, or nothing where it does not apply


def frechet(sets: Sets) -> dict[str, Any]:
    """With disjoint parts of the generated pictures where there are enough for it."""
    found: dict[str, Any] = {"frechet": metrics.frechet_distance(sets.generated, sets.data)}
    found["frechet_biased"] = min(len(sets.generated), len(sets.data)) < BIASED
    if (parts := len(sets.generated) // BIASED) > 1:
        cut = (sets.generated[i * BIASED : (i + 1) * BIASED] for i in range(parts))
        found["frechet_parts"] = [metrics.frechet_distance(part, sets.data) for part in cut]
    return found


def kernel(sets: Sets) -> dict[str, Any]:
    found = metrics.kernel_distance(sets.generated, sets.data)
    return {"kernel": found.value, "kernel_interval": list(found.interval)}


def precision_recall(sets: Sets) -> dict[str, Any]:
    return metrics.precision_recall(sets.generated, sets.data)._asdict()


def density_coverage(sets: Sets) -> dict[str, Any]:
    return metrics.density_coverage(sets.generated, sets.data)._asdict()


def mmd(sets: Sets) -> dict[str, Any]:
    features = metrics.mmd(sets.generated[:PIXEL_COUNT], sets.data[:PIXEL_COUNT])
    pixels = metrics.mmd(sets.generated_pixels, sets.data_pixels)
    return {
        "mmd_features": features.value,
        "mmd_features_interval": list(features.interval),
        "mmd_pixels": pixels.value,
        "mmd_pixels_interval": list(pixels.interval),
    }


def diversity(sets: Sets) -> dict[str, Any]:
    return {"diversity": metrics.diversity(sets.generated, sets.data)}


def memorisation(sets: Sets) -> dict[str, Any]:
    """Pairs are (number of the sample or row of the pictures, row of the data, distance).

    Nothing is said where the originals of most copies would not be among the rows.
    """
    found = metrics.memorisation(sets.generated, sets.data, sets.held_out)
    enough = 2 * len(sets.rows) > sets.whole
    return {
        "memorisation": found.ratio if enough else None,
        "memorisation_copies": found.copies if enough else None,
        "memorisation_of": sets.whole,
        "memorisation_pairs": [
            [int(sets.numbers[i]), int(sets.rows[j]), d] for i, j, d in found.pairs
        ],
    }


def overfitting(sets: Sets) -> dict[str, Any]:
    return {} if sets.held_out is None else overfitting_of(sets.generated, sets.data, sets.held_out)


def score(sets: Sets) -> dict[str, Any]:
    if sets.extractor.head is None:
        return {}
    name = "inception_score" if sets.extractor.name == "inception" else "domain_score"
    return {
        name: metrics.score(sets.extractor.logits(sets.generated)),
        f"{name}_of_data": metrics.score(sets.extractor.logits(sets.data)),
    }


def classes(sets: Sets) -> dict[str, Any]:
    """Both sides by the same classifier, so that its mistakes cancel."""
    if sets.extractor.name != "domain":
        return {}
    predicted = sets.extractor.logits(sets.generated).argmax(1)
    expected = sets.extractor.logits(sets.data).argmax(1)
    number = len(sets.classes)
    ours = class_shares(predicted, number)
    theirs = class_shares(expected, number)
    found: dict[str, Any] = {
        "total_variation": metrics.total_variation(ours, theirs),
        "class_shares": dict(zip(sets.classes, ours.tolist(), strict=True)),
        "class_shares_of_data": dict(zip(sets.classes, theirs.tolist(), strict=True)),
    }
    if sets.wanted is not None:
        found["class_agreement"] = float((predicted == sets.wanted).mean())
    return found


def intra_class(sets: Sets) -> dict[str, Any]:
    """By the classes that were asked for, else by those that the classifier sees."""
    if sets.data_labels is None:
        return {}
    own = sets.wanted
    if own is None and sets.extractor.name == "domain":
        own = sets.extractor.logits(sets.generated).argmax(1)
    if own is None:
        return {}
    by_number = metrics.intra_class_frechet(sets.generated, own, sets.data, sets.data_labels)
    by_name = {sets.classes[number]: value for number, value in by_number.items()}
    mean = float(np.mean(list(by_name.values()))) if by_name else math.nan
    return {
        "intra_class_frechet": mean,
        "intra_class_frechet_by_class": by_name,
        "intra_class_labels": "given" if sets.wanted is not None else "predicted",
    }


METRICS: dict[str, Callable[[Sets], dict[str, Any]]] = {
    "kernel": kernel,
    "frechet": frechet,
    "precision_recall": precision_recall,
    "density_coverage": density_coverage,
    "mmd": mmd,
    "diversity": diversity,
    "memorisation": memorisation,
    "overfitting": overfitting,
    "score": score,
    "classes": classes,
    "intra_class": intra_class,
}
ALSO = {
    "fid": "frechet",
    "kid": "kernel",
    "precision": "precision_recall",
    "recall": "precision_recall",
    "density": "density_coverage",
    "coverage": "density_coverage",
    "total_variation": "classes",
    "intra_class_frechet": "intra_class",
}
NEEDS = {
    "overfitting": "needs held-out data: --held-out with 16 images or more",
    "score": "needs logits: use the domain extractor, or an inception file with its last layer",
    "classes": "needs the domain extractor, a classifier of the data's labels",
    "intra_class": "needs labels of the data, and of the pictures or the domain extractor",
}


def choose_metrics(names: Sequence[str] | None) -> list[str]:
    if names is None:
        return list(METRICS)
    for name in names:
        if name not in METRICS and name not in ALSO:
            raise UsageError(
                f"no metric is called {name!r}. {did_you_mean(name, [*METRICS, *ALSO])}"
            )
    return list(dict.fromkeys(ALSO.get(name, name) for name in names))
