"""What is said under a curve: how much its samples tell, and what the evaluation at the end has."""

from __future__ import annotations

from ganzfeld.metrics.summary import figure
from ganzfeld.report import quality
from ganzfeld.report.record import Row

SHARES = frozenset({"precision", "recall", "coverage"})  # in [0, 1]
GROWING = SHARES | {"frechet", "density"}  # where neighbours are few and far, or means uncertain
FEW = 1_000  # samples of an evaluation


def chosen_number(chosen: Row) -> float | None:
    """The number that the chosen one was chosen by."""
    for candidate in chosen.get("candidates") or []:
        if all(candidate.get(k) == chosen.get(k) for k in ("images", "average")):
            value = candidate.get(str(chosen.get("by")))
            return value if isinstance(value, int | float) else None
    return None


def of_shipped(chosen: Row) -> str:
    """Its number, where curves are of another average of the same weights."""
    number = chosen_number(chosen)
    drawn = (chosen.get("candidates") or [{}])[0].get("average")
    if number is None or chosen.get("average") == drawn:
        return ""
    return (
        f"Points are of the {drawn} average: the {chosen['average']} average, which ships, "
        f"has {figure(number)}."
    )


def few(count: int, *, barred: bool) -> str:
    """What so many samples can tell."""
    text = f"{count:,} samples a point"
    if barred:
        return f"{text}: bars are 95 % intervals. All points share their latents."
    return f"{text}: a few per cent up or down may be chance." if count < FEW else f"{text}."


def at_the_end(name: str, result: Row, count: int) -> str:
    """What the final evaluation says beside a curve, whose samples are fewer, or others."""
    value, there = result.get(name), result.get("count")
    if name not in GROWING or not isinstance(there, int) or there < count or value is None:
        return ""
    real = quality.real_of(result, name)
    beside = "" if real is None else f" (real {figure(real)})"
    if there == count:
        return f"Of other samples at the end it is {figure(value)}{beside}."
    return f"Few samples can make it larger: of {there:,} at the end it is {figure(value)}{beside}."
