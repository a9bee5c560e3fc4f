"""Series as CSV: a column a channel, a row a step; several series one below the other."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

SERIES, STEP = "series", "step"  # names of the columns that count


def names_of(extra: Mapping[str, Any], channels: int) -> list[str]:
    """Of the channels: those of the data, else channel_0 and so on."""
    return list(extra.get("names", ())) or [f"channel_{n}" for n in range(channels)]


def as_csv(samples: NDArray[Any], extra: Mapping[str, Any], *, first: int | None = 0) -> str:
    """Series (N, C, T) as CSV with a head. first: the number of the first; None: of one series,
    without a column that says which it is."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = names_of(extra, samples.shape[1])
    decimals = extra.get("decimals") or [None] * samples.shape[1]
    counted = [SERIES, STEP] if first is not None else [STEP]
    writer.writerow([*(free(name, names) for name in counted), *names])
    for number, series in enumerate(np.asarray(samples)):
        before = [] if first is None else [number + first]
        for step, row in enumerate(series.T):
            cells = (text(value, digits) for value, digits in zip(row, decimals, strict=True))
            writer.writerow([*before, step, *cells])
    return file.getvalue()


def text(value: np.float32, decimals: int | None) -> str:
    """A number with as many digits behind the point; None: with all that it has."""
    return str(value) if decimals is None else f"{value:.{decimals}f}"


def free(name: str, taken: list[str]) -> str:
    """A name that no channel has."""
    while name in taken:
        name += "_"
    return name
