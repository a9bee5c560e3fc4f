"""Accuracies of mixtures, and what their differences say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ganzfeld.studies.statistics import Interval, equal, holm, ranged_interval, t_interval, t_test

REAL, MOVED = "real", "real + moves"
REAL_ALONE = "real alone"  # what a table calls the first


def verdicts(
    scores: Mapping[int, dict[str, list[float]]], names: Sequence[str]
) -> dict[int, list[str]]:
    """Plain sentences for each number of real images: what synthetic ones add.

    To real images, with and without moves; corrected for all comparisons together.
    """
    asked = [
        (count, arm, base)
        for count in scores
        for arm in names[2:]
        for base in ((MOVED,) if "moves" in arm else (REAL, MOVED))
    ]
    ours = [pairs(scores[count][arm], scores[count][base]) for count, arm, base in asked]
    found: dict[int, list[str]] = {count: [] for count in scores}
    for (count, arm, base), values, p in zip(
        asked, ours, holm(list(map(t_test, ours))), strict=True
    ):
        found[count].append(sentence(arm, base, t_interval(values), p))
    return found


def sentence(arm: str, base: str, found: Interval, p: float) -> str:
    """p: corrected for all comparisons."""
    if found.n < 3:
        few = "one seed" if found.n == 1 else "two seeds"
        return f"{arm} against {base}: {few} cannot tell ({signed(found)} points)."
    kind = "no gain: the difference may be chance"
    if p < 0.05:
        kind = "a gain" if found.mean > 0 else "a loss"
    return f"{arm} against {base}: {kind} ({signed(found)} points, P {p:.2g})."


def pairs(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Differences seed by seed, in points of percentage."""
    return [100 * (a - b) for a, b in zip(ours, theirs, strict=True)]


def difference(scores: dict[str, list[float]], arm: str, base: str) -> str:
    return "" if arm == base else signed(t_interval(pairs(scores[arm], scores[base])))


def accuracy(values: Sequence[float]) -> str:
    """The mean, in %, and from three seeds on an interval that stays between 0 and 100."""
    text = f"{100 * sum(values) / len(values):.2f}"
    if len(values) < 3:
        return text
    if equal(values):  # an interval of no width would be a false certainty
        return f"{text} (each)"
    found = ranged_interval(values, 0.0, 1.0)
    return f"{text} ({100 * found.low:.2f} to {100 * found.high:.2f})"


def signed(found: Interval) -> str:
    text = f"{found.mean:+.2f}"
    if found.n < 3:
        return text
    if equal((found.low, found.high)):
        return f"{text} (each)"
    return f"{text} ({found.low:+.2f} to {found.high:+.2f})"
