"""Numbers that one field is judged by, and distances between their distributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.metrics.field_power import fitted_slopes

Floats = NDArray[np.float64]
STEADY = 1e-5  # of its scale: an observable that varies by less is a constant, and rounding
IN_UNIT = ("mean", "deviation", "least", "greatest", "roughness")
SPLITS = 5  # of the real fields into halves, for a floor


def wasserstein(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The 1-D Wasserstein distance of two samples: the area between their distributions.

    Example::

        from ganzfeld.metrics.field_observables import wasserstein

        assert wasserstein([0.0, 1.0], [2.0, 3.0]) == 2.0
    """
    a, b = np.sort(np.asarray(a, np.float64)), np.sort(np.asarray(b, np.float64))
    both = np.sort(np.concatenate([a, b]))
    widths = np.diff(both)
    below_a = np.searchsorted(a, both[:-1], side="right") / len(a)
    below_b = np.searchsorted(b, both[:-1], side="right") / len(b)
    return float((np.abs(below_a - below_b) * widths).sum())


def kolmogorov_smirnov(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The greatest difference of the distributions of two samples, in [0, 1]."""
    a, b = np.sort(np.asarray(a, np.float64)), np.sort(np.asarray(b, np.float64))
    both = np.concatenate([a, b])
    below_a = np.searchsorted(a, both, side="right") / len(a)
    below_b = np.searchsorted(b, both, side="right") / len(b)
    return float(np.abs(below_a - below_b).max())


def observables(x: NDArray[Any]) -> dict[str, Floats]:
    """Of fields (N, C, ...) of any range: numbers (N,) by name.

    Of each channel the mean, the deviation, kurtosis (3 for a Gaussian), least and greatest value,
    the root mean square of steps between neighbours, and the fitted slope of the power spectrum.
    """
    x = np.asarray(x, np.float64)
    found: dict[str, Floats] = {}
    flat = x.reshape(len(x), x.shape[1], -1)
    mean, sd = flat.mean(2), flat.std(2)
    fourth = ((flat - mean[:, :, None]) ** 4).mean(2)
    steps = np.zeros(mean.shape)
    for axis in (axis for axis in range(2, x.ndim) if x.shape[axis] > 1):
        steps += (np.diff(x, axis=axis) ** 2).reshape(*x.shape[:2], -1).mean(2)
    columns = {
        "mean": mean,
        "deviation": sd,
        "kurtosis": fourth / np.maximum(sd**4, 1e-30),
        "least": flat.min(2),
        "greatest": flat.max(2),
        "roughness": np.sqrt(steps),
        "slope": fitted_slopes(x),
    }
    for name, values in columns.items():
        found |= by_channel(name, values)
    return found


def varying(observed: Mapping[str, Floats], level: float) -> list[str]:
    """Names of observables that differ from field to field by more than rounding.

    A field whose mean is zero by construction has one that is all rounding: nothing can be told by
    it. level: the root mean square of all values, which those in the unit of the data belong to.
    """
    names = []
    for name, values in observed.items():
        scale = float(np.abs(values).max())
        if name.split(" ")[0] in IN_UNIT:
            scale = max(scale, level)
        if values.std() > STEADY * scale:
            names.append(name)
    return names


def deposits(x: NDArray[Any], threshold: Any = 0.0) -> dict[str, Floats]:
    """Of fields (N, C, ...) that are not negative: numbers (N,) by name.

    The sum; and of each channel its share of it, the part of cells above the threshold, the
    greatest cell, and the width: the root mean square distance from the centre, in cells.
    """
    x = np.asarray(x, np.float64)
    flat = x.reshape(len(x), x.shape[1], -1)
    sums = flat.sum(2)
    whole = sums.sum(1)
    limit = np.broadcast_to(np.asarray(threshold, np.float64), (x.shape[1],))
    found = {"sum": whole}
    found |= by_channel("share", sums / np.maximum(whole, 1e-30)[:, None])
    found |= by_channel("occupancy", (flat > limit[:, None]).mean(2))
    found |= by_channel("greatest", flat.max(2))
    found |= by_channel("width", widths(x, sums))
    return found


def widths(x: Floats, sums: Floats) -> Floats:
    """Root mean square distance of deposits from their centre, (N, C), in cells; 0 for nothing."""
    squares = np.zeros(sums.shape)
    for axis in range(2, x.ndim):
        place = np.arange(x.shape[axis]) - (x.shape[axis] - 1) / 2
        others = tuple(a for a in range(2, x.ndim) if a != axis)
        weight = x.sum(others) / np.maximum(sums, 1e-30)[:, :, None]
        centre = weight @ place
        squares += weight @ place**2 - centre**2
    return np.sqrt(np.maximum(squares, 0.0))


def by_channel(name: str, values: Floats) -> dict[str, Floats]:
    """Columns of (N, C) by name; a number behind it where there are several channels."""
    if values.shape[1] == 1:
        return {name: values[:, 0]}
    return {f"{name} {channel}": values[:, channel] for channel in range(values.shape[1])}


@dataclass(frozen=True)
class Distance:
    """How far an observable of generated fields is from that of real ones.

    wasserstein is in deviations of the real ones; the floors are what two halves of the real
    ones differ by, at as many samples as were compared.
    """

    wasserstein: float
    ks: float
    wasserstein_floor: float
    ks_floor: float


def compare(
    generated: Mapping[str, NDArray[Any]], real: Mapping[str, NDArray[Any]], seed: int = 0
) -> dict[str, Distance]:
    """Each observable's distances, with their floors.

    Both sides are cut to half as many samples as there are real ones, or as generated ones if
    these are fewer, so that value and floor are of one count. Without observables there are none.
    """
    if not real:
        return {}
    rows = len(next(iter(real.values())))
    count = min(rows // 2, len(next(iter(generated.values()))))
    generator = np.random.default_rng(seed)
    orders = [generator.permutation(rows) for _ in range(SPLITS)]
    found = {}
    for name, theirs in real.items():
        theirs = np.asarray(theirs, np.float64)
        own = np.asarray(generated[name], np.float64)[:count]
        unit = float(theirs.std()) or 1.0
        pairs = [(theirs[order[:count]], theirs[order[count : 2 * count]]) for order in orders]
        found[name] = Distance(
            wasserstein=float(np.mean([wasserstein(own, a) for a, _ in pairs])) / unit,
            ks=float(np.mean([kolmogorov_smirnov(own, a) for a, _ in pairs])),
            wasserstein_floor=float(np.mean([wasserstein(a, b) for a, b in pairs])) / unit,
            ks_floor=float(np.mean([kolmogorov_smirnov(a, b) for a, b in pairs])),
        )
    return found
