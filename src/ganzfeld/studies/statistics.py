"""The mean of a few seeds, with its 95 % confidence interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Two-sided 95 % points of Student's t for 1 to 30 degrees of freedom.
T95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % interval; the ends are infinite where one seed says nothing of it."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def verdict(self) -> str:
        """What a difference says: a gain, a loss, or that neither was shown."""
        if self.n < 2:
            return "one seed: nothing can be said"
        return "gain" if self.low > 0 else "loss" if self.high < 0 else "no gain"


def t_interval(values: Sequence[float]) -> Interval:
    """Mean of independent values and Student's 95 % interval (Student 1908)."""
    n = len(values)
    mean = math.fsum(values) / n
    if n < 2:
        return Interval(mean, -math.inf, math.inf, n)
    variance = math.fsum((v - mean) ** 2 for v in values) / (n - 1)
    t = T95[min(n - 1, len(T95)) - 1]
    half = t * math.sqrt(variance / n)
    return Interval(mean, mean - half, mean + half, n)


def ranged_interval(
    values: Sequence[float], low: float = -math.inf, high: float = math.inf
) -> Interval:
    """A typical value and its 95 % interval, both of which stay between `low` and `high`.

    Student's interval of the values' logit where both ends are finite, of the logarithm of their
    distance from `low` where that alone is, else of the values themselves. Values at an end, whose
    logit is infinite, are moved inwards by half of the smallest step away from it, or by a
    thousandth. `mean` is the image of the mean on that scale.
    """
    if math.isinf(low):
        return t_interval(values)
    edge = 1e-3 * (high - low) if math.isfinite(high) else 1e-3 * max((*values, low + 1e-9))
    away = [v for v in values if v > low]
    edge = min([edge, *(0.5 * (v - low) for v in away)])

    def there(value: float) -> float:
        up = max(value - low, edge)
        return math.log(up) if math.isinf(high) else math.log(up / max(high - value, edge))

    def back(value: float) -> float:
        if math.isinf(value):
            return low if value < 0 else high
        if math.isinf(high):
            return low + math.exp(min(value, 700.0))
        return low + (high - low) / (1 + math.exp(-max(min(value, 700.0), -700.0)))

    found = t_interval([there(value) for value in values])
    return Interval(back(found.mean), back(found.low), back(found.high), found.n)


def equal(values: Sequence[float]) -> bool:
    """Whether all are the same, but for rounding: then they have no interval."""
    return max(values) - min(values) <= 1e-9 * max(map(abs, values))


def holm(p: Sequence[float]) -> list[float]:
    """P values corrected for as many comparisons (Holm 1979): each at most 1, in their order."""
    order = sorted(range(len(p)), key=p.__getitem__)
    found, largest = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min((len(p) - rank) * p[i], 1.0))
        found[i] = largest
    return found


def t_test(values: Sequence[float]) -> float:
    """Two-sided P of Student's test that the mean of independent values is zero.

    1.0 for fewer than two values: they say nothing. Values that are all equal, as shares of few
    images may be, do not tell their spread: theirs is the P of the sign test.
    """
    n = len(values)
    if n < 2:
        return 1.0
    mean = math.fsum(values) / n
    if equal(values):
        return 1.0 if mean == 0 else 2.0 ** (1 - n)
    variance = math.fsum((v - mean) ** 2 for v in values) / (n - 1)
    return beyond(abs(mean) / math.sqrt(variance / n), n - 1)


def beyond(t: float, freedom: int) -> float:
    """The chance that Student's t is farther from zero than `t` (Abramowitz, Stegun 26.7.3, 4)."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = term if freedom > 1 or not odd else 0.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= cosine**2 * (k - 1) / k
        total += term
    inside = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return max(1 - inside, 0.0)
