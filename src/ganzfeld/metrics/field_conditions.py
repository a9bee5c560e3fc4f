"""Whether fields have what they were asked for: response, resolution, slope, temperature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RIDGE, FAR = 1e-3, 6.0  # of a regression; deviations beyond which an observable is cut
BINS, FEW = 4, 20  # of a response curve, and samples in one at least


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


class Reader:
    """Reads the number that a field was made by off its observables, as the data teach it.

    Ridge regression on observables (n,) by name and on their squares. c: numbers (n, k).
    """

    def __init__(self, observed: Mapping[str, Floats], c: NDArray[Any]) -> None:
        x = np.stack([*observed.values()], 1)
        self.centre, spread = x.mean(0), x.std(0)
        self.spread = np.where(spread > 0, spread, 1.0)
        design = self.features(observed)
        ridge = RIDGE * len(x) * np.eye(design.shape[1])
        ridge[0, 0] = 0.0
        self.weights = np.linalg.solve(design.T @ design + ridge, design.T @ np.asarray(c, float))

    def features(self, observed: Mapping[str, Floats]) -> Floats:
        x = (np.stack([*observed.values()], 1) - self.centre) / self.spread
        x = x.clip(-FAR, FAR)
        found: Floats = np.concatenate([np.ones((len(x), 1)), x, x**2 - 1], 1)
        return found

    def read(self, observed: Mapping[str, Floats]) -> Floats:
        """Numbers (n, k)."""
        found: Floats = self.features(observed) @ self.weights
        return found


def follows(
    ours: Mapping[str, Floats],
    asked: NDArray[Any],
    theirs: Mapping[str, Floats],
    given: NDArray[Any],
) -> dict[str, float]:
    """How well samples follow the numbers that they were asked for, (N, k) scaled.

    A `Reader` learns on half of the data; its errors on the other half are the floor.
    "field_asked" is the root mean square of read - asked, "field_bias" the largest mean of it.
    """
    half = len(given) // 2
    reader = Reader({name: values[:half] for name, values in theirs.items()}, given[:half])
    floor = reader.read({name: values[half:] for name, values in theirs.items()}) - given[half:]
    apart = reader.read(ours) - asked
    return {
        "field_asked": float(np.sqrt((apart**2).mean())),
        "field_asked_floor": float(np.sqrt((floor**2).mean())),
        "field_bias": float(np.abs(apart.mean(0)).max()),
        "field_bias_floor": float(np.abs(floor.mean(0)).max()),
    }


def in_bins(
    ours: Floats, asked: NDArray[Any], theirs: Floats, given: NDArray[Any]
) -> dict[str, Any]:
    """Response and resolution of sums (N,) in four bins of the first number, against the data's.

    A sum is divided by what the data let one expect at its numbers, a + b c + ... in logarithms.
    "field_response" is the largest relative error of its mean in a bin, "field_resolution" of its
    deviation in parts of the mean.
    """
    design = np.concatenate([np.ones((len(given), 1)), given], 1).astype(np.float64)
    line, *_ = np.linalg.lstsq(design, np.log(theirs), rcond=None)
    ratio = theirs / np.exp(design @ line)
    mine = ours / np.exp(line[0] + np.asarray(asked, np.float64) @ line[1:])
    edges = np.quantile(given[:, 0], np.linspace(0, 1, BINS + 1))
    rows: list[list[float]] = []
    for low, high in pairwise(edges):
        a = mine[(asked[:, 0] >= low) & (asked[:, 0] <= high)]
        b = ratio[(given[:, 0] >= low) & (given[:, 0] <= high)]
        if min(len(a), len(b)) < FEW:
            continue
        found, real = response_of(a, low, high), response_of(b, low, high)
        rows.append(
            [
                *(float(low), float(high), found.response / real.response, real.response_error),
                *(found.resolution, real.resolution, real.resolution_error),
            ]
        )
    if not rows:
        return {}
    return {
        "field_response": max(abs(row[2] - 1) for row in rows),
        "field_resolution": max(abs(row[4] / row[5] - 1) for row in rows),
        "field_bins": rows,
    }
