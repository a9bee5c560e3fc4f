"""Numbers of models that caption images, as `caption_evaluation` finds them, by name."""

from __future__ import annotations

from ganzfeld.metrics.family import Family, Metric

FAMILIES = {
    "captions": Family(
        lambda sets: {}, "is for models that caption images", usual=False, modality="captions"
    ),
}
TABLE = (
    Metric("f1", "captions", "of what captions say and should say", "max", "F1 score"),
    Metric(
        "f1_new",
        "captions",
        "the same on combinations that training never shows",
        "max",
        "F1 score, new combinations",
    ),
    Metric(
        "precision_said",
        "captions",
        "share that is right of all that is said",
        "max",
        "precision of captions",
    ),
    Metric(
        "grammatical",
        "captions",
        "share of the captions that the grammar makes",
        "max",
        "grammatical captions",
    ),
    Metric("wording", "captions", "chi-square of the wordings, a degree of freedom", "one"),
    Metric("vocabulary", "captions", "different words", None),
    Metric(
        "r_precision",
        "captions",
        "share of captions likeliest for their image of 100",
        "max",
        "R-precision",
    ),
)
