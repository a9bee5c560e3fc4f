"""Numbers of models that translate, as `translation_evaluation` finds them, by name."""

from __future__ import annotations

from ganzfeld.metrics.family import Family, Metric

FAMILIES = {
    "translations": Family(
        lambda sets: {}, "is for models that translate", usual=False, modality="translations"
    ),
}
TABLE = (
    Metric("error_ab", "translations", "from the true counterpart", "min", "error from a to b"),
    Metric("error_ba", "translations", "from the true counterpart", "min", "error from b to a"),
    Metric(
        "baseline_identity",
        "translations",
        "what giving the input back is worth",
        None,
        "error of the input itself",
    ),
    Metric(
        "baseline_mean_b",
        "translations",
        "what the mean sample is worth, a to b",
        None,
        "error of the mean of b",
    ),
    Metric(
        "baseline_mean_a",
        "translations",
        "what the mean sample is worth, b to a",
        None,
        "error of the mean of a",
    ),
    Metric(
        "cycle_error_a",
        "translations",
        "from the input; a wrong translation may have none",
        None,
        "error from a and back",
    ),
    Metric(
        "cycle_error_b",
        "translations",
        "from the input; a wrong translation may have none",
        None,
        "error from b and back",
    ),
)
