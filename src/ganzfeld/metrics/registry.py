"""All metrics by name, computed from two sets of features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ganzfeld import metrics
from ganzfeld.errors import UsageError, did_you_mean
from ganzfeld.metrics import caption_family, field_family, lines, series_family, table_family
from ganzfeld.metrics import translation_family as translations
from ganzfeld.metrics.audio_metrics import sound
from ganzfeld.metrics.family import BIASED as BIASED
from ganzfeld.metrics.family import PIXEL_COUNT as PIXEL_COUNT
from ganzfeld.metrics.family import Family as Family
from ganzfeld.metrics.family import Labels as Labels
from ganzfeld.metrics.family import Measure as Measure
from ganzfeld.metrics.family import Metric as Metric
from ganzfeld.metrics.family import Sets as Sets
from ganzfeld.metrics.family import Thumbnails as Thumbnails
from ganzfeld.metrics.features import Features
from ganzfeld.metrics.kernel import Estimate
from ganzfeld.metrics.labels import class_shares
from ganzfeld.metrics.overfitting import overfitting as overfitting_of
from ganzfeld.metrics.registered import memorisation_of_prints
from ganzfeld.modalities import modality_of

# Each gives what it finds, or nothing where it does not apply


def frechet(sets: Sets) -> dict[str, Any]:
    """With disjoint parts of the generated images where there are enough for it."""
    found: dict[str, Any] = {}
    if sets.intervals:
        there = metrics.frechet_estimate(sets.generated, sets.data)
        found |= {"frechet": there.value, "frechet_interval": list(there.interval)}
    else:
        found["frechet"] = metrics.frechet_distance(sets.generated, sets.data)
    found["frechet_biased"] = min(len(sets.generated), len(sets.data)) < BIASED
    if sets.intervals and (parts := len(sets.generated) // BIASED) > 1:
        cut = (sets.generated[i * BIASED : (i + 1) * BIASED] for i in range(parts))
        found["frechet_parts"] = [metrics.frechet_distance(part, sets.data) for part in cut]
    return found


def frechet_infinite(sets: Sets) -> dict[str, Any]:
    return {"frechet_infinite": metrics.frechet_infinite(sets.generated, sets.data)}


def kernel_of(
    extractor: str, generated: Features, data: Features, *, test: bool = True
) -> Estimate:
    """The kernel distance that an extractor's features are measured by.

    KID's cubic kernel for Inception. For others a Gaussian one of scaled features: theirs are
    small or of very unequal scales, where the cubic kernel sees little but means.
    """
    measure = metrics.kernel_distance if extractor == "inception" else metrics.scaled_mmd
    return measure(generated, data, test=test)


def kernel_words(extractor: str) -> str:
    """The kernel, as a protocol names it."""
    return "(x.y / D + 1)^3" if extractor == "inception" else "Gaussian, scaled features"


def kernel(sets: Sets) -> dict[str, Any]:
    found = kernel_of(sets.extractor.name, sets.generated, sets.data, test=sets.intervals)
    return told("kernel", found) if sets.intervals else {"kernel": found.value}


def told(name: str, found: Estimate) -> dict[str, Any]:
    return {name: found.value, f"{name}_interval": list(found.interval), f"{name}_p": found.p}


def geometry(sets: Sets) -> dict[str, Any]:
    """Precision, recall, density and coverage, from one pass."""
    there = metrics.manifolds(sets.generated, sets.data)
    found: dict[str, Any] = {"data_repeated": there.repeated}
    for name in ("precision", "recall", "density", "coverage"):
        measured = getattr(there, name)
        found[name] = measured.value
        if sets.intervals:
            found[f"{name}_interval"] = list(measured.interval)
    return found


def mmd(sets: Sets) -> dict[str, Any]:
    few = sets.generated[:PIXEL_COUNT], sets.data[:PIXEL_COUNT]
    features = metrics.mmd(*few, test=sets.intervals)
    pixels = metrics.mmd(sets.generated_pixels, sets.data_pixels, test=sets.intervals)
    if not sets.intervals:
        return {"mmd_features": features.value, "mmd_pixels": pixels.value}
    return told("mmd_features", features) | told("mmd_pixels", pixels)


def diversity(sets: Sets) -> dict[str, Any]:
    return {"diversity": metrics.diversity(sets.generated, sets.data)}


def memorisation(sets: Sets) -> dict[str, Any]:
    """Pairs are (number of the sample or row of the images, row of the data, distance).

    Nothing is said where the originals of most copies would not be among the rows.
    """
    here = sets.thumbnails
    if here is None:
        return {}
    fitting = modality_of(sets.spec).fitting() if sets.spec is not None else None
    if fitting is not None:
        found = memorisation_of_prints(fitting, here.generated, here.data, here.fresh)
    else:
        found = metrics.memorisation(
            here.generated,
            here.data,
            here.fresh,
            variants=here.variants,
            fresh_variants=here.fresh_variants,
            repeated=here.repeated,
        )
    enough = 2 * len(here.rows) > here.whole
    return {
        "memorisation": found.ratio if enough else None,
        "memorisation_copies": found.copies if enough else None,
        "memorisation_copies_of_fresh": found.copies_of_fresh,
        "memorisation_found": found.warning,
        "memorisation_of": here.whole,
        "memorisation_seen": len(here.rows),
        "memorisation_pairs": [
            [int(here.numbers[i]), int(here.rows[j]), d] for i, j, d in found.pairs
        ],
    }


def overfitting(sets: Sets) -> dict[str, Any]:
    return {} if sets.held_out is None else overfitting_of(sets.generated, sets.data, sets.held_out)


def score(sets: Sets) -> dict[str, Any]:
    """Inception's over ten parts, as papers give it; that of the data's own classes over all."""
    if sets.extractor.head is None:
        return {}
    ours, theirs = (sets.extractor.logits(x) for x in (sets.generated, sets.data))
    if sets.extractor.name != "inception":
        return {"domain_score": metrics.score(ours), "domain_score_of_data": metrics.score(theirs)}
    one, other = metrics.split_score(ours), metrics.split_score(theirs)
    return {
        "inception_score": one.mean,
        "inception_score_deviation": one.deviation,
        "inception_score_of_data": other.mean,
        "inception_score_of_data_deviation": other.deviation,
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
        most = np.unique(sets.wanted, return_counts=True)[1].max()
        found["class_agreement_by_chance"] = float(most / len(predicted))
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


FAMILIES: dict[str, Family] = {
    "kernel": Family(kernel, also=("kid",)),
    "frechet": Family(frechet, also=("fid",)),
    "frechet_infinite": Family(frechet_infinite, also=("fid_infinite",), usual=False),
    "geometry": Family(geometry, also=("precision_recall", "density_coverage")),
    "mmd": Family(mmd),
    "diversity": Family(diversity),
    "memorisation": Family(memorisation),
    "overfitting": Family(overfitting, "needs held-out data: --held-out with 16 images or more"),
    "score": Family(
        score, "needs logits: use the domain extractor, or an inception file with its last layer"
    ),
    "classes": Family(classes, "needs the domain extractor, a classifier of the data's labels"),
    "intra_class": Family(
        intra_class, "needs labels of the data, and of the images or the domain extractor"
    ),
    **lines.FAMILIES,
    **caption_family.FAMILIES,
    **translations.FAMILIES,
    **field_family.FAMILIES,
    **series_family.FAMILIES,
    "table": Family(table_family.measure, "needs rows of a table", modality="table", keeps=True),
    "sound": Family(sound, "is for sounds", modality="audio", keeps=True),
}


TABLE = (
    Metric("kernel", "kernel", "between all images; unbiased", "min", "kernel distance", True),
    Metric("frechet", "frechet", "between Gaussians of both", "min", "Frechet distance", True),
    Metric(
        "frechet_infinite",
        "frechet_infinite",
        "the same, extrapolated to infinitely many images",
        "min",
        "Frechet distance, infinite",
    ),
    Metric("precision", "geometry", "share of the images among the data", "max", interval=True),
    Metric("recall", "geometry", "share of the data among the images", "max", interval=True),
    Metric("density", "geometry", "how deep among the data they lie", "one", interval=True),
    Metric("coverage", "geometry", "share of the data that has images near", "max", interval=True),
    Metric("diversity", "diversity", "distances between images, over those of data", "one"),
    Metric("memorisation", "memorisation", "distance to the data, over that of fresh data", "one"),
    Metric("memorisation_copies", "memorisation", "share that are copies or near copies", None),
    Metric(
        "frechet_held_out",
        "overfitting",
        "Frechet distance to held-out images",
        None,
        "Frechet distance, held out",
    ),
    Metric(
        "frechet_training",
        "overfitting",
        "the same to as many training images",
        None,
        "Frechet distance, training",
    ),
    Metric(
        "mmd_features",
        "mmd",
        "kernel distance, Gaussian, of features",
        "min",
        "MMD of features",
        interval=True,
    ),
    Metric("mmd_pixels", "mmd", "the same of pixels", "min", "MMD of pixels", True),
    Metric("inception_score", "score", "sharpness and variety, mean of ten parts", "max"),
    Metric("inception_score_of_data", "score", "the same of the data", None),
    Metric("domain_score", "score", "sharpness and variety of classes", "max"),
    Metric("domain_score_of_data", "score", "the same of the data", None),
    Metric("total_variation", "classes", "between the shares of classes; 1 is worst", "min"),
    Metric("class_agreement", "classes", "share that show the requested class", "max"),
    Metric("class_agreement_by_chance", "classes", "of the commonest class always", None),
    Metric(
        "heard",
        "sound",
        "share in which the listener hears the requested class",
        "max",
        "classes heard",
        said="share heard as the class asked for",
    ),
    Metric(
        "silent", "sound", "share of the sounds in which nothing is heard", "min", "silent sounds"
    ),
    Metric("silence", "sound", "share of a sound that is 40 dB below its loudest part", None),
    Metric("loudness", "sound", "root mean square, full scale 1", None),
    Metric(
        "intra_class_frechet",
        "intra_class",
        "mean Frechet distance within a class",
        "min",
        "Frechet distance within classes",
    ),
    *lines.TABLE,
    *caption_family.TABLE,
    *translations.TABLE,
    *field_family.TABLE,
    *series_family.TABLE,
    *table_family.TABLE,
)
BY_NAME = {metric.name: metric for metric in TABLE}
# Of numbers that training notes and no evaluation gives
NOTED = {
    "nats_a_word": "nats a word",
    "agreement": "agreement of captions",
}

ALSO: dict[str, str] = {metric.name: metric.family for metric in TABLE} | {
    other: name for name, family in FAMILIES.items() for other in (*family.also, name)
}


def choose_metrics(names: Sequence[str] | None, modality: str | None = None) -> list[str]:
    """Families by the names that people give; None: all that cost little.

    modality: of the samples; families of another kind are left out of all.
    """
    if names is None:
        return [
            name
            for name, family in FAMILIES.items()
            if family.usual and family.modality in (None, modality)
        ]
    for name in names:
        if name not in ALSO:
            raise UsageError(f"no metric is called {name!r}. {did_you_mean(name, ALSO)}")
    return list(dict.fromkeys(ALSO[name] for name in names))


def title_of(name: str) -> str:
    """What people call a number of an evaluation or of training, by its key in the results.

    Example::

        from ganzfeld.metrics.registry import title_of

        assert title_of("js_3") == "JS divergence of triples"
    """
    known = BY_NAME.get(name)
    return known.words if known else NOTED.get(name, name.replace("_", " "))


def results_of(name: str) -> tuple[str, ...]:
    """The results that a name stands for: itself, or all of its family."""
    if name in BY_NAME:
        return (name,)
    family = ALSO.get(name)
    return tuple(metric.name for metric in TABLE if metric.family == family)
