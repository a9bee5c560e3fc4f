"""Map numbers of any range to 0 to 255: find or take the values of black and white."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.errors import UsageError

LABELS = 32  # whole numbers below are those of masks and label maps, not of brightness
OVER = 0.25  # beyond 0 to 1 or -1 to 1, as resampling leaves it: clipped
BITS = (8, 10, 12, 14, 16)
SMALL = 1e-30  # numbers below lose their digits in float32, or are taken for zero
FLAT, DIM = 2.0, 16.0  # grey values: with fewer there is nothing to see, or hardly anything


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The numbers of one image or of many. `whole`: they are integers."""

    low: float
    high: float
    whole: bool
    depth: str = ""  # "8-bit", "16-bit", "float32", ...

    def with_(self, other: Seen) -> Seen:
        return Seen(
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            whole=self.whole and other.whole,
            depth=self.depth or other.depth,
        )


@dataclass(frozen=True, kw_only=True)
class Range:
    """`low` becomes 0 and `high` 255; what lies outside is clipped."""

    low: float
    high: float
    words: str = ""


def parse(text: str) -> tuple[float, float, bool]:
    """`LOW:HIGH` as (low, high, False), `p1:p99` as (1, 99, True). Raises `UsageError`."""
    text = str(text)  # from Python it may be anything
    number = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    plain = re.fullmatch(rf"\s*{number}\s*:\s*{number}\s*", text)
    parts = re.fullmatch(rf"\s*p{number}\s*:\s*p{number}\s*", text)
    found = plain or parts
    if found:
        low, high = float(found[1]), float(found[2])
        limits = (0.0, 100.0) if parts else (-math.inf, math.inf)
        wide = low + SMALL < high and math.isfinite(high - low)
        if wide and limits[0] <= low and high <= limits[1]:
            return low, high, parts is not None
    raise UsageError(
        f"--range takes LOW:HIGH, or percentiles such as p1:p99, the lower one first, not {text!r}",
        fix="--range 0:4095   or --range p1:p99; with a minus: --range=-1000:400",
    )


def usual(seen: Seen) -> Range | None:
    """What numbers of this range usually mean; None where it is not clear."""
    low, high = seen.low, seen.high
    if not (math.isfinite(low) and math.isfinite(high)) or (low == high and high > 1):
        return None
    span = f"{low:g} to {high:g}"
    if seen.whole and low >= 0:
        if high <= 1:
            return Range(low=0, high=1, words=f"{span}, as masks have: 0 black, 1 white")
        if high < LABELS:
            return Range(low=0, high=high, words=f"{span}, as label maps have: stretched")
        for bits in BITS:
            if high < 1 << bits:
                top = (1 << bits) - 1
                words = f"{span}, taken as {bits}-bit: 0 black, {top} white"
                return Range(low=0, high=top, words=words)
        return None
    if seen.whole and low >= -1 and high <= 1:
        return Range(low=-1, high=1, words=f"{span}: -1 black, 1 white")
    return None if seen.whole else _of_floats(low, high, span)


def _of_floats(low: float, high: float, span: str) -> Range | None:
    for least, most in ((0.0, 1.0), (-1.0, 1.0)):
        if low >= least and high <= most and not (least and low >= -OVER):
            return Range(low=least, high=most, words=f"{span}: {least:g} black, 1 white")
    for least, most in ((0.0, 1.0), (-1.0, 1.0)):
        if low >= least - OVER and high <= most + OVER:
            words = f"{span}: {least:g} black, 1 white, values beyond are clipped"
            return Range(low=least, high=most, words=words)
    if low >= -25 and LABELS <= high <= 280:
        beyond = ", values beyond are clipped" if low < 0 or high > 255 else ""
        return Range(low=0, high=255, words=f"{span}: 0 black, 255 white{beyond}")
    return None


def greys(seen: Seen, low: float, high: float) -> float:
    """How many of 256 grey values numbers fill, where `low` becomes black and `high` white."""
    return 256 * max(min(seen.high, high) - max(seen.low, low), 0.0) / (high - low)


def words_on(filled: float) -> str:
    """What to say of images in so few grey values; "" for enough of them."""
    return "" if filled >= DIM else f"; that is {filled:.0f} of 256 grey values: see --range"


def advice(seen: Seen) -> str:
    """The lines that say what black and white are, for numbers that do not."""
    low, high = seen.low, seen.high
    if not (math.isfinite(low) and math.isfinite(high)) or low == high:
        return "save it as uint8 (0 to 255), or as float in 0 to 1"
    if high - low < SMALL:
        return "multiply the numbers, so that they can be told from zero"
    if low <= -500 and high > 100:  # Hounsfield units
        low, high = -1000.0, 400.0
        what = " (a window for CT in Hounsfield units)"
    else:
        what = ""
    equals = "=" if low < 0 else " "
    return (
        f"--range{equals}{low:g}:{high:g}{what}   or --range p1:p99; in Python: "
        f"np.clip((x - {low:g}) / {high - low:g}, 0, 1)".replace("x - -", "x + ")
    )


def to_bytes(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Numbers of any shape as uint8: `low` 0, `high` 255. 8 and 16-bit ranges keep high bytes."""
    if values.dtype.kind in "iub" and low == 0 and high in (255, 65535):
        whole: NDArray[Any] = np.clip(values.astype(np.int64), 0, int(high))
        done: NDArray[np.uint8] = (whole >> 8 if high == 65535 else whole).astype(np.uint8)
        return done
    scaled = (values.astype(np.float64) - low) * (255.0 / (high - low))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def look(values: NDArray[Any], depth: str = "") -> Seen:
    """The range of an array that is not empty; nan where a number is not finite."""
    if values.dtype.kind == "b":
        return Seen(low=0, high=1, whole=True, depth="bool")
    low, high = float(values.min()), float(values.max())
    whole = values.dtype.kind in "iu"
    return Seen(low=low, high=high, whole=whole, depth=depth or str(values.dtype))


def percentiles(values: NDArray[Any], low: float, high: float) -> Range | None:
    """The range between two percentiles of some numbers; None where they are equal."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    a, b = (float(x) for x in np.percentile(finite, [low, high]))
    words = f"percentiles {low:g} and {high:g}: {a:g} black, {b:g} white"
    return Range(low=a, high=b, words=words) if a < b else None
