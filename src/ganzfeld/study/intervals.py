"""What a handful of seeds can say: a mean, and where it lies in 95 of 100 cases."""

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
