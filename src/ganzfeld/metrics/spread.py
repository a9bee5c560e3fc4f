"""95 % intervals from an estimate and its standard error."""

from __future__ import annotations

import math
from typing import NamedTuple

Z = 1.96


class Measured(NamedTuple):
    """A value and its interval."""

    value: float
    interval: tuple[float, float]


def of_share(value: float, worth: float) -> Measured:
    """A share in [0, 1] of as many independent samples as it is worth: Wilson's interval.

    It stays within [0, 1] and has a width at 0 and at 1.
    """
    centre = value + Z**2 / (2 * worth)
    half = Z * math.sqrt(max(value * (1 - value), 0.0) / worth + Z**2 / (4 * worth**2))
    low, high = ((centre + sign * half) / (1 + Z**2 / worth) for sign in (-1, 1))
    return Measured(value, (min(max(low, 0.0), value), max(min(high, 1.0), value)))


def of_amount(value: float, error: float) -> Measured:
    """A number that is not below 0."""
    return Measured(value, (max(value - Z * error, 0.0), value + Z * error))
