"""Schedules: plain functions of the fraction of the run that is done."""

from __future__ import annotations

import math


def cosine(start: float, end: float, fraction: float) -> float:
    """From start (fraction 0) to end (fraction 1 and later) along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * min(fraction, 1.0))) / 2


def linear(start: float, end: float, fraction: float) -> float:
    """From start (fraction 0) to end (fraction 1 and later) along a line."""
    return start + (end - start) * min(fraction, 1.0)


DECAYS = {"cosine": cosine, "linear": linear}
