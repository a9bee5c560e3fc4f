"""Whether fields have what they were asked for: response, resolution, slope, temperature."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """Samples asked for by numbers from low to high, and a figure of theirs.

    response: the mean of figure / number asked for. resolution: the deviation of that ratio in
    parts of its mean. Both with their standard errors.
    """

    low: float
    high: float
    count: int
    response: float
    response_error: float
    resolution: float
    resolution_error: float


def response_curve(
    figure: NDArray[Any], asked: NDArray[Any], edges: NDArray[Any] | list[float]
) -> list[Bin]:
    """Response and resolution of a figure (N,) in bins of the numbers asked for (N,).

    edges: of the bins, ascending; a bin with fewer than two samples is left out.
    """
    ratio = np.asarray(figure, np.float64) / np.asarray(asked, np.float64)
    found = []
    for low, high in pairwise(edges):
        inside = ratio[(asked >= low) & (asked <= high)]
        if len(inside) < 2:
            continue
        found.append(response_of(inside, float(low), float(high)))
    return found


def response_of(ratio: Floats, low: float, high: float) -> Bin:
    """One bin, of ratios (n,)."""
    n, mean, sd = len(ratio), float(ratio.mean()), float(ratio.std(ddof=1))
    resolution = sd / max(abs(mean), 1e-300)
    return Bin(
        low=low,
        high=high,
        count=n,
        response=mean,
        response_error=sd / n**0.5,
        resolution=resolution,
        resolution_error=resolution * (0.5 / (n - 1)) ** 0.5,
    )


@dataclass(frozen=True)
class Agreement:
    """How a figure follows the number asked for.

    bias: the mean of figure - number. sd: the deviation of that difference. correlation: of both.
    """

    bias: float
    sd: float
    correlation: float


def agreement(figure: NDArray[Any], asked: NDArray[Any]) -> Agreement:
    """Of figures (N,) and the numbers asked for (N,), in the same unit."""
    figure, asked = np.asarray(figure, np.float64), np.asarray(asked, np.float64)
    apart = figure - asked
    flat = not (figure.std() > 0 and asked.std() > 0)
    correlation = 0.0 if flat else float(np.corrcoef(figure, asked)[0, 1])
    return Agreement(float(apart.mean()), float(apart.std(ddof=1)), correlation)
